"""One sign-in by device code (RFC 8628)."""

import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from busylight.demo.lookalike.people import Person
from busylight.edge.clock import now

_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is taken for another


class Step(StrEnum):
    """How far a sign-in has come."""

    PENDING = "pending"
    APPROVED = "approved"
    DECLINED = "declined"
    USED = "used"


@dataclass(slots=True)
class DeviceSignIn:
    """One sign-in by device code, as the person in the browser sees it."""

    user_code: str
    tenant: str
    scopes: frozenset[str]
    started_at: float
    expires_at: float
    device_code: str = field(repr=False)
    step: Step = Step.PENDING
    person: Person | None = None
    error: str = "authorization_declined"

    @classmethod
    def begin(cls, tenant: str, scopes: frozenset[str], seconds: float) -> "DeviceSignIn":
        """Make up both codes, good for `seconds`."""
        began = now()
        return cls(
            user_code="".join(secrets.choice(_LETTERS) for _ in range(9)),
            tenant=tenant,
            scopes=scopes,
            started_at=began,
            expires_at=began + seconds,
            device_code=secrets.token_urlsafe(96),
        )

    @property
    def is_pending(self) -> bool:
        """Whether somebody may still enter the code."""
        return self.step is Step.PENDING and now() < self.expires_at
