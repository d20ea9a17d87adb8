"""The firmware of a light on MicroPython: RP2040, RP2350, ESP32 families.

What it needs beside itself on the board `firmware_bridge/micropython.py` lists.
"""

import os
import select
import sys
from time import sleep_ms, ticks_diff, ticks_ms  # type: ignore[attr-defined]  # MicroPython's own

import light_settings as settings
import machine
import micropython

from firmware_bridge import protocol
from firmware_bridge.board import Board
from firmware_bridge.button import Button
from firmware_bridge.light import Light

REPL_MARK = "repl_wanted"
"""A file that tells the next start to end at the prompt: a watchdog cannot be stopped. boot.py
leaves the USB names alone while it is there."""
_PROMPT, _LIGHT = "prompt", "light"  # what the next start shall be
_WATCHDOG_MS = 5000  # an RP2040 can do 8388 at most
_PWM_HERTZ = 1000
_CHUNK = 64


class Pixels:
    """WS2812s."""

    def __init__(self) -> None:
        import neopixel  # noqa: PLC0415 -- not every board's MicroPython has it

        self._pin = machine.Pin(settings.PINS[0], machine.Pin.OUT)
        self._strip = neopixel.NeoPixel(self._pin, settings.PIXELS)
        # The driver writes green first; for other strips red and green change places.
        self._swap = settings.ORDER == "RGB"

    def paint(self, red: int, green: int, blue: int) -> None:
        """Drive all of them alike."""
        self._pin.init(machine.Pin.OUT)
        self._strip.fill((green, red, blue) if self._swap else (red, green, blue))
        self._strip.write()

    def let_go(self) -> None:
        """Leave the pin to others."""
        self._pin.init(machine.Pin.IN)


class Pwm:
    """An RGB LED on three pins."""

    def __init__(self) -> None:
        self._pins = [machine.Pin(pin, machine.Pin.OUT) for pin in settings.PINS]
        self._channels = [machine.PWM(pin, freq=_PWM_HERTZ, duty_u16=0) for pin in self._pins]

    def paint(self, *duty: int) -> None:
        """Drive it."""
        for channel, value in zip(self._channels, duty):  # noqa: B905 -- MicroPython has no strict
            channel.duty_u16(value * 257)

    def let_go(self) -> None:
        """Dark is all that there is to do: a PWM pin is nobody else's."""


class Leds:
    """Three LEDs that are on or off."""

    def __init__(self) -> None:
        self._pins = [machine.Pin(pin, machine.Pin.OUT) for pin in settings.PINS]

    def paint(self, *duty: int) -> None:
        """Switch them."""
        for pin, value in zip(self._pins, duty):  # noqa: B905 -- MicroPython has no strict
            pin.value(1 if value else 0)

    def let_go(self) -> None:
        """Dark is all that there is to do."""


def leds_of(kind: str) -> "Pixels | Pwm | Leds":
    """What the settings name."""
    if kind == "neopixel":
        return Pixels()
    return Pwm() if kind == "pwm" else Leds()


def board_of() -> Board:
    """The board's logic, by the settings and by what the chip is."""
    capabilities = protocol.HAS_REPL
    capabilities |= protocol.HAS_PIXELS if settings.KIND == "neopixel" else protocol.HAS_PWM
    if settings.BUTTON >= 0:
        capabilities |= protocol.HAS_BUTTON
    name = sys.implementation._machine if hasattr(sys.implementation, "_machine") else ""  # noqa: SLF001 -- MicroPython's only way
    kind = protocol.RP2350 if "RP2350" in name else protocol.RP2040
    if "ESP32" in name:
        kind = protocol.ESP32
    number = (machine.unique_id() + bytes(8))[:8]
    identity = protocol.Identity(kind, number, settings.PIXELS, capabilities)
    return Board(identity, Light(settings.PIXELS, settings.LIMIT_MA, settings.CHANNEL_MA))


def run() -> None:
    """Be a light until the host asks for the prompt."""
    board = board_of()
    leds = leds_of(settings.KIND)
    switch = None
    if settings.BUTTON >= 0:
        switch = machine.Pin(settings.BUTTON, machine.Pin.IN, machine.Pin.PULL_UP)
    button = Button()
    watchdog = machine.WDT(timeout=_WATCHDOG_MS) if settings.WATCHDOG else None
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    then = ticks_ms()
    while not board.repl_wanted:
        came = bytearray()
        while len(came) < _CHUNK and poll.poll(0):
            came.extend(sys.stdin.buffer.read(1))
        if came:
            board.receive(bytes(came))
        now = ticks_ms()
        passed = ticks_diff(now, then)
        then = now
        board.advance(passed)
        if switch is not None and (press := button.advance(not switch.value(), passed)):
            board.press(press)
        work(board, leds)
        if watchdog is not None:
            watchdog.feed()
        if not came:
            sleep_ms(1)
    work(board, leds)


def work(board: Board, leds: "Pixels | Pwm | Leds") -> None:
    """Paint what is due, and only then answer."""
    duty = board.paint()
    if duty is not None:
        leds.paint(*duty)
        board.painted(duty)
        if board.light.state == protocol.RELEASED:
            leds.let_go()
    answers = board.answers()
    if answers:
        sys.stdout.buffer.write(answers)


def main() -> None:
    """Be a light, unless the last start was told to leave the prompt."""
    if REPL_MARK in os.listdir():
        with open(REPL_MARK) as file:
            is_for_prompt = file.read() == _PROMPT
        if is_for_prompt:
            mark(_LIGHT)
            return
        os.remove(REPL_MARK)
        machine.reset()  # for boot.py, which has just passed over the USB names
    micropython.kbd_intr(-1)  # byte 3 is a byte
    try:
        run()
    finally:
        micropython.kbd_intr(3)
    mark(_PROMPT)
    sleep_ms(100)  # the answer leaves first
    machine.reset()


def mark(start: str) -> None:
    """Write down what the next start shall be."""
    with open(REPL_MARK, "w") as file:
        file.write(start)


main()
