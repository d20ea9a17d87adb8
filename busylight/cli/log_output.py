"""The form in which the log is written: lines for people, or JSON for machines."""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

from busylight.edge.calm_log import CalmHandler
from busylight.edge.log import protect
from busylight.edge.speaker import Speaker


class _Lines(logging.Formatter):
    """One line for one message, whatever is in it: nobody forges lines, or moves the cursor."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- logging's name
        text = super().formatMessage(record)
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            line["exception"] = record.exc_text
        return json.dumps(line, ensure_ascii=False)


class _SpeakingHandler(logging.Handler):
    """Logs through a speaker: a blocked stderr holds up nobody."""

    def __init__(self, speaker: Speaker) -> None:
        super().__init__()
        self._speaker = speaker

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._speaker.say(self.format(record))
        except Exception:  # noqa: BLE001 -- logging's own way with a line that cannot be made
            self.handleError(record)


def configure(level: str, *, as_json: bool, speaker: Speaker | None = None) -> None:
    """Log to stderr from `level` on, without secrets; the journal adds its own time.

    With a `speaker`, through it, and no more than anybody would read (unless from `debug` on):
    for programs that stay.
    """
    handler: logging.Handler = (
        logging.StreamHandler(sys.stderr) if speaker is None else _SpeakingHandler(speaker)
    )
    if as_json:
        handler.setFormatter(_JsonLines())
    else:
        time = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
        handler.setFormatter(_Lines(f"{time}%(levelname)s %(name)s: %(message)s"))
    if speaker is not None and level != "debug":
        protect([handler])
        handler = CalmHandler(handler)
    protect([handler])
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
