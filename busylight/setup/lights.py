"""Which light, and which broker: each is tried as it is given."""

from typing import Final

from busylight.setup.answers import NOTHING, Answers
from busylight.setup.steps import (
    Ask,
    FindBrokers,
    FindLights,
    FoundLight,
    Outcome,
    Talk,
    Tell,
    TryOutput,
    ask,
    attempt,
    choose,
    confirm,
)

NO_LAMPS: Final = ("mqtt", "terminal", "webhook")
"""Outputs whose colours nobody has to look at."""
_TLS_PORT: Final = "8883"


def lamps(answers: Answers) -> list[str]:
    """The outputs in `OUTPUTS` that are lamps."""
    return [name for name in outputs(answers) if name.partition(":")[0] not in NO_LAMPS]


def outputs(answers: Answers) -> list[str]:
    """The outputs that are set."""
    words = answers.get("OUTPUTS").lower().split(",")
    return [word.strip() for word in words if word.strip()]


def choose_outputs(answers: Answers) -> Talk[None]:
    """Lamp and broker; without either the light is a picture in the terminal."""
    if "OUTPUTS" in answers.fixed:
        for name in outputs(answers):
            yield from _try_until_it_works(answers, name)
        return
    before = outputs(answers)
    chosen = yield from _choose_lamps(answers, [name for name in before if name not in NO_LAMPS])
    broker = yield from _choose_broker(answers, wanted="mqtt" in before)
    others = [name for name in before if name == "webhook"]
    answers.set("OUTPUTS", ",".join([*chosen, *broker, *others]) or "terminal")


def _choose_lamps(answers: Answers, before: list[str]) -> Talk[list[str]]:
    while True:
        looked = yield from attempt(FindLights(dict(answers.values)))
        found = looked.lights
        if looked.text:
            yield Tell(f"\nNot every kind could be looked for. {looked.text}")
        menu = {str(number): light for number, light in enumerate(found, start=1)}
        lines = [f"  {number:<9} {_described(light)}" for number, light in menu.items()]
        if before:
            lines.insert(0, f"  {'keep':<9} {', '.join(before)}, as it is set now")
        lines += [
            f"  {'again':<9} look again, after plugging it in",
            f"  {'other':<9} another kind (pins, WLED in the network), or a path",
            f"  {'none':<9} no lamp here (an MQTT broker, or a picture in the terminal)",
        ]
        yield Tell("\nWhich light?\n" + "\n".join(lines))
        ours = [number for number, light in menu.items() if light.is_ours]
        default = "keep" if before else ours[0] if len(ours) == 1 else "none"
        words = {line.split()[0]: " ".join(line.split()[1:]) for line in lines}
        answer = yield from choose(Ask("light", "Light", default), words)
        if answer == "none":
            return []
        if answer == "keep":
            if (yield from _all_work(answers, before)):
                return before
        elif answer == "other":
            if (name := (yield from _other(answers))) is not None:
                return [name]
        elif answer != "again" and (yield from _take(answers, menu[answer])):
            return [answers.get("OUTPUTS")]


def _described(light: FoundLight) -> str:
    return light.title if light.problem is None else f"{light.title} ({light.problem})"


def _all_work(answers: Answers, names: list[str]) -> Talk[bool]:
    for name in names:
        if not (yield from _try(answers, name)).ok:
            return False
    return True


def _take(answers: Answers, light: FoundLight) -> Talk[bool]:
    """Use what was found, if it is what the person thinks it is."""
    before = dict(answers.values)
    if light.problem is not None:
        yield Tell(f"That cannot be used yet: {light.problem}")
        return False
    answers.take(light.values)
    kind = light.values["OUTPUTS"]
    if kind == "serial" and not light.is_ours:
        port = light.values["SERIAL_PORT"]
        text = f"Ask who is on {port}? A device that is no light may be disturbed by it"
        if not (yield from confirm("hello", text)):
            answers.values = before
            return False
        answers.set("SERIAL_PROTOCOL", None)
    if (yield from _try(answers, kind)).ok:
        return True
    if kind == "serial" and (yield from _speak_otherwise(answers)):
        return True
    answers.values = before
    return False


