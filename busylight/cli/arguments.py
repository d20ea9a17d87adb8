"""What each command takes on the command line: read before anything heavy is loaded."""

import argparse
import re
from collections.abc import Callable
from typing import Final

from busylight.core.override import Mode, parse_duration
from busylight.core.palette import DEFAULT_RULES

SECONDS_EACH: Final = 2.0
"""How long `test-light` shows each state: long enough to see a pulse."""

_LIGHT_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def add_common(parser: argparse.ArgumentParser) -> None:
    """What every command takes; suppressed defaults let it stand before or after an action."""
    parser.add_argument(
        "--env-file",
        metavar="PATH",
        default=argparse.SUPPRESS,
        help="settings; default ./.env, else /etc/busylight/busylight.env",
    )
    parser.add_argument(
        "--debug",
        action="store_true",
        default=argparse.SUPPRESS,
        help="log everything, and show tracebacks",
    )


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--speed", type=speed, default=1.0, metavar="N", help="N times faster than a day a minute"
    )
    parser.add_argument("--once", action="store_true", help="one day, then end")
    parser.add_argument(
        "--plain", action="store_true", help="one line a change, also where stdout is no terminal"
    )


def _login(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--browser",
        action="store_true",
        help="with a browser in place of a code, where the company blocks codes",
    )
    parser.add_argument(
        "--switch", action="store_true", help="allow another account than the one before"
    )


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def _devices(parser: argparse.ArgumentParser) -> None:
    _json(parser)
    parser.add_argument(
        "--ours",
        metavar="PORT",
        help="ask who is on this port; if it is our light, SERIAL_PORT=auto will find it",
    )
    parser.add_argument(
        "--udev-rules",
        action="store_true",
        help="print the udev rules that let people open the lights of the output usb",
    )


def _test_light(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seconds",
        type=seconds,
        default=SECONDS_EACH,
        metavar="N",
        help=f"how long each state stays, {SECONDS_EACH:g} by default",
    )
    parser.add_argument(
        "--leave",
        type=rule,
        metavar="STATE",
        help="show this one state, such as unknown, and leave it so",
    )


def _set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "mode",
        metavar="MODE",
        type=mode,
        help=f"one of {', '.join(Mode)}; auto ends an override",
    )
    parser.add_argument(
        "--teams",
        action="store_true",
        help="fail unless Teams was told, too (needs GRAPH_WRITE=true where the daemon runs)",
    )
    parser.add_argument(
        "--for", dest="seconds", type=duration, metavar="TIME", help="for so long, e.g. 25m"
    )


def _firmware(parser: argparse.ArgumentParser) -> None:
    from firmware_bridge.flashing import BOARDS  # noqa: PLC0415 -- for this command alone

    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def action(name: str, text: str) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=text, description=text[0].upper() + text[1:])
        add_common(made)
        return made

    build = action("build", "build the firmware for an AVR board, as a file")
    _add_set(build)
    build.add_argument(
        "--chip",
        choices=["atmega328p", "atmega32u4"],
        default="atmega328p",
        help="what is on the board; default atmega328p (Uno, Nano)",
    )
    build.add_argument(
        "--output", default="build-light", metavar="DIR", help="where; default build-light"
    )
    flash = action("flash", "put the firmware on a board")
    flash.add_argument("board", metavar="BOARD", type=board, help=f"one of {', '.join(BOARDS)}")
    _add_set(flash)
    _add_port(flash)
    flash.add_argument(
        "--yes", action="store_true", help="overwrite without a question what is not our firmware"
    )
    _add_port(action("monitor", "watch the line to a light, in words"))
    simulate = action("simulate", "run a virtual light on a pseudo-terminal")
    simulate.add_argument("--link", metavar="PATH", help="where the light's port stands")


def _add_set(
    parser: argparse.ArgumentParser,
    text: str = "what is on the board, e.g. PIXELS=24; may be given more than once",
) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=assignment,
        metavar="NAME=VALUE",
        help=text,
    )


def _add_port(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", metavar="PORT", help="the board's port; default SERIAL_PORT, or a light of ours"
    )


def _setup(parser: argparse.ArgumentParser) -> None:
    _add_set(parser, "a setting, e.g. MQTT_HOST=homeassistant.local; may be given more than once")
    parser.add_argument(
        "--yes", action="store_true", help="ask nothing: take what is given, else the defaults"
    )
    parser.add_argument("--no-service", action="store_true", help="install no service of systemd")


def _service(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        metavar="install|uninstall|status",
        choices=["install", "uninstall", "status"],
        help="what to do",
    )
    parser.add_argument(
        "--name",
        type=light_name,
        help="one of several lights: busylight@NAME, with the settings /etc/busylight/NAME.env",
    )


ARGUMENTS: Final[dict[str, Callable[[argparse.ArgumentParser], None]]] = {
    "demo": _demo,
    "login": _login,
    "status": _json,
    "check": _json,
    "test-light": _test_light,
    "devices": _devices,
    "palette": _json,
    "plugins": _json,
    "firmware": _firmware,
    "service": _service,
    "setup": _setup,
    "set": _set,
}
"""By command; a command that is not here takes nothing but what all take."""


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:
    """Add what a command takes, and what all take."""
    add_common(parser)
    if command in ARGUMENTS:
        ARGUMENTS[command](parser)


def board(text: str) -> str:
    """The name of a board; raises argparse's error."""
    from firmware_bridge.flashing import BOARDS  # noqa: PLC0415 -- for one command alone

    if text.lower() not in BOARDS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(BOARDS)}")
    return text.lower()


def assignment(text: str) -> tuple[str, str]:
    """Name and value of `NAME=VALUE`; raises argparse's error."""
    name, equals, value = text.partition("=")
    if not equals or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE like PIXELS=24")
    return name.strip().upper(), value.strip()


def speed(text: str) -> float:
    """How many times faster; raises argparse's error."""
    return _number(text, 0.01, 1_000_000, "is not a number like 1, 0.5 or 20")


def seconds(text: str) -> float:
    """Seconds; raises argparse's error."""
    return _number(text, 0, 3600, "is not a number of seconds like 2 or 0.5")


def _number(text: str, least: float, most: float, problem: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:  # nan is refused, too
        raise argparse.ArgumentTypeError(f"{text!r} {problem}")
    return number


def rule(text: str) -> str:
    """The key of a rule of the palette, in whatever case."""
    key = text.upper()
    if key not in DEFAULT_RULES:
        raise argparse.ArgumentTypeError(f"{text!r} is no state; `busylight palette` lists them")
    return key


def mode(text: str) -> Mode:
    """The mode of that name; raises argparse's error."""
    try:
        return Mode(text.strip().lower().replace("-", "_"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(Mode)}") from None


def light_name(text: str) -> str:
    """A name that may stand in a unit's and a file's name; raises argparse's error."""
    if not _LIGHT_NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name like kitchen (a-z 0-9 _ -)")
    return text


def duration(text: str) -> int:
    """Seconds of `90`, `90s`, `25m`, `1h30m`; raises argparse's error."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
