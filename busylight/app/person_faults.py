"""Names in the log who of many people is not known (of several topics: which), once a reason."""

import logging
from typing import Final

from busylight.app.raised import told
from busylight.core.knowledge import Reading, Why

_log: Final = logging.getLogger("busylight")

NAMED: Final = 10
"""People named in one go; of thousands a wrong file would name each."""


class PersonFaults:
    """Remembers what was said of whom."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def heard(self, reading: Reading) -> None:
        """Say what is new in it; a fault of one person is no fault of the source's."""
        if not reading.troubles and not self._said:
            return
        faults = {
            who: told(trouble.detail)
            for who, trouble in reading.troubles.items()
            if trouble.why is not Why.STARTING  # has not been asked for yet
        }
        news = [who for who, detail in faults.items() if self._said.get(who) != detail]
        for who in news[:NAMED]:
            _log.warning("%s is not known: %s", who, faults[who])
        if len(news) > NAMED:
            more = len(news) - NAMED
            _log.warning("%d more people are not known; `busylight status` names them", more)
        back = [who for who in self._said if who in reading.presences]
        for who in back[:NAMED]:
            _log.info("%s is known again", who)
        self._said = faults