def _speak_otherwise(answers: Answers) -> Talk[bool]:
    """What is on the port is no light of ours: perhaps it understands something else."""
    yield Tell(
        "If it is a board of yours without our firmware: `busylight firmware flash` puts it there "
        "(docs/build-a-light.md)."
    )
    choices = {
        "no": "look for another light",
        "wled": "a board with WLED",
        "adalight": "a strip that speaks Adalight",
        "template": "a line of text of your own",
    }
    answer = yield from choose(
        Ask("protocol", f"Does it understand {_listed(choices)}?", "no"), choices
    )
    if answer == "no":
        return False
    answers.set("SERIAL_PROTOCOL", answer)
    yield from answers.complete(only=lambda name: name.startswith("SERIAL_"))
    return (yield from _try(answers, "serial")).ok


def _listed(choices: dict[str, str]) -> str:
    return ", ".join(word for word in choices if word != "no") + " (or no)"


def _other(answers: Answers) -> Talk[str | None]:
    """A kind of light that cannot be found by looking."""
    choices = {
        "back": "to the list",
        "serial": "a serial port by its path",
        "gpio": "LEDs on the pins of this machine",
        "usb": "a light from the shop on USB",
        "wled": "WLED in the network",
    }
    answer = yield from choose(Ask("kind", f"Which kind: {', '.join(choices)}", "back"), choices)
    if answer == "back":
        return None
    before = dict(answers.values)
    answers.set("OUTPUTS", answer)
    if answer == "serial":
        yield from answers.ask("SERIAL_PORT")
        light = FoundLight(
            answers.get("SERIAL_PORT"),
            {"OUTPUTS": answer, "SERIAL_PORT": answers.get("SERIAL_PORT")},
        )
        return answer if (yield from _take(answers, light)) else None
    if answer == "gpio":
        for color in ("RED", "YELLOW", "GREEN", "BLUE"):
            yield from answers.ask(f"GPIO_{color}", optional=True)
    yield from answers.complete(only=lambda name: name.startswith(f"{answer.upper()}_"))
    if (yield from _try(answers, answer)).ok:
        return answer
    answers.values = before
    return None


def _choose_broker(answers: Answers, *, wanted: bool) -> Talk[list[str]]:
    """The broker, with its login tried at once."""
    found = (yield from attempt(FindBrokers())).brokers
    default = _place(answers) if wanted else (found or (NOTHING,))[0]
    if found:
        yield Tell(f"\nAn MQTT broker answers at {', '.join(found)}.")
    while True:
        if "MQTT_HOST" not in answers.fixed:
            text = (
                "MQTT broker, such as Home Assistant's: host name or address, with :port if it is "
                f"not 1883; {NOTHING} for none"
            )
            place = yield from ask(Ask("MQTT_HOST", text, default or NOTHING))
            if place == NOTHING:
                return []
            if (problem := _take_place(answers, place)) is not None:
                yield Tell(problem)
                continue
            default = place
        yield from answers.ask("MQTT_USERNAME", optional=True)
        if answers.get("MQTT_USERNAME"):
            yield from answers.ask("MQTT_PASSWORD", optional=True)
        else:
            answers.set("MQTT_PASSWORD", None)
        if (yield from _try(answers, "mqtt")).ok:
            return ["mqtt"]


def _take_place(answers: Answers, text: str) -> str | None:
    """Set host and port; what is wrong with them, if anything is."""
    host, colon, port = text.rpartition(":")
    if not colon or ":" in host or not port.isdigit():  # an IPv6 address, perhaps
        host, port = text, ""
    given = {"MQTT_HOST": host, **({"MQTT_PORT": port} if port else {})}
    for name, value in given.items():
        if (problem := answers.problem_of(name, value)) is not None:
            return problem
    if ":" not in host:
        answers.set("MQTT_PORT", None)
    answers.take(given)
    if port == _TLS_PORT:
        answers.set("MQTT_TLS", "true")
    return None


def _place(answers: Answers) -> str:
    """Host and port as they are set."""
    host, port = answers.get("MQTT_HOST"), answers.get("MQTT_PORT")
    return f"{host}:{port}" if port and ":" not in host else host


def _try(answers: Answers, name: str) -> Talk[Outcome]:
    outcome = yield from attempt(TryOutput({**answers.values, "OUTPUTS": name}, name))
    yield Tell(f"{'✓' if outcome.ok else '✗'} {name}: {outcome.text}")
    return outcome


def _try_until_it_works(answers: Answers, name: str) -> Talk[None]:
    while not (yield from _try(answers, name)).ok:
        if not (yield from confirm("again", "Try again (no: leave it so)?")):
            return
