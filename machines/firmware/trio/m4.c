/*
 * The Cortex-M4 of `trio`: takes messages off the mailbox in its interrupt, checks them, changes them with the function that
 * RISC-V wrote, passes them to the MIPS core. It says that it is there on RISC-V's UART, through its window into that bus.
 */
#include "trio.h"

static struct shared *const shared = (struct shared *)0x60000000;
static volatile uint32_t *const mailbox = (volatile uint32_t *)0x50000000;
static volatile uint8_t *const uart0 = (volatile uint8_t *)0x70000000;
static volatile uint32_t *const nvic_enable = (volatile uint32_t *)0xe000e100;
extern uint32_t stack_top[];

static void put(const char *s) {
    while (*s) {
        while (!(uart0[5] & 0x20)) {}
        uart0[0] = (uint8_t)*s++;
    }
}

static void add_one(volatile uint32_t *to) {
    uint32_t value, failed;
    do {
        __asm__ volatile("ldrex %0, [%1]" : "=r"(value) : "r"(to) : "memory");
        value++;
        __asm__ volatile("strex %0, %1, [%2]" : "=&r"(failed) : "r"(value), "r"(to) : "memory");
    } while (failed);
}

/* Interrupt 5: channel 1 of the mailbox holds words. */
static void mailbox_irq(void) {
    uint32_t (*change)(uint32_t) = (uint32_t (*)(uint32_t))((uintptr_t)shared->m4_code | 1);
    while (mailbox[4 * TO_M4 + CH_STATUS] & READY) {
        uint32_t word = mailbox[4 * TO_M4 + CH_RECEIVE], lane = word >> 16, round = word & 0xffff;
        volatile struct message *m = &shared->lanes[lane % LANES];
        if (lane >= LANES || !is_right(m, lane, round, 0)) shared->m4.wrong++;
        for (uint32_t i = 0; i < LENGTH; i++) m->data[i] = (uint8_t)change(m->data[i]);
        m->sum = sum_of(m);
        add_one(&shared->counter);
        shared->m4.passed++;
        __asm__ volatile("dmb" ::: "memory");
        send(mailbox, TO_BE, word);
    }
}

void reset(void) {
    put("m4: up\r\n");
    nvic_enable[0] = 1u << 5;
    shared->m4.up = 1;
    for (;;) __asm__ volatile("wfi");
}

static void fault(void) {
    put("m4: fault\r\n");
    shared->m4.wrong = 0xdead;
    for (;;) {}
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16 + 6] = {
    stack_top, reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, fault,
    fault, fault, fault, fault, fault, mailbox_irq,
};
