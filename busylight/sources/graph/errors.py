"""What can keep us from reading a presence, as exceptions inside this package.

Outside they are values: `GraphError.trouble`.
"""

from typing import ClassVar

from busylight.core.knowledge import Trouble, Why


class GraphError(Exception):
    """No presence could be read: what is wrong, and what to do about it."""

    why: ClassVar[Why] = Why.UNREACHABLE

    def __init__(self, problem: str, remedy: str = "", *, retry_after: float | None = None) -> None:
        """Take both halves of the sentence; neither may hold a secret.

        `retry_after`: seconds for which the server asks to be left alone.
        """
        super().__init__(f"{problem}; {remedy}" if remedy else problem)
        self.problem = problem
        self.remedy = remedy
        self.retry_after = retry_after

    @property
    def trouble(self) -> Trouble:
        """The same as a value."""
        return Trouble(self.why, str(self))


class UnreachableError(GraphError):
    """No usable answer: network, name service, TLS, time limit, 404, 5xx, junk."""


class HttpError(UnreachableError):
    """The exchange itself failed: there is no answer at all, or none that may be read."""


class DeadlineError(HttpError):
    """The whole request took longer than it may."""


class AnswerError(UnreachableError):
    """There is an answer, and it is not what Graph or Entra say."""


class RefusedQuestionError(AnswerError):
    """Graph does not take what it was asked: 400, or another status of that kind."""


class NotThereError(UnreachableError):
    """Graph knows no such address or person: 404 or 405."""


class EntraUnreachableError(UnreachableError):
    """The sign-in server gives no usable answer: nobody is signed out by that."""


class ForbiddenError(GraphError):
    """Graph may not be read with the permissions that were given."""

    why = Why.FORBIDDEN


class SignedOutError(GraphError):
    """Somebody has to sign in, or the app's own credential is refused."""

    why = Why.SIGNED_OUT

    def __init__(self, problem: str, remedy: str = "", *, aadsts: int | None = None) -> None:
        """`aadsts`: the number of Microsoft's reason, where it gave one."""
        super().__init__(problem, remedy)
        self.aadsts = aadsts


class SignInRefusedError(SignedOutError):
    """Somebody tried to sign in and was refused, by Microsoft or by us."""


class CodeEndedError(SignInRefusedError):
    """Nobody entered the code in time."""
