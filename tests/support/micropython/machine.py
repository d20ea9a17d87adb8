"""The pins of a board, stubbed thinly for MicroPython on Unix."""

import sys


class Pin:
    OUT = 1
    IN = 0
    PULL_UP = 1

    def __init__(self, number, mode=0, pull=None):
        self.number = number
        self.mode = mode

    def init(self, mode):
        if mode != self.mode:
            self.mode = mode
            sys.stderr.write("drive 0 %d\n" % mode)

    def value(self, level=None):
        return 1


class WDT:
    def __init__(self, timeout):
        assert timeout <= 8388

    def feed(self):
        pass


def unique_id():
    return b"\xe6\x60\x58\x38\x83\x11\x22\x33"


def reset():
    sys.stderr.write("reset\n")
    sys.exit()
