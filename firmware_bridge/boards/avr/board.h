/* A whole board but for its pins. The twin of firmware_bridge/board.py. */
#ifndef BOARD_H
#define BOARD_H

#include "light.h"
#include "protocol.h"

struct board {
    struct light light;
    struct reader reader;
    struct duty painted;
    uint16_t since_painted; /* milliseconds */
    bool let_go;
    bool owes_shown; /* SHOWN, with `sequence`, once it is painted */
    uint8_t sequence;
    uint8_t answer[LONGEST_FRAME]; /* one that need not wait for painting */
    uint8_t answer_length;
    uint8_t event[2]; /* kind and number of the last press of the button */
    uint8_t event_tries; /* how often the host is still told; 0: it has heard, or will not */
    uint8_t event_age; /* milliseconds since it was told */
};

void board_begin(struct board *board);

/* Takes one byte from the host. */
void board_receive(struct board *board, uint8_t byte);

/* The button was pressed: the host is told until it says that it has heard it. */
void board_press(struct board *board, uint8_t kind);

/* Lets time pass. */
void board_advance(struct board *board, uint16_t milliseconds);

/* Whether the LEDs are to be driven now, and then with what. */
bool board_paint(const struct board *board, struct duty *duty);

/* The LEDs show it. */
void board_painted(struct board *board, struct duty duty);

/* Whether a host waits for what it has told to be painted. */
bool board_is_waited_for(const struct board *board);

/* The next answer, written to `wire`; its length, 0 if there is none. Asked for after painting. */
uint8_t board_answer(struct board *board, uint8_t *wire);

#endif
