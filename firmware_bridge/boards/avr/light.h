/* What a board does with what it is told. The twin of firmware_bridge/light.py. */
#ifndef LIGHT_H
#define LIGHT_H

#include <stdbool.h>
#include <stdint.h>

enum { SOLID, BLINK, PULSE, BREATHE };
enum { IDLE, SHOWING, RELEASED, LOST };
enum { LIMITED = 1, WAS_LOST = 2 };

struct look {
    uint8_t red, green, blue, brightness, effect;
    uint16_t period; /* milliseconds */
};

struct duty {
    uint8_t red, green, blue;
};

struct light {
    struct look told;
    uint16_t lifetime; /* tenths of a second, 0 for ever */
    uint8_t told_state;
    uint8_t state;
    bool was_lost;
    bool holds; /* for ever */
    uint32_t left; /* milliseconds */
    uint32_t elapsed; /* milliseconds of the effect */
};

void light_begin(struct light *light);
void light_show(struct light *light, struct look look, uint16_t lifetime);
void light_release(struct light *light, uint16_t lifetime);
void light_word(struct light *light);
void light_advance(struct light *light, uint16_t milliseconds);
const struct look *light_look(const struct light *light);
struct duty light_duty(const struct light *light);

/* Whether the light is dimmer than it was told. */
bool light_is_limited(const struct light *light);

/* What is left of the lifetime, in tenths of a second, 0 for ever. */
uint16_t light_left(const struct light *light);

#endif
