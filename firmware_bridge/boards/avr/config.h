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

/* 0: WS2812s, data on PD6 (Uno, Nano: D6). 1: RGB LED on PD6, PD5, PB3 (D6, D5, D11) by PWM */
#ifndef PWM
#define PWM 0
#endif

/* Eight bytes that no two lights should share; the build draws them. */
#ifndef SERIAL_NUMBER
#define SERIAL_NUMBER 'A', 'V', 'R', 0, 0, 0, 0, 1
#endif

#endif
