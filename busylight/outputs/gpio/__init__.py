"""LEDs on the pins of a Raspberry Pi."""
