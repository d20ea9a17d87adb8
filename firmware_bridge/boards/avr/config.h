/* What the builder sets, by -D or here: busylight firmware build --set PIXELS=24 */
#ifndef CONFIG_H
#define CONFIG_H

#ifndef PIXELS
#define PIXELS 8 /* how many WS2812s there are; an RGB LED on PWM counts as 1 */
#endif

#ifndef LIMIT_MA
#define LIMIT_MA 400 /* what all LEDs may draw together; USB has 500 mA for the whole board */
#endif

#ifndef CHANNEL_MA
#define CHANNEL_MA 20 /* what one colour of one LED draws at full */
#endif

/* The order in which pixels take their colours: 0 GRB (WS2812), 1 RGB (WS2811) */
#ifndef ORDER
#define ORDER 0
#endif

/*
 * 0: WS2812s, data on D6. 1: an RGB LED by PWM: red, green, blue on D6, D5, D11 of an Uno or Nano,
 * on D9, D10, D3 of a Pro Micro
 */
#ifndef PWM
#define PWM 0
#endif

/* 1: there is a button from D2 to ground */
#ifndef BUTTON
#define BUTTON 0
#endif

/* Eight bytes that no two lights should share; the build draws them. */
#ifndef SERIAL_NUMBER
#define SERIAL_NUMBER 'A', 'V', 'R', 0, 0, 0, 0, 1
#endif

/*
 * What an ATmega32U4 says of itself on USB. The numbers are pid.codes' for tests, which stand for
 * nobody: well for a light of one's own, but who gives away boards needs a pair of his own. The
 * names are what a host finds the light by; firmware_bridge/usb_names.py has the same.
 */
#ifndef USB_VID
#define USB_VID 0x1209
#endif
#ifndef USB_PID
#define USB_PID 0x0001
#endif
#ifndef USB_MANUFACTURER
#define USB_MANUFACTURER "Busylight"
#endif
#ifndef USB_PRODUCT
#define USB_PRODUCT "Busylight"
#endif

#endif
