"""Templates: what users write is what their light gets, and nothing else can be written."""

import re
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from busylight.core.light import OFF, Effect, LightState, parse_light
from busylight.outputs.serial.template import LIMIT, Template

HALF_RED = LightState(255, 0, 0, brightness=128)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"{r},{g},{b}\n", b"128,0,0\n"),
        ("{r:d} {g:03d} {b:02x}", b"128 000 00"),
        ("{r:02x}{g:02x}{b:02x}", b"800000"),
        ("#{hex}", b"#800000"),
        ("{brightness} {brightness:02x}", b"128 80"),
        ("{effect}/{state}", b"solid/busy"),
        ("{{{r}}}", b"{128}"),
        (r"\n\r\t\\\x00\xfF", b"\n\r\t\\\x00\xff"),
        (r"\\n", b"\\n"),
        ("é", "é".encode()),
        ("a real\nnew line", b"a real\nnew line"),
        ("", b""),
    ],
)
def test_a_template_becomes_these_bytes(text: str, expected: bytes) -> None:
    assert Template.parse(text).render(HALF_RED, "busy") == expected


def test_in_the_dark_half_of_a_blink_all_colours_are_dark_and_the_words_stay() -> None:
    template = Template.parse("{r} {g} {b} {hex} {brightness} {effect} {state}")
    light = LightState(255, 255, 255, effect=Effect.BLINK)
    assert template.render(light, "x", lit=False) == b"0 0 0 000000 0 blink x"


@pytest.mark.parametrize(
    ("text", "teaching"),
    [
        ("{r.__class__}", "which is no field; a brace itself is written {{"),
        ("{r!r}", "which is no field; a brace itself is written {{"),
        ("{r[0]}", "which is no field"),
        ("{}", "which is no field"),
        ("{0}", "which is no field"),
        ("ab{r", "at character 3"),
        ("r}", "has a } at character 2 that closes nothing"),
        ("{red}", "fields are {r} {g} {b} {brightness} {hex} {effect} {state}"),
        ("{r:>999999}", "the formats are :02x :03d :d"),
        ("{r:}", "the formats are :02x :03d :d"),
        ("{r:{g}}", "which is no field"),
        ("{hex:02x}", "{hex} is no number and takes no format"),
        (r"\q", r"escapes are \n \r \t \\ \xHH"),
        (r"\x4", r"escapes are \n \r \t \\ \xHH"),
        ("ends with \\", r"escapes are \n \r \t \\ \xHH"),
        ("x" * 257, "is 257 bytes long; at most 256 are written"),
        ("é" * 129, "is 258 bytes long"),
        ("{state}{state}", "can become 260 bytes long"),
        ("\udcff", r"write other bytes as \xHH"),
    ],
)
def test_a_mistake_is_refused_with_what_would_be_right(text: str, teaching: str) -> None:
    with pytest.raises(ValueError, match=re.escape(teaching)):
        Template.parse(text)


def test_as_much_as_the_limit_is_taken() -> None:
    assert len(Template.parse("x" * LIMIT).render(OFF, "off")) == LIMIT


lights = st.builds(
    LightState,
    *[st.integers(0, 255)] * 4,
    effect=st.sampled_from(Effect),
)
states = st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=130)
pieces = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["{r}", "{hex}", "{state}", "{effect}", "{g:02x}", "{{", "}}", "\\n", "\\xff", "{", "}"]
    ),
)


@given(st.one_of(st.text(), st.lists(pieces).map("".join)), lights, states)
@example("{r:>999999}", OFF, "off")
@example("{state}" * 40, OFF, "x" * 130)
def test_whatever_is_written_is_refused_or_stays_within_the_limit(
    text: str, light: LightState, state: str
) -> None:
    try:
        template = Template.parse(text)
    except ValueError:
        return
    assert len(template.render(light, state)) <= LIMIT


@given(st.binary(max_size=64), lights)
def test_any_bytes_can_be_written_by_escapes(content: bytes, light: LightState) -> None:
    text = "".join(f"\\x{byte:02x}" for byte in content)
    assert Template.parse(text).render(light, "busy") == content


@given(lights, st.booleans())
def test_the_numbers_and_the_hex_digits_say_the_same_colour(light: LightState, lit: bool) -> None:  # noqa: FBT001 -- hypothesis draws it
    both = Template.parse("{r:02x}{g:02x}{b:02x} {hex}").render(light, "busy", lit=lit)
    numbers, digits = both.split()
    assert numbers == digits


def test_brightness_is_applied_to_the_colour() -> None:
    light = parse_light("white 50%")
    assert light is not None
    assert Template.parse("{hex} {brightness}").render(light, "x") == b"808080 128"
