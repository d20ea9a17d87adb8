"""Adalight's frames, byte by byte as LEDstream.pde of Adafruit's Adalight reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.light import parse_light
from busylight.outputs.serial.adalight import HEADER, RHYTHM, Adalight
from busylight.outputs.serial.scene import Scene
from busylight.outputs.serial.settings import Protocol, SerialSettings


def frame(pixels: int, light: str) -> bytes:
    state = parse_light(light)
    assert state is not None
    return Adalight(pixels).render(state, "busy")


@pytest.mark.parametrize(
    ("pixels", "header"),
    [
        (1, "416461 00 00 55"),
        (25, "416461 00 18 4d"),  # 25 pixels, as in Adalight.pde's example
        (256, "416461 00 ff aa"),
        (257, "416461 01 00 54"),
    ],
)
def test_the_header_counts_from_nought_and_has_a_check(pixels: int, header: str) -> None:
    said = frame(pixels, "off")
    assert said[:HEADER] == bytes.fromhex(header)
    assert len(said) == HEADER + 3 * pixels


def test_each_pixel_has_the_colour_that_is_shown() -> None:
    assert frame(3, "#ff8000 50%")[HEADER:] == bytes((128, 64, 0)) * 3


@given(pixels=st.integers(1, 2000), color=st.integers(0, 0xFFFFFF))
def test_what_a_sketch_reads_is_what_was_meant(pixels: int, color: int) -> None:
    said = frame(pixels, f"#{color:06x}")
    high, low, check = said[3:6]
    assert check == high ^ low ^ 0x55
    assert len(said) - HEADER == 3 * (256 * high + low + 1)
    assert said[HEADER : HEADER + 3] == color.to_bytes(3, "big") == said[-3:]


def test_a_blink_is_made_by_the_host_and_a_release_is_dark_once() -> None:
    strip = Adalight(2)
    blink = Scene.of(strip, parse_light("red blink"), "busy")
    assert (blink.lit[HEADER:], (blink.dark or b"")[HEADER:]) == (b"\xff\0\0" * 2, bytes(6))
    released = Scene.of(strip, None, "offline")
    assert released.left_alone
    assert released.lit[HEADER:] == bytes(6)


def test_it_is_said_again_before_any_sketch_gives_up() -> None:
    assert RHYTHM.repeat < 2.5  # seconds: WLED's, the shortest that is known


def test_a_strip_needs_its_pixels_and_a_rate_that_can_carry_them() -> None:
    def told(pixels: int | None = None, baud: int = 115_200) -> list[str]:
        settings = SerialSettings(
            protocol=Protocol.ADALIGHT, port="/dev/ttyUSB0", pixels=pixels, baud=baud
        )
        return [f"{fault.field} {fault.problem}" for fault in settings.faults()]

    assert told(pixels=100) == []
    assert told() == ["pixels is missing: SERIAL_PROTOCOL=adalight tells every pixel"]
    (slow,) = told(pixels=2000)
    assert slow.startswith("baud is too slow: a frame for 2000 pixels takes 0.5 s")
    assert told(pixels=2000, baud=460_800) == []


@pytest.mark.parametrize("protocol", [Protocol.WLED, Protocol.ADALIGHT, Protocol.TEMPLATE])
def test_every_protocol_but_ours_needs_a_path(protocol: Protocol) -> None:
    settings = SerialSettings(protocol=protocol, template="x", pixels=1)
    (fault,) = settings.faults()
    assert (fault.field, "needs a path" in fault.problem) == ("port", True)
