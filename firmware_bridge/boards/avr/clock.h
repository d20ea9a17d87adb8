/* Time by a counter that is read, not counted by interrupts: painting loses none of it. */
#ifndef CLOCK_H
#define CLOCK_H

#include <avr/io.h>
#include <util/atomic.h>

#define TICKS_PER_MS 250u /* of 4 us: 16 MHz / 64 */

#ifdef __AVR_ATmega32U4__
#define CLOCK TCNT3 /* timers 0 and 1 have the PWM pins that a Pro Micro leads out */
#define CLOCK_CONTROL TCCR3B
#define CLOCK_BY_64 (_BV(CS31) | _BV(CS30))
#else
#define CLOCK TCNT1
#define CLOCK_CONTROL TCCR1B
#define CLOCK_BY_64 (_BV(CS11) | _BV(CS10))
#endif

static inline void clock_begin(void)
{
    CLOCK_CONTROL = CLOCK_BY_64;
}

/* Goes round every 262 ms. */
static inline uint16_t clock_ticks(void)
{
    uint16_t now;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE) now = CLOCK; /* two bytes, read one after the other */
    return now;
}

#endif
