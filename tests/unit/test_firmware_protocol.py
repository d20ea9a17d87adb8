"""The protocol of our own lights: every vector, and what no bytes on the wire can do."""

import binascii
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import protocol
from firmware_bridge.board import Board
from firmware_bridge.light import BREATH, GAMMA, HOST_LOST, Light, level

VECTORS: dict[str, Any] = json.loads(
    (Path(protocol.__file__).parent / "vectors.json").read_text("utf-8")
)
BYTES = st.binary(max_size=protocol.LONGEST_PAYLOAD)
BYTE = st.integers(0, 255)
SHOWS = st.builds(
    protocol.Show, BYTE, BYTE, BYTE, BYTE, BYTE, st.integers(0, 65535), st.integers(0, 65535)
)


def board(pixels: int = 8, limit: int = 400, capabilities: int = protocol.HAS_PIXELS) -> Board:
    identity = protocol.Identity(protocol.SIMULATOR, b"12345678", pixels, capabilities)
    return Board(identity, Light(pixels, limit))


def answered(light: Board, content: bytes) -> list[protocol.Message]:
    """What a board answers once it has painted."""
    light.receive(content)
    if (duty := light.paint()) is not None:
        light.painted(duty)
    return protocol.Reader().feed(light.answers())


def kinds(messages: list[protocol.Message]) -> list[int]:
    return [message.kind for message in messages]


def shown(messages: list[protocol.Message]) -> protocol.Shown:
    assert kinds(messages) == [protocol.SHOWN]
    understood = protocol.unpack_shown(messages[0].payload)
    assert understood is not None
    return understood


# -- Vectors ----------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS["crc"], ids=lambda v: v["content"])
def test_the_crc_is_the_one_of_the_vectors(vector: dict[str, Any]) -> None:
    assert protocol.crc16(bytes.fromhex(vector["content"])) == vector["crc"]


@pytest.mark.parametrize("vector", VECTORS["stuffing"], ids=lambda v: v["plain"])
def test_stuffing_is_the_one_of_the_vectors(vector: dict[str, Any]) -> None:
    plain, coded = bytes.fromhex(vector["plain"]), bytes.fromhex(vector["coded"])
    assert protocol.stuff(plain) == coded
    assert protocol.unstuff(coded) == plain


@pytest.mark.parametrize("vector", VECTORS["frames"], ids=lambda v: v["name"])
def test_frames_are_those_of_the_vectors(vector: dict[str, Any]) -> None:
    wire, payload = bytes.fromhex(vector["wire"]), bytes.fromhex(vector["payload"])
    written = protocol.encode(vector["sequence"], vector["kind"], payload, vector["version"])
    assert written == wire
    assert len(wire) <= protocol.LONGEST_FRAME
    (read,) = protocol.Reader().feed(wire)
    assert (read.version, read.sequence, read.kind, read.payload) == (
        vector["version"],
        vector["sequence"],
        vector["kind"],
        payload,
    )


@pytest.mark.parametrize("vector", VECTORS["junk"], ids=lambda v: v["name"])
def test_junk_of_the_vectors_is_no_frame(vector: dict[str, Any]) -> None:
    assert protocol.Reader().feed(bytes.fromhex(vector["wire"])) == []


def test_gamma_and_levels_are_those_of_the_vectors_and_of_the_formulas() -> None:
    assert bytes.fromhex(VECTORS["gamma"]) == GAMMA
    assert list(GAMMA[1:]) == [max(1, round(255 * (v / 255) ** 2.2)) for v in range(1, 256)]
    for effect, elapsed, period, expected in VECTORS["levels"]:
        assert level(effect, elapsed, period) == expected, (effect, elapsed, period)


@pytest.mark.parametrize("vector", VECTORS["duties"], ids=lambda v: str(v["show"]))
def test_what_leds_are_driven_with_is_that_of_the_vectors(vector: dict[str, Any]) -> None:
    light = Light(vector["pixels"], vector["limit"], vector["channel"])
    light.show(protocol.Show(*vector["show"]))
    light.advance(vector["elapsed"])
    assert list(light.duty()) == vector["duty"]


@pytest.mark.parametrize("vector", VECTORS["dialogues"], ids=lambda v: v["name"])
def test_dialogues_go_as_in_the_vectors(vector: dict[str, Any]) -> None:
    light = board()
    for step in vector["steps"]:
        if "host" in step:
            light.receive(bytes.fromhex(step["host"]))
        elif "pass" in step:
            light.advance(step["pass"])
        else:
            if (duty := light.paint()) is not None:
                light.painted(duty)
            assert light.answers().hex() == step["light"]
            assert list(light.light.duty()) == step["leds"]


# -- Frames -----------------------------------------------------------------------------------


