/* What shines: WS2812s on D6, or an RGB LED by PWM; config.h says which. */
#ifndef LEDS_H
#define LEDS_H

#include "light.h"

void leds_begin(void);

/* Drives them. */
void leds_paint(struct duty duty);

/* Leaves the pins to others; the LEDs are dark by now. */
void leds_let_go(void);

#endif
