"""Which rule wins, over the whole space of Graph's words and beyond it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.light import LightState, parse_light
from busylight.core.palette import (
    DEFAULT_RULES,
    KNOWN_KEYS,
    PALETTES,
    Palette,
    Rule,
    is_key,
    judge_key,
)
from busylight.core.presence import ACTIVITIES, AVAILABILITIES, Presence

BLUE = LightState(0, 0, 255)
words = st.from_regex(r"[A-Z][A-Za-z0-9]{0,15}", fullmatch=True)


@pytest.mark.parametrize(
    ("availability", "activity", "key"),
    [
        ("Available", "Available", "AVAILABLE"),
        ("AvailableIdle", "Available", "AVAILABLEIDLE"),
        ("AvailableIdle", "Inactive", "AVAILABLEIDLE"),
        ("Away", "Away", "AWAY"),
        ("Away", "BeRightBack", "BERIGHTBACK"),
        ("Away", "OffWork", "AWAY"),
        ("Away", "OutOfOffice", "OUTOFOFFICE"),
        ("BeRightBack", "BeRightBack", "BERIGHTBACK"),
        ("Busy", "Busy", "BUSY"),
        ("Busy", "InACall", "INACALL"),
        ("Busy", "InAConferenceCall", "INACONFERENCECALL"),
        ("Busy", "InAMeeting", "BUSY"),
        ("BusyIdle", "Busy", "BUSYIDLE"),
        ("BusyIdle", "InAMeeting", "BUSYIDLE"),
        ("DoNotDisturb", "DoNotDisturb", "DONOTDISTURB"),
        ("DoNotDisturb", "Presenting", "PRESENTING"),
        ("DoNotDisturb", "UrgentInterruptionsOnly", "URGENTINTERRUPTIONSONLY"),
        ("Offline", "Offline", "OFFLINE"),
        ("Offline", "OffWork", "OFFLINE"),
        ("PresenceUnknown", "PresenceUnknown", "UNKNOWN"),
        ("Busy", "SomethingNew", "BUSY"),
        ("SomethingNew", "InACall", "UNKNOWN"),
        ("SomethingNew", "SomethingNew", "UNKNOWN"),
    ],
)
def test_each_pair_falls_under_its_rule(availability: str, activity: str, key: str) -> None:
    assert Palette().rule_for(Presence(availability, activity)).key == key


def test_every_documented_pair_has_a_light() -> None:
    for availability, activity in itertools.product(AVAILABILITIES, ACTIVITIES):
        assert Palette().rule_for(Presence(availability, activity)).light is not None


@given(words, words)
def test_no_word_whatever_makes_the_palette_fail(availability: str, activity: str) -> None:
    rule = Palette().rule_for(Presence(availability, activity))
    if availability not in AVAILABILITIES and availability.upper() not in DEFAULT_RULES:
        assert rule.key == "UNKNOWN"


@given(st.sampled_from(AVAILABILITIES), words)
def test_an_activity_that_nobody_knows_leaves_the_availability_in_force(
    availability: str, activity: str
) -> None:
    if activity.upper() in DEFAULT_RULES:
        return
    palette = Palette()
    key = "UNKNOWN" if availability == "PresenceUnknown" else availability.upper()
    assert palette.rule_for(Presence(availability, activity)) == palette[key]


def test_both_words_beat_the_activity_and_the_activity_beats_the_availability() -> None:
    rules = {"BUSY": BLUE, "INAMEETING": parse_light("white"), "BUSY__INAMEETING": None}
    meeting = Presence("Busy", "InAMeeting")
    assert Palette(rules).rule_for(meeting).light is None
    del rules["BUSY__INAMEETING"]
    assert Palette(rules).rule_for(meeting).light == parse_light("white")
    del rules["INAMEETING"]
    assert Palette(rules).rule_for(meeting).light == BLUE


def test_a_rule_for_busy_covers_meetings_and_leaves_calls_alone() -> None:
    palette = Palette({"BUSY": BLUE})
    assert palette.rule_for(Presence("Busy", "InAMeeting")).light == BLUE
    assert palette.rule_for(Presence("Busy", "InACall")).key == "INACALL"
    assert palette.rule_for(Presence("BusyIdle", "Busy")).key == "BUSYIDLE"


def test_a_rule_for_a_word_that_graph_does_not_document_is_used() -> None:
    palette = Palette({"FOCUSING": BLUE, "HOVERING": None})
    assert palette.rule_for(Presence("Busy", "Focusing")).light == BLUE
    assert palette.rule_for(Presence("Hovering", "Available")).key == "AVAILABLE"
    assert palette.rule_for(Presence("Hovering", "Nowhere")).key == "HOVERING"


def _look(light: LightState) -> tuple[object, float]:
    """What remains for somebody who sees no hue: movement, and WCAG's relative luminance."""

    def linear(channel: int) -> float:
        value = channel / 255
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(channel) for channel in light.rgb)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return (light.effect, light.period), luminance * light.brightness / 255


