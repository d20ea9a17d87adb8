"""Takes docs/pictures/web/*.png: `python -m scripts.photograph_page`.

They are real: the page as the program serves it, in a headless Chromium, in which it was made to
hold still. It wants what `scripts/test page` installs, and Pillow; CHROMIUM names the browser if it
is not /usr/bin/chromium.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, ViewportSize

from busylight.core.knowledge import NotKnown, SignInPrompt, Trouble, Why
from busylight.core.palette import Palette
from busylight.core.view import PartHealth, PartState, Person, View
from busylight.edge import clock
from busylight.web.day import Day
from tests.support.browser import DESKTOP, PHONE, Shown, chromium, page_of
from tests.support.web import many, view_of, with_message

PICTURES: Final = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "web"
_DAY: Final = (
    ("OFFLINE", 13.0),
    ("AVAILABLE", 1.2),
    ("INACALL", 0.8),
    ("BUSY", 1.0),
    ("AWAY", 0.7),
    ("AVAILABLE", 1.5),
    ("PRESENTING", 0.5),
    ("DONOTDISTURB", 1.0),
    ("UNKNOWN", 0.2),
    ("AVAILABLE", 2.0),
    ("BERIGHTBACK", 0.3),
)
"""What the light showed, and for how many hours."""
_NAMES: Final = (
    "Adele Vance", "Alex Wilber", "Diego Siciliani", "Grady Archie", "Henrietta Mueller",
    "Isaiah Langer", "Johanna Lorenz", "Joni Sherman", "Lee Gu", "Lidia Holloway", "Lynne Robbins",
    "Megan Bowen", "Miriam Graham", "Nestor Wilke", "Patti Fernandez", "Pradeep Gupta",
)  # fmt: skip


def main() -> None:
    """Take them all."""
    PICTURES.mkdir(exist_ok=True)
    with chromium() as browser:
        for name, view in _views():
            with page_of(view) as shown:
                shown.do(lambda site: _live_through(site.page.day))
                shown.show(view)
                _photograph(browser, shown, name)


def _views() -> Iterator[tuple[str, View]]:
    now, view = clock.now(), view_of()
    call = replace(view, knowledge=with_message(view, "Back at three"))
    yield "in-a-call", replace(call, knowledge=replace(call.knowledge, since=now - 720))
    outputs = {
        "mqtt": PartHealth(PartState.CONNECTED),
        "serial": PartHealth(
            PartState.FAILED,
            "no port says that it is our light; plug it in, or set BUSYLIGHT_SERIAL_PORT to its "
            "path (`busylight devices` lists them)",
        ),
    }
    yield (
        "sign-in",
        view_of(
            light="#ffffff 60%",
            state="signin",
            knowledge=NotKnown(Trouble(Why.SIGNED_OUT, "the password was changed"), now - 240),
            sign_in=SignInPrompt("https://microsoft.com/devicelogin", "F7XKQ2ABC", now + 840),
            diagnostics=replace(view.diagnostics, outputs=outputs, signed_in=False, account=None),
        ),
    )
    yield "everybody", view_of(people=dict(_office()))


def _office() -> Iterator[tuple[str, Person]]:
    for number, (who, person) in enumerate(many(240).items()):
        name = _NAMES[number % len(_NAMES)]
        knowledge = with_message(view_of(), "", user=f"{name} {number // len(_NAMES) + 1}")
        words = ("Available", "Available") if number % 3 else ("Busy", "InACall")
        if number % 7 == 0:
            words = ("Away", "Away")
        presence = replace(knowledge.presence, availability=words[0], activity=words[1])
        light = Palette().rule_for(presence).light
        yield who, replace(person, knowledge=replace(knowledge, presence=presence), light=light)


def _live_through(day: Day) -> None:
    """What a day would have left behind."""
    began, palette = clock.now() - sum(hours for _, hours in _DAY) * 3600, Palette()
    changes = day._changes  # noqa: SLF001 -- a day takes too long for a picture
    changes.clear()
    for key, hours in _DAY:
        changes.append((began, key.lower(), palette[key].light))
        began += hours * 3600


def _photograph(browser: Browser, shown: Shown, name: str) -> None:
    for width, size in (("desktop", DESKTOP), ("phone", PHONE)):
        for scheme in ("light", "dark"):
            context = browser.new_context(
                color_scheme=scheme,
                viewport=ViewportSize(**size),
                reduced_motion="reduce",
            )
            page = context.new_page()
            page.goto(shown.url)
            page.wait_for_timeout(1000)
            path = PICTURES / f"{name}-{width}-{scheme}.png"
            page.screenshot(path=path, full_page=True)
            with Image.open(path) as picture:  # a third of the size, and nobody sees it
                small = picture.convert("RGB").quantize(256)
            small.save(path, optimize=True)
            print(path, f"{path.stat().st_size // 1024} KiB")
            context.close()


if __name__ == "__main__":
    main()
