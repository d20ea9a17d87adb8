"""The firmware for MicroPython, on a real one."""

from pathlib import Path

import pytest

from firmware_bridge import protocol, usb_names
from firmware_bridge.light import Light
from tests.firmware.conftest import unharmed
from tests.support import targets
from tests.support.targets import Duty, Host, Process

RED = protocol.Show(255, 0, 0, lifetime=600)


def _duty(show: protocol.Show, pixels: int, limit: int = 400) -> Duty:
    reference = Light(pixels, limit)
    reference.show(show)
    return reference.duty()


def _shows(light: Process, duty: Duty) -> bool:
    return light.wait_for(lambda told: bool(told) and told[-1][1] == duty)


# -- LEDs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [(255, 128, 3), (1, 0, 1), (0, 0, 0), (255, 255, 255)], ids=str)
@pytest.mark.parametrize("kind", ["pwm", "leds"])
def test_an_rgb_led_on_three_pins_has_its_colour(
    tmp_path: Path, kind: str, colour: tuple[int, int, int]
) -> None:
    settings = {"KIND": kind, "PINS": (2, 3, 4), "PIXELS": 1, "LIMIT_MA": 30}
    with unharmed(targets.Python(tmp_path, settings)) as light, Host(light.path) as host:
        assert isinstance(light, Process)
        identity = host.greet()
        assert identity.pixels == 1
        assert identity.capabilities == protocol.HAS_REPL | protocol.HAS_PWM
        show = protocol.Show(*colour, lifetime=600)
        shown = host.show(show)
        duty = _duty(show, 1, 30)
        assert bool(shown.flags & protocol.LIMITED) == (colour == (255, 255, 255))
        assert sum(duty) * 20 <= 30 * 255
        if kind == "leds":
            duty = (255 * bool(duty[0]), 255 * bool(duty[1]), 255 * bool(duty[2]))
        assert _shows(light, duty)


@pytest.mark.parametrize("order", ["GRB", "RGB"])
def test_pixels_take_their_colours_in_the_order_that_is_set(tmp_path: Path, order: str) -> None:
    """MicroPython's driver sends green first: for RGB the two change places before it."""
    with (
        unharmed(targets.Python(tmp_path, {"ORDER": order, "LIMIT_MA": 100})) as light,
        Host(light.path) as host,
    ):
        assert isinstance(light, Process)
        host.greet()
        show = protocol.Show(255, 200, 30, lifetime=600)
        assert host.show(show).flags & protocol.LIMITED
        red, green, blue = _duty(show, 8, 100)
        assert _shows(light, (red, green, blue) if order == "GRB" else (green, red, blue))


# -- The chip ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "kind"),
    [
        ("Raspberry Pi Pico with RP2040", protocol.RP2040),
        ("Raspberry Pi Pico 2 with RP2350", protocol.RP2350),
        ("Generic ESP32 module with ESP32", protocol.ESP32),
        ("ESP32C3 module with ESP32C3", protocol.ESP32),
        ("ESP32S3 module with Octal-SPIRAM with ESP32S3", protocol.ESP32),
    ],
)
def test_a_board_knows_what_it_is_by_what_its_micropython_says(
    tmp_path: Path, machine: str, kind: int
) -> None:
    light = targets.Python(tmp_path)
    (light.directory / "chip").write_text(machine)
    with unharmed(light), Host(light.path) as host:
        assert host.greet().board == kind
        assert host.show(RED).show.look() == RED.look()


# -- The button -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("#" * 10, protocol.PRESS),
        ("#.#" + "#" * 10 + ".#", protocol.PRESS),  # it bounces
        ("#" * 10 + "." * 10 + "#" * 10, protocol.DOUBLE_PRESS),
        ("#" * 120, protocol.LONG_PRESS),
    ],
    ids=["press", "bouncing", "double", "long"],
)
def test_a_button_is_told_until_the_host_has_heard(tmp_path: Path, script: str, kind: int) -> None:
    with (
        unharmed(targets.Python(tmp_path, {"BUTTON": 5})) as light,
        Host(light.path) as host,
    ):
        assert isinstance(light, targets.Python)
        assert host.greet().capabilities & protocol.HAS_BUTTON
        _press(light, script)
        for _ in range(3):  # nobody says that it was heard
            event = host.next()
            assert (event.kind, event.payload) == (protocol.BUTTON, bytes((kind, 1)))
        host.write(protocol.encode(9, protocol.HEARD, b"\x01"))
        host.settle()
        assert host.show(RED).show.look() == RED.look()
        _press(light, "#" * 10)
        event = host.next()  # not the old one again
        assert event.payload == bytes((protocol.PRESS, 2))