@pytest.mark.parametrize("name", ["default", "colour-blind"])
def test_no_two_lights_of_a_palette_differ_by_hue_alone(name: str) -> None:
    lights = {parse_light(text) for text in PALETTES[name].values()}
    for one, other in itertools.combinations([light for light in lights if light], 2):
        (move, luminance), (other_move, other_luminance) = _look(one), _look(other)
        darker, brighter = sorted((luminance, other_luminance))
        assert move != other_move or brighter >= 1.5 * darker, (str(one), str(other))


@pytest.mark.parametrize("name", PALETTES)
def test_unknown_moves_like_nothing_else_and_is_not_dark(name: str) -> None:
    unknown = parse_light(PALETTES[name]["UNKNOWN"])
    assert unknown is not None
    assert not unknown.is_dark
    for key, text in PALETTES[name].items():
        light = parse_light(text)
        assert light is not None
        if key != "UNKNOWN":
            assert (light.effect, light.period) != (unknown.effect, unknown.period)
            assert light.rgb != unknown.rgb or name == "minimal"


@pytest.mark.parametrize("name", PALETTES)
def test_every_palette_has_every_rule_and_a_users_rules_go_over_it(name: str) -> None:
    palette = Palette({"AWAY": BLUE}, name)
    assert set(palette) == set(DEFAULT_RULES)
    assert palette["AWAY"].light == BLUE
    assert palette["BUSY"].light == parse_light(PALETTES[name]["BUSY"])


def test_the_minimal_palette_is_red_or_off() -> None:
    lights = [parse_light(text) for text in PALETTES["minimal"].values()]
    assert all(light is not None and (light.is_dark or light.hex == "#ff0000") for light in lights)


@pytest.mark.parametrize(
    ("availability", "activity", "key"),
    [
        ("Offline", "Offline", "OUTOFOFFICE"),
        ("Away", "BeRightBack", "OUTOFOFFICE"),
        ("AvailableIdle", "Available", "OUTOFOFFICE"),
        ("Available", "Available", "AVAILABLE"),
        ("Busy", "InACall", "INACALL"),
        ("BusyIdle", "Busy", "BUSYIDLE"),
    ],
)
def test_automatic_replies_are_out_of_office_unless_the_person_is_there(
    availability: str, activity: str, key: str
) -> None:
    presence = Presence(availability, activity, out_of_office=True)
    assert Palette().rule_for(presence).key == key


