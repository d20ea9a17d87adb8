"""Starts a board: boot.py, main.py, and what only a board's MicroPython does is told on stderr."""

import os
import sys
import time

import micropython as real

MOST = 20  # milliseconds that pass between two looks at the clock, whatever the machine does


class Clock:
    """On a busy machine the board is late, and its clock with it, as the emulated chip's is."""

    def __init__(self):
        self.ticks_diff = time.ticks_diff
        self.sleep_ms = time.sleep_ms
        self.seen = time.ticks_ms()
        self.stolen = 0

    def ticks_ms(self):
        now = time.ticks_ms()
        self.stolen += max(time.ticks_diff(now, self.seen) - MOST, 0)
        self.seen = now
        return time.ticks_add(now, -self.stolen)


class Implementation:
    def __init__(self, machine):
        self._machine = machine


class System:
    """What the file `chip` says that the board is; all else is as it is."""

    def __init__(self, machine):
        self.implementation = Implementation(machine)

    def __getattr__(self, name):
        return getattr(sys, name)


class Micropython:
    def kbd_intr(self, byte):
        sys.stderr.write("kbd_intr %d\n" % byte)
        real.kbd_intr(byte)


sys.modules["micropython"] = Micropython()
sys.modules["time"] = Clock()
if "chip" in os.listdir():
    with open("chip") as file:
        sys.modules["sys"] = System(file.read())
for script in ("boot.py", "main.py"):
    with open(script) as file:
        exec(file.read(), {"__name__": "__main__"})
