/* A button's bouncing contact as presses. The twin of firmware_bridge/button.py. */
#ifndef BUTTON_H
#define BUTTON_H

#include <stdbool.h>
#include <stdint.h>

enum { PRESS = 1, DOUBLE_PRESS = 2, LONG_PRESS = 3 };

struct button {
    bool is_down;
    bool is_told; /* whether this press is told already */
    bool waits;   /* whether a first press was let go, and a second one may follow */
    /* All in milliseconds. */
    uint16_t changing; /* for how long the contact has been otherwise */
    uint16_t held;     /* since it went down */
    uint16_t waiting;  /* since a first press was let go */
};

/* The kind of press that is complete now, as in BUTTON; 0 if none is. */
uint8_t button_advance(struct button *button, bool is_down, uint16_t milliseconds);

#endif
