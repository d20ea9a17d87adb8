/*
 * A board on simavr: an ATmega328P with an honest UART, or an ATmega32U4 with a USB host.
 *
 *     chip MCU FIRMWARE.bin LINK [fast] [pwm]
 *
 * The line's far end is a pseudo-terminal, to which LINK leads. What shines is a WS2812 strip on
 * D6, or with `pwm` an RGB LED.
 *
 * On stdout, one line each, with the chip's time in seconds:
 *     paint TIME PIXELS RRGGBB    what LEDs were told (mixed in place of RRGGBB if pixels differ)
 *     wave TIME CYCLES            a level that no WS2812 is sure to understand
 *     glow TIME CHANNEL           a PWM pin that is meant to be dark, and is not
 *     lost TIME COUNT             bytes that the UART has lost so far
 *     drive TIME 0|1              whether D6 is an output
 *     hang TIME                   the program hangs from now on
 *     reset TIME WORD             the chip was reset; the word in RAM for a bootloader
 *     usb WHAT HEX                what a USB host is told
 *
 * On stdin, one letter each:
 *     b B    the button is pressed, let go
 *     h      the program hangs where it is, until the chip is reset
 *     o c    a program opens, closes the USB port;  t: it sets 1200 baud and closes it
 *     s      the host reads no more, as it does before it says that the port is closed
 *     r      the USB bus is reset
 *     u U    the cable is pulled, and power fails not, or as well;  p: it is plugged in again
 *     f      from now on without regard to real time
 */
#include "chip.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <simavr/avr_ioport.h>

#define SLICE 8000 /* cycles: half a millisecond */
#define BOOTLOADER_WORD 0x0800

avr_t *avr;
int line;

static struct pin data_pin, button_pin;
static bool button_is_pressed;
static const char *link_path;
static bool is_fast, has_power = true;
static bool hangs;
static uint8_t hung[2]; /* the instruction that was there */
static avr_flashaddr_t hung_at;

double now(void)
{
    return avr->cycle / HERTZ;
}

static uint8_t port_register(const struct pin *pin, int which)
{
    return avr->data[0x23 + 3 * (pin->port - 'B') + which]; /* PINx, DDRx, PORTx */
}

bool pin_is_output(const struct pin *pin)
{
    return port_register(pin, 1) & 1 << pin->bit;
}

bool pin_is_set(const struct pin *pin)
{
    return port_register(pin, 2) & 1 << pin->bit;
}

static void was_reset(void)
{
    if (hangs)
        memcpy(avr->flash + hung_at, hung, sizeof hung);
    hangs = false;
    uart_was_reset();
    usb_unplugged();
    printf("reset %.6f %02x%02x\n", now(), avr->data[BOOTLOADER_WORD + 1],
           avr->data[BOOTLOADER_WORD]);
}

void run_for(avr_cycle_count_t cycles)
{
    for (avr_cycle_count_t end = avr->cycle + cycles; avr->cycle < end;) {
        int state = avr_run(avr);
        if (state == cpu_Done || state == cpu_Crashed) {
            fprintf(stderr, "chip: the processor has stopped\n");
            exit(1);
        }
        if (avr->pc == 0)
            was_reset();
    }
}

static void hang(void)
{
    static const uint8_t JUMP_HERE[] = {0xFF, 0xCF};
    hangs = true;
    hung_at = avr->pc;
    memcpy(hung, avr->flash + hung_at, sizeof hung);
    memcpy(avr->flash + hung_at, JUMP_HERE, sizeof JUMP_HERE);
    printf("hang %.6f\n", now());
}

/* High is what the pull-up makes of a contact that is open; without one it floats, here low. */
static void hold_button(void)
{
    bool is_high = !button_is_pressed && !pin_is_output(&button_pin) && pin_is_set(&button_pin);
    if (is_high != !!(port_register(&button_pin, 0) & 1 << button_pin.bit))
        avr_raise_irq(
            avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ(button_pin.port), button_pin.bit), is_high);
}

static int near; /* stays open, so that a host may come and go */

