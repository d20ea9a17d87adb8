/* An RGB LED on three PWM pins: for how much of each period a pin is high. */
#include "chip.h"

#include <stdio.h>

#include <simavr/avr_ioport.h>

#define PERIOD 16384 /* cycles: 256 steps of 64 */
#define STEP 64
#define FULL 256

struct place {
    struct pin pin;
    uint8_t compare; /* the timer's registers: the value that it compares with, */
    uint8_t control; /* and the bit that gives the pin to the timer */
    uint8_t control_bit;
};

struct channel {
    struct place place;
    bool level; /* of the timer's output */
    avr_cycle_count_t rose, changed;
    int steps; /* of the last period that was high so long */
};

static struct channel channels[3];
static const struct place ON_328P[] = {
    {{'D', 6}, 0x47, 0x44, 7}, /* OCR0A, COM0A1 */
    {{'D', 5}, 0x48, 0x44, 5}, /* OCR0B, COM0B1 */
    {{'B', 3}, 0xB3, 0xB0, 7}, /* OCR2A, COM2A1 */
};
static const struct place ON_32U4[] = {
    {{'B', 5}, 0x88, 0x80, 7}, /* OCR1A, COM1A1 */
    {{'B', 6}, 0x8A, 0x80, 5}, /* OCR1B, COM1B1 */
    {{'D', 0}, 0x48, 0x44, 5}, /* OCR0B, COM0B1 */
};

static void level_changed(avr_irq_t *irq, uint32_t value, void *parameter)
{
    (void)irq;
    struct channel *channel = parameter;
    bool level = value & 1;
    if (level == channel->level)
        return;
    channel->level = level;
    channel->changed = avr->cycle;
    if (level)
        channel->rose = avr->cycle;
    else
        channel->steps = (avr->cycle - channel->rose + STEP / 2) / STEP;
}

/* How many of 256 steps the pin is high. */
static int steps_of(const struct channel *channel)
{
    const struct place *place = &channel->place;
    if (!pin_is_output(&place->pin))
        return 0;
    /* Where simavr leaves the pin as it was, the chip does not: the timer has let go of it, */
    if (!(avr->data[place->control] & 1 << place->control_bit))
        return pin_is_set(&place->pin) ? FULL : 0;
    /* or compares with a value that it never gets beyond. */
    if (avr->data[place->compare] == FULL - 1)
        return FULL;
    if (avr->cycle - channel->changed > 2 * PERIOD)
        return channel->level ? FULL : 0;
    return channel->steps;
}

void pwm_watch(bool is_32u4)
{
    for (int i = 0; i < 3; i++) {
        struct channel *channel = &channels[i];
        channel->place = is_32u4 ? ON_32U4[i] : ON_328P[i];
        const struct pin *pin = &channel->place.pin;
        avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ(pin->port), pin->bit),
                                level_changed, channel);
    }
}

/* Tells a colour once it has held for two periods. */
void pwm_measure(void)
{
    static int seen[3] = {-1}, told[3] = {-1};
    static avr_cycle_count_t since;
    bool is_news = false;
    for (int i = 0; i < 3; i++) {
        int steps = steps_of(&channels[i]);
        if (steps != seen[i])
            since = avr->cycle;
        seen[i] = steps;
        is_news |= steps != told[i];
    }
    if (!is_news || avr->cycle - since < 2 * PERIOD)
        return;
    for (int i = 0; i < 3; i++) {
        told[i] = seen[i];
        if (told[i] == 1)
            printf("glow %.6f %d\n", now(), i); /* compared with 0, and not switched off */
    }
    /* Compared with n, a pin is high for n + 1 steps. */
    printf("paint %.6f 1 %02x%02x%02x\n", now(), told[0] - !!told[0], told[1] - !!told[1],
           told[2] - !!told[2]);
}
