"""The firmware in C: its UART, its pins, its watchdog, its size."""

import itertools
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware_bridge import avr, protocol
from firmware_bridge.light import Light
from tests.firmware.conftest import unharmed
from tests.support import targets
from tests.support.targets import Duty, Host, Process

CHIPS = pytest.mark.parametrize("chip", avr.CHIPS, ids=lambda chip: chip.mcu)
RED = protocol.Show(255, 0, 0, lifetime=120)


def _as_reference(show: protocol.Show, pixels: int, limit: int, channel: int = 20) -> Duty:
    reference = Light(pixels, limit, channel)
    reference.show(show)
    return reference.duty()


def _is_painted(duty: Duty) -> Callable[[list[tuple[float, Duty]]], bool]:
    return lambda told: bool(told) and told[-1][1] == duty


# -- The UART of an ATmega328P ----------------------------------------------------------------


def test_the_harness_holds_two_bytes_and_loses_what_comes_beyond(
    program: Path, tmp_path: Path
) -> None:
    """So that a firmware that looks away for too long is found out; simavr's own UART is too kind.

    The program that is run here looks away for 2 ms, and then tells what is left.
    """
    elf, binary = tmp_path / "overrun.elf", tmp_path / "overrun.bin"
    source = targets.HERE / "avr" / "programs" / "overrun.c"
    options = ["-mmcu=atmega328p", "-DF_CPU=16000000UL", "-Os", "-o", str(elf)]
    subprocess.run(["avr-gcc", *options, str(source)], check=True)
    subprocess.run(["avr-objcopy", "-O", "binary", str(elf), str(binary)], check=True)
    firmware = avr.Firmware(avr.ATMEGA328P, elf, elf, binary, 0, 0)
    with targets.chip(program, firmware, tmp_path / "avr") as chip, Host(chip.path) as host:
        for sent, told in ((b"ABCDEFGHIJ", b"\2\1AB"), (b"K", b"\1\0K"), (b"LM", b"\2\0LM")):
            host.received = b""
            host.write(sent)
            host.read_until(told)
            assert host.received == told
        assert chip.lost == 8


