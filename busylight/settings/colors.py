"""Rules of the palette out of variables: `COLOR_<STATE>`, of the program or of one output."""

import logging
from collections.abc import Mapping
from typing import Final

from busylight.core.light import LIGHT_EXAMPLE, LightState, LightSyntaxError, parse_light
from busylight.core.palette import is_key, judge_key
from busylight.settings.faults import SettingFault, printable
from busylight.settings.outputs import COLOR
from busylight.settings.variables import PREFIX, Variable

_log: Final = logging.getLogger("busylight.settings")

Lights = dict[str, LightState | None]


def read_rules(
    given: Mapping[str, Variable], prefix: str = ""
) -> tuple[Lights, list[SettingFault]]:
    """The lights by the rule's key, and what is wrong; `prefix`: of one output's variables."""
    begin = f"{PREFIX}{prefix}{COLOR}"
    lights: Lights = {}
    faults: list[SettingFault] = []
    for name, variable in given.items():
        key = name.removeprefix(begin)
        if not name.startswith(begin) or (prefix and key == "ORDER"):
            continue
        subject = f"{name}={printable(variable.value)}"
        if key == "ORDER":
            text = "is not a setting: the order is one output's, as in BUSYLIGHT_SERIAL_COLOR_ORDER"
            faults.append(SettingFault(name, text, where=variable.where))
            continue
        if not is_key(key):
            example = f"{begin}BUSY={LIGHT_EXAMPLE}"
            faults.append(SettingFault(subject, "does not name a state", example, variable.where))
            continue
        verdict = judge_key(key)
        if verdict.meant is not None:
            text = f"is not a setting; did you mean {begin}{verdict.meant}?"
            faults.append(SettingFault(name, text, where=variable.where))
            continue
        if not verdict.known:
            _log.warning("%s is for a state that Microsoft Graph does not document", name)
        try:
            lights[key] = parse_light(variable.value)
        except LightSyntaxError as error:
            example = f"{name}={LIGHT_EXAMPLE}"
            faults.append(SettingFault(subject, str(error), example, variable.where))
    return lights, faults
