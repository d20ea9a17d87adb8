"""The man page, from the commands themselves: `man busylight`.

`python -m scripts.make_reference` writes it to busylight/cli/busylight.1, from where a wheel puts
it into share/man/man1.
"""

import argparse
import textwrap
from collections.abc import Iterator
from typing import Final

from busylight.cli import COMMANDS
from busylight.cli.arguments import ARGUMENTS, add_common
from busylight.cli.common import Exit

PATH: Final = "busylight/cli/busylight.1"
_WIDTH: Final = 72
_SITE: Final = "https://github.com/busylight/busylight-presence"

_DESCRIPTION: Final = """\
Reads a person's Microsoft Teams presence from Microsoft Graph, or from MQTT, and shows it on
lights: on a serial line, on USB, on the pins of a Raspberry Pi, on the network, behind an MQTT
broker, or in a terminal. What is not known is shown as not known.

busylight setup leads to a light that works. busylight check tries every part, and says how to mend
what fails."""
_EXITS: Final = {
    Exit.OK: "well",
    Exit.FAILED: "something failed at run time; also what refuses because a daemon runs",
    Exit.USAGE: "wrong usage",
    Exit.SIGN_IN_NEEDED: "somebody has to sign in, and this command cannot wait for it",
    Exit.BAD_SETTINGS: "the settings are bad: every fault is listed at once",
}
_FILES: Final = {
    "./.env": "settings, if it is there",
    "/etc/busylight/busylight.env": "settings otherwise; of the service always",
    "/var/lib/busylight/": "what must survive a restart, the sign-in among it, of the service",
    "~/.local/state/busylight/": "the same of whoever runs it without the service",
}


def man_page() -> str:
    """The whole of it, in roff's man macros."""
    return "\n".join([*_head(), *_commands(), *_foot()]) + "\n"


def _head() -> Iterator[str]:
    yield '.\\" Written by scripts/make_reference.py from the code.'
    yield '.TH BUSYLIGHT 1 "" Busylight "User Commands"'
    yield ".SH NAME"
    yield "busylight \\- Microsoft Teams presence on a physical light"
    yield ".SH SYNOPSIS"
    yield ".B busylight"
    yield ".I COMMAND"
    yield _text("[--env-file PATH] [--debug] ...")
    yield ".br"
    yield ".B busylight"
    yield _text("[--help | --version]")
    yield ".SH DESCRIPTION"
    for number, paragraph in enumerate(_DESCRIPTION.split("\n\n")):
        yield from ([".PP"] if number else [])
        yield _text(paragraph)


def _commands() -> Iterator[str]:
    yield ".SH OPTIONS"
    yield "Every command takes these."
    common = argparse.ArgumentParser(add_help=False)
    add_common(common)
    yield from _options(common)
    yield ".SH COMMANDS"
    for name, meaning in COMMANDS.items():
        yield f".SS {_text(name)}"
        yield _text(f"{meaning[0].upper()}{meaning[1:]}.")
        if name in ARGUMENTS:
            own = argparse.ArgumentParser(add_help=False)
            ARGUMENTS[name](own)
            yield from _options(own)


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:  # noqa: SLF001 -- argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 -- the same
            yield from _actions(action)
            continue
        value = action.metavar or (action.dest.upper() if action.nargs != 0 else "")
        names = ", ".join(f"\\fB{_text(word)}\\fR" for word in action.option_strings)
        shown = f"\\fI{_text(str(value))}\\fR" if value else ""
        yield ".TP"
        yield " ".join(part for part in (names, shown) if part)
        yield _text(action.help or "")


def _actions(action: "argparse._SubParsersAction[argparse.ArgumentParser]") -> Iterator[str]:
    common = {"-h", "--help", "--env-file", "--debug"}
    for name, parser in action.choices.items():
        yield ".TP"
        own = [
            each
            for each in parser._actions  # noqa: SLF001 -- argparse has no other way to ask
            if not common.intersection(each.option_strings)
        ]
        words = [
            f"[{'|'.join(each.option_strings)}{' ' + str(each.metavar) if each.metavar else ''}]"
            if each.option_strings
            else str(each.metavar)
            for each in own
        ]
        yield f"\\fB{_text(name)}\\fR {_text(' '.join(words))}".rstrip()
        yield _text(parser.description or "")


def _foot() -> Iterator[str]:
    yield ".SH EXIT STATUS"
    for code, meaning in _EXITS.items():
        yield ".TP"
        yield f".B {code.value}"
        yield _text(meaning)
    yield ".SH FILES"
    for path, meaning in _FILES.items():
        yield ".TP"
        yield f".I {_text(path)}"
        yield _text(meaning)
    yield ".SH ENVIRONMENT"
    yield _text(
        "Every setting is a variable BUSYLIGHT_..., and wins over the file. All of them are told "
        f"in {_SITE}/blob/main/docs/settings.md"
    )
    yield ".SH SEE ALSO"
    yield ".BR systemctl (1),"
    yield ".BR journalctl (1),"
    yield ".BR mosquitto_sub (1)"
    yield ".PP"
    yield _text(_SITE)


def _text(text: str) -> str:
    """Text with nothing in it that roff would take for its own."""
    lines = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False) or [""]
    plain = [line.replace("\\", "\\e").replace("-", "\\-").replace("`", "") for line in lines]
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in plain)
