"""What the API and the download of the diagnostics say."""

import platform
import sys
from typing import Any

from busylight.core.documents import (
    Dates,
    diagnostics_document,
    light_document,
    presence_document,
    view_document,
)
from busylight.core.view import View
from busylight.web.day import Day
from busylight.web.words import problems_of


def state_document(view: View, name: str, dates: Dates) -> dict[str, Any]:
    """What `GET /api/v1/state` answers."""
    light = light_document(view.light)
    if view.light is not None:
        light["period"] = view.light.period
    return {
        "name": name,
        **view_document(view, dates),
        "light": light | {"released": view.light is None},
        "problems": [{"what": each.what, "detail": each.detail} for each in problems_of(view)],
        "test_light_ends_at": dates(view.walk_ends_at),
        "people": len(view.people),
    }


def download_document(view: View, day: Day, now: float, dates: Dates) -> dict[str, Any]:
    """The diagnostics for somebody else's eyes: no name, no message, no code of a sign-in."""
    return {
        "version": 1,
        "state": view.state,
        "light": light_document(view.light),
        "presence": presence_document(view.knowledge, dates, status_message=False, user=False),
        "mode": view.mode.value,
        "sign_in_waits": view.sign_in is not None,
        "people": len(view.people),
        "problems": [{"what": each.what, "detail": each.detail} for each in problems_of(view)],
        "diagnostics": diagnostics_document(view.diagnostics, dates, account=False),
        "machine": {"python": sys.version.split()[0], "platform": platform.platform()},
        "day": [
            {"from": dates(each.began), "to": dates(each.ended), "state": each.state}
            for each in day.stretches(now)
        ],
    }
