"""`busylight status`: read presence once, and print it with the light that it maps to."""

import argparse
import asyncio
from dataclasses import replace

from busylight.app.daemon import rules_of
from busylight.app.read_once import read_once
from busylight.cli.common import CommandError, Exit, print_json, settings_of, state_dir_of
from busylight.cli.swatch import swatch
from busylight.core.decide import decide
from busylight.core.documents import light_document, presence_document
from busylight.core.knowledge import Known, NotKnown, Reading, Why
from busylight.core.situation import Situation
from busylight.core.view import Person, View
from busylight.edge import clock


def main(args: argparse.Namespace) -> int:
    """Read once; nothing is shown on any light."""
    settings = settings_of(args, needs_outputs=False)
    state_dir_of(settings)
    answer = asyncio.run(read_once(settings))
    now = clock.now()
    situation = Situation(rules_of(settings), started_at=now, epoch=clock.WallClock().epoch)
    if isinstance(answer, Reading):
        view = situation.after_reading(answer, now).view(now)
    else:
        # One reading is all there is: what failed is told as it is, not after STALE_AFTER.
        knowledge = NotKnown(answer, now)
        outside = situation.outside_hours(now)
        decision = decide(knowledge, None, settings.palette, now, outside_hours=outside)
        view = replace(
            situation.after_trouble(answer, now).view(now),
            knowledge=knowledge,
            light=decision.light,
            state=decision.state,
        )
    if args.json:
        _print_json(view)
    elif isinstance(view.knowledge, Known):
        _print_presences(view)
    if isinstance(view.knowledge, Known):
        return Exit.OK
    raise _failure(view.knowledge)


def _failure(knowledge: NotKnown) -> CommandError:
    if knowledge.why is Why.SIGNED_OUT:
        return CommandError(knowledge.trouble.detail, Exit.SIGN_IN_NEEDED)
    return CommandError(knowledge.trouble.detail)


def _print_presences(view: View) -> None:
    people = view.people or {"": Person(view.knowledge, view.light)}
    for who, person in people.items():
        knowledge, light = person.knowledge, person.light
        name = f"{who} " if who else ""
        words = (
            knowledge.presence.words
            if isinstance(knowledge, Known)
            else f"unknown ({knowledge.trouble.detail})"
        )
        print(f"{swatch(light)} {name}{words} {'release' if light is None else light}")


def _print_json(view: View) -> None:
    dates = clock.WallClock().rfc3339
    print_json(
        {
            "state": view.state,
            "presence": presence_document(view.knowledge, dates, status_message=True, user=True),
            "light": light_document(view.light),
            "account": view.diagnostics.account,
            "error": view.diagnostics.last_error,
            "people": {
                who: {
                    "presence": presence_document(
                        person.knowledge, dates, status_message=True, user=True
                    ),
                    "light": light_document(person.light),
                    "error": None
                    if isinstance(person.knowledge, Known)
                    else person.knowledge.trouble.detail,
                }
                for who, person in view.people.items()
            },
        }
    )