@given(st.binary(max_size=200))
def test_the_crc_is_that_of_the_standard_library(content: bytes) -> None:
    assert protocol.crc16(content) == binascii.crc_hqx(content, 0xFFFF)


@given(st.binary(max_size=253))
def test_what_was_stuffed_has_no_zero_and_comes_back(content: bytes) -> None:
    coded = protocol.stuff(content)
    assert 0 not in coded
    assert len(coded) == len(content) + 1
    assert protocol.unstuff(coded) == content


@given(st.lists(st.integers(1, 255), min_size=1).map(bytes))
def test_what_comes_off_the_wire_was_stuffed_or_is_nothing(coded: bytes) -> None:
    content = protocol.unstuff(coded)
    assert content is None or protocol.stuff(content) == coded


def test_a_count_of_more_than_is_there_or_of_none_is_nothing() -> None:
    assert protocol.unstuff(b"\5\1\2") is None
    assert protocol.unstuff(b"\0") is None


@given(st.lists(st.tuples(BYTE, BYTE, BYTES)), st.integers(1, 40))
def test_frames_are_read_in_pieces_of_any_length(
    frames: list[tuple[int, int, bytes]], piece: int
) -> None:
    wire = b"".join(protocol.encode(*frame) for frame in frames)
    reader = protocol.Reader()
    read = [
        (message.sequence, message.kind, message.payload)
        for start in range(0, len(wire), piece)
        for message in reader.feed(wire[start : start + piece])
    ]
    assert read == frames
    assert reader.junk == 0


def _piece(content: bytes) -> bytes:
    """What would be a frame if it had the length of one: its check is good."""
    checked = content + protocol.crc16(content).to_bytes(2, "little")
    return protocol.stuff(checked) + protocol.DELIMITER


@pytest.mark.parametrize("content", [b"", b"\1", b"\1\2", bytes(range(1, 29)), bytes(range(1, 40))])
def test_a_good_check_makes_no_frame_of_what_is_too_short_or_too_long(content: bytes) -> None:
    reader = protocol.Reader()
    assert reader.feed(_piece(content)) == []
    assert reader.junk == 1


def test_a_frame_that_does_not_end_where_it_should_is_none() -> None:
    longest = protocol.encode(1, protocol.SHOW, b"\5" * protocol.LONGEST_PAYLOAD)
    reader = protocol.Reader()
    assert reader.feed(longest[:-1] + b"more" + protocol.DELIMITER) == []
    assert reader.junk == 1
    (message,) = reader.feed(longest)  # what was too long is over
    assert len(message.payload) == protocol.LONGEST_PAYLOAD
    reader.feed(_piece(b"") + _piece(b""))
    assert reader.junk == 3


def test_a_frame_without_a_payload_has_none() -> None:
    (message,) = protocol.Reader().feed(protocol.encode(9, protocol.PING))
    assert (message.sequence, message.kind, message.payload) == (9, protocol.PING, b"")
    assert message.version == protocol.VERSION


@given(st.binary(max_size=400), BYTE, BYTE, BYTES)
def test_a_good_frame_is_read_after_any_junk(
    junk: bytes, sequence: int, kind: int, payload: bytes
) -> None:
    reader = protocol.Reader()
    found = reader.feed(junk + protocol.encode(sequence, kind, payload))
    assert (found[-1].sequence, found[-1].kind, found[-1].payload) == (sequence, kind, payload)


