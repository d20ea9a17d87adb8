"""The virtual light, on which the demo and other tests stand."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from serial import Serial

from firmware_bridge.virtual_light import VirtualLight, parse_line
from tests.support.broker import wait_until


def write(light: VirtualLight, content: bytes) -> None:
    with Serial(str(light.path), timeout=1, write_timeout=1) as port:
        port.write(content)


def test_a_line_that_is_understood_is_what_the_light_shows() -> None:
    with VirtualLight() as light:
        assert light.frames == ()
        write(light, b"ff8000 128 blink busy\n")
        assert light.wait_for(lambda light: light.last is not None)
        frame = light.last
        assert frame is not None
        assert frame.rgb == (255, 128, 0)
        assert (frame.brightness, frame.effect, frame.state) == (128, "blink", "busy")
        assert light.received == light.last_line == b"ff8000 128 blink busy\n"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"FF8000 128 blink busy",
        b"ff8000 256 blink busy",
        b"ff8000 128 blink",
        b"ff8000 128 blink busy more",
        b"x" * 10_000,
    ],
)
def test_junk_is_counted_and_changes_nothing(line: bytes) -> None:
    with VirtualLight() as light:
        write(light, b"000001 1 solid first\n" + line + b"\n" + b"000002 2 solid second\r\n")
        assert light.wait_for(lambda light: len(light.frames) == 2)
        assert light.junk == 1


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(line: bytes) -> None:
    frame = parse_line(line, 0.0)
    assert frame is None or max(*frame.rgb, frame.brightness) <= 255


def test_what_never_comes_is_waited_for_no_longer_than_asked() -> None:
    with VirtualLight() as light:
        assert not light.wait_for(lambda light: bool(light.frames), timeout=0.05)


def test_its_path_stays_while_its_device_changes(tmp_path: Path) -> None:
    path = tmp_path / "light"
    with VirtualLight(path) as light:
        before = path.readlink()
        light.replug()
        assert path.readlink() != before
        write(light, b"000001 1 solid again\n")
        assert light.wait_for(lambda light: light.last is not None)
        light.unplug()
        light.unplug()
        assert not path.is_symlink()
        assert not light.say(b"nobody hears it")
        light.stall()
        light.resume()
        light.replug()
        light.plug()
        write(light, b"000001 1 solid back\n")
        assert light.wait_for(lambda light: len(light.frames) == 2)
    assert not path.is_symlink()


def test_while_it_stalls_it_reads_nothing_and_then_the_oldest_first() -> None:
    with VirtualLight() as light:
        light.stall()
        with Serial(str(light.path), write_timeout=1) as port:
            port.write(b"000001 1 solid one\n")
            port.write(b"000002 2 solid two\n")
            assert not light.wait_for(lambda light: bool(light.received), timeout=0.2)
            light.resume()
            assert light.wait_for(lambda light: len(light.frames) == 2)
        assert [frame.state for frame in light.frames] == ["one", "two"]


def test_it_speaks_to_the_host() -> None:
    with VirtualLight() as light, Serial(str(light.path), timeout=2) as port:
        light.say(b"hello")
        assert port.read(5) == b"hello"


def test_it_is_not_held_up_by_a_host_that_does_not_read() -> None:
    with VirtualLight() as light:
        wait_until(lambda: not light.say(b"x" * 4096))


def test_a_host_is_told_when_it_is_unplugged() -> None:
    with VirtualLight() as light, Serial(str(light.path), timeout=0) as port:
        light.unplug()

        def is_gone() -> bool:
            try:
                return port.read(1) is None
            except OSError:
                return True

        wait_until(is_gone)
