#include "button.h"

#define BOUNCE 20  /* milliseconds that a contact has to stay as it is to count */
#define LONG 800   /* milliseconds that a long press is held */
#define DOUBLE 350 /* milliseconds within which a second press makes a double one */
#define ENOUGH 60000u

static uint16_t longer(uint16_t so_far, uint16_t milliseconds)
{
    return so_far < ENOUGH ? so_far + milliseconds : so_far;
}

static uint8_t went_down(struct button *button)
{
    button->held = 0;
    button->is_told = button->waits;
    button->waits = false;
    return button->is_told ? DOUBLE_PRESS : 0;
}

uint8_t button_advance(struct button *button, bool is_down, uint16_t milliseconds)
{
    if (button->is_down)
        button->held = longer(button->held, milliseconds);
    if (button->waits)
        button->waiting = longer(button->waiting, milliseconds);
    if (is_down == button->is_down) {
        button->changing = 0;
    } else if ((button->changing += milliseconds) >= BOUNCE) {
        button->changing = 0;
        button->is_down = is_down;
        if (is_down)
            return went_down(button);
        if (!button->is_told) {
            button->waits = true;
            button->waiting = 0;
        }
        return 0;
    }
    if (button->is_down && !button->is_told && button->held >= LONG) {
        button->is_told = true;
        return LONG_PRESS;
    }
    if (!button->is_down && button->waits && button->waiting > DOUBLE) {
        button->waits = false;
        return PRESS;
    }
    return 0;
}
