/* A WS2812B strip: 0.4 and 0.8 us high, 1.25 us a bit, with the datasheet's tolerances. */
#include "chip.h"

#include <stdbool.h>
#include <stdio.h>

#include <simavr/avr_ioport.h>

#define CYCLES(microseconds) ((microseconds) * 16.0)
#define LATCH 800 /* 50 us */

static avr_cycle_count_t rose, fell;
static uint8_t colours[3 * 1024];
static int bits;
static bool last_bit;

static void wave(double cycles)
{
    printf("wave %.6f %g\n", now(), cycles);
}

void strip_latch(void)
{
    if (bits == 0 || avr->cycle - fell <= LATCH)
        return;
    int pixels = bits / 24;
    bool mixed = bits % 24 != 0;
    for (int i = 3; i < 3 * pixels; i++)
        mixed |= colours[i] != colours[i - 3];
    if (mixed)
        printf("paint %.6f %d mixed\n", now(), pixels);
    else
        /* In the strip's own order: green comes first. */
        printf("paint %.6f %d %02x%02x%02x\n", now(), pixels, colours[1], colours[0], colours[2]);
    bits = 0;
}

static void pin_changed(avr_irq_t *irq, uint32_t value, void *parameter)
{
    static uint32_t level;
    (void)irq;
    (void)parameter;
    if (value == level)
        return;
    level = value;
    if (value) {
        double low = avr->cycle - fell, least = CYCLES(last_bit ? 0.30 : 0.70);
        if (low > LATCH)
            strip_latch();
        else if (bits && (low < least || avr->cycle - rose > CYCLES(1.85)))
            wave(low);
        rose = avr->cycle;
        return;
    }
    fell = avr->cycle;
    double high = fell - rose;
    bool zero = high >= CYCLES(0.25) && high <= CYCLES(0.55);
    bool one = high >= CYCLES(0.65) && high <= CYCLES(0.95);
    if (!zero && !one)
        wave(high);
    last_bit = one;
    if (bits < (int)sizeof colours * 8) {
        uint8_t mask = 0x80 >> bits % 8;
        colours[bits / 8] = (colours[bits / 8] & ~mask) | (one ? mask : 0);
        bits++;
    }
}

void strip_watch(const struct pin *pin)
{
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ(pin->port), pin->bit),
                            pin_changed, NULL);
}
