/* The line to the host: uart.c on an ATmega328P, usb.c on an ATmega32U4. */
#ifndef LINE_H
#define LINE_H

#include <stdbool.h>
#include <stdint.h>

void line_begin(void);

/* To be called each time that the main loop goes round. */
void line_work(void);

/* The next byte from the host; false if none is there. */
bool line_take(uint8_t *byte);

/* Whether LEDs may be painted now without a byte being lost. */
bool line_is_idle(void);

/* Whether a frame can be sent now; where nobody listens it can, and is thrown away. */
bool line_is_free(void);

/* Sends a frame. */
void line_say(const uint8_t *bytes, uint8_t length);

#endif
