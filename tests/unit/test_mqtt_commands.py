import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.light import Effect
from busylight.core.override import Mode, Refresh, SetLight, SetMode
from busylight.outputs.mqtt.color_temperature import rgb_of
from busylight.outputs.mqtt.commands import (
    COMMANDS,
    SIZE_LIMIT,
    CommandError,
    light_command,
    mode_command,
)


def light(document: Any) -> SetLight:
    return light_command(json.dumps(document).encode())


def mode(document: Any) -> SetMode:
    return mode_command(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("document", "command"),
    [
        ({"state": "ON"}, SetLight(on=True)),
        ({"state": "off"}, SetLight(on=False)),
        ({"brightness": 128}, SetLight(brightness=128)),
        ({"brightness": 128.0}, SetLight(brightness=128)),
        ({"color": {"r": 1, "g": 2.0, "b": 255}}, SetLight(rgb=(1, 2, 255))),
        ({"effect": "Pulse"}, SetLight(effect=Effect.PULSE)),
        (
            {"state": "ON", "color": {"r": 9, "g": 8, "b": 7}, "brightness": 6, "effect": "blink"},
            SetLight(on=True, rgb=(9, 8, 7), brightness=6, effect=Effect.BLINK),
        ),
        ({"state": "ON", "transition": 2, "flash": "long"}, SetLight(on=True)),
        (
            {
                "state": "ON",
                "brightness": 255,
                "color_mode": "rgb",
                "color": {"r": 255, "g": 0, "b": 0},
                "effect": "solid",
            },
            SetLight(on=True, rgb=(255, 0, 0), brightness=255, effect=Effect.SOLID),
        ),
    ],
)
def test_home_assistants_light_commands_are_understood_in_any_combination(
    document: dict[str, Any], command: SetLight
) -> None:
    assert light(document) == command


@pytest.mark.parametrize(
    ("given_brightness", "taken"), [(-5, 0), (0, 0), (256, 255), (10**30, 255), (1e300, 255)]
)
def test_a_brightness_out_of_range_is_brought_into_it(given_brightness: float, taken: int) -> None:
    assert light({"brightness": given_brightness}).brightness == taken


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "has none of state"),
        ({"transition": 1}, "has none of state"),
        ({"state": True}, "ON or OFF"),
        ({"state": "TOGGLE"}, "has state 'TOGGLE'; ON or OFF is expected"),
        ({"brightness": True}, "whole number"),
        ({"brightness": 12.5}, "whole number"),
        ({"brightness": "12"}, "whole number"),
        ({"brightness": None}, "whole number"),
        ({"color": {"r": 1, "g": 2}}, "is expected"),
        ({"color": {"r": 1, "g": 2, "b": 256}}, "has color's b 256; 0 to 255 is expected"),
        ({"color": {"r": 1, "g": 2, "b": -1}}, "0 to 255"),
        ({"color": {"r": 1, "g": 2, "b": False}}, "whole number"),
        ({"color": "red"}, "has color 'red'; .*255.* is expected"),
        ({"effect": "rainbow"}, "known are solid, blink, pulse, breathe"),
        ({"effect": 3}, "known are"),
        ({"color_temp": 0}, "1 to 1000000"),
        ({"color_temp": "warm"}, "whole number"),
    ],
)
def test_a_light_command_that_means_nothing_is_refused_with_the_reason(
    document: dict[str, Any], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        light(document)


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b'{"state":"on "}', "has state 'on '; ON or OFF is expected"),
        (b'{"color":"red"}', 'has color \'red\'; {"r":255,"g":0,"b":0} is expected'),
        (b'{"color":{"r":0,"g":1,"b":256}}', "has color's b 256; 0 to 255 is expected"),
        (b'{"color_temp":0}', "has color_temp 0; 1 to 1000000 is expected"),
        (b'{"color_temp_kelvin":null}', "has color_temp_kelvin None; a whole number is expected"),
        (b'{"brightness":"12"}', "has brightness '12'; a whole number is expected"),
        (b'{"effect":3}', "has effect 3; known are solid, blink, pulse, breathe"),
        (b"{}", "has none of state, color, color_temp, brightness and effect"),
        (b"OFF", 'is no JSON: \'OFF\'; right would be {"state":"ON"}'),
        (b"[1]", 'is no JSON object: \'[1]\'; right would be {"state":"ON"}'),
        (b'{"x":NaN}', 'is no JSON: \'{"x":NaN}\'; right would be {"state":"ON"}'),
        (b"\xff", "is no UTF-8 text"),
        (b" " * (SIZE_LIMIT + 1), "is longer than 4096 bytes"),
    ],
)
def test_who_sent_a_wrong_light_command_is_told_what_was_wrong_and_what_would_be_right(
    payload: bytes, told: str
) -> None:
    with pytest.raises(CommandError) as caught:
        light_command(payload)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (
            b"asleep",
            "has mode 'asleep'; known are auto, available, busy, do_not_disturb, away, off, manual",
        ),
        (
            b'{"mode":null}',
            "has mode None; known are auto, available, busy, do_not_disturb, away, off, manual",
        ),
        (b'{"mode":"busy","for":0}', "has for 0; 1 to 86400 is expected"),
        (b'{"mode":"busy","for":"25m"}', "has for '25m'; a whole number is expected"),
        (b'{"mode":"auto","for":60}', "has a time, which does not go with auto"),
        (b'{"for":60}', "has no mode"),
        (b'{"mode":"busy","a":1,"b":2}', "has 'a'; known are mode and for"),
        (b"{busy}", 'is no JSON: \'{busy}\'; right would be {"mode":"busy","for":1500}'),
    ],
)
def test_who_sent_a_wrong_mode_is_told_what_was_wrong_and_what_would_be_right(
    payload: bytes, told: str
) -> None:
    with pytest.raises(CommandError) as caught:
        mode_command(payload)
    assert str(caught.value) == told