def _with_message(message: str, availability: str = "Available", activity: str = "") -> str:
    palette = Palette({"MESSAGE_FOCUS": BLUE, "MESSAGE_DEEP_WORK": None, "MESSAGE_WORK": BLUE})
    return palette.rule_for(Presence(availability, activity or availability, message)).key


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ("Focus time until three", "MESSAGE_FOCUS"),
        ("FOCUS!", "MESSAGE_FOCUS"),
        ("please: f\u00f3cus", "MESSAGE_FOCUS"),
        ("deep -- Work", "MESSAGE_DEEP_WORK"),
        ("deep and work", "MESSAGE_WORK"),
        ("focused", "AVAILABLE"),
        ("busy until noon", "AVAILABLE"),  # which is no rule for words
        ("", "AVAILABLE"),
    ],
)
def test_a_word_of_the_status_message_has_a_rule_of_its_own(message: str, key: str) -> None:
    assert _with_message(message) == key


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ("bitte nicht st\u00f6ren, gro\u00dfes Projekt", "MESSAGE_GROSSES"),
        ("GRO\u1e9eES PROJEKT", "MESSAGE_GROSSES"),  # with the capital sharp s
        ("yaln\u0131z", "MESSAGE_YALNIZ"),  # with the i without a dot
        ("\uff26\uff2f\uff23\uff35\uff33", "MESSAGE_FOCUS"),  # in full width
    ],
)
def test_a_word_is_found_however_its_letters_are_written(message: str, key: str) -> None:
    words_of = ("MESSAGE_FOCUS", "MESSAGE_GROSSES", "MESSAGE_YALNIZ")
    palette = Palette(dict.fromkeys(words_of, BLUE))
    assert palette.rule_for(Presence("Busy", "Busy", message)).key == key


def test_of_two_rules_for_words_the_one_that_says_more_wins() -> None:
    palette = Palette({"MESSAGE_FROM": BLUE, "MESSAGE_WORK_FROM_HOME": BLUE})
    at_home = Presence("Busy", "Busy", "Work from home")
    assert palette.rule_for(at_home).key == "MESSAGE_WORK_FROM_HOME"


def test_who_has_no_message_falls_under_no_rule_for_words() -> None:
    silent = Presence("Busy", "Busy", None)
    assert Palette({"MESSAGE_FOCUS": BLUE}).rule_for(silent).key == "BUSY"


def test_a_message_beats_the_availability_and_nothing_that_says_more() -> None:
    assert _with_message("focus", "Busy", "InAMeeting") == "MESSAGE_FOCUS"
    assert _with_message("focus", "Away", "BeRightBack") == "MESSAGE_FOCUS"
    assert _with_message("focus", "BusyIdle", "Busy") == "MESSAGE_FOCUS"
    assert _with_message("focus", "Busy", "InACall") == "INACALL"
    assert _with_message("focus", "Offline") == "OFFLINE"
    assert _with_message("focus", "PresenceUnknown") == "UNKNOWN"


@given(st.text(max_size=40))
def test_no_message_whatever_makes_the_palette_fail(message: str) -> None:
    assert _with_message(message).startswith(("AVAILABLE", "MESSAGE_"))


def test_calls_and_presenting_are_told_apart_from_calendar_busy_by_movement() -> None:
    moves = [_look_of(key)[0] for key in ("BUSY", "INACALL", "PRESENTING")]
    assert len(set(moves)) == 3


def _look_of(key: str) -> tuple[object, float]:
    light = parse_light(DEFAULT_RULES[key])
    assert light is not None
    return _look(light)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("BUZY", "BUSY"),
        ("INACAL", "INACALL"),
        ("INACALLL", "INACALL"),
        ("BUSY__INAMETING", "BUSY__INAMEETING"),
        ("BUSYY__INACALL", "BUSY__INACALL"),
        ("UNKOWN", "UNKNOWN"),
        ("BUZY__FOCUSING", "BUSY__FOCUSING"),  # one half may be newer than us
        ("HOVERING__INACAL", "HOVERING__INACALL"),
    ],
)
def test_a_slip_of_the_pen_is_recognised(key: str, meant: str) -> None:
    verdict = judge_key(key)
    assert (verdict.known, verdict.meant) == (False, meant)


