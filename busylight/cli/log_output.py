"""The form in which the log is written: lines for people, or JSON for machines."""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

from busylight.edge.log import protect


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


def configure(level: str, *, as_json: bool) -> None:
    """Log to stderr from `level` on, without secrets; the journal adds its own time."""
    handler = logging.StreamHandler(sys.stderr)
    if as_json:
        handler.setFormatter(_JsonLines())
    else:
        time = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
        handler.setFormatter(logging.Formatter(f"{time}%(levelname)s %(name)s: %(message)s"))
    protect([handler])
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
