"""The steps of a conversation: something to tell, to ask, or to try for real."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from busylight.core.light import LightState

T = TypeVar("T")

Values = Mapping[str, str]
"""Settings by name, without the prefix."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Something to read. Nothing is answered."""

    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A question; the answer is a line of text, or the default for an empty one."""

    name: str
    """What is asked for: a setting, or a word of the conversation's own in lower case."""
    text: str
    default: str = ""
    secret: bool = False
    """Whether what is typed may not be seen; a default is then not shown, either."""


@dataclass(frozen=True, slots=True)
class FindLights:
    """Look for lights that are plugged in; nothing is opened. The answer has `lights`."""

    values: Values


@dataclass(frozen=True, slots=True)
class FindBrokers:
    """Look for MQTT brokers. The answer has `brokers`."""


@dataclass(frozen=True, slots=True)
class TryOutput:
    """Use an output for real, without changing what it shows."""

    values: Values
    output: str


@dataclass(frozen=True, slots=True)
class TrySource:
    """Reach what presence is read from, as far as that goes without a sign-in."""

    values: Values


@dataclass(frozen=True, slots=True)
class SignIn:
    """Sign in, and read presence."""

    values: Values
    by_browser: bool = False


@dataclass(frozen=True, slots=True)
class Show:
    """Show a light on one output, until the next one is shown."""

    values: Values
    output: str
    light: LightState


@dataclass(frozen=True, slots=True)
class Save:
    """Write the settings and keep the sign-in: from here on something is changed."""

    values: Values
    service: bool
    """Whether to install the service, too."""


Action = FindLights | FindBrokers | TryOutput | TrySource | SignIn | Show | Save
Step = Tell | Ask | Action


@dataclass(frozen=True, slots=True)
class FoundLight:
    """Something that may be a light, with the settings that select it."""

    title: str
    values: Values
    is_ours: bool = False
    """Whether it says by itself that it is a light of ours."""
    problem: str | None = None
    """What keeps this user from it, and what helps."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action went."""

    ok: bool
    text: str = ""
    aadsts: int | None = None
    """The number of Microsoft's reason, where a sign-in was refused with one."""
    lights: tuple[FoundLight, ...] = ()
    brokers: tuple[str, ...] = ()
    """Each `host` or `host:port`."""
    more: Values = field(default_factory=lambda: MappingProxyType({}))


class StopTalkError(Exception):
    """The conversation cannot go on; the text says what to do."""


Talk = Generator[Step, Any, T]
"""A part of a conversation: it is sent a line for each `Ask`, an `Outcome` for each action."""


def ask(question: Ask) -> Talk[str]:
    """Ask, and take an empty answer for the default."""
    answer: str = yield question
    return answer.strip() or question.default


def attempt(action: Action) -> Talk[Outcome]:
    """Try something for real."""
    outcome: Outcome = yield action
    return outcome


def choose(question: Ask, choices: Mapping[str, str]) -> Talk[str]:
    """Ask until the answer is one of the `choices`, by its word or by its beginning."""
    while True:
        answer = (yield from ask(question)).lower()
        fitting = [word for word in choices if word.startswith(answer)] if answer else []
        if answer in choices:
            return answer
        if len(fitting) == 1:
            return fitting[0]
        told = "\n".join(f"  {word:<10} {meaning}".rstrip() for word, meaning in choices.items())
        yield Tell(f"Please answer one of these:\n{told}")


def confirm(name: str, text: str, *, default: bool = True) -> Talk[bool]:
    """Ask for a yes or a no."""
    question = Ask(name, text, "yes" if default else "no")
    return (yield from choose(question, {"yes": "", "no": ""})) == "yes"
