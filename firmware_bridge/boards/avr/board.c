#include "board.h"

#include <string.h>

#include "config.h"

#define FRAME 20     /* milliseconds between two steps of an effect */
#define REFRESH 1000 /* milliseconds after which LEDs are told again */

#define BUTTON_REPEAT 200u /* milliseconds until a button event is sent again */
#define BUTTON_TRIES 5

#ifdef __AVR_ATmega32U4__
#define BOARD 2
#else
#define BOARD 1 /* ATmega328P */
#endif
#define HAS_BUTTON 1
#define HAS_PIXELS 4
#define HAS_PWM 8

static const uint8_t IDENTITY_PAYLOAD[] = {
    PROTOCOL_VERSION,
    0, 1, 0, /* firmware */
    BOARD,
    PIXELS, 0,
    (PWM ? HAS_PWM : HAS_PIXELS) | (BUTTON ? HAS_BUTTON : 0), 0,
    SERIAL_NUMBER,
};
_Static_assert(sizeof IDENTITY_PAYLOAD == 17, "SERIAL_NUMBER has eight bytes");

void board_begin(struct board *board)
{
    memset(board, 0, sizeof *board);
    light_begin(&board->light);
    board->since_painted = REFRESH; /* a strip keeps its colour through a reset: clear it */
}

static uint16_t number(const uint8_t *bytes)
{
    return bytes[0] | (uint16_t)bytes[1] << 8;
}

static uint8_t obey(struct board *board, const struct message *message)
{
    const uint8_t *payload = message->payload;
    if (message->version > PROTOCOL_VERSION)
        return NEWER_VERSION;
    switch (message->kind) {
    case SHOW:
        if (message->length < 9)
            return TOO_SHORT;
        struct look look = {payload[0], payload[1], payload[2],
                            payload[3], payload[4], number(payload + 5)};
        light_show(&board->light, look, number(payload + 7));
        return 0;
    case PING:
        light_word(&board->light);
        return 0;
    case RELEASE:
        if (message->length < 2)
            return TOO_SHORT;
        light_release(&board->light, number(payload));
        return 0;
    default:
        return UNKNOWN_KIND;
    }
}

static void say(struct board *board, struct message *message, uint8_t kind)
{
    message->kind = kind;
    board->answer_length = encode(message, board->answer);
}

void board_receive(struct board *board, uint8_t byte)
{
    struct message message;
    if (!reader_take(&board->reader, byte, &message))
        return;
    if (message.kind == HELLO) {
        memcpy(message.payload, IDENTITY_PAYLOAD, sizeof IDENTITY_PAYLOAD);
        message.length = sizeof IDENTITY_PAYLOAD;
        say(board, &message, IDENTITY);
        return;
    }
    if (message.kind == HEARD) {
        if (message.length && message.payload[0] == board->event[1])
            board->event_tries = 0;
        return;
    }
    uint8_t why = obey(board, &message);
    if (why == 0) {
        board->owes_shown = true;
        board->sequence = message.sequence;
        return;
    }
    message.payload[0] = why;
    message.payload[1] = message.kind;
    message.payload[2] = PROTOCOL_VERSION;
    message.length = 3;
    say(board, &message, ERROR);
}

void board_press(struct board *board, uint8_t kind)
{
    board->event[0] = kind;
    board->event[1]++;
    board->event_tries = BUTTON_TRIES;
    board->event_age = BUTTON_REPEAT;
}

void board_advance(struct board *board, uint16_t milliseconds)
{
    light_advance(&board->light, milliseconds);
    if (milliseconds >= BUTTON_REPEAT - board->event_age)
        board->event_age = BUTTON_REPEAT;
    else
        board->event_age += milliseconds;
    if (board->since_painted < REFRESH)
        board->since_painted += milliseconds;
}

bool board_paint(const struct board *board, struct duty *duty)
{
    bool released = board->light.state == RELEASED;
    if (released && board->let_go)
        return false;
    if (board->owes_shown || released || board->since_painted >= REFRESH) {
        *duty = light_duty(&board->light);
        return true;
    }
    if (board->since_painted < FRAME)
        return false;
    *duty = light_duty(&board->light);
    return memcmp(duty, &board->painted, sizeof *duty) != 0;
}

void board_painted(struct board *board, struct duty duty)
{
    board->painted = duty;
    board->since_painted = 0;
    board->let_go = board->light.state == RELEASED;
}

bool board_is_waited_for(const struct board *board)
{
    return board->owes_shown;
}

static uint8_t button_event(struct board *board, uint8_t *wire)
{
    if (!board->event_tries || board->event_age < BUTTON_REPEAT)
        return 0;
    board->event_tries--;
    board->event_age = 0;
    struct message message = {
        .sequence = board->event[1],
        .kind = BUTTON_EVENT,
        .length = sizeof board->event,
        .payload = {board->event[0], board->event[1]},
    };
    return encode(&message, wire);
}

uint8_t board_answer(struct board *board, uint8_t *wire)
{
    uint8_t length = board->answer_length;
    if (length) {
        memcpy(wire, board->answer, length);
        board->answer_length = 0;
        return length;
    }
    if (!board->owes_shown)
        return button_event(board, wire);
    board->owes_shown = false;
    const struct light *light = &board->light;
    const struct look *look = light_look(light);
    uint16_t left = light_left(light);
    uint8_t flags = light_is_limited(light) ? LIMITED : 0;
    if (light->was_lost)
        flags |= WAS_LOST;
    board->light.was_lost = false;
    struct message message = {
        .sequence = board->sequence,
        .kind = SHOWN,
        .length = 11,
        .payload = {light->state, flags, look->red, look->green, look->blue, look->brightness,
                    look->effect, (uint8_t)look->period, (uint8_t)(look->period >> 8),
                    (uint8_t)left, (uint8_t)(left >> 8)},
    };
    return encode(&message, wire);
}
