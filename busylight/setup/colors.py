"""Whether the colours are right: the order of the wires is learned from what a person sees."""

from typing import Final

from busylight.core.light import LightState, LightSyntaxError, parse_light
from busylight.core.palette import DEFAULT_RULES
from busylight.settings.outputs import COLOR_ORDER, prefix_of
from busylight.setup.answers import Answers
from busylight.setup.lights import lamps
from busylight.setup.steps import Ask, Show, Talk, Tell, Values, ask, attempt, choose, confirm

RGB: Final = "rgb"
_SEEN: Final = {"red": "r", "green": "g", "blue": "b"}
_WIRED: Final = ("serial", "gpio")
"""Kinds of lamps whose wires may have changed places."""


def order_of(red_seen: str, green_seen: str) -> str | None:
    """The lamp's order, from what is seen of red and of green; None: that cannot be."""
    first, second = _SEEN[red_seen], _SEEN[green_seen]
    return None if first == second else first + second + (set(RGB) - {first, second}).pop()


def look_at_them(answers: Answers) -> Talk[None]:
    """Learn the order of each lamp, and show every state on it."""
    names = lamps(answers)
    if not names:
        return
    yield Tell("\nNow look at the light.")
    for name in names:
        if name.partition(":")[0] in _WIRED:
            yield from _learn_order(answers, name)
    if (yield from confirm("states", "Show each state on the light?")):
        yield from _show_states(answers, names[0])


def _learn_order(answers: Answers, name: str) -> Talk[None]:
    setting = f"{prefix_of(name)}{COLOR_ORDER}"
    if setting in answers.fixed:
        return
    plain = {**answers.values, setting: RGB}
    while True:
        seen = []
        for color in ("red", "green"):
            if not (yield from _shown(plain, name, LightState(*_rgb(color)))):
                return
            choices = {**dict.fromkeys(_SEEN, ""), "other": "another colour, or none"}
            text = f"{name} is told to be {color}. What do you see: red, green, blue or other"
            answer = yield from choose(Ask(f"seen_{color}", text, color), choices)
            if answer == "other":
                yield Tell(
                    "Then it is more than the order of its wires: docs/troubleshooting.md has what "
                    "to look for. The order is left as it was."
                )
                return
            seen.append(answer)
        order = order_of(*seen)
        if order is not None:
            break
        yield Tell("Twice the same colour cannot be; once more.")
    if order == RGB and setting not in answers.values:
        return
    answers.set(setting, order)
    yield Tell(f"So it takes its colours in the order {order}: {setting}={order}")


def _rgb(color: str) -> tuple[int, int, int]:
    return {"red": (255, 0, 0), "green": (0, 255, 0)}[color]


def _show_states(answers: Answers, name: str) -> Talk[None]:
    for key in DEFAULT_RULES:
        setting = f"COLOR_{key}"
        light = parse_light(answers.get(setting, DEFAULT_RULES[key]))
        while light is not None:  # `release` has no light to show
            if not (yield from _shown(answers.values, name, light)):
                return
            text = f"{key}: {light}. yes, all (to the rest), or a light like orange 60% pulse"
            answer = yield from ask(Ask(setting, text, "yes"))
            if answer == "all":
                return
            if answer in ("yes", "y"):
                break
            try:
                light = parse_light(answer)
            except LightSyntaxError as error:
                yield Tell(f"That {error}")
                continue
            answers.set(setting, answer)


def _shown(values: Values, name: str, light: LightState) -> Talk[bool]:
    outcome = yield from attempt(Show(dict(values), name, light))
    if not outcome.ok:
        yield Tell(f"✗ {name}: {outcome.text}")
    return outcome.ok
