"""Which part has blocked the program before it was started again.

Kept in the state directory: that part starts last, and later each time, until it has been well.
"""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from busylight.edge.files import write_private

_FILE: Final = "blocked.json"
_MANY: Final = 1000
_FIRST_WAIT: Final = 60.0
_LONGEST_WAIT: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Blocked:
    """A part that held up everything, so that the program had to be ended."""

    part: str
    """As `current_part.PART` has it."""
    times: int = 1
    """How often in a row."""

    @property
    def wait(self) -> float:
        """Seconds that the part waits when all others have begun: 0, then a minute, then longer."""
        if self.times <= 1:
            return 0.0
        return min(_FIRST_WAIT * 4.0 ** min(self.times - 2, 10), _LONGEST_WAIT)

    @property
    def words(self) -> str:
        """What is told of it."""
        times = "" if self.times == 1 else f" {self.times} times in a row"
        return f"has blocked the whole program{times}, which was started again with it as the last"


def recall(state_dir: Path) -> Blocked | None:
    """What was remembered; None if nothing, or nothing that can be read."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        kept = json.loads((state_dir / _FILE).read_bytes())
        part, times = kept["part"], kept["times"]
        if isinstance(part, str) and type(times) is int:
            return Blocked(part, min(max(times, 1), _MANY))
    return None


def remember(state_dir: Path, part: str) -> None:
    """Remember that this part has blocked the program, once more perhaps. Raises OSError."""
    before = recall(state_dir)
    times = before.times + 1 if before is not None and before.part == part else 1
    write_private(state_dir / _FILE, json.dumps({"part": part, "times": times}).encode())


def forget(state_dir: Path) -> None:
    """The part has been well for long enough."""
    with contextlib.suppress(OSError):
        (state_dir / _FILE).unlink(missing_ok=True)
