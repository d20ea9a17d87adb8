"""WS2812s, told on stderr."""

import sys
import time


class NeoPixel:
    def __init__(self, pin, count):
        self.count = count
        self.colour = (0, 0, 0)

    def fill(self, colour):
        self.colour = colour

    def write(self):
        sys.stderr.write(
            "paint %f %d %02x%02x%02x\n" % ((time.ticks_ms() / 1000, self.count) + self.colour)
        )
