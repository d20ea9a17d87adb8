"""Counts of what the program has done since its start, for whoever measures it."""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Final


class Tally:
    """Counts by name; from any thread."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def note(self, name: str) -> None:
        """Count one more."""
        with self._lock:
            self._counts[name] += 1

    @property
    def counts(self) -> Mapping[str, int]:
        """All counts."""
        with self._lock:
            return dict(self._counts)


GRAPH_REQUESTS: Final = Tally()
"""Requests to Graph and its sign-in server, by what became of them.

`2xx` … `5xx`, `throttled` (429) or `failed` (no answer).
"""