@given(BYTE, BYTE, BYTES, st.data())
def test_a_frame_with_two_spoilt_bits_or_fewer_is_never_taken_for_another(
    sequence: int, kind: int, payload: bytes, data: st.DataObject
) -> None:
    wire = bytearray(protocol.encode(sequence, kind, payload))
    bits = st.sets(st.integers(8, len(wire) * 8 - 9), min_size=1, max_size=2)
    for bit in data.draw(bits):
        wire[bit // 8] ^= 1 << bit % 8
    for message in protocol.Reader().feed(bytes(wire)):
        # What stuffing hides may come out the same; what comes out is never another frame.
        assert (message.sequence, message.kind, message.payload) == (sequence, kind, payload)


def test_a_payload_that_fits_no_frame_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a payload has at most 24 bytes$"):
        protocol.encode(0, protocol.SHOW, bytes(25))


@given(SHOWS, BYTE, BYTE)
def test_payloads_come_back_as_they_were(show: protocol.Show, state: int, flags: int) -> None:
    read = protocol.unpack_show(show.pack() + b"newer")
    assert read is not None
    assert (read.look(), read.lifetime) == (show.look(), show.lifetime)
    told = protocol.unpack_shown(protocol.Shown(state, flags, show).pack())
    assert told is not None
    assert (told.state, told.flags, told.show.look()) == (state, flags, show.look())


def _periods(effect: int, *told: int) -> list[int]:
    return [protocol.Show(1, 2, 3, effect=effect, period=period).period for period in told]


def test_an_effect_has_its_usual_period_unless_it_is_told_another() -> None:
    assert _periods(protocol.BLINK, 0, 1, 400, 60_000, 60_001) == [1000, 400, 400, 60_000, 60_000]
    assert (_periods(protocol.PULSE, 0), _periods(protocol.BREATHE, 0)) == ([1200], [4000])
    assert _periods(protocol.SOLID, 500) == _periods(77, 500) == [0]  # 77 is of a newer host
    assert protocol.Show(1, 2, 3, effect=protocol.BLINK).period == 1000


def test_a_light_that_is_told_a_colour_alone_is_solid_full_and_for_ever() -> None:
    show = protocol.Show(1, 2, 3)
    assert (show.look(), show.lifetime) == ((1, 2, 3, 255, protocol.SOLID, 0), 0)


def test_an_identity_comes_back_as_it_was() -> None:
    identity = protocol.Identity(protocol.RP2040, b"\0\1\2\3\4\5\6\7", 300, 7, (1, 2, 3), 4)
    read = protocol.unpack_identity(identity.pack() + b"newer")
    assert read is not None
    assert vars(read) == vars(identity)


@given(BYTES)
def test_payloads_that_are_too_short_are_none(payload: bytes) -> None:
    assert (protocol.unpack_show(payload) is None) == (len(payload) < protocol.SHOW_SIZE)
    assert (protocol.unpack_shown(payload) is None) == (len(payload) < protocol.SHOWN_SIZE)
    assert (protocol.unpack_identity(payload) is None) == (len(payload) < protocol.IDENTITY_SIZE)


# -- The light --------------------------------------------------------------------------------


@given(st.integers(1, 3), st.integers(0, 10**7), st.integers(400, 60000))
def test_a_level_is_a_byte(effect: int, elapsed: int, period: int) -> None:
    assert 0 <= level(effect, elapsed, period) <= 255


@given(st.integers(0, 10**6))
def test_breath_is_never_darker_than_a_tenth(elapsed: int) -> None:
    assert level(protocol.BREATHE, elapsed, 4000) >= BREATH[0] == 26


@given(SHOWS, st.integers(1, 300), st.integers(1, 2000), st.integers(0, 60000))
def test_leds_never_draw_more_than_they_may(
    show: protocol.Show, pixels: int, limit: int, elapsed: int
) -> None:
    light = Light(pixels, limit)
    light.show(show)
    light.advance(elapsed)
    assert sum(light.duty()) * pixels * 20 <= limit * 255


@given(SHOWS, st.lists(st.integers(0, 7000)))
def test_a_light_is_lost_exactly_when_its_lifetime_has_passed(
    show: protocol.Show, steps: list[int]
) -> None:
    light = Light(8)
    light.show(show)
    for step in steps:
        light.advance(step)
    is_lost = bool(show.lifetime) and sum(steps) >= show.lifetime * 100 and bool(steps)
    assert (light.state == protocol.LOST) == is_lost
    assert (light.look() is HOST_LOST) == is_lost


def test_the_same_light_told_again_goes_on_without_a_jerk() -> None:
    light = Light(8)
    pulse = protocol.Show(255, 0, 0, 255, protocol.PULSE, 1000, 50)
    light.show(pulse)
    light.advance(600)
    before = light.duty()
    light.show(protocol.Show(255, 0, 0, 255, protocol.PULSE, 1000, 90))
    assert light.duty() == before != (255, 0, 0)
    light.show(protocol.Show(0, 255, 0, 255, protocol.PULSE, 1000, 90))
    assert light.duty() == (0, 0, 0)  # a new one begins anew


# -- The board --------------------------------------------------------------------------------


def test_a_board_says_who_it_is_also_to_a_newer_host() -> None:
    for version in (1, 2, 255):
        (answer,) = answered(board(), protocol.encode(9, protocol.HELLO, b"\xff", version))
        assert (answer.sequence, answer.kind, answer.version) == (9, protocol.IDENTITY, 1)
        identity = protocol.unpack_identity(answer.payload)
        assert identity is not None
        assert (identity.serial_number, identity.pixels) == (b"12345678", 8)


def test_a_stranger_who_asks_brings_nothing_back() -> None:
    light = board()
    answered(light, protocol.encode(1, protocol.SHOW, protocol.Show(255, 0, 0, lifetime=10).pack()))
    light.advance(900)
    answered(light, protocol.encode(2, protocol.HELLO, b"\1"))
    light.advance(100)
    assert light.light.state == protocol.LOST
    answered(light, protocol.encode(3, protocol.HELLO, b"\1"))
    assert light.light.state == protocol.LOST


def test_a_released_light_is_painted_dark_once_and_then_left_alone() -> None:
    light = board()
    answered(light, protocol.encode(1, protocol.SHOW, protocol.Show(255, 0, 0).pack()))
    light.receive(protocol.encode(2, protocol.RELEASE, b"\x0a\x00"))
    assert light.paint() == (0, 0, 0)
    light.painted((0, 0, 0))
    for _ in range(9):
        light.advance(100)
        assert light.paint() is None
    assert shown(answered(light, protocol.encode(3, protocol.PING))).state == protocol.RELEASED
    light.advance(1000)
    assert light.paint() is not None  # the host is lost
    light.painted((1, 1, 1))
    light.receive(protocol.encode(4, protocol.PING))
    assert light.paint() == (0, 0, 0)


def test_what_holds_is_painted_again_every_second() -> None:
    light = board()
    answered(light, protocol.encode(1, protocol.SHOW, protocol.Show(255, 0, 0).pack()))
    light.advance(999)
    assert light.paint() is None
    light.advance(1)
    assert light.paint() == (255, 0, 0)


def test_an_effect_is_painted_at_fifty_hertz() -> None:
    light = board()
    wave = protocol.Show(255, 255, 255, 255, protocol.BREATHE, 1000)
    answered(light, protocol.encode(1, protocol.SHOW, wave.pack()))
    painted: list[tuple[int, int, int]] = []
    for _ in range(1000):
        light.advance(1)
        if (duty := light.paint()) is not None:
            assert duty not in painted[-1:]  # what looks the same is not painted
            light.painted(duty)
            painted.append(duty)
    assert 30 <= len(painted) <= 50


def test_nothing_is_confirmed_before_it_is_painted() -> None:
    light = board()
    light.receive(protocol.encode(1, protocol.SHOW, protocol.Show(255, 0, 0).pack()))
    assert light.paint() == (255, 0, 0)


def test_a_button_is_told_until_it_is_heard() -> None:
    light = board(capabilities=protocol.HAS_BUTTON)
    light.press(protocol.LONG_PRESS)
    light.advance(0)
    (event,) = protocol.Reader().feed(light.answers())
    assert (event.kind, event.payload) == (protocol.BUTTON, bytes((protocol.LONG_PRESS, 1)))
    light.receive(protocol.encode(0, protocol.HEARD, b"\x09"))  # of another one
    light.advance(200)
    assert kinds(protocol.Reader().feed(light.answers())) == [protocol.BUTTON]
    assert answered(light, protocol.encode(0, protocol.HEARD, b"\x01")) == []
    light.advance(200)
    assert light.answers() == b""


def test_a_button_that_nobody_hears_gives_up() -> None:
    light = board(capabilities=protocol.HAS_BUTTON)
    light.press(protocol.PRESS)
    told = 0
    for _ in range(100):
        light.advance(100)
        told += len(protocol.Reader().feed(light.answers()))
    assert told == 5


def test_the_prompt_is_for_those_alone_who_say_the_word_to_a_board_that_has_one() -> None:
    word = protocol.encode(1, protocol.REPL, protocol.REPL_WORD)
    without, with_one = board(), board(capabilities=protocol.HAS_REPL)
    (answer,) = answered(without, word)
    assert (answer.kind, answer.payload[0]) == (protocol.ERROR, protocol.UNKNOWN_KIND)
    (answer,) = answered(with_one, protocol.encode(1, protocol.REPL, b"repl"))
    assert (answer.kind, answer.payload[0]) == (protocol.ERROR, protocol.TOO_SHORT)
    assert [light.repl_wanted for light in (without, with_one)] == [False, False]
    assert kinds(answered(with_one, word)) == [protocol.SHOWN]
    assert with_one.repl_wanted


def test_a_release_without_its_lifetime_is_refused() -> None:
    (answer,) = answered(board(), protocol.encode(1, protocol.RELEASE, b"\x01"))
    assert answer.payload == bytes((protocol.TOO_SHORT, protocol.RELEASE, protocol.VERSION))


@given(st.lists(st.one_of(st.binary(max_size=64), SHOWS.map(lambda s: s.pack())), max_size=20))
def test_no_bytes_stop_a_board_from_taking_the_next_good_frame(pieces: list[bytes]) -> None:
    light = board()
    for piece in pieces:
        answered(light, piece)
        light.advance(7)
    green = protocol.encode(1, protocol.SHOW, protocol.Show(0, 255, 0, lifetime=50).pack())
    assert shown(answered(light, green)).show.look()[:3] == (0, 255, 0)
