/* The line of an ATmega328P: its UART, behind the USB bridge of an Uno or Nano. */
#ifdef __AVR_ATmega328P__

#include <avr/interrupt.h>
#include <avr/io.h>

#include "clock.h"
#include "line.h"

#define BAUD_TICKS 16  /* 115,200 baud at double speed: 16 MHz / 8 / (16 + 1), 2.1 % fast */
#define IDLE_TICKS 44u /* two bytes at 115,200 baud, 174 us */

static volatile uint8_t ring[64];
static volatile uint8_t ring_end;
static volatile uint8_t ring_start;
static volatile uint16_t heard_at; /* when the last byte came, in ticks */

ISR(USART_RX_vect)
{
    uint8_t byte = UDR0;
    uint8_t next = (ring_end + 1) % sizeof ring;
    heard_at = CLOCK;
    if (next == ring_start)
        return; /* lost: the frame's CRC will tell */
    ring[ring_end] = byte;
    ring_end = next;
}

void line_begin(void)
{
    UBRR0 = BAUD_TICKS;
    UCSR0A = _BV(U2X0);
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);
}

void line_work(void)
{
}

bool line_take(uint8_t *byte)
{
    if (ring_start == ring_end)
        return false;
    *byte = ring[ring_start];
    ring_start = (ring_start + 1) % sizeof ring;
    return true;
}

bool line_is_idle(void)
{
    bool idle;
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        uint16_t quiet = CLOCK - heard_at;
        idle = ring_end == ring_start && quiet >= IDLE_TICKS;
    }
    return idle;
}

bool line_is_free(void)
{
    return true;
}

void line_say(const uint8_t *bytes, uint8_t length)
{
    while (length--) {
        loop_until_bit_is_set(UCSR0A, UDRE0);
        UDR0 = *bytes++;
    }
}

#endif
