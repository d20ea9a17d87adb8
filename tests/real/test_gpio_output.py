"""The output `gpio` on gpiozero's mock pins."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.light import parse_light, shown_rgb
from busylight.core.palette import DEFAULT_RULES
from busylight.outputs.gpio import system_library
from busylight.outputs.gpio.output import GpioOutput
from busylight.outputs.gpio.settings import GpioSettings
from busylight.outputs.gpio.system_library import borrow_lgpio
from busylight.outputs.gpio.traffic import lit
from busylight.parts import OutputError
from busylight.settings.faults import SettingsError
from busylight.settings.load import load
from busylight.testing import view_of
from tests.support.broker import eventually

RGB_LED = {"red": 17, "green": 27, "blue": 22}
TRAFFIC = {"red": 17, "yellow": 23, "green": 27}


@pytest.fixture
def pins(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockFactory]:
    factory = MockFactory(pin_class=MockPWMPin)
    monkeypatch.setattr(gpiozero.Device, "pin_factory", factory)
    yield factory
    factory.reset()


def _levels(pins: MockFactory, named: dict[str, int]) -> list[float]:
    return [round(pins.pin(number).state, 2) for number in named.values()]


async def test_an_rgb_led_mixes_its_colour_and_blinks(pins: MockFactory) -> None:
    async with GpioOutput(GpioSettings.model_validate(RGB_LED)) as output:
        await output.show(view_of("#ff8000 50%"))
        assert _levels(pins, RGB_LED) == [0.5, 0.25, 0]
        await output.show(view_of("#0000ff blink 0.4"))
        await eventually(lambda: _levels(pins, RGB_LED) == [0, 0, 0])
        await eventually(lambda: _levels(pins, RGB_LED) == [0, 0, 1])
        await output.show(view_of(None))
        assert _levels(pins, RGB_LED) == [0, 0, 0]


async def test_a_common_anode_is_lit_by_a_low_pin(pins: MockFactory) -> None:
    settings = GpioSettings.model_validate({**RGB_LED, "active_high": False})
    async with GpioOutput(settings) as output:
        await output.show(view_of("#ff0000"))
        assert _levels(pins, RGB_LED) == [0, 1, 1]


@pytest.mark.parametrize(
    ("light", "levels"),
    [
        ("#ff0000", [1, 0, 0]),
        ("#ffbf00 40%", [0, 0.3, 0]),
        ("#00ff00", [0, 0, 1]),
        ("#ffffff 60%", [0.6, 0.6, 0.6]),
        ("#4000ff", [1, 0, 1]),
        ("off", [0, 0, 0]),
    ],
)
async def test_a_traffic_light_shows_the_nearest_colour_that_it_has(
    pins: MockFactory, light: str, levels: list[float]
) -> None:
    async with GpioOutput(GpioSettings.model_validate(TRAFFIC)) as output:
        await output.show(view_of(light))
        assert _levels(pins, TRAFFIC) == pytest.approx(levels, abs=0.11)


def test_a_blue_led_beside_them_is_lit_for_what_is_near_to_blue() -> None:
    tower = {**TRAFFIC, "blue": 22}
    assert not GpioSettings.model_validate(tower).is_rgb
    assert lit((64, 0, 255), tower)["blue"] == 1
    assert lit((64, 0, 255), tower)["red"] == 0


def test_a_traffic_light_never_takes_what_is_not_known_for_free_or_busy() -> None:
    unknown = parse_light(DEFAULT_RULES["UNKNOWN"])
    assert unknown is not None
    levels = lit(shown_rgb(unknown), TRAFFIC)
    assert sum(level > 0 for level in levels.values()) == 2


@given(
    st.tuples(*[st.integers(0, 255)] * 3), st.sets(st.sampled_from([*TRAFFIC, "blue"]), min_size=1)
)
def test_what_is_lit_is_seen_on_any_set_of_leds(
    rgb: tuple[int, int, int], colors: set[str]
) -> None:
    levels = lit(rgb, colors)
    assert levels.keys() == colors
    assert all(0 <= level <= 1 for level in levels.values())
    assert any(rgb) or not any(levels.values())
    if {"red", "green"} <= colors:
        assert any(levels.values()) == any(rgb)


@pytest.mark.parametrize(("light", "color"), [("#00ff00", "red"), ("#ff0000", "green")])
def test_an_led_alone_is_never_lit_for_what_it_is_not(light: str, color: str) -> None:
    state = parse_light(light)
    assert state is not None
    assert lit(shown_rgb(state), {color}) == {color: 0.0}


async def test_a_pin_that_is_in_use_is_named(pins: MockFactory) -> None:
    async with GpioOutput(GpioSettings.model_validate(RGB_LED)):
        with pytest.raises(OutputError, match="GPIO17 is in use already"):
            await GpioOutput(GpioSettings(red=17)).__aenter__()
    async with GpioOutput(GpioSettings(red=17)) as output:  # they were given back
        await output.show(view_of("red"))
    assert pins.pin(17).function == "input"


CHECKED = """
import asyncio
from busylight.outputs.gpio.output import GpioOutput
from busylight.outputs.gpio.settings import GpioSettings
from busylight.parts import OutputError

try:
    print(asyncio.run(GpioOutput.check(GpioSettings(red=17))))
except OutputError as error:
    print(error)
"""


def test_what_this_machine_has_of_pins_is_told_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", CHECKED], capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == 1
    assert "PinFactoryFallback" not in done.stderr


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, "BUSYLIGHT_GPIO_RED is missing: no pin is named at all"),
        ({"RED": "2", "GREEN": "2"}, "BUSYLIGHT_GPIO_GREEN=2 is a pin that another LED has, too"),
        ({"RED": "99"}, "BUSYLIGHT_GPIO_RED=99 is more than 53"),
    ],
)
def test_pins_that_cannot_be_are_told(given: dict[str, str], wanted: str) -> None:
    environ = {"HOME": "/", "BUSYLIGHT_OUTPUTS": "gpio"}
    environ |= {f"BUSYLIGHT_GPIO_{name}": value for name, value in given.items()}
    with pytest.raises(SettingsError) as caught:
        load(None, environ, needs_source=False)
    assert wanted in str(caught.value)


def _borrowed(monkeypatch: pytest.MonkeyPatch, place: Path) -> object:
    """What an import finds after it."""
    monkeypatch.setattr(system_library, "PLACE", str(place))
    borrow_lgpio(("_borrowed_half", "borrowed_whole"))
    sys.modules.pop("_borrowed_half", None)
    return sys.modules.pop("borrowed_whole", None)


def test_the_library_of_the_system_is_taken_where_there_is_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _borrowed(monkeypatch, tmp_path) is None
    (tmp_path / "borrowed_whole.py").write_text("import _borrowed_half\n")
    assert _borrowed(monkeypatch, tmp_path) is None, "its other half is for another Python"
    (tmp_path / "_borrowed_half.py").write_text("raise ImportError('another libc')\n")
    assert _borrowed(monkeypatch, tmp_path) is None
    (tmp_path / "_borrowed_half.py").write_text("PINS = 28\n")
    found = _borrowed(monkeypatch, tmp_path)
    assert found is not None
    assert found._borrowed_half.PINS == 28  # type: ignore[attr-defined]

    own = tmp_path / "own"
    own.mkdir()
    (own / "borrowed_whole.py").write_text("")
    monkeypatch.syspath_prepend(own)
    assert _borrowed(monkeypatch, tmp_path) is None, "one's own is left to be imported"
