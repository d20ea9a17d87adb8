/* The firmware of a light on an ATmega328P (Uno, Nano) or ATmega32U4 (Pro Micro) at 16 MHz. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/wdt.h>

#include "board.h"
#include "button.h"
#include "clock.h"
#include "config.h"
#include "leds.h"
#include "line.h"

#define LATEST_MS 20 /* by which time it paints, idle or not */

#ifdef __AVR_ATmega32U4__
#define BUTTON_PIN PD1 /* D2 of a Pro Micro */
#else
#define BUTTON_PIN PD2 /* D2 of an Uno or Nano */
#endif

/* Forget what the watchdog did before old bootloaders' slow start is reset by it again. */
void watchdog_off(void) __attribute__((naked, used, section(".init3")));
void watchdog_off(void)
{
    MCUSR = 0;
    wdt_disable();
}

static void look_at_button(struct board *board, uint16_t passed)
{
#if BUTTON
    static struct button button;
    uint8_t press = button_advance(&button, !(PIND & _BV(BUTTON_PIN)), passed);
    if (press)
        board_press(board, press);
#else
    (void)board;
    (void)passed;
#endif
}

int main(void)
{
    static struct board board;
    static uint8_t wire[LONGEST_FRAME];
    uint16_t counted = 0; /* ticks that are turned into milliseconds */
    uint8_t waiting = 0;  /* milliseconds since something was to be painted */

    clock_begin();
    line_begin();
    leds_begin();
    board_begin(&board);
    if (BUTTON)
        PORTD |= _BV(BUTTON_PIN); /* pulled up */
    wdt_enable(WDTO_500MS);
    sei();
    for (;;) {
        uint8_t byte;
        wdt_reset();
        line_work();
        while (line_take(&byte))
            board_receive(&board, byte);
        uint16_t passed = (uint16_t)(clock_ticks() - counted) / TICKS_PER_MS;
        if (passed) {
            counted += passed * TICKS_PER_MS;
            board_advance(&board, passed);
            look_at_button(&board, passed);
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
        uint8_t length = line_is_free() ? board_answer(&board, wire) : 0;
        if (length)
            line_say(wire, length);
    }
}
