"""Descriptors 0, 1 and 2 are what they are called, however the program was started."""

import os
import sys
from contextlib import suppress
from typing import Final

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def occupy() -> None:
    """Open on /dev/null which of them are closed.

    Else the next thing that is opened gets the number, be it the light or the tokens' file, and
    what is said to people is written into it.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):  # no /dev: nothing can be done about it
                # The lowest number that is free: that one, for those before it are open.
                os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            with suppress(OSError):
                setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
