/*
 * The line of an ATmega32U4 (Pro Micro): its own USB, as a serial port (CDC ACM).
 *
 * The stack is our own and all in this file. Sources: Universal Serial Bus Specification 2.0,
 * chapter 9; USB CDC 1.2 and its PSTN subclass 1.2; the ATmega16U4/32U4's datasheet, chapters 21
 * and 22. It is polled, without interrupts: until it comes round, the chip itself tells the host
 * to wait (NAK), so no byte is lost while LEDs are painted.
 */
#ifdef __AVR_ATmega32U4__

#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/wdt.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "line.h"

#define CONTROL_SIZE 64
#define NOTICE_SIZE 8
#define DATA_SIZE 64
#define NOTICES 1 /* endpoints; CDC asks for this one, and we have nothing to notify of */
#define FROM_HOST 2
#define TO_HOST 3

#define TYPE_BULK _BV(EPTYPE1)
#define TYPE_INTERRUPT (_BV(EPTYPE1) | _BV(EPTYPE0))
#define DIRECTION_IN _BV(EPDIR)
#define SIZE_8 _BV(ALLOC)
#define SIZE_64 (_BV(EPSIZE1) | _BV(EPSIZE0) | _BV(ALLOC))

#define PATIENCE_TICKS (50u * TICKS_PER_MS) /* of a host within a control transfer */

enum { DEVICE = 1, CONFIGURATION, STRING }; /* descriptors */
enum { MANUFACTURER = 1, PRODUCT, NUMBER }; /* strings */

/* Requests, with their type in the high byte. */
enum {
    GET_STATUS_DEVICE = 0x8000,
    GET_STATUS_INTERFACE = 0x8100,
    GET_STATUS_ENDPOINT = 0x8200,
    CLEAR_FEATURE_DEVICE = 0x0001,
    CLEAR_FEATURE_ENDPOINT = 0x0201,
    SET_FEATURE_ENDPOINT = 0x0203,
    SET_ADDRESS = 0x0005,
    GET_DESCRIPTOR = 0x8006,
    GET_CONFIGURATION = 0x8008,
    SET_CONFIGURATION = 0x0009,
    GET_INTERFACE = 0x810A,
    SET_INTERFACE = 0x010B,
    SET_LINE_CODING = 0x2120,
    GET_LINE_CODING = 0xA121,
    SET_CONTROL_LINE_STATE = 0x2122,
    SEND_BREAK = 0x2123,
};

struct request {
    uint8_t type, code;
    uint16_t value, index, length;
};

#define WORD(number) (uint8_t)(number), (uint8_t)((number) >> 8)

static const uint8_t DEVICE_DESCRIPTOR[] PROGMEM = {
    18, DEVICE, WORD(0x0200), 2, 0, 0, CONTROL_SIZE,
    WORD(USB_VID), WORD(USB_PID), WORD(0x0010),
    MANUFACTURER, PRODUCT, NUMBER, 1,
};

#define CONFIGURATION_LENGTH 67
static const uint8_t CONFIGURATION_DESCRIPTOR[] PROGMEM = {
    9, CONFIGURATION, WORD(CONFIGURATION_LENGTH), 2, 1, 0, 0x80, 250, /* powered by USB, 500 mA */
    9, 4, 0, 0, 1, 2, 2, 1, 0,                  /* interface 0: communication, ACM, AT commands */
    5, 0x24, 0, WORD(0x0110),                   /* CDC 1.1 */
    5, 0x24, 1, 0, 1,                           /* calls: none are managed */
    4, 0x24, 2, 2,                              /* ACM: line coding and line state */
    5, 0x24, 6, 0, 1,                           /* interfaces 0 and 1 belong together */
    7, 5, 0x80 | NOTICES, 3, WORD(NOTICE_SIZE), 255,
    9, 4, 1, 0, 2, 10, 0, 0, 0,                 /* interface 1: data */
    7, 5, FROM_HOST, 2, WORD(DATA_SIZE), 0,
    7, 5, 0x80 | TO_HOST, 2, WORD(DATA_SIZE), 0,
};
_Static_assert(sizeof CONFIGURATION_DESCRIPTOR == CONFIGURATION_LENGTH, "it tells its length");

static const char MANUFACTURER_NAME[] PROGMEM = USB_MANUFACTURER;
static const char PRODUCT_NAME[] PROGMEM = USB_PRODUCT;
static const uint8_t NUMBER_BYTES[] PROGMEM = {SERIAL_NUMBER};

#define LONGEST_REPLY 80
_Static_assert(sizeof USB_MANUFACTURER <= LONGEST_REPLY / 2 && sizeof USB_PRODUCT <= LONGEST_REPLY / 2,
               "USB names have 38 letters at most");

static uint8_t configuration;
static uint8_t coding[7]; /* what the host takes the line for: baud rate and more; kept, unused */
static bool is_open;      /* whether a program on the host has the port open (DTR) */

