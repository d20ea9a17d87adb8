"""The simulated light on a real pseudo-terminal: the boards' own protocol, with real time."""

from pathlib import Path

from serial import Serial

from firmware_bridge import protocol
from firmware_bridge.simulate import SimulatedLight
from tests.support.broker import wait_until

RED = protocol.Show(255, 0, 0, lifetime=5)


def ask(
    port: Serial, reader: protocol.Reader, sequence: int, kind: int, payload: bytes = b""
) -> protocol.Message:
    """The answer to a frame."""
    port.write(protocol.encode(sequence, kind, payload))
    found: list[protocol.Message] = []

    def answered() -> bool:
        found.extend(m for m in reader.feed(port.read(64)) if m.sequence == sequence)
        return bool(found)

    wait_until(answered)
    return found[0]


def test_it_answers_and_shows_as_a_board_does() -> None:
    with SimulatedLight() as light, Serial(str(light.path), timeout=0.05) as port:
        reader = protocol.Reader()
        identity = protocol.unpack_identity(ask(port, reader, 1, protocol.HELLO, b"\1").payload)
        assert identity is not None
        assert identity.board == protocol.SIMULATOR
        assert ask(port, reader, 2, protocol.SHOW, RED.pack()).kind == protocol.SHOWN
        last = light.last
        assert last is not None
        assert (last.duty, last.state) == ((255, 0, 0), protocol.SHOWING)


def test_without_a_host_it_says_so_after_the_lifetime() -> None:
    with SimulatedLight() as light:
        with Serial(str(light.path), timeout=0.05) as port:
            ask(port, protocol.Reader(), 1, protocol.SHOW, RED.pack())
        (told,) = [each.at for each in light.paintings if each.state == protocol.SHOWING]
        assert light.wait_for(lambda light: light.paintings[-1].state == protocol.LOST)
        lost = next(each.at for each in light.paintings if each.state == protocol.LOST)
        assert 0.45 < lost - told < 1.0


def test_it_notices_that_its_host_is_gone_while_it_is_unplugged_and_comes_back(
    tmp_path: Path,
) -> None:
    with SimulatedLight(tmp_path / "light") as light:
        with Serial(str(light.path), timeout=0.05) as port:
            ask(port, protocol.Reader(), 1, protocol.SHOW, RED.pack())
        light.replug()
        assert light.wait_for(lambda light: light.paintings[-1].state == protocol.LOST)
        with Serial(str(light.path), timeout=0.05) as port:
            ask(port, protocol.Reader(), 2, protocol.PING)
        last = light.last
        assert last is not None
        assert (last.duty, last.state) == ((255, 0, 0), protocol.SHOWING)


def test_without_power_all_is_forgotten() -> None:
    with SimulatedLight() as light, Serial(str(light.path), timeout=0.05) as port:
        ask(port, protocol.Reader(), 1, protocol.SHOW, RED.pack())
        light.restart()
        shown = protocol.unpack_shown(ask(port, protocol.Reader(), 2, protocol.PING).payload)
        assert shown is not None
        assert shown.state == protocol.IDLE


def test_its_button_is_told() -> None:
    with SimulatedLight() as light, Serial(str(light.path), timeout=0.05) as port:
        light.press(protocol.DOUBLE_PRESS)
        event = ask(port, protocol.Reader(), 1, protocol.PING)  # both have number 1
        assert event.kind in {protocol.BUTTON, protocol.SHOWN}


def test_whom_nobody_reads_is_not_blocked() -> None:
    with SimulatedLight() as light, Serial(str(light.path), write_timeout=2) as port:
        for sequence in range(3000):  # more answers than a pseudo-terminal holds
            port.write(protocol.encode(sequence & 255, protocol.PING))
        port.write(protocol.encode(1, protocol.SHOW, RED.pack()))
        assert light.wait_for(lambda light: light.paintings[-1].duty == (255, 0, 0))
