"""The conversation of `busylight setup`, without a terminal: which answer leads to which step."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.cli.setup import Reader, fields
from busylight.core.light import LightState, reordered
from busylight.setup import registration
from busylight.setup.account import choose_source
from busylight.setup.answers import Answers
from busylight.setup.colors import look_at_them, order_of
from busylight.setup.conversation import NotEnoughError, Place, changes, unattended
from busylight.setup.lights import choose_outputs
from busylight.setup.steps import (
    Ask,
    FindBrokers,
    FindLights,
    FoundLight,
    Outcome,
    Save,
    Show,
    SignIn,
    Step,
    Talk,
    Tell,
    TryOutput,
    TrySource,
)

CLIENT_ID = "11111111-2222-3333-4444-555555555555"
WELL = Outcome(ok=True, text="well")


def answers_of(values: Mapping[str, str], *, fixed: tuple[str, ...] = ()) -> Answers:
    reader = Reader(Path("/nowhere/light.env"))
    return Answers(values, fixed=fixed, fields=fields(), judge=reader.faults)


class Play:
    """Plays a part of a conversation with given answers; what nobody foresaw is a failure."""

    def __init__(
        self, said: Mapping[str, list[str]], does: Callable[[Step], Outcome] = lambda _: WELL
    ) -> None:
        self._said = {name: list(words) for name, words in said.items()}
        self._does = does
        self.told: list[str] = []
        self.done: list[Step] = []

    def through(self, talk: Talk[None]) -> None:
        answer: str | Outcome | None = None
        try:
            while True:
                step = talk.send(answer)
                if isinstance(step, Tell):
                    self.told.append(step.text)
                    answer = None
                elif isinstance(step, Ask):
                    answer = self._said[step.name].pop(0)
                else:
                    self.done.append(step)
                    answer = self._does(step)
        except StopIteration:
            assert not any(self._said.values()), f"never asked: {self._said}"


NAMES = {"r": "red", "g": "green", "b": "blue"}


@pytest.mark.parametrize("wires", ["".join(each) for each in permutations("rgb")])
def test_whatever_the_wires_what_is_learned_makes_every_colour_right(wires: str) -> None:
    """The lamp's first channel lights the LED `wires[0]`, and so on."""

    def seen(light: LightState) -> dict[str, int]:
        return dict(zip(wires, light.rgb, strict=True))

    order = order_of(NAMES[wires[0]], NAMES[wires[1]])
    assert order is not None
    for light in (LightState(255, 0, 0), LightState(0, 255, 0), LightState(10, 20, 30)):
        assert seen(reordered(light, order)) == dict(zip("rgb", light.rgb, strict=True))


def test_the_same_colour_seen_twice_is_asked_again_and_nothing_is_learned_of_another() -> None:
    known = answers_of({"OUTPUTS": "serial", "SERIAL_PORT": "/dev/ttyX", "SOURCE": "mqtt"})
    play = Play({"seen_red": ["red", "other"], "seen_green": ["red"], "states": ["no"]})
    play.through(look_at_them(known))
    assert "SERIAL_COLOR_ORDER" not in known.values
    assert any("Twice the same" in text for text in play.told)


def test_a_state_is_shown_again_in_the_light_that_the_person_writes() -> None:
    known = answers_of({"OUTPUTS": "serial", "SERIAL_PORT": "/dev/ttyX"})
    play = Play(
        {
            "seen_red": ["red"],
            "seen_green": ["green"],
            "states": ["yes"],
            "COLOR_AVAILABLE": ["chartreuse-ish", "blue 50%", ""],
            "COLOR_AVAILABLEIDLE": ["all"],
        }
    )
    play.through(look_at_them(known))
    assert known.get("COLOR_AVAILABLE") == "blue 50%"
    shown = [step.light for step in play.done if isinstance(step, Show)]
    assert LightState(0, 0, 255, 128) in shown
    assert any("chartreuse-ish" in text for text in play.told)


