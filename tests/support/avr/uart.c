/*
 * An honest UART. simavr's own takes 64 bytes at any pace and never overruns, so its registers are
 * taken over: bytes come at 115,200 baud, two are held, and what comes beyond them is lost and sets
 * DOR0.
 */
#include "chip.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <simavr/sim_cycle_timers.h>
#include <simavr/sim_interrupts.h>
#include <simavr/sim_io.h>

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
    if (coming_start >= coming_end) {
        is_receiving = false;
        return 0;
    }
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

/* Far enough ahead for what a host writes on end to come without a gap. */
void uart_listen(void)
{
    memmove(coming, coming + coming_start, coming_end - coming_start);
    coming_end -= coming_start;
    coming_start = 0;
    ssize_t count = read(line, coming + coming_end, sizeof coming - coming_end);
    if (count <= 0)
        return;
    coming_end += count;
    if (!is_receiving)
        avr_cycle_timer_register(avr, BYTE_CYCLES, byte_came, NULL);
    is_receiving = true;
}

/* A reset takes simavr's timers with it. */
void uart_was_reset(void)
{
    fifo_count = 0;
    is_receiving = is_sending = has_next = overrun = false;
}

/* What the bridge still had is gone with it. */
void uart_unplugged(void)
{
    coming_end = coming_start;
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

void uart_take_over(void)
{
    avr_register_vector(avr, &received);
    int status = AVR_DATA_TO_IO(UCSR0A_ADDRESS), data = AVR_DATA_TO_IO(UDR0_ADDRESS);
    avr->io[status].r.c = read_status;
    avr->io[status].w.c = write_status;
    avr->io[data].r.c = read_data;
    avr->io[data].w.c = write_data;
}
