/*
 * An ATmega328P on simavr with an honest UART and a WS2812 strip on PD6.
 *
 *     chip FIRMWARE.bin LINK [fast]
 *
 * The UART's far end is a pseudo-terminal, to which LINK leads. simavr's own UART takes 64 bytes at
 * any pace and never overruns, so its registers are taken over: bytes come at 115,200 baud, two are
 * held, and what comes beyond them is lost and sets DOR0.
 *
 * On stdout, one line each, with the chip's time in seconds:
 *     paint TIME PIXELS RRGGBB    what the strip was told (mixed in place of RRGGBB if it differs)
 *     wave TIME CYCLES            a level that no WS2812 is sure to understand
 *     lost TIME COUNT             bytes that the UART has lost so far
 *     drive TIME 0|1              whether the pin is an output
 *     reset TIME                  the watchdog bit
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <simavr/avr_ioport.h>
#include <simavr/avr_watchdog.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_cycle_timers.h>
#include <simavr/sim_interrupts.h>
#include <simavr/sim_io.h>
#include <simavr/sim_time.h>

#define HERTZ 16000000.0
#define BYTE_CYCLES 1389 /* ten bits at 115,200 baud */
#define UCSR0A_ADDRESS 0xC0
#define UCSR0B_ADDRESS 0xC1
#define UDR0_ADDRESS 0xC6
#define RXC 0x80
#define TXC 0x40
#define UDRE 0x20
#define DOR 0x08
#define KEPT 0x03 /* U2X0, MPCM0 */
#define RX_VECTOR 18

static avr_t *avr;
static int line;

static double now(void)
{
    return avr->cycle / HERTZ;
}

/* ---- The UART ---- */

static uint8_t fifo[2], fifo_count;
static uint8_t coming[256];
static int coming_start, coming_end;
static bool is_receiving, is_sending, has_next, overrun;
static uint8_t sending, next;
static uint64_t lost;
static uint8_t kept;

static avr_int_vector_t received = {
    .vector = RX_VECTOR,
    .enable = AVR_IO_REGBIT(UCSR0B_ADDRESS, 7),
    .raised = AVR_IO_REGBIT(UCSR0A_ADDRESS, 7),
};

static avr_cycle_count_t byte_came(avr_t *chip, avr_cycle_count_t when, void *parameter)
{
    (void)parameter;
    if (fifo_count < sizeof fifo) {
        fifo[fifo_count++] = coming[coming_start];
        avr_raise_interrupt(chip, &received);
    } else {
        overrun = true;
        lost++;
        printf("lost %.6f %llu\n", now(), (unsigned long long)lost);
    }
    coming_start++;
    is_receiving = coming_start < coming_end;
    return is_receiving ? when + BYTE_CYCLES : 0;
}

static void listen_to_host(void)
{
    if (is_receiving)
        return;
    ssize_t count = read(line, coming, sizeof coming);
    if (count <= 0)
        return;
    coming_start = 0;
    coming_end = count;
    is_receiving = true;
    avr_cycle_timer_register(avr, BYTE_CYCLES, byte_came, NULL);
}

static avr_cycle_count_t byte_sent(avr_t *chip, avr_cycle_count_t when, void *parameter)
{
    (void)chip;
    (void)parameter;
    if (write(line, &sending, 1) != 1) {
        /* nobody reads: lost, as on a wire */
    }
    is_sending = has_next;
    has_next = false;
    sending = next;
    return is_sending ? when + BYTE_CYCLES : 0;
}

static uint8_t read_status(avr_t *chip, avr_io_addr_t address, void *parameter)
{
    (void)parameter;
    uint8_t status = kept | (fifo_count ? RXC : 0) | (has_next ? 0 : UDRE) |
                     (is_sending ? 0 : TXC) | (overrun ? DOR : 0);
    chip->data[address] = status;
    return status;
}

static void write_status(avr_t *chip, avr_io_addr_t address, uint8_t value, void *parameter)
{
    (void)chip;
    (void)address;
    (void)parameter;
    kept = value & KEPT;
}

static uint8_t read_data(avr_t *chip, avr_io_addr_t address, void *parameter)
{
    (void)parameter;
    if (fifo_count == 0)
        return chip->data[address];
    uint8_t byte = fifo[0];
    fifo[0] = fifo[1];
    overrun = false;
    if (--fifo_count)
        avr_raise_interrupt(chip, &received);
    return byte;
}