def test_a_light_of_ours_is_taken_without_a_question_about_disturbing_it() -> None:
    ours = FoundLight("ours", {"OUTPUTS": "serial", "SERIAL_PORT": "auto"}, is_ours=True)

    def does(step: Step) -> Outcome:
        return Outcome(ok=True, lights=(ours,)) if isinstance(step, FindLights) else WELL

    known = answers_of({})
    play = Play({"light": [""], "MQTT_HOST": ["-"]}, does)
    play.through(choose_outputs(known))
    assert known.values == {"OUTPUTS": "serial", "SERIAL_PORT": "auto"}
    assert [type(step) for step in play.done] == [FindLights, TryOutput, FindBrokers]


def test_leds_on_pins_are_asked_for_pin_by_pin() -> None:
    known = answers_of({})
    said = {
        "light": ["other"],
        "kind": ["gpio"],
        "GPIO_RED": ["no pin", "17"],
        "GPIO_YELLOW": ["-"],
        "GPIO_GREEN": ["27"],
        "GPIO_BLUE": ["22"],
        "MQTT_HOST": ["-"],
    }
    play = Play(said)
    play.through(choose_outputs(known))
    pins = {"GPIO_RED": "17", "GPIO_GREEN": "27", "GPIO_BLUE": "22"}
    assert known.values == {"OUTPUTS": "gpio", **pins}
    assert any("GPIO_RED=no pin" in text for text in play.told)


def test_what_this_user_may_not_open_is_said_and_not_opened() -> None:
    closed = FoundLight("x", {"OUTPUTS": "serial", "SERIAL_PORT": "/dev/x"}, problem="ask root")

    def does(step: Step) -> Outcome:
        return Outcome(ok=True, lights=(closed,)) if isinstance(step, FindLights) else WELL

    play = Play({"light": ["1", "none"], "MQTT_HOST": ["-"]}, does)
    play.through(choose_outputs(answers_of({})))
    assert not [step for step in play.done if isinstance(step, TryOutput)]
    assert any("ask root" in text for text in play.told)


def test_a_secret_takes_the_place_of_a_sign_in_and_a_person_has_to_be_named() -> None:
    known = answers_of({"GRAPH_TENANT_ID": "organizations", "OUTPUTS": "terminal"})
    play = Play(
        {
            "SOURCE": [""],
            "registration": ["have"],
            "GRAPH_CLIENT_ID": [CLIENT_ID],
            "GRAPH_TENANT_ID": ["", "contoso.example"],
            "sign_in": ["secret"],
            "GRAPH_CLIENT_SECRET": ["8Q~secret"],
            "GRAPH_CLIENT_SECRET_ENDS": ["tomorrow", "2027-05-31"],
            "GRAPH_USER": ["adele@contoso.example"],
        }
    )
    play.through(choose_source(known))
    assert known.get("GRAPH_TENANT_ID") == "contoso.example"
    assert known.get("GRAPH_CLIENT_SECRET_ENDS") == "2027-05-31"
    assert isinstance(play.done[-1], SignIn)
    assert known.faults() == []


@pytest.mark.parametrize("way", ["az", "manifest", "guide"])
def test_each_way_to_a_registration_shows_what_it_takes(way: str) -> None:
    more = {} if way == "az" else {"registered": [""]}
    play = Play(
        {
            "SOURCE": [""],
            "registration": [way],
            "GRAPH_CLIENT_ID": [CLIENT_ID],
            "GRAPH_TENANT_ID": ["", "contoso.example"],
            "sign_in": ["later"],
            **more,
        }
    )
    play.through(choose_source(answers_of({"OUTPUTS": "terminal", "GRAPH_CLOUD": "usgov"})))
    assert any("There has to be an answer" in text for text in play.told), "it knows one tenant"
    told = "\n".join(play.told)
    wanted = {
        "az": "az ad app create",
        "manifest": registration.manifest(),
        "guide": f"https://entra.microsoft.us/#view/Microsoft_AAD_RegisteredApps/ApplicationMenuBlade/~/CallAnAPI/appId/{CLIENT_ID}",
    }
    assert wanted[way] in told


def test_presence_from_mqtt_asks_for_broker_and_topic() -> None:
    known = answers_of({"OUTPUTS": "terminal"})
    play = Play(
        {"SOURCE": ["mqtt"], "MQTT_HOST": ["broker"], "MQTT_SOURCE_TOPIC": ["#", "teams/presence"]}
    )
    play.through(choose_source(known))
    assert known.get("SOURCE") == "mqtt"
    assert isinstance(play.done[-1], TrySource)
    assert known.faults() == []


