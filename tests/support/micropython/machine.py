"""The chip of a board, stubbed thinly for MicroPython on Unix: what it is told goes to stderr."""

import os
import sys
import time

WATCHED = []  # the watchdog that runs


def tell(text):
    sys.stderr.write(text + "\n")


def reset():
    tell("reset")
    sys.exit()


class Led:
    """The pins of an RGB LED: told as one colour whenever the last of them is."""

    levels = {}

    @classmethod
    def set(cls, number, level):
        cls.levels[number] = level
        if len(cls.levels) == 3 and number == max(cls.levels):
            colour = tuple(cls.levels[each] for each in sorted(cls.levels))
            tell("paint %f 1 %02x%02x%02x" % ((time.ticks_ms() / 1000,) + colour))
            watch()


class Contact:
    """A button: the file `contact` has a letter for each 10 ms, `#` down and `.` up."""

    script = None
    began = 0

    @classmethod
    def is_down(cls):
        if cls.script is None:
            if "contact" not in os.listdir():
                return False
            with open("contact") as file:
                cls.script = file.read()
            cls.began = time.ticks_ms()
        step = time.ticks_diff(time.ticks_ms(), cls.began) // 10
        if step < len(cls.script):
            return cls.script[step] == "#"
        os.remove("contact")
        cls.script = None
        return False


class Pin:
    OUT = 1
    IN = 0
    PULL_UP = 1

    def __init__(self, number, mode=0, pull=None):
        self.number = number
        self.mode = mode
        self.pull = pull

    def init(self, mode):
        if mode != self.mode:
            self.mode = mode
            tell("drive 0 %d" % mode)

    def value(self, level=None):
        if level is not None:
            assert self.mode == Pin.OUT
            Led.set(self.number, 255 * level)
            return None
        assert (self.mode, self.pull) == (Pin.IN, Pin.PULL_UP)
        return 0 if Contact.is_down() else 1


class PWM:
    def __init__(self, pin, freq, duty_u16):
        assert pin.mode == Pin.OUT
        assert duty_u16 == 0
        self.number = pin.number

    def duty_u16(self, duty):
        assert 0 <= duty <= 65535
        Led.set(self.number, duty >> 8)


class WDT:
    def __init__(self, timeout):
        assert timeout <= 8388  # an RP2040 has no more
        self.timeout = timeout
        self.fed = time.ticks_ms()
        WATCHED.append(self)

    def feed(self):
        watch()
        self.fed = time.ticks_ms()


def watch():
    """What a watchdog does, at the next moment at which anything is asked of the board."""
    for each in WATCHED:
        if time.ticks_diff(time.ticks_ms(), each.fed) > each.timeout:
            tell("bitten")
            reset()


def unique_id():
    return b"\xe6\x60\x58\x38\x83\x11\x22\x33"


if "usb" in os.listdir():  # this board describes its USB itself

    class BuiltIn:
        desc_dev = bytes((18, 1, 0, 2, 239, 2, 1, 64, 138, 46, 5, 0, 0, 1, 1, 2, 3, 1))
        desc_cfg = b"as it was"

    class USBDevice:
        BUILTIN_DEFAULT = BuiltIn

        def active(self, is_active):
            tell("usb active %d" % is_active)

        def config(self, desc_dev, desc_cfg, desc_strs):
            assert (desc_dev, desc_cfg) == (BuiltIn.desc_dev, BuiltIn.desc_cfg)
            for number in sorted(desc_strs):
                tell("usb string %d %s" % (number, desc_strs[number]))