def test_no_confirmed_frame_of_many_that_come_back_to_back_was_not_shown(
    program: Path, crowd: avr.Firmware, tmp_path: Path
) -> None:
    with (
        unharmed(targets.chip(program, crowd, tmp_path / "avr")) as light,
        Host(light.path) as host,
    ):
        assert isinstance(light, Process)
        host.greet()
        frames = [protocol.Show(1 + n % 200, 7, 1 + n // 200, lifetime=120) for n in range(1000)]
        confirmed: list[tuple[int, ...]] = []
        # At once: what the machine's load does to us leaves no gap on the line.
        flood = b"".join(
            protocol.encode(number & 255, protocol.SHOW, show.pack())
            for number, show in enumerate(frames)
        )
        answers = host.write(flood, piece=len(flood))
        while more := host.read(2):
            answers += more
        for answer in answers:
            shown = protocol.unpack_shown(answer.payload)
            assert shown is not None
            confirmed.append(shown.show.look()[:3])
        expected = {_as_reference(protocol.Show(*colour), 60, 3600) for colour in confirmed}
        assert light.wait_for(lambda told: expected <= {duty for _, duty in told})
        first = next(at for at, duty in light.paintings if duty != (0, 0, 0))
        painted = [at for at, _ in light.paintings if first <= at < first + 1]
        late = max(later - earlier for earlier, later in itertools.pairwise(painted))
        print(
            f"{len(frames)} frames, {len(confirmed)} confirmed, {light.lost} bytes lost, ", end=""
        )
        print(f"painted every {late * 1000:.1f} ms at least")
        assert late < 0.026  # 20 ms late at most, then 1.8 of painting, 1.6 of answering, a frame
        assert confirmed
        assert light.lost > 0  # the harness loses what a real UART would


def test_painting_waits_for_the_end_of_what_is_coming(
    program: Path, crowd: avr.Firmware, tmp_path: Path
) -> None:
    """Of two frames back to back no byte is lost, though either's painting would deafen it."""
    with (
        unharmed(targets.chip(program, crowd, tmp_path / "avr")) as light,
        Host(light.path) as host,
    ):
        assert isinstance(light, Process)
        host.greet()
        host.show(RED)
        lost = light.lost  # of a greeting that met the first painting
        for number in range(1, 100):
            older = protocol.encode(number, protocol.SHOW, RED.pack())
            newer = protocol.Show(number, 9, 9, lifetime=120)
            host.tell(older + protocol.encode(number + 100, protocol.SHOW, newer.pack()))
            assert host.next().sequence == number + 100
        assert light.lost == lost


def test_a_host_that_waits_for_each_answer_loses_nothing(
    program: Path, crowd: avr.Firmware, tmp_path: Path
) -> None:
    with (
        unharmed(targets.chip(program, crowd, tmp_path / "avr")) as light,
        Host(light.path) as host,
    ):
        assert isinstance(light, Process)
        host.greet()
        lost = light.lost  # of a greeting that met the first painting
        for number in range(200):
            show = protocol.Show(number, 255 - number, 3, lifetime=120)
            assert host.show(show).show.look() == show.look()
        assert light.lost == lost
        assert host.reader.junk == 0


# -- LEDs -------------------------------------------------------------------------------------


@CHIPS
def test_an_rgb_led_on_pwm_has_the_duty_cycles_of_the_colour_and_dark_is_dark(
    program: Path, tmp_path: Path, chip: avr.Chip
) -> None:
    """Compared with 0, fast PWM is not dark: the harness calls that a glow."""
    firmware = avr.build(tmp_path, {"PWM": "1", "PIXELS": "1"}, chip)
    with (
        unharmed(targets.chip(program, firmware, tmp_path / "avr", pwm=True)) as light,
        Host(light.path) as host,
    ):
        identity = host.greet()
        assert (identity.pixels, identity.capabilities) == (1, protocol.HAS_PWM)
        for colour in (
            (255, 0, 0),
            (0, 255, 0),
            (0, 0, 255),
            (1, 0, 1),
            (255, 128, 3),
            (0, 0, 0),
            (200, 100, 50),
        ):
            show = protocol.Show(*colour, lifetime=600)
            host.show(show)
            assert light.wait_for(_is_painted(_as_reference(show, 1, 400))), colour
        host.ask(protocol.RELEASE, b"\0\0")
        assert light.wait_for(_is_painted((0, 0, 0)))


@CHIPS
@pytest.mark.parametrize("order", ["0", "1"])
def test_the_order_of_colours_and_the_limit_of_current_are_those_that_were_built_in(
    program: Path, tmp_path: Path, chip: avr.Chip, order: str
) -> None:
    """The strip of the harness takes green first; one that takes red first has ORDER=1."""
    settings = {"PIXELS": "12", "LIMIT_MA": "150", "CHANNEL_MA": "13", "ORDER": order}
    firmware = avr.build(tmp_path, settings, chip)
    with unharmed(targets.chip(program, firmware, tmp_path / "avr")) as light:
        with Host(light.path) as host:
            assert host.greet().pixels == 12
            show = protocol.Show(255, 200, 30, lifetime=600)
            limited = host.show(show).flags & protocol.LIMITED
        red, green, blue = _as_reference(show, 12, 150, 13)
        assert light.wait_for(
            _is_painted((red, green, blue) if order == "0" else (green, red, blue))
        )
        assert limited
        assert (red + green + blue) * 12 * 13 / 255 <= 150  # mA


# -- Watchdog and button ----------------------------------------------------------------------


@CHIPS
def test_a_firmware_that_hangs_is_started_again_and_takes_the_next_frame(
    program: Path, firmwares: dict[str, avr.Firmware], tmp_path: Path, chip: avr.Chip
) -> None:
    firmware = firmwares[chip.mcu]
    with unharmed(targets.chip(program, firmware, tmp_path / "avr"), resets=1) as light:
        assert isinstance(light, Process)
        with Host(light.path) as host:
            host.greet()
            host.show(RED)
            light.command("h")
            hung = float(light.wait_for_line("hang").split()[1])
            at = float(light.wait_for_line("reset").split()[1])
            assert at - hung < 1.0
            assert light.wait_for(_is_painted((0, 0, 0)))  # what shone on is cleared
            host.greet()
            assert host.show(RED).show.look() == RED.look()
        assert light.wait_for(_is_painted((255, 0, 0)))


@CHIPS
def test_a_button_is_told_until_the_host_has_heard(
    program: Path, tmp_path: Path, chip: avr.Chip
) -> None:
    firmware = avr.build(tmp_path, {"BUTTON": "1"}, chip)
    with (
        unharmed(targets.chip(program, firmware, tmp_path / "avr")) as light,
        Host(light.path) as host,
    ):
        assert isinstance(light, Process)
        identity = host.greet()
        assert identity.capabilities == protocol.HAS_PIXELS | protocol.HAS_BUTTON
        assert host.read(1.2) == []  # longer than a long press: nobody presses it
        # It bounces, a slice of half a millisecond each; what is no longer than that is a spark.
        light.command("bBbBbBb" + "B" + "bB")
        assert host.read(0.6) == []
        began = time.monotonic()
        light.command("b")
        for _ in range(3):
            event = host.next()
            assert (event.kind, event.sequence) == (protocol.BUTTON, 1)
            assert event.payload == bytes((protocol.LONG_PRESS, 1))
        assert time.monotonic() - began > 0.8 + 2 * 0.2  # held so long, and told every 200 ms
        host.write(protocol.encode(9, protocol.HEARD, b"\x01"))
        light.command("B")
        host.settle()
        assert host.read(1) == []
        assert host.show(RED).show.look() == RED.look()


def test_without_a_button_none_is_claimed_and_none_is_heard(
    program: Path, firmware: avr.Firmware, tmp_path: Path
) -> None:
    with (
        unharmed(targets.chip(program, firmware, tmp_path / "avr")) as light,
        Host(light.path) as host,
    ):
        assert isinstance(light, Process)
        assert host.greet().capabilities == protocol.HAS_PIXELS
        light.command("b")
        assert host.read(1.5) == []


# -- Size -------------------------------------------------------------------------------------


@CHIPS
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"PIXELS": "60", "LIMIT_MA": "3600"},
        {"PWM": "1", "PIXELS": "1"},
        {"BUTTON": "1", "PIXELS": "255"},
    ],
    ids=str,
)
def test_half_of_the_chip_is_to_spare(
    tmp_path: Path, chip: avr.Chip, settings: dict[str, str]
) -> None:
    firmware = avr.build(tmp_path, settings, chip)
    print(f"{firmware} {settings or ''}")
    assert firmware.fits
    assert firmware.flash <= chip.flash / 2
    assert firmware.ram <= chip.ram / 2


@pytest.mark.parametrize(
    ("chip", "flash", "ram", "fits"),
    [
        (avr.ATMEGA328P, 16384, 1024, True),
        (avr.ATMEGA328P, 16385, 0, False),
        (avr.ATMEGA328P, 0, 1025, False),
        (avr.ATMEGA32U4, 16384, 1280, True),
        (avr.ATMEGA32U4, 0, 1281, False),
    ],
)
def test_half_is_half_to_the_byte(chip: avr.Chip, flash: int, ram: int, *, fits: bool) -> None:
    nowhere = Path()
    assert avr.Firmware(chip, nowhere, nowhere, nowhere, flash, ram).fits == fits


def test_a_setting_that_is_too_large_is_refused_by_the_compiler(tmp_path: Path) -> None:
    with pytest.raises(avr.BuildError, match="PIXELS and CHANNEL_MA are 1 to 255"):
        avr.build(tmp_path, {"PIXELS": "900"})
