"""What the log looks like, for people and for machines."""

import json
import logging
import os
import re
from collections.abc import Iterator

import pytest

from busylight.cli.log_output import configure
from busylight.edge.speaker import Speaker

FORGED = "x\n2026-11-28 10:00:00,000 INFO busylight: all is well\r\x1b[2J\udcff ü"


class Written:
    """A log, and what it has written."""

    def __init__(self, *, as_json: bool) -> None:
        self._reading, self._writing = os.pipe()
        self._speaker = Speaker(self._writing)
        configure("info", as_json=as_json, speaker=self._speaker)

    @property
    def text(self) -> str:
        self._speaker.flush(10)
        return os.read(self._reading, 65536).decode()

    def close(self) -> None:
        self._speaker.flush(10)
        os.close(self._writing)
        os.close(self._reading)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_message_is_one_line_whatever_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    written = Written(as_json=False)
    logging.getLogger("busylight.x").warning("%s", FORGED)
    text = written.text
    assert text.count("\n") == 1
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARNING busylight.x: x\\n2026", text)
    assert text.endswith("well\\r\\x1b[2J\\udcff ü\n")
    written.close()


def test_the_journal_has_a_time_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    written = Written(as_json=False)
    logging.getLogger("busylight.x").info("well")
    assert written.text == "INFO busylight.x: well\n"
    written.close()


def test_an_error_is_told_with_its_traceback_and_as_json_in_one_line() -> None:
    written = Written(as_json=True)
    try:
        dict[str, int]()[FORGED]
    except KeyError:
        logging.getLogger("busylight.x").exception("failed")
    line = written.text
    assert line.count("\n") == 1
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"]) == ("error", "busylight.x", "failed")
    assert "KeyError" in told["exception"]
    written.close()
