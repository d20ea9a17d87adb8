"""Words for people hold up nobody."""

import os
import threading

import pytest

from busylight.edge import speaker as speaker_module
from busylight.edge.speaker import Speaker
from tests.support.broker import wait_until


def test_lines_come_out_in_their_order() -> None:
    reading, writing = os.pipe()
    speaker = Speaker(writing)
    for number in range(3):
        speaker.say(f"line {number} ü")
    speaker.flush()
    assert os.read(reading, 1000).decode() == "line 0 ü\nline 1 ü\nline 2 ü\n"
    os.close(writing)
    os.close(reading)


def test_who_has_said_nothing_for_a_while_has_no_thread_until_he_speaks_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(speaker_module, "_IDLE", 0.02)
    reading, writing = os.pipe()
    speaker = Speaker(writing)
    for word in ("one", "two"):
        speaker.say(word)
        speaker.flush()
        wait_until(lambda: speaker._thread is None)
    assert os.read(reading, 1000) == b"one\ntwo\n"
    os.close(writing)
    os.close(reading)


def test_a_pipe_that_nobody_reads_holds_up_nobody() -> None:
    reading, writing = os.pipe()
    speaker = Speaker(writing)
    done = threading.Event()

    def speak() -> None:
        for _ in range(5000):
            speaker.say("x" * 100)
        speaker.flush(0.01)
        done.set()

    threading.Thread(target=speak, daemon=True).start()
    assert done.wait(10)
    os.close(reading)
    speaker.flush(5)
    os.close(writing)


def test_a_pipe_whose_reader_has_gone_is_no_fault() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    speaker = Speaker(writing)
    speaker.say("to nobody")
    speaker.flush()
    speaker.say("still alive")
    speaker.flush()
    os.close(writing)
