#include "light.h"

#ifdef __AVR__
#include <avr/pgmspace.h>
#else
#define PROGMEM
#define pgm_read_byte(address) (*(address))
#endif

#include "config.h"

#define FULL 255

/* A byte times the limit, and what all LEDs need, have to fit into 32 bits. */
_Static_assert(LIMIT_MA > 0 && LIMIT_MA < 60000, "LIMIT_MA is 1 to 59999 mA");
_Static_assert(PIXELS > 0 && PIXELS <= 255 && CHANNEL_MA > 0 && CHANNEL_MA < 256,
               "PIXELS and CHANNEL_MA are 1 to 255");
#define BOOT_LIFETIME 10000
#define RISE 13107u
#define FALL (65536ul - RISE)

static const struct look HOST_LOST = {0x40, 0x00, 0xFF, 64, PULSE, 4000};
static const struct look DARK = {0, 0, 0, 0, SOLID, 0};

/* Half a breath, from a tenth to full, in 32 steps; firmware_bridge/light.py tells the formula. */
static const uint8_t BREATH[33] PROGMEM = {
     26,  27,  28,  31,  35,  40,  45,  52,  60,  68,  77,  87,  97, 107, 118, 129,
    140, 152, 163, 174, 184, 194, 204, 213, 221, 229, 236, 241, 246, 250, 253, 254,
    255,
};

/* What 8-bit sRGB is in light. */
static const uint8_t GAMMA[256] PROGMEM = {
      0,   1,   1,   1,   1,   1,   1,   1,   1,   1,   1,   1,   1,   1,   1,   1,
      1,   1,   1,   1,   1,   1,   1,   1,   1,   2,   2,   2,   2,   2,   2,   2,
      3,   3,   3,   3,   3,   4,   4,   4,   4,   5,   5,   5,   5,   6,   6,   6,
      6,   7,   7,   7,   8,   8,   8,   9,   9,   9,  10,  10,  11,  11,  11,  12,
     12,  13,  13,  13,  14,  14,  15,  15,  16,  16,  17,  17,  18,  18,  19,  19,
     20,  20,  21,  22,  22,  23,  23,  24,  25,  25,  26,  26,  27,  28,  28,  29,
     30,  30,  31,  32,  33,  33,  34,  35,  35,  36,  37,  38,  39,  39,  40,  41,
     42,  43,  43,  44,  45,  46,  47,  48,  49,  49,  50,  51,  52,  53,  54,  55,
     56,  57,  58,  59,  60,  61,  62,  63,  64,  65,  66,  67,  68,  69,  70,  71,
     73,  74,  75,  76,  77,  78,  79,  81,  82,  83,  84,  85,  87,  88,  89,  90,
     91,  93,  94,  95,  97,  98,  99, 100, 102, 103, 105, 106, 107, 109, 110, 111,
    113, 114, 116, 117, 119, 120, 121, 123, 124, 126, 127, 129, 130, 132, 133, 135,
    137, 138, 140, 141, 143, 145, 146, 148, 149, 151, 153, 154, 156, 158, 159, 161,
    163, 165, 166, 168, 170, 172, 173, 175, 177, 179, 181, 182, 184, 186, 188, 190,
    192, 194, 196, 197, 199, 201, 203, 205, 207, 209, 211, 213, 215, 217, 219, 221,
    223, 225, 227, 229, 231, 234, 236, 238, 240, 242, 244, 246, 248, 251, 253, 255,
};

static uint8_t level(const struct look *look, uint32_t elapsed)
{
    if (look->effect == SOLID)
        return FULL;
    uint32_t phase = (elapsed % look->period) * 65536ul / look->period;
    if (look->effect == BLINK)
        return phase < 32768 ? FULL : 0;
    if (look->effect == PULSE) {
        if (phase < RISE)
            return phase * FULL / RISE;
        uint32_t left = (65536ul - phase) * 256 / FALL;
        return left * left * FULL >> 16;
    }
    if (phase >= 32768)
        phase = 65536ul - phase;
    uint8_t step = phase >> 10;
    uint8_t low = pgm_read_byte(&BREATH[step]);
    if (step == sizeof BREATH - 1)
        return low;
    uint8_t high = pgm_read_byte(&BREATH[step + 1]);
    return low + (uint8_t)((uint32_t)(high - low) * (phase & 1023) >> 10);
}