static void start_endpoint(uint8_t number, uint8_t kind, uint8_t size)
{
    UENUM = number;
    UECONX = _BV(EPEN);
    UECFG0X = kind;
    UECFG1X = size;
}

static void forget_data(void)
{
    UERST = _BV(NOTICES) | _BV(FROM_HOST) | _BV(TO_HOST);
    UERST = 0;
}

static void configure(uint8_t number)
{
    configuration = number;
    is_open = false;
    if (!number)
        return;
    start_endpoint(NOTICES, TYPE_INTERRUPT | DIRECTION_IN, SIZE_8);
    start_endpoint(FROM_HOST, TYPE_BULK, SIZE_64);
    start_endpoint(TO_HOST, TYPE_BULK | DIRECTION_IN, SIZE_64);
    forget_data();
}

/* ---- Control transfers; endpoint 0 is chosen meanwhile ---- */

/* Waits for one of these flags; false if the host has let go of the transfer. */
static bool wait_for(uint8_t flags)
{
    uint16_t began = clock_ticks();
    for (;;) {
        uint8_t state = UEINTX;
        if (state & flags)
            return true;
        if (state & _BV(RXSTPI) || UDINT & _BV(EORSTI))
            return false;
        if ((uint16_t)(clock_ticks() - began) > PATIENCE_TICKS)
            return false;
    }
}

static void acknowledge(void)
{
    UEINTX = (uint8_t)~_BV(TXINI); /* an empty packet */
}

static void refuse(void)
{
    UECONX = _BV(STALLRQ) | _BV(EPEN);
}

/* Sends as much as the host asks for, and takes its acknowledgement. */
static void reply(const uint8_t *bytes, uint8_t length, uint16_t asked)
{
    bool is_cut = length >= asked; /* the host knows without a short packet that this is all */
    if (is_cut)
        length = asked;
    uint8_t part;
    do {
        if (!wait_for(_BV(TXINI) | _BV(RXOUTI)) || UEINTX & _BV(RXOUTI))
            break; /* the host has enough */
        part = length < CONTROL_SIZE ? length : CONTROL_SIZE;
        for (uint8_t i = 0; i < part; i++)
            UEDATX = *bytes++;
        length -= part;
        UEINTX = (uint8_t)~_BV(TXINI);
    } while (length || (part == CONTROL_SIZE && !is_cut));
    if (wait_for(_BV(RXOUTI)))
        UEINTX = (uint8_t)~_BV(RXOUTI);
}

static uint8_t digit(uint8_t value)
{
    return value < 10 ? '0' + value : 'A' - 10 + value;
}

/* Writes a descriptor; its length, 0 if there is none. */
static uint8_t describe(uint16_t which, uint8_t *to)
{
    switch (which) {
    case DEVICE << 8:
        memcpy_P(to, DEVICE_DESCRIPTOR, sizeof DEVICE_DESCRIPTOR);
        return sizeof DEVICE_DESCRIPTOR;
    case CONFIGURATION << 8:
        memcpy_P(to, CONFIGURATION_DESCRIPTOR, sizeof CONFIGURATION_DESCRIPTOR);
        return sizeof CONFIGURATION_DESCRIPTOR;
    case STRING << 8:
        to[2] = 0x09; /* English (United States) is what there is */
        to[3] = 0x04;
        to[0] = 4;
        break;
    case STRING << 8 | NUMBER:
        to[0] = 2;
        for (uint8_t i = 0; i < sizeof NUMBER_BYTES; i++) {
            uint8_t byte = pgm_read_byte(&NUMBER_BYTES[i]);
            to[to[0]] = digit(byte >> 4);
            to[to[0] + 2] = digit(byte & 15);
            to[to[0] + 1] = to[to[0] + 3] = 0;
            to[0] += 4;
        }
        break;
    case STRING << 8 | MANUFACTURER:
    case STRING << 8 | PRODUCT: {
        const char *name = (uint8_t)which == PRODUCT ? PRODUCT_NAME : MANUFACTURER_NAME;
        char letter;
        for (to[0] = 2; (letter = pgm_read_byte(name++)); to[0] += 2) {
            to[to[0]] = letter;
            to[to[0] + 1] = 0;
        }
        break;
    }
    default:
        return 0;
    }
    to[1] = STRING;
    return to[0];
}

/*
 * Opening the port at 1200 baud and closing it is how Arduino's tools ask a board for its
 * bootloader, which finds this word in RAM: older ones at 0x0800, newer ones at the end.
 */
static void start_bootloader(void)
{
    cli();
    wdt_enable(WDTO_120MS);
    *(volatile uint16_t *)0x0800 = 0x7777;
    *(volatile uint16_t *)(RAMEND - 1) = 0x7777;
    for (;;)
        ;
}

static void line_state(bool opens)
{
    static const uint8_t BAUD_1200[] PROGMEM = {WORD(1200), 0, 0};
    if (is_open && !opens && memcmp_P(coding, BAUD_1200, sizeof BAUD_1200) == 0)
        start_bootloader();
    if (opens != is_open) {
        UERST = _BV(TO_HOST); /* what was for the last listener is not for the next */
        UERST = 0;
    }
    is_open = opens;
}

