"""Every frame in words: of the vectors, of newer lights, and of junk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import protocol
from firmware_bridge.words import in_words


def words(kind: int, payload: bytes = b"") -> str:
    return in_words(protocol.Message(7, kind, payload))


@pytest.mark.parametrize(
    ("kind", "payload", "said"),
    [
        (protocol.HELLO, b"\1", "hello from a host that speaks version 1"),
        (protocol.PING, b"", "ping"),
        (
            protocol.SHOW,
            protocol.Show(255, 0, 0, 128, protocol.PULSE, 0, 120).pack(),
            "show #ff0000 50% pulse 1.2 s, for 12 s",
        ),
        (protocol.SHOW, protocol.Show(0, 255, 0).pack(), "show #00ff00 100% solid, for ever"),
        (protocol.RELEASE, b"\x78\0", "release, for 12 s"),
        (protocol.HEARD, b"\5", "heard button event 5"),
        (protocol.REPL, protocol.REPL_WORD, "repl: give MicroPython's prompt"),
        (
            protocol.SHOWN,
            protocol.Shown(protocol.LOST, protocol.WAS_LOST, protocol.Show(64, 0, 255)).pack(),
            "host lost: #4000ff 100% solid, had given the host up, for ever",
        ),
        (protocol.BUTTON, b"\2\x09", "button event 9: double press"),
        (
            protocol.ERROR,
            b"\3\2\1",
            "error: kind 0x02 refused, its version is newer than the light's; it speaks version 1",
        ),
        (0x42, b"\xab\xcd", "kind 0x42 abcd"),
        (protocol.SHOW, b"\1", "kind 0x02 01"),  # too short
        (0x99, b"", "kind 0x99"),
    ],
)
def test_a_frame_in_words(kind: int, payload: bytes, said: str) -> None:
    assert words(kind, payload) == f"{said}  (number 7)"


def test_an_identity_in_words() -> None:
    identity = protocol.Identity(
        protocol.ATMEGA328P, b"12345678", 1, protocol.HAS_BUTTON | protocol.HAS_PWM | 0x100
    )
    assert words(protocol.IDENTITY, identity.pack()) == (
        "identity: ATmega328P, firmware 0.1.0, 1 pixel, serial number 3132333435363738, button, "
        "LEDs on PWM  (number 7)"
    )


@given(kind=st.integers(0, 255), payload=st.binary(max_size=protocol.LONGEST_PAYLOAD))
def test_whatever_comes_has_words_of_one_line(kind: int, payload: bytes) -> None:
    said = words(kind, payload)
    assert said
    assert said.isprintable()