static uint8_t channel_duty(uint8_t channel, uint16_t factor)
{
    uint8_t value = ((uint32_t)channel * factor + 32512) / 65025;
    return pgm_read_byte(&GAMMA[value]);
}

static struct duty duty_at(const struct look *look, uint8_t brightness)
{
    uint16_t factor = (uint16_t)look->brightness * brightness;
    struct duty duty = {
        channel_duty(look->red, factor),
        channel_duty(look->green, factor),
        channel_duty(look->blue, factor),
    };
    return duty;
}

/* The current of all LEDs in 255ths of a milliampere. */
static uint32_t need(struct duty duty)
{
    uint16_t sum = (uint16_t)duty.red + duty.green + duty.blue;
    return (uint32_t)sum * PIXELS * CHANNEL_MA;
}

void light_begin(struct light *light)
{
    light->told = DARK;
    light->lifetime = 0;
    light->told_state = light->state = IDLE;
    light->was_lost = light->holds = false;
    light->left = BOOT_LIFETIME;
    light->elapsed = 0;
}

static bool same(const struct look *one, const struct look *other)
{
    return one->red == other->red && one->green == other->green && one->blue == other->blue &&
           one->brightness == other->brightness && one->effect == other->effect &&
           one->period == other->period;
}

static void put_right(struct look *look)
{
    if (look->effect > BREATHE)
        look->effect = SOLID;
    if (look->effect == SOLID)
        look->period = 0;
    else if (look->period == 0)
        look->period = look->effect == BLINK ? 1000 : look->effect == PULSE ? 1200 : 4000;
    else if (look->period < 400)
        look->period = 400; /* faster is a danger to people with photosensitive epilepsy */
    else if (look->period > 60000)
        look->period = 60000;
}

void light_show(struct light *light, struct look look, uint16_t lifetime)
{
    put_right(&look);
    if (light->state != SHOWING || !same(&look, &light->told))
        light->elapsed = 0;
    light->told = look;
    light->lifetime = lifetime;
    light->told_state = SHOWING;
    light_word(light);
}

void light_release(struct light *light, uint16_t lifetime)
{
    light->told = DARK;
    light->lifetime = lifetime;
    light->told_state = RELEASED;
    light_word(light);
}

void light_word(struct light *light)
{
    if (light->state == LOST) {
        light->was_lost = true;
        light->elapsed = 0;
    }
    light->state = light->told_state;
    light->holds = light->state != IDLE && light->lifetime == 0;
    light->left = light->state == IDLE ? BOOT_LIFETIME : light->lifetime * 100ul;
}

void light_advance(struct light *light, uint16_t milliseconds)
{
    uint16_t period = light_look(light)->period;
    light->elapsed += milliseconds;
    if (period)
        light->elapsed %= period;
    if (light->holds || light->state == LOST)
        return;
    if (light->left > milliseconds) {
        light->left -= milliseconds;
        return;
    }
    light->left = 0;
    light->state = LOST;
    light->elapsed = 0;
}

const struct look *light_look(const struct light *light)
{
    return light->state == LOST ? &HOST_LOST : &light->told;
}

bool light_is_limited(const struct light *light)
{
    return need(duty_at(light_look(light), FULL)) > LIMIT_MA * 255ul;
}

uint16_t light_left(const struct light *light)
{
    if (light->holds || light->state == LOST)
        return 0;
    return (light->left + 99) / 100;
}

struct duty light_duty(const struct light *light)
{
    const struct look *look = light_look(light);
    struct duty duty = duty_at(look, level(look, light->elapsed));
    const uint32_t most = LIMIT_MA * 255ul;
    uint32_t needed = need(duty);
    if (needed > most) {
        duty.red = duty.red * most / needed;
        duty.green = duty.green * most / needed;
        duty.blue = duty.blue * most / needed;
    }
    return duty;
}
