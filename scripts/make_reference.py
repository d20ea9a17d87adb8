"""Writes what is said of settings and colours, from the code itself: they cannot drift apart.

    python -m scripts.make_reference

makes config.example.env, docs/settings.md, docs/home-assistant.md's table of entities,
docs/app-registration.md's command line, manifest and table of Microsoft's numbers,
docs/lights.md's table of lights, their udev rules, README.md's table of colours, the man page, and
deploy/systemd.
tests/unit/test_docs.py fails while one of them is not what this makes.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from pydantic.fields import FieldInfo

from busylight.core.palette import DEFAULT_RULES
from busylight.core.reader import Role
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.entities import parts
from busylight.outputs.usb.lights import supported
from busylight.outputs.usb.rules import udev_rules
from busylight.service.files import shipped
from busylight.settings.example import example_env
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
from busylight.sources.graph.settings import Users
from scripts import man_page, registration_page
from scripts.states import STATES, colour_in_words, effect_in_words, light_in_words

ROOT: Final = Path(__file__).resolve().parent.parent


class Variable(NamedTuple):
    """One setting, as the reference tells it."""

    name: str
    meaning: str
    default: str
    example: str
    secret: bool
    must_be_set: bool


_SECTIONS: Final = {
    "": "The program itself",
    "graph": "Microsoft Graph",
    "mqtt": "MQTT",
    "serial": "A light on a serial line",
    "usb": "Lights from the shop, on USB",
    "gpio": "LEDs on the pins of a Raspberry Pi",
    "webhook": "A webhook",
    "wled": "A light that runs WLED, on the network",
    "web": "The page",
}
_INTRODUCTIONS: Final = {
    "graph": "Whose presence is read, and how the program signs in. Read when `BUSYLIGHT_SOURCE` "
    "is `graph`. [Get an app registration](app-registration.md) tells where the values come from.",
    "mqtt": "Used when `BUSYLIGHT_OUTPUTS` has `mqtt` or `BUSYLIGHT_SOURCE` is `mqtt`, and by "
    "`busylight set`. [MQTT](mqtt.md) tells what stands on the broker, and "
    "[Where presence comes from](sources.md) what can be followed there.",
    "serial": "Used when `BUSYLIGHT_OUTPUTS` has `serial`. [A light on a serial line](serial.md) "
    "tells how to build one.",
    "usb": "Used when `BUSYLIGHT_OUTPUTS` has `usb`. "
    "[Lights](lights.md#lights-from-the-shop-on-usb) lists those that are known.",
    "gpio": "Used when `BUSYLIGHT_OUTPUTS` has `gpio`. Each pin may be left out; "
    "[Lights](lights.md#leds-on-the-pins-of-a-raspberry-pi) tells what goes together.",
    "webhook": "Used when `BUSYLIGHT_OUTPUTS` has `webhook`. [Lights](lights.md#a-webhook) has the "
    "fields.",
    "wled": "Used when `BUSYLIGHT_OUTPUTS` has `wled`. "
    "[Lights](lights.md#wled-on-the-network) tells more.",
    "web": "A page that the program serves itself. [The page](web.md) tells what it shows, and who "
    "can see it.",
}

_HEAD: Final = f"""\
# Settings

<!-- Written by scripts/make_reference.py from the code: change it there. -->

Every setting is an environment variable with the prefix `{PREFIX}`. They may stand in an env
file, too: `./.env` if it is there, else `/etc/busylight/busylight.env` if it is there, or the one
that `--env-file PATH` names. Real environment variables win over the file.
[config.example.env](../config.example.env) is such a file with all of them in it.

In the file a line is `NAME=value`. A line that begins with `#` is a comment; there is none after
a value. One pair of outer quotes is taken off; nothing is expanded. Names without the prefix are
ignored, and an empty value counts as not set. A name with the prefix that is no setting is
refused, with the nearest name that is one. All faults are told at once, and the exit code is 78. A
setting that is renamed one day keeps working by its old name for a year, with a warning that names
the new one.