def _press(light: targets.Python, script: str) -> None:
    new = light.directory / "contact.new"
    new.write_text(script)
    new.rename(light.directory / "contact")


def test_without_a_button_none_is_claimed(tmp_path: Path) -> None:
    with unharmed(targets.Python(tmp_path)) as light, Host(light.path) as host:
        assert host.greet().capabilities == protocol.HAS_REPL | protocol.HAS_PIXELS


# -- Ctrl-C and the prompt --------------------------------------------------------------------


def test_byte_3_is_a_byte(tmp_path: Path) -> None:
    """A terminal program's Ctrl-C, and the 3 within a frame, end no light."""
    with unharmed(targets.Python(tmp_path)) as light, Host(light.path) as host:
        assert isinstance(light, Process)
        host.greet()
        light.wait_for_line("kbd_intr")
        assert light.lines[0] == "kbd_intr -1"  # before anything is read
        host.write(b"\x03" * 100)
        three = protocol.Show(3, 3, 3, 3, lifetime=0x0303)
        assert host.show(three, tries=2).show.look() == three.look()
        assert light.lines.count("kbd_intr 3") == 0


def test_a_frame_gives_the_prompt_back_and_the_start_after_that_is_a_light_again(
    tmp_path: Path,
) -> None:
    mark = tmp_path / "board" / "repl_wanted"
    with targets.Python(tmp_path) as light:
        with Host(light.path) as host:
            host.greet()
            answer = host.ask(protocol.REPL, protocol.REPL_WORD)
            assert answer.kind == protocol.SHOWN
        light.wait_for_line("reset")  # as a watchdog cannot be stopped
        assert light.lines.index("kbd_intr 3") < light.lines.index("reset")
    with targets.Python(tmp_path, repl=True) as light, Host(light.path) as host:
        host.read_until(b">>> ")
        host.write(b"print(6 * 7)\r")
        host.read_until(b"\n42")
        assert not light.paintings
    assert mark.exists()  # a soft reset leaves USB alone until the next real start
    with targets.Python(tmp_path) as light:
        light.wait_for_line("reset")
        assert not mark.exists()
    with targets.Python(tmp_path) as light, Host(light.path) as host:
        host.greet()


# -- The watchdog -----------------------------------------------------------------------------


def test_a_firmware_that_hangs_is_not_fed_and_one_that_waits_for_a_host_is(
    tmp_path: Path,
) -> None:
    with targets.Python(tmp_path) as light, Host(light.path) as host:
        host.greet()
        # Longer than the watchdog's 5 s: it goes round, though nobody talks to it.
        assert light.wait_for(lambda told: told[-1][0] > told[0][0] + 6, 90)
        assert "bitten" not in light.lines
        (light.directory / "hang").touch()
        light.wait_for_line("bitten")


# -- USB names --------------------------------------------------------------------------------


def test_a_board_that_describes_its_usb_itself_says_that_it_is_our_light(tmp_path: Path) -> None:
    light = targets.Python(tmp_path)
    (light.directory / "usb").touch()
    with light, Host(light.path) as host:
        host.greet()
        light.wait_for_line("kbd_intr", "-1")  # by main.py, when boot.py has ended
        assert light.lines[:4] == [
            "usb active 0",
            f"usb string 1 {usb_names.MANUFACTURER}",
            f"usb string 2 {usb_names.PRODUCT}",
            "usb active 1",
        ]
        host.ask(protocol.REPL, protocol.REPL_WORD)
        light.wait_for_line("reset")
    light = targets.Python(tmp_path, repl=True)
    with light, Host(light.path) as host:
        host.read_until(b">>> ")
        assert not any(line.startswith("usb") for line in light.lines)  # mpremote's resets drop it
