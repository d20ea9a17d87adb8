/*
 * A USB host for an ATmega32U4, in place of a kernel's: simavr has the chip's USB registers, and
 * hands packets over by ioctls. It enumerates the device as a host does, and then carries the
 * bytes of its data endpoints to and from the pseudo-terminal.
 */
#include "chip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <simavr/avr_usb.h>
#include <simavr/sim_io.h>

#define MILLISECOND 16000
#define UDADDR_ADDRESS 0xE3
#define UERST_ADDRESS 0xEA
#define FROM_HOST 2
#define TO_HOST 3

static bool is_attached, is_configured;
static bool is_read = true; /* whether the host asks for what the device has to say */

static void attached(avr_irq_t *irq, uint32_t value, void *parameter)
{
    (void)irq;
    (void)parameter;
    is_attached = value;
    is_configured = false;
}

/* simavr leaves a packet in a FIFO that is reset; take it away. */
static void fifo_reset(avr_t *chip, avr_io_addr_t address, uint8_t value, void *parameter)
{
    (void)parameter;
    uint8_t thrown_away[64];
    struct avr_io_usb packet = {TO_HOST, 0, thrown_away};
    chip->data[address] = value;
    if (value & 1 << TO_HOST && is_configured)
        avr_ioctl(chip, AVR_IOCTL_USB_READ, &packet);
}

void usb_plug_in(void)
{
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_USB_GETIRQ(), USB_IRQ_ATTACH), attached,
                            NULL);
    avr_register_io_write(avr, UERST_ADDRESS, fifo_reset, NULL);
}

/* Tries until the device does not put us off any more; the last answer. */
static int transfer(uint32_t how, uint8_t *bytes, uint32_t *length)
{
    for (int tries = 0; tries < 2000; tries++) {
        struct avr_io_usb packet = {0, *length, bytes};
        int result = avr_ioctl(avr, how, &packet);
        if (result != AVR_IOCTL_USB_NAK) {
            *length = packet.sz;
            return result;
        }
        run_for(MILLISECOND / 20);
    }
    fprintf(stderr, "chip: a control transfer hangs\n");
    exit(1);
}

/* A control transfer; the bytes that came, -1 if it was refused. */
static int control(uint8_t type, uint8_t code, uint16_t value, uint16_t length, uint8_t *bytes)
{
    uint8_t setup[8] = {type, code, value, value >> 8, 0, 0, length, length >> 8};
    uint32_t size = sizeof setup, nothing = 0;
    if (transfer(AVR_IOCTL_USB_SETUP, setup, &size) != 0)
        return -1;
    run_for(MILLISECOND);
    if (!(type & 0x80)) {
        size = length;
        if (length && transfer(AVR_IOCTL_USB_WRITE, bytes, &size) != 0)
            return -1;
        uint8_t empty[64];
        return transfer(AVR_IOCTL_USB_READ, empty, &nothing) ? -1 : 0;
    }
    int came = 0;
    do {
        size = 64;
        if (transfer(AVR_IOCTL_USB_READ, bytes + came, &size) != 0)
            return -1;
        came += size;
    } while (size == 64 && came < length);
    transfer(AVR_IOCTL_USB_WRITE, setup, &nothing);
    run_for(MILLISECOND);
    return came;
}

static void tell(const char *what, const uint8_t *bytes, int length)
{
    printf("usb %s ", what);
    for (int i = 0; i < length; i++)
        printf("%02x", bytes[i]);
    printf("\n");
}

static int descriptor(const char *name, uint16_t which, uint16_t asked)
{
    uint8_t bytes[512];
    int length = control(0x80, 6, which, asked, bytes);
    if (length < 0)
        printf("usb %s refused\n", name);
    else
        tell(name, bytes, length);
    return length;
}

void usb_set_baud(uint32_t baud)
{
    uint8_t coding[7] = {baud, baud >> 8, baud >> 16, baud >> 24, 0, 0, 8}, back[7] = {0};
    control(0x21, 0x20, 0, sizeof coding, coding);
    control(0xA1, 0x21, 0, sizeof back, back);
    tell("coding", back, sizeof back);
}

void usb_open_port(bool is_open)
{
    control(0x21, 0x22, is_open ? 3 : 0, 0, NULL);
    is_read = is_open;
    printf("usb port %d\n", is_open);
}

void usb_stop_reading(void)
{
    is_read = false;
}

void usb_reset(void)
{
    is_configured = false;
    avr_ioctl(avr, AVR_IOCTL_USB_RESET, NULL);
    run_for(10 * MILLISECOND);
}

static void enumerate(void)
{
    run_for(100 * MILLISECOND); /* the contact has settled */
    usb_reset();
    descriptor("first", 0x0100, 64);
    usb_reset();
    control(0x00, 5, 42, 0, NULL);
    run_for(2 * MILLISECOND);
    printf("usb address %02x\n", avr->data[UDADDR_ADDRESS]);
    descriptor("device", 0x0100, 18);
    descriptor("qualifier", 0x0600, 10); /* which one of full speed has not */
    descriptor("head", 0x0200, 9);
    descriptor("configuration", 0x0200, 255);
    descriptor("languages", 0x0300, 255);
    descriptor("manufacturer", 0x0301, 255);
    descriptor("product", 0x0302, 255);
    descriptor("number", 0x0303, 255);
    control(0x00, 9, 1, 0, NULL);
    is_configured = true;
    usb_set_baud(115200);
    usb_open_port(true);
}

static uint8_t waiting[64];
static ssize_t count;

/* Whoever plugs it in again begins with a reset of the bus. */
void usb_unplugged(void)
{
    is_configured = false;
    count = 0;
}

void usb_listen(void)
{
    if (!is_attached)
        return;
    if (!is_configured)
        enumerate();
    if (count <= 0)
        count = read(line, waiting, sizeof waiting);
    if (count > 0) {
        struct avr_io_usb packet = {FROM_HOST, count, waiting};
        if (avr_ioctl(avr, AVR_IOCTL_USB_WRITE, &packet) == 0)
            count = 0;
    }
    uint8_t came[64];
    struct avr_io_usb packet = {TO_HOST, 0, came};
    if (is_read && avr_ioctl(avr, AVR_IOCTL_USB_READ, &packet) == 0 && packet.sz &&
        write(line, came, packet.sz) < 0) {
        /* nobody reads: lost */
    }
}
