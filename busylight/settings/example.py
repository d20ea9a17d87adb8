"""`config.example.env`, written from the settings themselves: they cannot drift apart.

To write it anew: `python -m busylight.settings.example > config.example.env`
"""

import sys
import textwrap
from typing import Final

from pydantic.fields import FieldInfo

from busylight.core.palette import DEFAULT_RULES
from busylight.settings.fields import is_secret, variables_of
from busylight.settings.outputs import Look
from busylight.settings.tree import (
    BUILT_IN_OTHERS,
    BUILT_IN_OUTPUTS,
    BUILT_IN_SOURCES,
    OWN_FIELDS,
    Settings,
)
from busylight.settings.variables import PREFIX

_WIDTH: Final = 90

_HEAD: Final = """\
Settings of Busylight, every one of them. Copy this file, take away the # in front of what you
set, and keep it private: chmod 600.

A line is NAME=value. A line that begins with # is a comment; there is none after a value. One
pair of outer quotes is taken off; nothing is expanded. A secret X may also be given as X_FILE,
the path of a file that holds it. Real environment variables win over this file.
"""

_TITLES: Final = {
    "graph": "Microsoft Graph: whose presence is read, and how the program signs in",
    "mqtt": "MQTT: a broker, such as Home Assistant's",
    "serial": "A light on a serial line",
    "gpio": "LEDs on the pins of a Raspberry Pi (pip install 'busylight-presence[gpio]')",
    "usb": "Lights from the shop, on USB (pip install 'busylight-presence[usb]')",
    "webhook": "A webhook: any URL",
    "wled": "A light that runs WLED, on the network",
    "web": "The page that the program serves (pip install 'busylight-presence[web]')",
}

_COLORS: Final = """\
Colours: COLOUR [N%] [EFFECT [PERIOD]], off, or release (the lamp is left to others). A colour
is a CSS name or #rrggbb; effects are solid, blink, pulse and breathe; the period is in seconds,
0.4 to 60. A rule's key is an availability, an activity, or both, as in BUSY__INAMEETING; both
beats activity beats availability. `busylight palette` shows what is in force. The defaults:
"""


_COLOR_EXAMPLE: Final = "SERIAL_COLOR_INACALL=red"
_LOOK: Final = """\
==== What every output knows besides, here for `serial`; and a second light of a kind

`serial:desk` in OUTPUTS is a second light: BUSYLIGHT_SERIAL_DESK_… are its settings, and what is
not set there is as in BUSYLIGHT_SERIAL_…. Its name is yours: a letter, then a-z and 0-9.
"""


def example_env() -> str:
    """The whole file."""
    parts = [_comment(_HEAD), _section("The program itself", "", _own())]
    for name, model in {**BUILT_IN_SOURCES, **BUILT_IN_OUTPUTS, **BUILT_IN_OTHERS}.items():
        if variables_of(model):
            parts.append(_section(_TITLES[name], f"{name.upper()}_", variables_of(model)))
    look = _section("", "SERIAL_", variables_of(Look)).partition("\n")[2]
    color = [_comment("A rule of the palette, for this output alone"), f"#{PREFIX}{_COLOR_EXAMPLE}"]
    parts.append("\n".join([_comment(_LOOK), look, "", *color]))
    colors = [f"#{PREFIX}COLOR_{key}={text}" for key, text in DEFAULT_RULES.items()]
    parts.append("\n".join([_comment(_COLORS), *colors]))
    return "\n\n".join(parts) + "\n"


def _own() -> list[tuple[str, FieldInfo]]:
    return [(name, Settings.model_fields[name]) for name in OWN_FIELDS]


def _section(title: str, prefix: str, fields: list[tuple[str, FieldInfo]]) -> str:
    lines = [f"# ==== {title}"]
    for name, field in fields:
        lines.append("")
        secret = " (secret)" if is_secret(field) else ""
        lines.append(_comment(f"{field.description}{secret}"))
        lines.append(f"#{PREFIX}{prefix}{name.upper()}={(field.examples or [''])[0]}")
    return "\n".join(lines)


def _comment(text: str) -> str:
    paragraphs = text.strip().split("\n\n")
    return "\n#\n".join(
        textwrap.fill(
            " ".join(paragraph.split()),
            _WIDTH,
            initial_indent="# ",
            subsequent_indent="# ",
            break_on_hyphens=False,
            break_long_words=False,
        )
        for paragraph in paragraphs
    )


if __name__ == "__main__":
    sys.stdout.write(example_env())
