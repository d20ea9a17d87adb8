/* The pins of an ATmega328P at 16 MHz (Uno, Nano): its UART, its clock, its LEDs. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/wdt.h>

#include "board.h"
#include "config.h"

#define BAUD_TICKS 16 /* 115,200 baud at double speed: 16 MHz / 8 / (16 + 1), 2.1 % fast */

/* Timer 1 counts 4 us each, and is read, not counted by interrupts: painting loses no time. */
#define TICKS_PER_MS 250u
#define IDLE_TICKS 44u   /* two bytes at 115,200 baud, 174 us */
#define LATEST_MS 20     /* by which time it paints, idle or not */

static volatile uint8_t ring[64];
static volatile uint8_t ring_end;
static volatile uint8_t ring_start;
static volatile uint16_t heard_at; /* when the last byte came, in ticks */

/* Forget what the watchdog did before old bootloaders' slow start is reset by it again. */
void watchdog_off(void) __attribute__((naked, used, section(".init3")));
void watchdog_off(void)
{
    MCUSR = 0;
    wdt_disable();
}

ISR(USART_RX_vect)
{
    uint8_t byte = UDR0;
    uint8_t next = (ring_end + 1) % sizeof ring;
    heard_at = TCNT1;
    if (next == ring_start)
        return; /* lost: the frame's CRC will tell */
    ring[ring_end] = byte;
    ring_end = next;
}

static void uart_begin(void)
{
    UBRR0 = BAUD_TICKS;
    UCSR0A = _BV(U2X0);
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);
}

static void uart_say(const uint8_t *bytes, uint8_t length)
{
    while (length--) {
        loop_until_bit_is_set(UCSR0A, UDRE0);
        UDR0 = *bytes++;
    }
}

#if PWM

static void leds_begin(void)
{
    TCCR0A = _BV(WGM01) | _BV(WGM00); /* fast PWM, 976 Hz */
    TCCR0B = _BV(CS01) | _BV(CS00);
    TCCR2A = _BV(WGM21) | _BV(WGM20);
    TCCR2B = _BV(CS22);
}

static void leds_paint(struct duty duty)
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

static void leds_let_go(void)
{
    DDRD &= ~(_BV(PD5) | _BV(PD6));
    DDRB &= ~_BV(PB3);
}

#else

static void leds_begin(void)
{
}

/*
 * One byte to WS2812s on PD6. 20 cycles a bit at 16 MHz, 1.25 us: high for 6 (0.375 us, a zero) or
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

static void leds_paint(struct duty duty)
{
    uint8_t first = ORDER ? duty.red : duty.green;
    uint8_t second = ORDER ? duty.green : duty.red;
    DDRD |= _BV(PD6);
    cli(); /* the UART holds two bytes meanwhile; who waits for an answer loses none */
    uint8_t high = PORTD | _BV(PD6), low = PORTD & ~_BV(PD6);
    for (uint8_t pixel = 0; pixel < PIXELS; pixel++) {
        ws2812_byte(first, high, low);
        ws2812_byte(second, high, low);
        ws2812_byte(duty.blue, high, low);
    }
    sei();
}

static void leds_let_go(void)
{
    DDRD &= ~_BV(PD6);
}

#endif

static uint16_t ticks(void)
{
    uint8_t status = SREG;
    cli();
    uint16_t now = TCNT1;
    SREG = status;
    return now;
}

static bool line_is_idle(void)
{
    uint8_t status = SREG;
    cli();
    uint16_t quiet = TCNT1 - heard_at;
    bool empty = ring_end == ring_start;
    SREG = status;
    return empty && quiet >= IDLE_TICKS;
}

int main(void)
{
    static struct board board;
    static uint8_t wire[LONGEST_FRAME];
    uint16_t counted = 0; /* ticks that are turned into milliseconds */
    uint8_t waiting = 0;  /* milliseconds since something was to be painted */

    TCCR1B = _BV(CS11) | _BV(CS10);
    uart_begin();
    leds_begin();
    board_begin(&board);
    wdt_enable(WDTO_500MS);
    sei();
    for (;;) {
        wdt_reset();
        while (ring_start != ring_end) {
            board_receive(&board, ring[ring_start]);
            ring_start = (ring_start + 1) % sizeof ring;
        }
        uint16_t passed = (uint16_t)(ticks() - counted) / TICKS_PER_MS;
        if (passed) {
            counted += passed * TICKS_PER_MS;
            board_advance(&board, passed);
        }
        struct duty duty;
        if (board_paint(&board, &duty)) {
            waiting = waiting + passed > LATEST_MS ? LATEST_MS : waiting + passed;
            if (!line_is_idle() && waiting < LATEST_MS)
                continue;
            leds_paint(duty);
            board_painted(&board, duty);
            if (board.let_go)
                leds_let_go();
        }
        waiting = 0;
        uint8_t length = board_answer(&board, wire);
        if (length)
            uart_say(wire, length);
    }
}