# Of these no two are near each other, as AVAILABLE and AVAILABLEIDLE are.
LONG_KEYS = [key for key in KNOWN_KEYS if len(key) > 11 and key != "AVAILABLEIDLE"]
edit = st.tuples(st.sampled_from(["insert", "delete", "replace"]), st.floats(0, 0.999))


def _misspelt(key: str, edits: list[tuple[str, float]]) -> str:
    """The key with a Z, which is in none of the long ones, put in, or a letter gone, or both."""
    for kind, where in edits:
        place = int(where * len(key))
        rest = key[place if kind == "insert" else place + 1 :]
        key = key[:place] + ("" if kind == "delete" else "Z") + rest
    return key


@given(st.sampled_from(LONG_KEYS), st.lists(edit, min_size=1, max_size=2))
def test_two_wrong_letters_in_a_long_word_are_a_slip_wherever_they_are(
    key: str, edits: list[tuple[str, float]]
) -> None:
    wrong = _misspelt(key, edits)
    assert judge_key(wrong).meant == (None if wrong == key else key)


@given(st.sampled_from(LONG_KEYS), st.sampled_from(["insert", "replace"]), st.floats(0, 0.7))
def test_three_wrong_letters_are_another_word(key: str, kind: str, where: float) -> None:
    edits = [(kind, where + n / 10) for n in range(3)]
    assert judge_key(_misspelt(key, edits)).meant is None
    assert judge_key(key[3:]).meant is None


@pytest.mark.parametrize(
    ("key", "meant"), [("ZZBUSY", "BUSY"), ("BUSYZZ", "BUSY"), ("BUZZ", "BUSY"), ("ZZZBUSY", None)]
)
def test_the_slip_may_stand_at_either_end(key: str, meant: str | None) -> None:
    assert judge_key(key).meant == meant


@pytest.mark.parametrize("key", ["FOCUSING", "BUSY__FOCUSING", "HOVERING__FOCUSING"])
def test_a_word_that_may_be_newer_than_us_is_no_mistake(key: str) -> None:
    verdict = judge_key(key)
    assert (verdict.known, verdict.meant) == (False, None)


@pytest.mark.parametrize(
    "key", [*KNOWN_KEYS, "BUSY__INAMEETING", "AWAY__OUTOFOFFICE", "MESSAGE_DEEP_WORK"]
)
def test_a_documented_key_is_known(key: str) -> None:
    assert is_key(key)
    assert judge_key(key).known


@pytest.mark.parametrize(
    "key", ["", "_", "BUSY_", "busy", "BUSY__A__B", "BUSY__", "1BUSY", "B-Y", "MESSAGE"]
)
def test_what_cannot_be_a_key_is_none(key: str) -> None:
    assert not is_key(key)


def test_a_palette_says_whose_each_rule_is() -> None:
    palette = Palette({"BUSY": BLUE})
    assert palette["BUSY"] == Rule("BUSY", BLUE, is_default=False)
    assert palette["AWAY"].is_default
    assert len(palette) == len(DEFAULT_RULES)
    assert repr(palette) == "<Palette with rules of the user's for: BUSY>"
    assert repr(Palette()) == "<Palette with rules of the user's for: nothing>"
    assert "for: AWAY, BUSY>" in repr(Palette({"BUSY": BLUE, "AWAY": BLUE}))


def test_an_output_of_its_own_rules_keeps_the_rest_of_the_same_table() -> None:
    everywhere = Palette({"BUSY": BLUE, "AWAY": BLUE}, "colour-blind")
    own = everywhere.with_rules({"AWAY": None, "MESSAGE_FOCUS": BLUE})
    assert own.name == "colour-blind"
    assert (own["BUSY"].light, own["AWAY"].light) == (BLUE, None)
    changed = {rule.key for rule in own.values() if not rule.is_default}
    assert changed == {"BUSY", "AWAY", "MESSAGE_FOCUS"}
    assert own["AVAILABLE"] == everywhere["AVAILABLE"]
    assert everywhere["AWAY"].light == BLUE
