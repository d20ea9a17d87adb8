"""The whole conversation, from nothing to a light that works."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from busylight.settings.variables import PREFIX
from busylight.setup.account import choose_source
from busylight.setup.answers import Answers
from busylight.setup.colors import look_at_them
from busylight.setup.lights import choose_outputs, outputs
from busylight.setup.steps import (
    FindLights,
    Outcome,
    Save,
    SignIn,
    StopTalkError,
    Talk,
    Tell,
    TryOutput,
    TrySource,
    attempt,
    confirm,
)

_CREDENTIALS: Final = (
    "GRAPH_CLIENT_SECRET",
    "GRAPH_CLIENT_SECRET_FILE",
    "GRAPH_CERTIFICATE_FILE",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the conversation is held."""

    file: Path
    """Where the settings will stand."""
    is_there: bool
    may_install: bool
    """Whether a service can be installed by us, now."""
    wants_service: bool = True


class NotEnoughError(StopTalkError):
    """Nobody can be asked, and something is missing."""


class BadSettingsError(StopTalkError):
    """What is there has a fault that no question would mend."""


def conversation(answers: Answers, place: Place) -> Talk[None]:
    """Ask, try, and at the very end change something."""
    there = (
        f"What is set in {place.file} is the default."
        if place.is_there
        else f"The settings will stand in {place.file}."
    )
    yield Tell(
        f"This leads to a light that works. {there} Enter takes what stands in [brackets]; Ctrl-C "
        "ends it, and leaves everything as it was."
    )
    before = dict(answers.values)
    yield from choose_outputs(answers)
    yield from choose_source(answers)
    yield from look_at_them(answers)
    yield from answers.complete()
    _see_that_all_is_well(answers)
    service = place.may_install and place.wants_service
    if service:
        service = yield from confirm("service", "Start it with the machine, as a service?")
    if place.is_there and answers.values != before:
        yield Tell(f"\nIn {place.file} this changes:\n{changes(before, answers)}")
        if not (yield from confirm("write", "Write it?")):
            raise StopTalkError("nothing was changed")
    yield from _save(answers, service=service)


def unattended(answers: Answers, place: Place, *, may_change: bool) -> Talk[None]:
    """The same without a question: what is not given is as it is by default, and all is tried."""
    before = dict(answers.values)
    if "OUTPUTS" not in answers.values:
        found = (yield from attempt(FindLights(dict(answers.values)))).lights
        ours = [light for light in found if light.is_ours and light.problem is None]
        lamp = ["serial"] if answers.get("SERIAL_PORT") else []
        if not lamp and len(ours) == 1:
            lamp = [ours[0].values["OUTPUTS"]]
            answers.take(ours[0].values)
        broker = ["mqtt"] if answers.get("MQTT_HOST") else []
        answers.set("OUTPUTS", ",".join([*lamp, *broker]) or "terminal")
    faults = answers.faults()
    missing = [str(fault) for fault in faults if " is missing" in str(fault)]
    if missing and len(missing) == len(faults):
        raise NotEnoughError(
            f"{'; '.join(missing)}. Nobody can be asked here: give it with --set NAME=VALUE"
        )
    _see_that_all_is_well(answers)
    if place.is_there and not may_change and answers.values != before:
        raise NotEnoughError(f"{place.file} is there already: --yes lets it be changed")
    for name in outputs(answers):
        yield from _must(TryOutput({**answers.values, "OUTPUTS": name}, name), name)
    yield from _must(TrySource(dict(answers.values)), "source")
    if any(answers.get(name) for name in _CREDENTIALS):
        yield from _must(SignIn(dict(answers.values)), "sign-in")
    yield from _save(answers, service=place.may_install and place.wants_service)


def changes(before: dict[str, str], answers: Answers) -> str:
    """What will be another, a line each; never a secret."""
    lines = []
    for name in sorted(before.keys() | answers.values.keys()):
        value = answers.values.get(name)
        if before.get(name) == value:
            continue
        shown = "(secret)" if answers.is_secret(name) else value
        lines.append(f"  {PREFIX}{name}{' goes' if value is None else f'={shown}'}")
    return "\n".join(lines)


def _see_that_all_is_well(answers: Answers) -> None:
    if faults := answers.faults():
        raise BadSettingsError("; ".join(map(str, faults)))


def _must(action: TryOutput | TrySource | SignIn, what: str) -> Talk[Outcome]:
    outcome = yield from attempt(action)
    if not outcome.ok:
        raise StopTalkError(f"{what}: {outcome.text}; nothing was changed")
    yield Tell(f"✓ {what}: {outcome.text}")
    return outcome


def _save(answers: Answers, *, service: bool) -> Talk[None]:
    outcome = yield from attempt(Save(dict(answers.values), service))
    yield Tell(outcome.text)
    if not outcome.ok:
        raise StopTalkError(outcome.text)
