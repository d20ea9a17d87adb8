"""What tools say, turned into what to do next; and a board's settings, changed by name."""

import importlib.util

import pytest

from firmware_bridge import avrdude, mpremote_copy, protocol
from firmware_bridge.avr import CHIPS
from firmware_bridge.flashing import BOARDS, AvrBoard, FlashError
from firmware_bridge.micropython import FILES, SETTINGS

SETTINGS_FILE = FILES[SETTINGS].read_text("utf-8")
UNO = BOARDS["uno"]


def test_every_board_has_a_chip_that_is_built_for_and_a_name_on_the_wire() -> None:
    for board in BOARDS.values():
        assert board.kind in protocol.BOARD_NAMES
        if isinstance(board, AvrBoard):
            assert board.mcu in {chip.mcu for chip in CHIPS}


@pytest.mark.parametrize(
    ("said", "helps"),
    [
        ("avrdude: stk500_recv(): programmer is not responding", "does not answer at 115200 baud"),
        ("avrdude: ser_open(): can't open device: Permission denied", "busylight devices"),
        ("ser_open(): can't open device: Device or resource busy", "in use by another program"),
        ("Expected signature for ATmega328P is 1E 95 0F", "has no m328p"),
        ("verification mismatch\nfirst mismatch at byte 0x0000", "with another cable"),
        ("something new\nand strange", "avrdude failed: something new; and strange"),
        ("", "it said nothing"),
    ],
)
def test_what_avrdude_says_becomes_what_to_do(said: str, helps: str) -> None:
    assert isinstance(UNO, AvrBoard)
    assert helps in avrdude.remedy(UNO, "/dev/ttyUSB0", said)


@pytest.mark.parametrize(
    ("said", "helps"),
    [
        ("mpremote: failed to access /dev/ttyACM0 (it may be in use by another)", "in use by"),
        ("mpremote.transport.TransportError: could not enter raw repl", "no MicroPython answers"),
        ("OSError: [Errno 28] ENOSPC", "is full"),
        ("a\nb", "mpremote failed: b"),
        ("", "it said nothing"),
    ],
)
def test_what_mpremote_says_becomes_what_to_do(said: str, helps: str) -> None:
    assert helps in mpremote_copy.remedy("/dev/ttyACM0", said)


def test_a_missing_mpremote_is_told_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(FlashError, match=r"pip install 'busylight-presence\[firmware\]'"):
        mpremote_copy.flash("/dev/ttyACM0", {})


def test_a_value_that_somebody_has_reckoned_on_the_board_is_not_guessed_at() -> None:
    with pytest.raises(FlashError, match=r"has PIXELS = 2 \* 4, which is no plain value"):
        mpremote_copy.with_settings("PIXELS = 2 * 4\n", {"PIXELS": "8"})


def test_settings_of_a_board_are_changed_by_name_and_all_else_stays() -> None:
    changed = mpremote_copy.with_settings(
        SETTINGS_FILE, {"PINS": "4", "ORDER": "RGB", "WATCHDOG": "False", "PIXELS": "30"}
    )
    before, after = SETTINGS_FILE.splitlines(), changed.splitlines()
    assert len(before) == len(after)
    assert [line for line in after if line not in before] == [
        "PINS = (4,)",
        "PIXELS = 30",
        "ORDER = 'RGB'",
        "WATCHDOG = False",
    ]
    led = mpremote_copy.with_settings(changed, {"PINS": "16,17,18", "KIND": "pwm"})
    assert "\nPINS = (16, 17, 18)\n" in led


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("PIXEL", "3", "PIXEL: settings of this board are KIND, PINS"),
        ("PIXELS", "many", "PIXELS=many is not of the kind of 8"),
        ("PINS", "(1", r"PINS=\(1 is not of the kind"),
        ("WATCHDOG", "1", "WATCHDOG=1 is not of the kind of True"),
        ("KIND", "ws2812", "KIND=ws2812: there are neopixel, pwm, leds"),
        ("ORDER", "BRG", "ORDER=BRG: there are GRB, RGB"),
        ("PIXELS", "0", "PIXELS=0: 1 to 65535 is expected"),
        ("LIMIT_MA", "-1", "LIMIT_MA=-1: 1 to 65535 is expected"),
        ("KIND", "pwm", "KIND=pwm takes 3 of PINS, not 1: PINS=16,17,18"),
        ("PINS", "1,2,3", "KIND=neopixel takes 1 of PINS, not 3: PINS=0"),
    ],
)
def test_a_setting_that_a_board_has_not_is_refused(name: str, value: str, problem: str) -> None:
    with pytest.raises(FlashError, match=problem):
        mpremote_copy.with_settings(SETTINGS_FILE, {name: value})
