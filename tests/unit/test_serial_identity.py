"""Replugged under another name: the same device is found, a stranger is never taken for it."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from busylight.outputs.serial.identity import (
    Device,
    Identity,
    choose,
    identity_of,
    same_device,
)

UNO = Identity(0x2341, 0x0043, "85430353531351E0C0A1", "1-1.2")
CH340 = Identity(0x1A86, 0x7523, None, "1-1.3")


def at(number: int, identity: Identity | None) -> Device:
    return Device(f"/dev/ttyUSB{number}", identity)


def test_a_serial_number_is_found_in_whatever_jack_and_under_whatever_name() -> None:
    moved = at(7, replace(UNO, location="3-1"))
    assert same_device([at(0, CH340), moved, at(9, None)], UNO) == moved


def test_without_a_serial_number_the_same_kind_in_the_same_jack_is_it() -> None:
    assert same_device([at(1, CH340)], CH340) == at(1, CH340)


def test_without_a_serial_number_another_jack_may_be_a_zigbee_stick() -> None:
    assert same_device([at(1, replace(CH340, location="1-1.4"))], CH340) is None


def test_without_number_and_jack_nothing_is_guessed() -> None:
    bare = replace(CH340, location=None)
    assert same_device([at(1, bare)], bare) is None


def test_of_two_that_look_the_same_none_is_taken() -> None:
    twins = [at(1, replace(UNO, location="1")), at(2, replace(UNO, location="2"))]
    assert same_device(twins, UNO) is None


def test_a_number_that_two_devices_share_is_no_identity() -> None:
    light, stick = at(0, UNO), at(1, replace(UNO, location="9"))
    identity = identity_of(light, [light, stick])
    assert identity == replace(UNO, serial_number=None)
    assert same_device([stick], identity) is None


def test_a_number_from_the_factory_is_no_identity() -> None:
    device = at(0, Identity(0x10C4, 0xEA60, "0001", "1-1"))
    assert identity_of(device, [device]) == Identity(0x10C4, 0xEA60, None, "1-1")


def test_a_number_of_its_own_is_kept_and_who_is_not_on_usb_has_none() -> None:
    device = at(0, UNO)
    assert identity_of(device, [device, at(1, CH340), at(2, None)]) == UNO
    assert identity_of(at(2, None), [at(2, None)]) is None
    assert identity_of(at(1, CH340), [at(1, CH340)]) == CH340


def test_the_path_is_opened_when_nothing_is_known_of_what_was_behind_it() -> None:
    assert choose("/dev/ttyUSB0", "/dev/ttyUSB0", [at(3, UNO)], None) == "/dev/ttyUSB0"


def test_the_path_is_opened_when_the_device_is_still_behind_it() -> None:
    link = "/dev/serial/by-id/uno"
    assert choose(link, "/dev/ttyUSB3", [at(3, UNO)], UNO) == link


def test_the_device_is_followed_to_its_new_name() -> None:
    assert choose("/dev/ttyUSB0", "/dev/ttyUSB0", [at(1, UNO)], UNO) == "/dev/ttyUSB1"


def test_the_device_is_followed_also_when_another_one_took_its_name() -> None:
    ports = [at(0, CH340), at(1, UNO)]
    assert choose("/dev/ttyUSB0", "/dev/ttyUSB0", ports, UNO) == "/dev/ttyUSB1"


def test_a_light_that_was_replaced_by_another_is_taken_at_the_path_as_set() -> None:
    assert choose("/dev/ttyUSB0", "/dev/ttyUSB0", [at(0, CH340)], UNO) == "/dev/ttyUSB0"


identities = st.builds(
    Identity,
    st.integers(1, 2),
    st.integers(1, 2),
    st.sampled_from([None, "0001", "ABCDEF", "FEDCBA"]),
    st.sampled_from([None, "1-1", "1-2"]),
)


@given(st.lists(st.one_of(st.none(), identities), max_size=6), identities)
def test_only_a_device_of_the_same_kind_is_ever_taken_for_it(
    others: list[Identity | None], identity: Identity
) -> None:
    found = same_device([at(i, other) for i, other in enumerate(others)], identity)
    if found is not None:
        assert found.identity is not None
        assert (found.identity.vid, found.identity.pid) == (identity.vid, identity.pid)
        numbers = {found.identity.serial_number, identity.serial_number}
        assert len(numbers) == 1 or identity.serial_number is None
