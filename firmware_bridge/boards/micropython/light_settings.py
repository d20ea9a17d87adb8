"""What is on this board: change it, and copy it there beside main.py."""

KIND = "neopixel"
"""`neopixel`: WS2812s on one pin; `pwm`: an RGB LED on three; `leds`: three LEDs, on or off."""
PINS = (0,)
"""The pin of the pixels; or those of red, green and blue."""
PIXELS = 8
"""How many pixels there are; 1 for an RGB LED."""
ORDER = "GRB"
"""In which order the pixels take their colours: `GRB` for WS2812, `RGB` for WS2811."""
LIMIT_MA = 400
"""Milliamperes that all LEDs may draw together: USB has 500 for the whole board."""
CHANNEL_MA = 20
"""Milliamperes that one colour of one LED draws at full."""
BUTTON = -1
"""The pin of a button to ground; -1: there is none."""
WATCHDOG = True
"""Whether a firmware that hangs is started again."""
