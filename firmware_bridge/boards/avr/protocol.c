#include "protocol.h"

#include <string.h>

static uint16_t crc16(const uint8_t *content, uint8_t length)
{
    uint16_t crc = 0xFFFF;
    while (length--) {
        uint8_t mixed = (uint8_t)(crc >> 8) ^ *content++;
        mixed ^= mixed >> 4;
        crc = (uint16_t)(crc << 8) ^ (uint16_t)((uint16_t)mixed << 12) ^
              (uint16_t)((uint16_t)mixed << 5) ^ mixed;
    }
    return crc;
}

/* Undoes the stuffing in place; returns the length of the content, 0 if that is impossible. */
static uint8_t unstuff(uint8_t *bytes, uint8_t length)
{
    uint8_t read = 0, written = 0;
    while (read < length) {
        uint8_t count = bytes[read++];
        if (count == 0 || count - 1 > length - read)
            return 0;
        while (--count)
            bytes[written++] = bytes[read++];
        if (read < length)
            bytes[written++] = 0;
    }
    return written;
}

static bool decode(struct reader *reader, struct message *message)
{
    uint8_t *content = reader->coded;
    uint8_t length = unstuff(content, reader->length);
    if (length < 5 || length > LONGEST_CONTENT || content[0] == 0)
        return false;
    length -= 2;
    uint16_t check = content[length] | (uint16_t)content[length + 1] << 8;
    if (crc16(content, length) != check)
        return false;
    message->version = content[0];
    message->sequence = content[1];
    message->kind = content[2];
    message->length = length - 3;
    memcpy(message->payload, content + 3, message->length);
    return true;
}

bool reader_take(struct reader *reader, uint8_t byte, struct message *message)
{
    if (byte != 0) {
        if (reader->length < LONGEST_CODED)
            reader->coded[reader->length++] = byte;
        else
            reader->too_long = true;
        return false;
    }
    bool is_frame = reader->length > 0 && !reader->too_long && decode(reader, message);
    reader->length = 0;
    reader->too_long = false;
    return is_frame;
}

uint8_t encode(const struct message *message, uint8_t *wire)
{
    uint8_t content[LONGEST_CONTENT];
    content[0] = PROTOCOL_VERSION;
    content[1] = message->sequence;
    content[2] = message->kind;
    memcpy(content + 3, message->payload, message->length);
    uint8_t length = 3 + message->length;
    uint16_t crc = crc16(content, length);
    content[length++] = (uint8_t)crc;
    content[length++] = (uint8_t)(crc >> 8);

    uint8_t place = 1, end = 2; /* of the count that is still open, and of what is written */
    wire[0] = 0;
    for (uint8_t i = 0; i < length; i++) {
        if (content[i]) {
            wire[end++] = content[i];
        } else {
            wire[place] = end - place;
            place = end++;
        }
    }
    wire[place] = end - place;
    wire[end++] = 0;
    return end;
}
