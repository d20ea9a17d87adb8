"""Starts a board: boot.py, main.py, and what only a board's MicroPython does is told on stderr."""

import sys

import micropython as real


class Micropython:
    def kbd_intr(self, byte):
        sys.stderr.write("kbd_intr %d\n" % byte)
        real.kbd_intr(byte)


sys.modules["micropython"] = Micropython()
for script in ("boot.py", "main.py"):
    with open(script) as file:
        exec(file.read(), {"__name__": "__main__"})