static void plug_in(void)
{
    char name[128], temporary[4096];
    struct termios raw;
    if (openpty(&line, &near, name, NULL, NULL) < 0) {
        perror("a pseudo-terminal");
        exit(1);
    }
    tcgetattr(near, &raw);
    cfmakeraw(&raw);
    tcsetattr(near, TCSANOW, &raw);
    fcntl(line, F_SETFL, O_NONBLOCK);
    snprintf(temporary, sizeof temporary, "%s.new", link_path);
    unlink(temporary);
    if (symlink(name, temporary) < 0 || rename(temporary, link_path) < 0) {
        perror(link_path);
        exit(1);
    }
    has_power = true;
}

static void unplug(bool power_fails)
{
    unlink(link_path);
    close(line);
    close(near);
    line = -1;
    uart_unplugged();
    usb_unplugged();
    if (power_fails) {
        memset(avr->data + avr->ioend + 1, 0xA5, avr->ramend - avr->ioend); /* RAM forgets */
        avr_reset(avr);
        uart_was_reset();
        has_power = false;
    }
}

static void obey(char command)
{
    switch (command) {
    case 'b': button_is_pressed = true; break;
    case 'B': button_is_pressed = false; break;
    case 'h': hang(); break;
    case 'o': usb_open_port(true); break;
    case 's': usb_stop_reading(); break;
    case 'c': usb_open_port(false); break;
    case 't': usb_set_baud(1200); usb_open_port(false); break;
    case 'r': usb_reset(); break;
    case 'u': unplug(false); break;
    case 'U': unplug(true); break;
    case 'p': plug_in(); break;
    case 'f': is_fast = true; break;
    default: fprintf(stderr, "chip: what is %c?\n", command);
    }
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
    bool is_pwm = false, is_driven = false;
    if (count < 4) {
        fprintf(stderr, "chip MCU FIRMWARE.bin LINK [fast] [pwm]\n");
        return 2;
    }
    for (int i = 4; i < count; i++) {
        is_fast |= strcmp(arguments[i], "fast") == 0;
        is_pwm |= strcmp(arguments[i], "pwm") == 0;
    }
    bool is_32u4 = strcmp(arguments[1], "atmega32u4") == 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    avr = avr_make_mcu_by_name(arguments[1]);
    if (!avr)
        return 1;
    avr_init(avr);
    avr->frequency = HERTZ;
    avr->log = LOG_ERROR;
    load(arguments[2]);
    data_pin = (struct pin){'D', is_32u4 ? 7 : 6};
    button_pin = (struct pin){'D', is_32u4 ? 1 : 2};
    if (is_pwm)
        pwm_watch(is_32u4);
    else
        strip_watch(&data_pin);
    if (is_32u4)
        usb_plug_in();
    else
        uart_take_over();
    link_path = arguments[3];
    plug_in();
    for (double began = wall();;) {
        hold_button();
        if (has_power)
            run_for(SLICE);
        else
            avr->cycle += SLICE;
        if (is_pwm)
            pwm_measure();
        else
            strip_latch();
        bool is_output = pin_is_output(&data_pin);
        if (is_output != is_driven) {
            is_driven = is_output;
            printf("drive %.6f %d\n", now(), is_driven);
        }
        if (line < 0)
            ; /* nothing comes, and who speaks is not heard */
        else if (is_32u4)
            usb_listen();
        else
            uart_listen();
        struct pollfd parent = {.fd = 0, .events = POLLIN};
        if (poll(&parent, 1, 0) > 0) {
            char command;
            if (read(0, &command, 1) <= 0)
                return 0; /* who started us has gone */
            obey(command);
        }
        double ahead = now() - (wall() - began);
        if (!is_fast && ahead > 0.0005) {
            struct timespec rest = {.tv_nsec = ahead < 0.9 ? (long)(ahead * 1e9) : 900000000L};
            nanosleep(&rest, NULL);
        } else if (ahead < -0.1) {
            began += -ahead; /* a busy machine: the chip is late, and does not run after it */
        }
    }
}