static void write_data(avr_t *chip, avr_io_addr_t address, uint8_t value, void *parameter)
{
    (void)address;
    (void)parameter;
    if (is_sending) {
        next = value;
        has_next = true;
        return;
    }
    sending = value;
    is_sending = true;
    avr_cycle_timer_register(chip, BYTE_CYCLES, byte_sent, NULL);
}

static void take_over_uart(void)
{
    avr_register_vector(avr, &received);
    int status = AVR_DATA_TO_IO(UCSR0A_ADDRESS), data = AVR_DATA_TO_IO(UDR0_ADDRESS);
    avr->io[status].r.c = read_status;
    avr->io[status].w.c = write_status;
    avr->io[data].r.c = read_data;
    avr->io[data].w.c = write_data;
}

/* ---- The strip: WS2812B, 0.4 and 0.8 us high, 1.25 us a bit, datasheet tolerances ---- */

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

static void latch(void)
{
    if (bits == 0)
        return;
    int pixels = bits / 24;
    bool mixed = bits % 24 != 0;
    for (int i = 3; i < 3 * pixels; i++)
        mixed |= colours[i] != colours[i - 3];
    if (mixed)
        printf("paint %.6f %d mixed\n", now(), pixels);
    else
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
            latch();
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

/* ---- The machine ---- */

static int open_line(const char *link)
{
    int far, near;
    char name[128], temporary[4096];
    struct termios raw;
    if (openpty(&far, &near, name, NULL, NULL) < 0)
        return -1;
    tcgetattr(near, &raw);
    cfmakeraw(&raw);
    tcsetattr(near, TCSANOW, &raw);
    fcntl(far, F_SETFL, O_NONBLOCK); /* `near` stays open: a host may come and go */
    snprintf(temporary, sizeof temporary, "%s.new", link);
    unlink(temporary);
    if (symlink(name, temporary) < 0 || rename(temporary, link) < 0)
        return -1;
    return far;
}

static double wall(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void load(const char *path)
{
    static uint8_t code[32768];
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    size_t size = fread(code, 1, sizeof code, file);
    fclose(file);
    avr_loadcode(avr, code, size, 0);
}

int main(int count, char **arguments)
{
    if (count < 3) {
        fprintf(stderr, "chip FIRMWARE.bin LINK [fast]\n");
        return 2;
    }
    bool fast = count > 3;
    setvbuf(stdout, NULL, _IOLBF, 0);
    avr = avr_make_mcu_by_name("atmega328p");
    if (!avr)
        return 1;
    avr_init(avr);
    avr->frequency = HERTZ;
    avr->log = LOG_ERROR;
    load(arguments[1]);
    take_over_uart();
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('D'), 6), pin_changed, NULL);
    line = open_line(arguments[2]);
    if (line < 0) {
        perror(arguments[2]);
        return 1;
    }
    double began = wall();
    avr_cycle_count_t slice = 0;
    bool driven = false;
    for (;;) {
        slice += 8000;
        while (avr->cycle < slice) {
            int state = avr_run(avr);
            if (state == cpu_Done || state == cpu_Crashed) {
                fprintf(stderr, "chip: the processor has stopped\n");
                return 1;
            }
        }
        if (avr->cycle - fell > LATCH)
            latch();
        bool output = avr->data[0x2A] & 0x40; /* DDRD */
        if (output != driven) {
            driven = output;
            printf("drive %.6f %d\n", now(), driven);
        }
        listen_to_host();
        struct pollfd parent = {.fd = 0, .events = POLLIN};
        if (poll(&parent, 1, 0) > 0) {
            char command;
            if (read(0, &command, 1) <= 0)
                return 0; /* who started us has gone */
        }
        double ahead = now() - (wall() - began);
        if (!fast && ahead > 0.0005) {
            struct timespec rest = {.tv_nsec = ahead < 0.9 ? (long)(ahead * 1e9) : 900000000L};
            nanosleep(&rest, NULL);
        } else if (ahead < -0.1) {
            began += -ahead; /* a busy machine: the chip is late, and does not run after it */
        }
    }
}
