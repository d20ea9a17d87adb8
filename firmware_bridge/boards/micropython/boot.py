"""Runs at each start, before USB and main.py: gives the board the USB names of our light.

By them `SERIAL_PORT=auto` finds it. MicroPython can do it from 1.23 on, on chips whose USB is a
device that it describes itself (RP2040, RP2350; ESP32-S2 and -S3 with a newer one). An ESP32-C3 or
-C6 has its USB names in silicon, and a board behind a bridge chip has the bridge's: there the port
is set by its path.
"""

import os

import machine

from firmware_bridge import usb_names

REPL_MARK = "repl_wanted"
"""While this file is there the board keeps its own names: mpremote's soft resets would else make
it drop from USB under mpremote's hands. main.py writes and removes it."""
_MAKER, _PRODUCT = 14, 15  # where a device descriptor has the numbers of its strings


def name_usb() -> None:
    """Keep all that is built in but the two names."""
    if REPL_MARK in os.listdir() or not hasattr(machine, "USBDevice"):
        return
    device = machine.USBDevice()
    device.active(False)
    device.builtin_driver = device.BUILTIN_DEFAULT
    built_in = device.builtin_driver
    names = {
        built_in.desc_dev[_MAKER]: usb_names.MANUFACTURER,
        built_in.desc_dev[_PRODUCT]: usb_names.PRODUCT,
    }
    device.config(built_in.desc_dev, built_in.desc_cfg, names)
    device.active(True)


name_usb()
