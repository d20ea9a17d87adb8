"""What is remembered of a broker from one connection of a client to the next."""

from dataclasses import dataclass, field
from typing import Final

from busylight.edge.threads import Worker
from busylight.mqtt.settings import Version

DUEL_LIVES: Final = 3
"""So many short lives in a row are no accident."""
SHORT_LIFE: Final = 20.0
"""Seconds. Who takes over our client id comes back after a few seconds."""


@dataclass(eq=False)
class BrokerMemory:
    """Kept for as long as whoever connects with one client id."""

    version: Version = Version.V5
    """With version `auto`: what to try first; 3.1.1 once the broker has refused 5."""
    short_lives: int = 0
    """How many connections in a row the broker has closed soon after it accepted them."""
    said: set[str] = field(default_factory=set)
    """What has been said once and needs no saying again."""
    worker: Worker = field(default_factory=lambda: Worker("mqtt-connect"))
    """Makes the blocking calls; knows of earlier ones that still hang."""

    def say_once(self, what: str) -> bool:
        """Whether `what` has not been said yet; from now on it has."""
        news = what not in self.said
        self.said.add(what)
        return news

    def connection_ended(self, lived: float, *, lost: bool) -> None:
        """Note how long (seconds) a connection lived, and whether the broker closed it."""
        self.short_lives = self.short_lives + 1 if lost and lived < SHORT_LIFE else 0

    @property
    def looks_like_a_duel(self) -> bool:
        """Whether somebody else probably uses our client id."""
        return self.short_lives >= DUEL_LIVES
