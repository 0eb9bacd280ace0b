/* Console output by polling, number parsing, the timer's 64-bit values, the end of the run. */
#include "lib.h"
#include "rv.h"

void uart_init(void) {
    UART(CTRL) = CTRL_NCO(UART_NCO) | CTRL_TX | CTRL_RX;
}

void put_char(char c) {
    if (c == '\n') put_char('\r');
    while (UART(STATUS) & STATUS_TXFULL) {}
    UART(WDATA) = (uint8_t)c;
}

void put_text(const char *s) {
    while (*s) put_char(*s++);
}

/* Waits until the last bit has left. */
void uart_drain(void) {
    while ((UART(STATUS) & (STATUS_TXEMPTY | STATUS_TXIDLE)) != (STATUS_TXEMPTY | STATUS_TXIDLE)) {}
}

void put_hex(uint32_t v) {
    put_text("0x");
    for (int shift = 28; shift >= 0; shift -= 4) put_char("0123456789abcdef"[(v >> shift) & 15]);
}

void put_dec(uint32_t v) {
    char digits[10];
    int n = 0;
    do {
        digits[n++] = '0' + v % 10;
        v /= 10;
    } while (v);
    while (n) put_char(digits[--n]);
}

int parse_number(const char *s, uint32_t *out) {
    uint32_t base = 10, v = 0;
    if (s[0] == '0' && (s[1] | 32) == 'x') {
        base = 16;
        s += 2;
    }
    if (!*s) return 0;
    for (; *s; s++) {
        uint32_t d = (uint32_t)*s - '0';
        if (d > 9) {
            d = ((uint32_t)*s | 32) - 'a' + 10;
            if (d < 10) return 0;
        }
        if (d >= base) return 0;
        v = v * base + d;
    }
    *out = v;
    return 1;
}

extern void semihost_exit_code(uint32_t code) __attribute__((noreturn));

void leave(uint32_t code) {
    uart_drain();
    csr_clear("mstatus", MSTATUS_MIE);
    semihost_exit_code(code);
}

#ifdef BOARD_TIMER_EITHER_LAYOUT
uint32_t timer_intr_group = 0x100, timer_count_group = 0x10c;

/* At 0x100 today's block has INTR_ENABLE0 (0 out of reset) and the older one CFG0 (step 1). */
void timer_init(void) {
    if (MMIO32(TIMER_BASE + 0x100) & 0xff0000) {
        timer_intr_group = 0x114;
        timer_count_group = 0x100;
    }
}
#else
void timer_init(void) {}
#endif

/* The halves are two registers: read until the upper one stands still. */
uint64_t timer_now(void) {
    uint32_t high, low;
    do {
        high = TIMER(V_UPPER);
        low = TIMER(V_LOWER);
    } while (high != TIMER(V_UPPER));
    return (uint64_t)high << 32 | low;
}

/* No value in between may be in the past, so the lower half goes through its maximum. */
void timer_compare(uint64_t at) {
    TIMER(COMPARE_LOWER) = 0xffffffff;
    TIMER(COMPARE_UPPER) = (uint32_t)(at >> 32);
    TIMER(COMPARE_LOWER) = (uint32_t)at;
}

/* The compiler may call these for plain copies and clears. */
void *memset(void *to, int value, __SIZE_TYPE__ n) {
    char *p = to;
    while (n--) *p++ = (char)value;
    return to;
}

void *memcpy(void *to, const void *from, __SIZE_TYPE__ n) {
    char *p = to;
    const char *q = from;
    while (n--) *p++ = *q++;
    return to;
}
