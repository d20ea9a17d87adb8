"""What a light that has USB of its own calls itself: by these names `SERIAL_PORT=auto` finds it.

Runs unchanged under CPython and MicroPython. A board behind a bridge chip (CH340, CP210x) cannot
say so: its USB names are the bridge's.
"""

MANUFACTURER = "Busylight"
PRODUCT = "Busylight"
