/*
 * What the three programs of `trio` agree on. Shared RAM holds one message for each RISC-V hart (a lane), a counter that all
 * cores increment atomically, a report of each other core, and two functions that RISC-V writes and the others run. All words
 * there are little-endian. A message goes round: RISC-V fills it, the Cortex-M4 and then the MIPS core check it, change it and
 * pass it on, and RISC-V checks what comes back. The mailbox carries `lane << 16 | round`; its channel n wakes core n.
 */
#pragma once
#include <stdint.h>

#define LANES   4u
#define ROUNDS  64u
#define LENGTH  48u

enum { TO_RV, TO_M4, TO_BE };           /* channels of the mailbox */
enum { CH_STATUS, CH_SEND, CH_RECEIVE, CH_ENABLE };
enum { READY = 1, FULL = 2 };

struct message { uint32_t lane, round, length, sum; uint8_t data[LENGTH]; };
struct report { uint32_t up, passed, wrong; };
struct shared {
    volatile uint32_t counter;
    uint32_t spare[15];
    volatile struct report m4, be;      /* written by their cores only */
    uint8_t pad[64 - 2 * sizeof(struct report)];
    volatile struct message lanes[LANES];
    uint8_t m4_code[64], be_code[64];   /* change one byte of a message: uint32_t f(uint32_t) */
};

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
static inline uint32_t le32(uint32_t v) { return v >> 24 | (v >> 8 & 0xff00) | (v & 0xff00) << 8 | v << 24; }
#else
static inline uint32_t le32(uint32_t v) { return v; }
#endif

/* What the M4's and the MIPS core's functions do in a round: the second half of the run has new ones. */
static inline uint32_t m4_key(uint32_t round) { return round < ROUNDS / 2 ? 0x4d : 0xa7; }
static inline uint32_t be_key(uint32_t round) { return round < ROUNDS / 2 ? 0x42 : 0x1e; }

/* Byte i of the message that RISC-V sends. */
static inline uint8_t original(uint32_t lane, uint32_t round, uint32_t i) {
    uint32_t x = (lane << 24 | round << 8 | i) * 2654435761u;
    x ^= x >> 15;
    return (uint8_t)(x * 2246822519u >> 24);
}

/* FNV-1a over everything but the sum. */
static inline uint32_t sum_of(const volatile struct message *m) {
    uint32_t h = 2166136261u;
    h = (h ^ le32(m->lane)) * 16777619u;
    h = (h ^ le32(m->round)) * 16777619u;
    h = (h ^ le32(m->length)) * 16777619u;
    for (uint32_t i = 0; i < LENGTH; i++) h = (h ^ m->data[i]) * 16777619u;
    return h;
}

/* Whether a message is what its lane and round say, after these keys were applied. */
static inline int is_right(const volatile struct message *m, uint32_t lane, uint32_t round, uint32_t key) {
    int ok = le32(m->lane) == lane && le32(m->round) == round && le32(m->length) == LENGTH && le32(m->sum) == sum_of(m);
    for (uint32_t i = 0; i < LENGTH; i++) ok &= m->data[i] == (uint8_t)(original(lane, round, i) ^ key);
    return ok;
}

static inline void send(volatile uint32_t *mailbox, uint32_t channel, uint32_t word) {
    while (mailbox[4 * channel + CH_STATUS] & FULL) {}
    mailbox[4 * channel + CH_SEND] = word;
}
