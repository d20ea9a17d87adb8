"""The library lgpio as Raspberry Pi OS has it, where pip has none for this Python.

There is no finished package of it for Python 3.13 on 64 bits, and to compile it takes tools that a
Pi does not have. Raspberry Pi OS has it for its own Python, where an environment of `venv` does
not look.
"""

import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Final

PLACE: Final = "/usr/lib/python3/dist-packages"
"""Debian's, for its own Python: any other finds no compiled half there that it could load."""
HALVES: Final = ("_lgpio", "lgpio")
"""The second imports the first, which is compiled."""


def borrow_lgpio(halves: tuple[str, str] = HALVES) -> None:
    """Let `import lgpio` find the system's; nothing happens where there is one, or none at all."""
    if halves[-1] in sys.modules or find_spec(halves[-1]) is not None:
        return
    try:
        for name in halves:
            spec = PathFinder.find_spec(name, [PLACE])
            if spec is None or spec.loader is None:
                raise ModuleNotFoundError(name)
            module = sys.modules[name] = module_from_spec(spec)
            spec.loader.exec_module(module)
    except ImportError:  # gpiozero says that it has no library
        for name in halves:
            sys.modules.pop(name, None)
