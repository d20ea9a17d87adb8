/*
 * The firmware's protocol.c and light.c, asked piece by piece; compiled for this machine.
 *
 * On stdin one question a line, on stdout its answer:
 *     crc HEX;  read HEX (version, sequence, kind, payload; junk);  write SEQUENCE KIND HEX;
 *     level EFFECT ELAPSED PERIOD;  duty R G B BRIGHTNESS EFFECT PERIOD ELAPSED
 */
#include "light.c"
#include "protocol.c"

#include <stdio.h>
#include <stdlib.h>

static uint8_t bytes[4096];

static int parse(const char *hex)
{
    int length = 0;
    unsigned byte;
    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
        bytes[length++] = byte;
    return length;
}

static void print_hex(const uint8_t *from, int length)
{
    for (int i = 0; i < length; i++)
        printf("%02x", from[i]);
    printf("\n");
}

static void read_all(int length)
{
    static struct reader reader;
    struct message message;
    bool found = false;
    for (int i = 0; i < length; i++) {
        if (!reader_take(&reader, bytes[i], &message))
            continue;
        found = true;
        printf("%d %d %d ", message.version, message.sequence, message.kind);
        print_hex(message.payload, message.length);
    }
    if (!found)
        printf("junk\n");
}

int main(void)
{
    static char line[9000], hex[8200];
    unsigned a[7];
    while (fgets(line, sizeof line, stdin)) {
        hex[0] = 0;
        if (sscanf(line, "crc %s", hex) == 1 || strcmp(line, "crc \n") == 0) {
            printf("%d\n", crc16(bytes, parse(hex)));
        } else if (sscanf(line, "read %s", hex) == 1) {
            read_all(parse(hex));
        } else if (sscanf(line, "write %u %u %s", &a[0], &a[1], hex) >= 2) {
            struct message message = {.sequence = a[0], .kind = a[1], .length = parse(hex)};
            uint8_t wire[LONGEST_FRAME];
            memcpy(message.payload, bytes, message.length);
            print_hex(wire, encode(&message, wire));
        } else if (sscanf(line, "level %u %u %u", &a[0], &a[1], &a[2]) == 3) {
            struct look look = {.effect = a[0], .period = a[2]};
            printf("%d\n", level(&look, a[1]));
        } else if (sscanf(line, "duty %u %u %u %u %u %u %u", &a[0], &a[1], &a[2], &a[3], &a[4],
                          &a[5], &a[6]) == 7) {
            struct light light;
            struct look look = {a[0], a[1], a[2], a[3], a[4], a[5]};
            light_begin(&light);
            light_show(&light, look, 0);
            light_advance(&light, a[6]);
            struct duty duty = light_duty(&light);
            print_hex((uint8_t[]){duty.red, duty.green, duty.blue}, 3);
        } else {
            printf("what?\n");
        }
    }
    return 0;
}
