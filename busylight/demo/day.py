"""The working day that `busylight demo` plays."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple


class Step(NamedTuple):
    """What the person does from a time of the day on."""

    time: str
    """`HH:MM`."""
    availability: str
    activity: str

    @property
    def minute(self) -> int:
        """Minutes since midnight."""
        hours, minutes = self.time.split(":")
        return int(hours) * 60 + int(minutes)


DAY: Final[tuple[Step, ...]] = (
    Step("07:45", "Offline", "Offline"),
    Step("08:10", "Available", "Available"),
    Step("09:00", "Busy", "InAMeeting"),
    Step("09:35", "Busy", "InACall"),
    Step("10:05", "Available", "Available"),
    Step("10:30", "BeRightBack", "BeRightBack"),
    Step("11:00", "Busy", "InAConferenceCall"),
    Step("11:30", "DoNotDisturb", "Presenting"),
    Step("12:10", "Away", "Away"),  # lunch
    Step("13:00", "DoNotDisturb", "DoNotDisturb"),
    Step("14:30", "BusyIdle", "Busy"),
    Step("15:10", "Busy", "Busy"),
    Step("15:50", "AvailableIdle", "Available"),
    Step("16:20", "Busy", "InACall"),
    Step("17:00", "Offline", "OutOfOffice"),
    Step("17:30", "Offline", "OffWork"),
)
"""Every light of the default palette that presence can bring about, each change seen."""

_END: Final = 18 * 60
"""The minute at which the day is over."""


def holds(seconds: float, day: Sequence[Step] = DAY) -> tuple[float, ...]:
    """How many seconds each step lasts when the whole day takes `seconds`."""
    minutes = [*(step.minute for step in day), _END]
    share = seconds / (minutes[-1] - minutes[0])
    return tuple((end - begin) * share for begin, end in pairwise(minutes))
