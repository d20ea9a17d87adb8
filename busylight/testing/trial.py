"""What is tried: an output's class, its settings, and how its lamp can be seen and broken."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from busylight.core.knowledge import Known
from busylight.core.light import LightState, parse_light, shown_rgb
from busylight.core.presence import Presence
from busylight.core.view import Diagnostics, View
from busylight.edge import clock
from busylight.parts import Output

RGB = tuple[int, int, int]

PATIENCE: Final = 10.0
"""Seconds that a lamp gets to be seen showing what it was told."""


class OutputCheckError(AssertionError):
    """An output does not keep what an output promises; the text says what, a line each."""


@dataclass(slots=True)
class Trial:
    """An output's class, and what is needed to try it."""

    cls: Any
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The values of its settings, by field, as a user would give them."""
    shown: Callable[[], RGB | None] | None = None
    """What the lamp shows at this moment; None: it cannot be told. Brightness is in the colour."""
    break_it: Callable[[], object] | None = None
    """Takes the lamp away, as a pulled cable would: so much is to be noticed and named."""
    mend_it: Callable[[], object] | None = None
    """Brings it back."""
    notices_by_itself: bool = False
    """Whether it tells that the lamp has gone although nothing is shown just then."""

    def make(self) -> Output:
        """A new object, as the program makes one for each try."""
        output: Output = self.cls(self.branch())
        return output

    def branch(self) -> BaseModel:
        """Its settings, with what the program gives to every part."""
        model: type[BaseModel] = self.cls.Settings
        common = {"id": "check", "name": "Check", "outputs": ("check",), "state_dir": None}
        known = {name: value for name, value in common.items() if name in model.model_fields}
        return model(**{**known, **self.settings})

    async def sees(self, light: LightState | None) -> None:
        """Wait until the lamp is seen showing it; what cannot be seen is believed."""
        if self.shown is None:
            return
        wanted = (0, 0, 0) if light is None else shown_rgb(light)
        try:
            async with asyncio.timeout(PATIENCE):
                while (seen := self.shown()) is not None and not _alike(seen, wanted):
                    await asyncio.sleep(0.01)  # nobody tells when a lamp has changed
        except TimeoutError:
            text = f"was shown {light}, but the lamp shows {self.shown()}"
            raise OutputCheckError(text) from None


def view_of(light: LightState | str | None, *, is_last: bool = False) -> View:
    """A view with this light in it; a text is read as in settings (`red 40% blink`)."""
    now = clock.now()
    return View(
        light=parse_light(light) if isinstance(light, str) else light,
        state="busy",
        knowledge=Known(Presence("Busy", "Busy"), now, now),
        override=None,
        sign_in=None,
        diagnostics=Diagnostics("check", "1", now),
        is_last=is_last,
    )


def _alike(one: RGB, other: RGB) -> bool:
    """Some lamps know fewer steps of brightness than we do."""
    return all(abs(a - b) <= 4 for a, b in zip(one, other, strict=True))  # noqa: PLR2004 -- of 255
