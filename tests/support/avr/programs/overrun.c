/* Looks away for 2 ms after a byte has come, which is 23 bytes at 115,200 baud, and then tells how
 * many are there, whether DOR0 is set, and which they are. */
#include <avr/io.h>
#include <util/delay.h>

static void say(uint8_t byte)
{
    loop_until_bit_is_set(UCSR0A, UDRE0);
    UDR0 = byte;
}

int main(void)
{
    UBRR0 = 16;
    UCSR0A = _BV(U2X0);
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(RXEN0) | _BV(TXEN0);
    for (;;) {
        uint8_t bytes[64], count = 0;
        loop_until_bit_is_set(UCSR0A, RXC0);
        _delay_ms(2);
        uint8_t overrun = !!(UCSR0A & _BV(DOR0));
        while (UCSR0A & _BV(RXC0))
            bytes[count++] = UDR0;
        say(count);
        say(overrun);
        for (uint8_t i = 0; i < count; i++)
            say(bytes[i]);
    }
}
