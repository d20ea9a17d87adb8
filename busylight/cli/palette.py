"""`busylight palette`: the colours in force."""

import argparse

from busylight.cli.common import Exit, print_json, settings_of
from busylight.cli.swatch import swatch
from busylight.core.light import LightState
from busylight.core.palette import Palette, Rule
from busylight.core.presence import ACTIVITIES, AVAILABILITIES, Presence


def main(args: argparse.Namespace) -> int:
    """Print each rule, and then what each documented pair of words comes to."""
    settings = settings_of(args, needs_source=False, needs_outputs=False)
    palette = settings.palette
    own = {
        name: [rule for rule in appearance.palette.values() if palette.get(rule.key) != rule]
        for name, appearance in settings.appearances.items()
        if appearance.palette is not None
    }
    if args.json:
        print_json(
            {
                "rules": [
                    {"key": rule.key, **_light(rule), "origin": _origin(rule, palette)}
                    for rule in palette.values()
                ],
                "pairs": [
                    {"availability": p.availability, "activity": p.activity, "rule": rule.key}
                    for p, rule in _pairs(palette)
                ],
                "outputs": {
                    name: [{"key": rule.key, **_light(rule)} for rule in rules]
                    for name, rules in own.items()
                },
            }
        )
        return Exit.OK
    for rule in palette.values():
        print(f"{_line(rule)} {_origin(rule, palette)}")
    for name, rules in own.items():
        print(f"\nOn {name}:")
        for rule in rules:
            print(_line(rule).rstrip())
    print("\nActivities that have no rule of their own take their availability's:")
    for presence, rule in _pairs(palette):
        if presence.availability in ("Available", "Away", "Busy", "DoNotDisturb"):
            print(f"{swatch(rule.light)} {presence.words:<38} {rule.key}")
    return Exit.OK


def _pairs(palette: Palette) -> list[tuple[Presence, Rule]]:
    every = (Presence(one, other) for one in AVAILABILITIES for other in ACTIVITIES)
    return [(presence, palette.rule_for(presence)) for presence in every]


def _origin(rule: Rule, palette: Palette) -> str:
    if not rule.is_default:
        return f"BUSYLIGHT_COLOR_{rule.key}"
    return "default" if palette.name == "default" else f"BUSYLIGHT_PALETTE={palette.name}"


def _line(rule: Rule) -> str:
    text = "release" if rule.light is None else str(rule.light)
    return f"{swatch(rule.light)} {rule.key:<24} {text:<26}"


def _light(rule: Rule) -> dict[str, object]:
    light: LightState | None = rule.light
    if light is None:
        return {"light": "release"}
    return {
        "light": str(light),
        "color": light.hex,
        "brightness_percent": light.percent,
        "effect": light.effect.value,
        "period": light.period,
    }
