#include "leds.h"

#include <avr/interrupt.h>
#include <avr/io.h>

#include "config.h"

#if PWM

/* Fast PWM of 8 bits, 976 Hz, on the pins that config.h names. */
#ifdef __AVR_ATmega32U4__

void leds_begin(void)
{
    TCCR1B = _BV(WGM12) | _BV(CS11) | _BV(CS10);
    TCCR0B = _BV(CS01) | _BV(CS00);
}

void leds_paint(struct duty duty)
{
    DDRB |= _BV(PB5) | _BV(PB6);
    DDRD |= _BV(PD0);
    OCR1A = duty.red;
    OCR1B = duty.green;
    OCR0B = duty.blue;
    /* Compared with 0 a timer still lights 1 of 256: switch such a pin off. */
    TCCR1A = _BV(WGM10) | (duty.red ? _BV(COM1A1) : 0) | (duty.green ? _BV(COM1B1) : 0);
    TCCR0A = _BV(WGM01) | _BV(WGM00) | (duty.blue ? _BV(COM0B1) : 0);
}

void leds_let_go(void)
{
    DDRB &= ~(_BV(PB5) | _BV(PB6));
    DDRD &= ~_BV(PD0);
}

#else

void leds_begin(void)
{
    TCCR0B = _BV(CS01) | _BV(CS00);
    TCCR2B = _BV(CS22);
}

void leds_paint(struct duty duty)
{
    DDRD |= _BV(PD5) | _BV(PD6);
    DDRB |= _BV(PB3);
    OCR0A = duty.red;
    OCR0B = duty.green;
    OCR2A = duty.blue;
    /* Compared with 0 a timer still lights 1 of 256: switch such a pin off. */
    TCCR0A = _BV(WGM01) | _BV(WGM00) | (duty.red ? _BV(COM0A1) : 0) |
             (duty.green ? _BV(COM0B1) : 0);
    TCCR2A = _BV(WGM21) | _BV(WGM20) | (duty.blue ? _BV(COM2A1) : 0);
}

void leds_let_go(void)
{
    DDRD &= ~(_BV(PD5) | _BV(PD6));
    DDRB &= ~_BV(PB3);
}

#endif

#else

#ifdef __AVR_ATmega32U4__
#define PIN PD7 /* D6 of a Pro Micro */
#else
#define PIN PD6 /* D6 of an Uno or Nano */
#endif

void leds_begin(void)
{
}

/*
 * One byte to WS2812s. 20 cycles a bit at 16 MHz, 1.25 us: high for 6 (0.375 us, a zero) or
 * for 13 (0.8125 us, a one); the datasheet has 0.4 and 0.8 us, each with 0.15 us to spare.
 */
#define WS2812_BYTE                  \
    "1: out %[port], %[high]\n"      \
    "   nop\n"                       \
    "   nop\n"                       \
    "   nop\n"                       \
    "   nop\n"                       \
    "   sbrs %[byte], 7\n"           \
    "   out %[port], %[low]\n"       \
    "   lsl %[byte]\n"               \
    "   nop\n"                       \
    "   nop\n"                       \
    "   nop\n"                       \
    "   nop\n"                       \
    "   nop\n"                       \
    "   out %[port], %[low]\n"       \
    "   nop\n"                       \
    "   nop\n"                       \
    "   nop\n"                       \
    "   dec %[bits]\n"               \
    "   brne 1b\n"

static inline __attribute__((always_inline)) void ws2812_byte(uint8_t byte, uint8_t high,
                                                              uint8_t low)
{
    uint8_t bits = 8;
    __asm__ volatile(WS2812_BYTE
                     : [byte] "+r"(byte), [bits] "+d"(bits)
                     : [port] "I"(_SFR_IO_ADDR(PORTD)), [high] "r"(high), [low] "r"(low));
}

void leds_paint(struct duty duty)
{
    uint8_t first = ORDER ? duty.red : duty.green;
    uint8_t second = ORDER ? duty.green : duty.red;
    DDRD |= _BV(PIN);
    cli(); /* the line holds little meanwhile; who waits for an answer loses nothing */
    uint8_t high = PORTD | _BV(PIN), low = PORTD & ~_BV(PIN);
    for (uint8_t pixel = 0; pixel < PIXELS; pixel++) {
        ws2812_byte(first, high, low);
        ws2812_byte(second, high, low);
        ws2812_byte(duty.blue, high, low);
    }
    sei();
}

void leds_let_go(void)
{
    DDRD &= ~_BV(PIN);
}

#endif
