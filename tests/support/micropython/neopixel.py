"""WS2812s, told on stderr; they hang while the file `hang` is there."""

import os
import time

from machine import tell, watch


class NeoPixel:
    def __init__(self, pin, count):
        self.count = count
        self.colour = (0, 0, 0)

    def fill(self, colour):
        self.colour = colour

    def write(self):
        """In the driver's order: green is sent first, so what is given as red is the second."""
        watch()
        tell("paint %f %d %02x%02x%02x" % ((time.ticks_ms() / 1000, self.count) + self.colour))
        while "hang" in os.listdir():
            watch()