static void halt(uint8_t endpoint, uint8_t how)
{
    UENUM = endpoint & 7;
    UECONX = how | _BV(EPEN);
    UENUM = 0;
}

static void serve(const struct request *request)
{
    uint8_t answer[LONGEST_REPLY] = {0};
    uint8_t length;
    switch ((uint16_t)request->type << 8 | request->code) {
    case GET_DESCRIPTOR:
        length = describe(request->value, answer);
        if (length)
            reply(answer, length, request->length);
        else
            refuse();
        return;
    case GET_STATUS_ENDPOINT:
        UENUM = request->index & 7;
        answer[0] = UECONX & _BV(STALLRQ) ? 1 : 0;
        UENUM = 0;
        reply(answer, 2, request->length);
        return;
    case GET_STATUS_DEVICE:
    case GET_STATUS_INTERFACE:
        reply(answer, 2, request->length);
        return;
    case GET_CONFIGURATION:
        answer[0] = configuration;
        reply(answer, 1, request->length);
        return;
    case GET_INTERFACE:
        reply(answer, 1, request->length);
        return;
    case GET_LINE_CODING:
        reply(coding, sizeof coding, request->length);
        return;
    case SET_LINE_CODING:
        if (!wait_for(_BV(RXOUTI)))
            return;
        for (uint8_t i = 0; i < sizeof coding; i++)
            coding[i] = UEDATX;
        UEINTX = (uint8_t)~_BV(RXOUTI);
        break;
    case SET_CONTROL_LINE_STATE:
        acknowledge();
        line_state(request->value & 1);
        return;
    case SET_ADDRESS:
        UDADDR = request->value;
        acknowledge();
        if (wait_for(_BV(TXINI))) /* the old address until the host has the acknowledgement */
            UDADDR = request->value | _BV(ADDEN);
        return;
    case SET_CONFIGURATION:
        if (request->value > 1) {
            refuse();
            return;
        }
        configure(request->value);
        UENUM = 0;
        break;
    case CLEAR_FEATURE_ENDPOINT:
        halt(request->index, _BV(STALLRQC) | _BV(RSTDT));
        break;
    case SET_FEATURE_ENDPOINT:
        halt(request->index, _BV(STALLRQ));
        break;
    case CLEAR_FEATURE_DEVICE:
    case SET_INTERFACE:
    case SEND_BREAK:
        break;
    default:
        refuse();
        return;
    }
    acknowledge();
}

/* ---- The line ---- */

void line_begin(void)
{
    USBCON = 0; /* whatever a bootloader has left */
    UHWCON = _BV(UVREGE);
    USBCON = _BV(USBE) | _BV(FRZCLK);
    PLLFRQ = _BV(PDIV2); /* 48 MHz */
    PLLCSR = _BV(PINDIV) | _BV(PLLE); /* of a crystal of 16 MHz */
    loop_until_bit_is_set(PLLCSR, PLOCK);
    USBCON = _BV(USBE) | _BV(OTGPADE);
    UDCON = 0; /* full speed, and here we are */
}

void line_work(void)
{
    if (UDINT & _BV(EORSTI)) {
        UDINT &= ~_BV(EORSTI);
        start_endpoint(0, 0, SIZE_64);
        configure(0);
    }
    UENUM = 0;
    if (!(UEINTX & _BV(RXSTPI)))
        return;
    struct request request;
    uint8_t *bytes = (uint8_t *)&request;
    for (uint8_t i = 0; i < sizeof request; i++)
        bytes[i] = UEDATX;
    UEINTX = (uint8_t)~(_BV(RXSTPI) | _BV(RXOUTI) | _BV(TXINI));
    serve(&request);
}

bool line_take(uint8_t *byte)
{
    if (!configuration)
        return false;
    UENUM = FROM_HOST;
    if (!(UEINTX & _BV(RXOUTI)))
        return false;
    bool has_one = UEBCLX > 0;
    if (has_one)
        *byte = UEDATX;
    if (UEBCLX == 0)
        UEINTX = (uint8_t)~(_BV(RXOUTI) | _BV(FIFOCON)); /* room for the next packet */
    return has_one;
}

bool line_is_idle(void)
{
    return true;
}

bool line_is_free(void)
{
    if (!configuration || !is_open)
        return true;
    UENUM = TO_HOST;
    return UEINTX & _BV(TXINI);
}

void line_say(const uint8_t *bytes, uint8_t length)
{
    if (!configuration || !is_open)
        return;
    UENUM = TO_HOST;
    while (length--)
        UEDATX = *bytes++;
    /* Bit 2 would be RXOUTI elsewhere; here, set, it throws the packet away (KILLBK). */
    UEINTX = (uint8_t)~(_BV(TXINI) | _BV(RXOUTI) | _BV(FIFOCON));
}

#endif
