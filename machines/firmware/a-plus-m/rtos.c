/*
 * The Cortex-M4 beside the application cores of `a-plus-m`: a heartbeat of SysTick, ten a second, in shared RAM and on its own
 * serial line, and a service: a word in channel 1 of the mailbox is answered by that word plus one in channel 0.
 */
#include <stdint.h>

static volatile uint32_t *const shared = (volatile uint32_t *)0x60000000;
static volatile uint32_t *const mailbox = (volatile uint32_t *)0x50000000;
static volatile uint32_t *const uart = (volatile uint32_t *)0x40000000;
static volatile uint32_t *const systick = (volatile uint32_t *)0xe000e010;
static volatile uint32_t *const nvic_enable = (volatile uint32_t *)0xe000e100;
enum { STATUS, SEND, RECEIVE };
enum { TO_APPLICATION = 0, TO_RTOS = 4, READY = 1 };
enum { HZ = 10, CLOCK = 25000000 };
extern uint32_t stack_top[];

static void put_char(char c) {
    while (uart[1] & 1) {}
    uart[0] = (uint8_t)c;
}

static void put(const char *s) {
    while (*s) put_char(*s++);
}

static void put_dec(uint32_t v) {
    if (v > 9) put_dec(v / 10);
    put_char((char)('0' + v % 10));
}

static void tick(void) {
    uint32_t beat = ++shared[0];
    put("m4: beat ");
    put_dec(beat);
    put("\r\n");
}

/* Interrupt 0: channel 1 of the mailbox holds words. */
static void serve(void) {
    while (mailbox[TO_RTOS + STATUS] & READY) mailbox[TO_APPLICATION + SEND] = mailbox[TO_RTOS + RECEIVE] + 1;
}

void reset(void) {
    uart[2] = 1;
    uart[4] = 16;
    put("m4: up\r\n");
    systick[1] = CLOCK / HZ - 1;
    systick[2] = 0;
    systick[0] = 7;
    nvic_enable[0] = 1;
    for (;;) __asm__ volatile("wfi");
}

static void fault(void) {
    put("m4: fault\r\n");
    for (;;) {}
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16 + 1] = {
    stack_top, reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, tick, serve,
};
