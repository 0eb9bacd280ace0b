/*
 * The big-endian MIPS core of `trio`: as the M4, one station further. Words of shared RAM look reversed to it (its row keeps
 * byte lanes), registers of the mailbox do not (its row swaps them).
 */
#include "trio.h"

static struct shared *const shared = (struct shared *)0xb0000000;
static volatile uint32_t *const mailbox = (volatile uint32_t *)0xbf000000;

static void add_one(volatile uint32_t *to) {
    uint32_t value, done;
    do {
        __asm__ volatile("ll %0, %1" : "=r"(value) : "m"(*to) : "memory");
        done = le32(le32(value) + 1);
        __asm__ volatile("sc %0, %1" : "+r"(done), "+m"(*to) : : "memory");
    } while (!done);
}

/* Hardware interrupt 2: channel 2 of the mailbox holds words. Called with interrupts off. */
void mailbox_irq(void) {
    uint32_t (*change)(uint32_t) = (uint32_t (*)(uint32_t))(uintptr_t)shared->be_code;
    while (mailbox[4 * TO_BE + CH_STATUS] & READY) {
        uint32_t word = mailbox[4 * TO_BE + CH_RECEIVE], lane = word >> 16, round = word & 0xffff;
        volatile struct message *m = &shared->lanes[lane % LANES];
        if (lane >= LANES || !is_right(m, lane, round, m4_key(round))) shared->be.wrong = le32(le32(shared->be.wrong) + 1);
        for (uint32_t i = 0; i < LENGTH; i++) m->data[i] = (uint8_t)change(m->data[i]);
        m->sum = le32(sum_of(m));
        add_one(&shared->counter);
        shared->be.passed = le32(le32(shared->be.passed) + 1);
        __asm__ volatile("sync" ::: "memory");
        send(mailbox, TO_RV, word);
    }
}

void up(void) {
    shared->be.up = le32(1);
}