def test_a_new_secret_takes_the_place_of_the_file_that_held_the_old_one() -> None:
    known = answers_of({"MQTT_PASSWORD_FILE": "/run/secret", "MQTT_USERNAME": "x"})
    known.set("MQTT_PASSWORD", "new")
    assert "MQTT_PASSWORD_FILE" not in known.values


def test_what_changes_is_told_without_secrets() -> None:
    known = answers_of({"NAME": "Desk", "MQTT_PASSWORD": "correct-horse", "INTERVAL": "5"})
    told = changes({"NAME": "Busy light", "INTERVAL": "5", "HOURS": "Mon-Fri 08:00-18:00"}, known)
    assert told.splitlines() == [
        "  BUSYLIGHT_HOURS goes",
        "  BUSYLIGHT_MQTT_PASSWORD=(secret)",
        "  BUSYLIGHT_NAME=Desk",
    ]


PLACE = Place(Path("/nowhere/light.env"), is_there=False, may_install=True)


def test_without_a_person_the_one_light_of_ours_is_taken() -> None:
    ours = FoundLight("ours", {"OUTPUTS": "serial", "SERIAL_PORT": "auto"}, is_ours=True)

    def does(step: Step) -> Outcome:
        return Outcome(ok=True, lights=(ours,)) if isinstance(step, FindLights) else WELL

    play = Play({}, does)
    play.through(unattended(answers_of({"GRAPH_CLIENT_ID": CLIENT_ID}), PLACE, may_change=False))
    last = play.done[-1]
    assert isinstance(last, Save)
    assert last.service
    assert last.values == {
        "GRAPH_CLIENT_ID": CLIENT_ID,
        "OUTPUTS": "serial",
        "SERIAL_PORT": "auto",
    }


def test_without_a_person_a_light_from_the_shop_is_taken_as_what_it_is() -> None:
    flag = FoundLight("Luxafor Flag", {"OUTPUTS": "usb", "USB_DEVICE": "04d8:f372"}, is_ours=True)

    def does(step: Step) -> Outcome:
        return Outcome(ok=True, lights=(flag,)) if isinstance(step, FindLights) else WELL

    given_ = {"GRAPH_CLIENT_ID": CLIENT_ID, "MQTT_HOST": "localhost"}
    play = Play({}, does)
    play.through(unattended(answers_of(given_), PLACE, may_change=False))
    last = play.done[-1]
    assert isinstance(last, Save)
    assert last.values == {**given_, "OUTPUTS": "usb,mqtt", "USB_DEVICE": "04d8:f372"}


def test_a_kind_of_light_that_cannot_be_looked_for_is_named_with_what_is_missing() -> None:
    text = "usb: needs a library that is not installed"

    def does(step: Step) -> Outcome:
        return Outcome(ok=True, text=text) if isinstance(step, FindLights) else WELL

    play = Play({"light": ["none"], "MQTT_HOST": ["-"]}, does)
    play.through(choose_outputs(answers_of({})))
    assert any(text in told for told in play.told)


def test_without_a_person_nothing_is_tried_while_something_is_missing() -> None:
    play = Play({})
    with pytest.raises(NotEnoughError, match=r"GRAPH_CLIENT_ID is missing.*--set"):
        play.through(unattended(answers_of({"OUTPUTS": "terminal"}), PLACE, may_change=True))
    assert play.done == []


@given(st.text(max_size=20).filter(str.isprintable))
def test_no_answer_to_a_question_about_a_setting_is_taken_unless_it_is_good(text: str) -> None:
    known = answers_of({"GRAPH_CLIENT_ID": CLIENT_ID})
    play = Play({"INTERVAL": [text, "9"]})
    with suppress(AssertionError):  # the first answer was good, and the second never asked for
        play.through(known.ask("INTERVAL", default="5"))
    assert known.faults() == []
    taken = known.get("INTERVAL")
    assert taken.lower() == "auto" or 1 <= float(taken) <= 3600
