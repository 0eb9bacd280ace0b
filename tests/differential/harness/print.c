/* Text through a 16550 at 0x1000_0000 (transmit holding register 0, line status register 5), polled. */
#include "harness.h"

static void put(char c)
{
    volatile uint8_t *uart = (volatile uint8_t *)0x10000000;
    while (!(uart[5] & 0x20)) {
    }
    uart[0] = (uint8_t)c;
}

void print(const char *text)
{
    while (*text) {
        put(*text++);
    }
}

void print_hex(uint64_t value, unsigned digits)
{
    while (digits--) {
        put("0123456789abcdef"[(value >> (4 * digits)) & 15]);
    }
}

void report_lost(word cause, word epc, word tval)
{
    print("\nlost: cause ");
    print_hex(cause, 2 * XB);
    print(" epc ");
    print_hex(epc, 2 * XB);
    print(" tval ");
    print_hex(tval, 2 * XB);
    print("\n");
}