def test_a_payload_may_be_as_long_as_the_limit() -> None:
    payload = b'{"state":"ON"}'
    assert light_command(payload.ljust(SIZE_LIMIT)) == SetLight(on=True)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"ON",
        b"[]",
        b"null",
        b'"ON"',
        b"{",
        b"\xff\xfe",
        b'{"brightness":NaN}',
        b'{"brightness":Infinity}',
        b'{"brightness":1e400}',
        b'{"brightness":-1e400}',
        b"[" * 4000,
        b'{"a":' * 800,
        b'{"brightness":' + b"9" * 4050 + b".5}",
        b'{"state":"ON","x":"' + b"x" * SIZE_LIMIT + b'"}',
    ],
)
def test_what_is_no_light_command_at_all_is_refused(payload: bytes) -> None:
    with pytest.raises(CommandError):
        light_command(payload)


def test_a_bare_word_is_told_how_a_light_command_looks() -> None:
    with pytest.raises(CommandError, match=r"is no JSON: 'OFF'; right would be \{"):
        light_command(b"OFF")


def test_of_duplicate_keys_the_last_one_holds_as_everywhere_in_json() -> None:
    assert light_command(b'{"state":"ON","state":"OFF"}') == SetLight(on=False)


@pytest.mark.parametrize("name", ["color_temp", "color_temp_kelvin"])
def test_a_colour_temperature_becomes_a_colour(name: str) -> None:
    red, green, blue = light({name: 2700}).rgb or (0, 0, 0)
    assert red == 255
    assert red > green > blue


def test_mireds_and_kelvin_lead_to_the_same_colour() -> None:
    assert rgb_of(250) == rgb_of(4000)


def test_a_colour_named_with_a_temperature_wins() -> None:
    assert light({"color": {"r": 1, "g": 2, "b": 3}, "color_temp": 300}).rgb == (1, 2, 3)


@given(st.floats(min_value=1, max_value=1e9))
def test_every_temperature_is_a_colour(temperature: float) -> None:
    assert all(0 <= channel <= 255 for channel in rgb_of(temperature))


def test_a_candle_has_no_blue_and_the_sky_has_all_of_it() -> None:
    assert rgb_of(1500)[2] == 0
    assert rgb_of(20_000)[2] == 255
    assert rgb_of(20_000)[0] < 200


@pytest.mark.parametrize("word", list(Mode))
def test_each_mode_is_a_command(word: Mode) -> None:
    assert mode_command(word.value.encode()) == SetMode(word)
    assert mode_command(f" {word.upper()}\n".encode()) == SetMode(word)
    assert mode_command(f'"{word}"'.encode()) == SetMode(word)
    assert mode({"mode": word.value}) == SetMode(word)


@pytest.mark.parametrize("seconds", [1, 1500, 1500.0, 86_400])
def test_a_mode_may_have_a_time(seconds: float) -> None:
    assert mode({"mode": "busy", "for": seconds}) == SetMode(Mode.BUSY, int(seconds))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"mode": "busy", "for": 0}, "1 to 86400"),
        ({"mode": "busy", "for": 86_401}, "1 to 86400"),
        ({"mode": "busy", "for": -1}, "1 to 86400"),
        ({"mode": "busy", "for": 1.5}, "whole number"),
        ({"mode": "busy", "for": True}, "whole number"),
        ({"mode": "busy", "for": "25m"}, "whole number"),
        ({"mode": "busy", "for": None}, "whole number"),
        ({"mode": "auto", "for": 60}, "does not go with auto"),
        ({"mode": "busy", "minutes": 25}, "'minutes'; known are mode and for"),
        ({"for": 25}, "has no mode"),
        ({"mode": None}, "known are auto, available"),
        ({"mode": "asleep"}, "known are auto, available"),
    ],
)
def test_a_mode_that_means_nothing_is_refused_with_the_reason(
    document: dict[str, Any], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        mode(document)


@pytest.mark.parametrize("payload", [b"", b"asleep", b"{", b"\xff", b"[1]", b"busy" * 2000])
def test_what_is_no_mode_at_all_is_refused(payload: bytes) -> None:
    with pytest.raises(CommandError):
        mode_command(payload)


@given(st.binary(max_size=64))
def test_anything_on_refresh_is_a_refresh(payload: bytes) -> None:
    assert COMMANDS["refresh/set"](payload) == Refresh()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["ON", "busy", "pulse", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["state", "brightness", "color", "r", "g", "b", "effect", "color_temp"])
            | st.sampled_from(["mode", "for", "color_temp_kelvin"])
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_payload_whatever_raises_anything_but_a_refusal_in_one_printable_line(
    payload: bytes,
) -> None:
    for read in COMMANDS.values():
        try:
            command = read(payload)
        except CommandError as error:
            text = str(error)
            assert text.isprintable()
            assert len(text) < 300
        else:
            assert isinstance(command, SetLight | SetMode | Refresh)
            if isinstance(command, SetLight):
                assert command != SetLight()
                assert command.brightness is None or 0 <= command.brightness <= 255
