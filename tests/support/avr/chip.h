/* What the parts of the emulated board share. */
#ifndef CHIP_H
#define CHIP_H

#include <stdbool.h>
#include <stdint.h>

#include <simavr/sim_avr.h>

#define HERTZ 16000000.0

extern avr_t *avr;
extern int line; /* the pseudo-terminal's far end; -1: the cable is out */

struct pin {
    char port;
    uint8_t bit;
};

/* The chip's time in seconds. */
double now(void);

/* Lets the chip run on. */
void run_for(avr_cycle_count_t cycles);

/* Whether the chip drives the pin, and the level that it has in its port's register. */
bool pin_is_output(const struct pin *pin);
bool pin_is_set(const struct pin *pin);

void uart_take_over(void);
void uart_listen(void);
void uart_unplugged(void);
void uart_was_reset(void);

void usb_plug_in(void);
void usb_listen(void);
void usb_unplugged(void);
void usb_open_port(bool is_open);
void usb_stop_reading(void);
void usb_set_baud(uint32_t baud);
void usb_reset(void);

void strip_watch(const struct pin *pin);
void strip_latch(void);

void pwm_watch(bool is_32u4);
void pwm_measure(void);

#endif
