"""Words for people hold up nobody."""

import os
import threading

from busylight.edge.speaker import Speaker


def test_lines_come_out_in_their_order() -> None:
    reading, writing = os.pipe()
    speaker = Speaker(writing)
    for number in range(3):
        speaker.say(f"line {number} ü")
    speaker.flush()
    assert os.read(reading, 1000).decode() == "line 0 ü\nline 1 ü\nline 2 ü\n"
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