A setting that is a **secret** may also be given as `…_FILE`, the path of a file that holds it
(one newline at its end is dropped), as Docker secrets and systemd credentials want it. Its value
is never shown.
"""

_LOOK: Final = f"""\
## Every output, and several of one kind

Each output knows three more settings, here for `serial`. What is set for one output holds for
that one alone.

{{rows}}
| `{PREFIX}SERIAL_COLOR_<RULE>` | A [rule of the palette](#colours) | as everywhere | `red` |

`BRIGHTNESS` dims lamps; MQTT and the terminal show the light as it is, unless a brightness of
their own is set. `COLOR_ORDER` is about wires: it changes nothing on MQTT or in the terminal. A
light with our own firmware is better [built with the right order](build-a-light.md): what it shows
by itself, while nobody speaks to it, knows nothing of this setting.

**Several of one kind.** `{PREFIX}OUTPUTS=serial,serial:desk` drives two lights on two lines.
`{PREFIX}SERIAL_DESK_PORT` is the second one's port, and so on with every setting of `serial`; what
is not set for it is as for `serial`. The name is yours: a letter, then `a-z` and `0-9`, but not the
first word of a setting of its kind (`port`, `color`, …). It stands in the log, in diagnostics, in
Home Assistant and in `busylight check`. Two that are set to the same are refused.

```sh
{PREFIX}OUTPUTS=mqtt,serial,serial:desk
{PREFIX}SERIAL_PORT=/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0
{PREFIX}SERIAL_DESK_PORT=/dev/serial/by-path/platform-usb-0:1.3:1.0-port0
{PREFIX}SERIAL_DESK_BRIGHTNESS=30
{PREFIX}SERIAL_DESK_COLOR_AVAILABLE=off
```
"""

_COLORS: Final = f"""\
## Colours

`{PREFIX}COLOR_<RULE>` replaces one rule of the palette. `busylight palette` prints what is in
force, and where each rule came from.

A light is written `COLOUR [N%] [EFFECT [PERIOD]]`:

- the colour is a CSS name (`red`, `rebeccapurple`) or `#rrggbb`;
- the brightness is `0%` to `100%`, and full where it is not given;
- the effect is `solid` (where none is given), `blink`, `pulse` or `breathe`;
- the period is the length of one round of the effect in seconds, 0.4 to 60. Where it is not
  given, a blink takes 1 s, a pulse 1.2 s and a breath 4 s.

Two words stand for a whole light: `off`, and `release`, which leaves the lamp to others.

The rule's name is an availability of Microsoft's (`BUSY`), an activity (`INACALL`), or both
(`BUSY__INAMEETING`). Both beats activity, and activity beats availability: `{PREFIX}COLOR_BUSY`
covers a meeting in the calendar and leaves calls alone. Three names are ours: `UNKNOWN` (the
presence is not known), `SIGNIN` (somebody has to sign in) and `OUTSIDE_HOURS` (it is not
[working time](hours.md)).

Somebody whose automatic replies are on, and who is not at the computer (neither available nor
busy), falls under `OUTOFOFFICE`, too.

**Words in the status message.** `{PREFIX}COLOR_MESSAGE_FOCUS="blue breathe"` holds while the
person's status message has the word "focus" in it, and `{PREFIX}COLOR_MESSAGE_DEEP_WORK` while it
has these two words side by side. Capitals, accents and punctuation do not matter; of several the
longest wins. Such a rule beats the availability, and leaves what says more alone: calls,
presenting, out of office, rules for both words. Of somebody who is offline a message says nothing.

**Shipped palettes.** `{PREFIX}PALETTE` chooses what the rules above change:

- `default`: the colours of the table below;
- `colour-blind`: blue is free and orange is busy, which stay apart in every common form of colour
  blindness;
- `minimal`: red, or off. Red is busy, in whatever way; a dim, slow red pulse is not known, and dim
  red blinking wants a sign-in.

**No flicker.** With `{PREFIX}MINIMUM_DURATION=5` each state is shown for five seconds at least
before one that is less busy takes its place: no quick change to and fro at a meeting's edge. What
is busier comes at once, and so does everything that is no presence. Lights of single people among
many are not held.

| variable | default | what it looks like |
| --- | --- | --- |
"""

_TABLE_HEAD: Final = "| variable | meaning | default | example |\n| --- | --- | --- | --- |\n"
_DEFAULT_TOLD: Final = re.compile(r"[;,] default:? (?P<default>[^;]*?)(?P<more>\. .*)?$")


def variables(part: str) -> list[Variable]:
    """The settings of a part of the program, or (`""`) of the program itself."""
    model = {**BUILT_IN_SOURCES, **BUILT_IN_OUTPUTS, **BUILT_IN_OTHERS}.get(part)
    if model is None:
        fields = [(name, Settings.model_fields[name]) for name in OWN_FIELDS]
        return [_variable(PREFIX, name, field) for name, field in fields]
    prefix = f"{PREFIX}{part.upper()}_"
    return [_variable(prefix, name, field) for name, field in variables_of(model)]


def look(output: str) -> list[Variable]:
    """The settings that an output has because every output has them."""
    prefix = f"{PREFIX}{output.upper()}_"
    return [_variable(prefix, name, field) for name, field in variables_of(Look)]


def _variable(prefix: str, name: str, field: FieldInfo) -> Variable:
    meaning, default = field.description or "", ""
    # Some defaults depend on other settings: their description tells them.
    if told := _DEFAULT_TOLD.search(meaning):
        meaning = meaning[: told.start()] + (told["more"] or "")
        default = _text(told["default"])
    elif not field.is_required() and field.default not in (None, (), "", Users()):
        value = field.default
        words = ",".join(value) if isinstance(value, tuple) else _plain(value)
        default = _code(words)
    return Variable(
        name=f"{prefix}{name.upper()}",
        meaning=_text(meaning),
        default=default,
        example=_code(str((field.examples or [""])[0])),
        secret=is_secret(field),
        must_be_set=field.is_required() and not told,
    )


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _text(text: str) -> str:
    """Prose in a table of Markdown, with nothing in it taken for markup."""
    text = text.replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*")
    return text.replace("<", "&lt;").replace(">", "&gt;")


def _code(text: str) -> str:
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`" if text else ""


def settings_reference() -> str:
    """The whole of docs/settings.md."""
    text = [_HEAD]
    for part, title in _SECTIONS.items():
        introduction = f"{_INTRODUCTIONS[part]}\n\n" if part in _INTRODUCTIONS else ""
        rows = "\n".join(_row(variable) for variable in variables(part))
        text.append(f"## {title}\n\n{introduction}{_TABLE_HEAD}{rows}\n")
    text.append(_LOOK.replace("{rows}", _TABLE_HEAD + "\n".join(map(_row, look("serial")))))
    text.append(_COLORS + "\n".join(_color_rows()) + "\n")
    return "\n".join(text)


def _row(variable: Variable) -> str:
    secret = " **Secret.**" if variable.secret else ""
    default = "must be set" if variable.must_be_set else variable.default
    stop = "" if variable.meaning.endswith(("…", ".")) else "."
    meaning = f"{variable.meaning}{stop}{secret}"
    return f"| `{variable.name}` | {meaning} | {default} | {variable.example} |"


def _color_rows() -> Iterator[str]:
    words = {key: state for state in STATES for key in state.keys}
    for key, rule in DEFAULT_RULES.items():
        light = words[key].light if key in words else None
        looks = "off" if light is None else light_in_words(light)
        yield f"| `{PREFIX}COLOR_{key}` | `{rule}` | {looks} |"


_TABLE_OF_COLOURS: Final = re.compile(
    r"(?<=<!-- colours: written by scripts/make_reference.py -->\n).*?(?=<!-- end of colours -->)",
    re.DOTALL,
)


def colour_table() -> str:
    """The table of colours that stands in README.md."""
    lines = ["| state | light | moves | meaning |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {state.title} | {colour_in_words(state.light)} | {effect_in_words(state.light)} "
        f"| {state.meaning} |"
        for state in STATES
    ]
    return "\n".join(lines) + "\n"


def readme_with_colours(readme: str) -> str:
    """README.md with its table of colours as it should be. Raises ValueError without its place."""
    new, count = _TABLE_OF_COLOURS.subn(lambda _: f"\n{colour_table()}\n", readme)
    if count != 1:
        raise ValueError("README.md has not exactly one place for the table of colours")
    return new


_TABLE_OF_ENTITIES: Final = re.compile(
    r"(?<=<!-- entities: written by scripts/make_reference.py -->\n)"
    r".*?(?=<!-- end of entities -->)",
    re.DOTALL,
)


def entity_table() -> str:
    """The table of entities that stands in docs/home-assistant.md."""
    settings = MqttSettings(
        id="busylight",
        name="Busy light",
        outputs=("serial",),
        host="broker",
        account=True,
        status_message=True,
        reader=Role.PRIMARY,
    )
    lines = ["| entity | kind | what it says or does |", "| --- | --- | --- |"]
    for part in parts(settings, has_button=True):
        name = part.config["name"] or "(the light itself)"
        kind = part.platform.replace("_", " ")
        if part.config.get("entity_category"):
            kind += f", {part.config['entity_category']}"
        if part.key.startswith("output_"):
            name = "Output …"
        lines.append(f"| {name} | {kind} | {part.about} |")
    return "\n".join(lines) + "\n"


def home_assistant_with_entities(document: str) -> str:
    """docs/home-assistant.md with its table. Raises ValueError without its place."""
    new, count = _TABLE_OF_ENTITIES.subn(lambda _: f"\n{entity_table()}\n", document)
    if count != 1:
        raise ValueError("docs/home-assistant.md has not exactly one place for the entities")
    return new


_TABLE_OF_LIGHTS: Final = re.compile(
    r"(?<=<!-- lights: written by scripts/make_reference.py -->\n).*?(?=<!-- end of lights -->)",
    re.DOTALL,
)


def light_table() -> str:
    """The table of lights from the shop that stands in docs/lights.md."""
    lines = ["| maker | light | USB ids |", "| --- | --- | --- |"]
    for maker, name, ids in supported():
        numbers = ", ".join(f"`{vendor:04x}:{product:04x}`" for vendor, product in ids)
        lines.append(f"| {maker} | {name} | {numbers} |")
    return "\n".join(lines) + "\n"


def lights_with_table(document: str) -> str:
    """docs/lights.md with its table. Raises ValueError without its place."""
    new, count = _TABLE_OF_LIGHTS.subn(lambda _: f"\n{light_table()}\n", document)
    if count != 1:
        raise ValueError("docs/lights.md has not exactly one place for the lights")
    return new


def files(root: Path = ROOT) -> dict[str, str]:
    """What each of the files should have in it, by its path from the root."""
    return {
        "config.example.env": example_env(),
        "docs/settings.md": settings_reference(),
        "docs/home-assistant.md": home_assistant_with_entities(
            (root / "docs" / "home-assistant.md").read_text("utf-8")
        ),
        "docs/app-registration.md": registration_page.with_blocks(
            (root / "docs" / "app-registration.md").read_text("utf-8")
        ),
        "docs/lights.md": lights_with_table((root / "docs" / "lights.md").read_text("utf-8")),
        "deploy/udev/61-busylight-usb.rules": udev_rules(supported()),
        man_page.PATH: man_page.man_page(),
        "README.md": readme_with_colours((root / "README.md").read_text("utf-8")),
        **shipped(),
    }


if __name__ == "__main__":
    for path, content in files().items():
        (ROOT / path).write_text(content, "utf-8")
        print(path)
