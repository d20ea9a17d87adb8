/* What goes over the wire: docs/protocol.md, as C. The twin of firmware_bridge/protocol.py. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#define PROTOCOL_VERSION 1
#define LONGEST_FRAME 32
#define LONGEST_PAYLOAD 24
#define LONGEST_CODED (LONGEST_FRAME - 2)
#define LONGEST_CONTENT (LONGEST_CODED - 1)

enum {
    HELLO = 0x01,
    SHOW = 0x02,
    PING = 0x03,
    RELEASE = 0x04,
    HEARD = 0x05,
    IDENTITY = 0x81,
    SHOWN = 0x82,
    BUTTON_EVENT = 0x85,
    ERROR = 0x8F,
};

enum { UNKNOWN_KIND = 1, TOO_SHORT = 2, NEWER_VERSION = 3 };

struct message {
    uint8_t version;
    uint8_t sequence;
    uint8_t kind;
    uint8_t length; /* of the payload */
    uint8_t payload[LONGEST_PAYLOAD];
};

/* Collects what stands between two delimiters. */
struct reader {
    uint8_t coded[LONGEST_CODED];
    uint8_t length;
    bool too_long;
};

/* Takes one byte; true if it ends a frame, which is then in `message`. */
bool reader_take(struct reader *reader, uint8_t byte, struct message *message);

/* Writes a frame of `message`, in version 1, to `wire` (LONGEST_FRAME bytes); returns its length. */
uint8_t encode(const struct message *message, uint8_t *wire);

#endif
