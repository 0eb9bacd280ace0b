/*
 * cores: four harts at work on the same memory, and sums that come out right only if atomics, fences, software interrupts and
 * fence.i do. Each group prints one line; a wrong one ends the run through the finisher with its number as the code.
 * The shapes are the usual litmus tests: MP (message passing), SB (store buffering: Dekker), locks, counters, and code that one
 * hart writes and the others run. RISC-V Unprivileged ISA, chapters on memory consistency, A and Zifencei.
 */
#include <stdint.h>
#include "map.h"

#define HARTS 4u
#define COUNT 1000000u  /* additions of each hart */
#define LOCKED 100000u  /* turns in a locked section of each hart */
#define MESSAGES 100000u
#define ROUNDS 2048u    /* of store buffering, in a batch */
#define BATCHES 16u
#define PATCHES 300u    /* of code */

#define MMIO8(a) (*(volatile uint8_t *)(uintptr_t)(a))
#define MMIO32(a) (*(volatile uint32_t *)(uintptr_t)(a))
#define FENCE(p, s) __asm__ volatile("fence " #p ", " #s ::: "memory")

static void put_char(char c) {
    if (c == '\n') put_char('\r');
    while (!(MMIO8(UART_BASE + 5) & 0x20)) {}
    MMIO8(UART_BASE) = (uint8_t)c;
}

static void put_text(const char *s) {
    while (*s) put_char(*s++);
}

static void put_dec(uint32_t v) {
    if (v > 9) put_dec(v / 10);
    put_char('0' + v % 10);
}

static void pause(void) {
    __asm__ volatile(".word 0x0100000f" ::: "memory");
}

static uint32_t amo_add(volatile uint32_t *at, uint32_t n) {
    uint32_t old;
    __asm__ volatile("amoadd.w %0, %2, (%1)" : "=r"(old) : "r"(at), "r"(n) : "memory");
    return old;
}

static uint32_t amo_swap_aq(volatile uint32_t *at, uint32_t n) {
    uint32_t old;
    __asm__ volatile("amoswap.w.aq %0, %2, (%1)" : "=r"(old) : "r"(at), "r"(n) : "memory");
    return old;
}

static void amo_max(volatile uint32_t *at, uint32_t n) {
    __asm__ volatile("amomaxu.w zero, %1, (%0)" :: "r"(at), "r"(n) : "memory");
}

/* One addition by load-reserved and store-conditional. */
static void reserved_add(volatile uint32_t *at, uint32_t n) {
    uint32_t old, failed;
    __asm__ volatile(
        "1: lr.w %0, (%2)\n"
        "   add %0, %0, %3\n"
        "   sc.w %1, %0, (%2)\n"
        "   bnez %1, 1b"
        : "=&r"(old), "=&r"(failed) : "r"(at), "r"(n) : "memory");
}

static int reserved_try(volatile uint32_t *at) {
    uint32_t old, failed = 1;
    __asm__ volatile(
        "1: lr.w.aq %0, (%2)\n"
        "   bnez %0, 2f\n"
        "   sc.w %1, %3, (%2)\n"
        "   bnez %1, 1b\n"
        "2:"
        : "=&r"(old), "+&r"(failed) : "r"(at), "r"(1) : "memory");
    return !failed;
}

static void release(volatile uint32_t *at) {
    FENCE(rw, w);
    *at = 0;
}

/* Everything that several harts write to has a line of its own. */
struct line { volatile uint32_t v; uint32_t pad[15]; };

/* Not in .bss: the other harts look before hart 0 has cleared that. */
static volatile uint32_t go = 0xffffffff;
static struct line arrived, sense, added, by_reserve, most, lock, by_lock[2], wrong;

static void meet(void) {
    FENCE(rw, rw);
    uint32_t now = sense.v;
    if (amo_add(&arrived.v, 1) == HARTS - 1) {
        arrived.v = 0;
        FENCE(rw, rw);
        sense.v = now + 1;
    } else {
        while (sense.v == now) pause();
    }
    FENCE(rw, rw);
}

static void counters(uint32_t hart) {
    for (uint32_t i = 0; i < COUNT; i++) {
        amo_add(&added.v, hart + 1);
        amo_max(&most.v, i * HARTS + hart);
    }
    for (uint32_t i = 0; i < COUNT; i++) reserved_add(&by_reserve.v, hart + 1);
}

static void locks(uint32_t hart) {
    for (uint32_t i = 0; i < LOCKED; i++) {
        if (hart & 1) while (!reserved_try(&lock.v)) pause();
        else while (amo_swap_aq(&lock.v, 1)) pause();
        /* Plain accesses to two lines: both or neither may be seen changed. */
        uint32_t a = by_lock[0].v;
        if (by_lock[1].v != a) wrong.v = 1;
        by_lock[0].v = a + 1;
        by_lock[1].v = a + 1;
        release(&lock.v);
    }
}

static volatile uint32_t data[2][64 * 16];
static struct line flag[2], taken[2];

/* Harts 0 and 2 send to 1 and 3, with two slots of room for each of 64 words. */
static void messages(uint32_t hart) {
    uint32_t pair = hart / 2;
    for (uint32_t i = 1; i <= MESSAGES; i++) {
        volatile uint32_t *word = &data[pair][i % 64 * 16];
        if (hart % 2 == 0) {
            while (i - taken[pair].v > 32) pause();
            FENCE(r, w);
            *word = i ^ 0x5a5a5a5a;
            FENCE(w, w);
            flag[pair].v = i;
        } else {
            while ((int32_t)(flag[pair].v - i) < 0) pause();
            FENCE(r, r);
            if (*word != (i ^ 0x5a5a5a5a)) wrong.v = 2;
            FENCE(r, w);
            taken[pair].v = i;
        }
    }
}

static volatile uint8_t raised[4][ROUNDS], seen[4][ROUNDS];

/* Dekker: of two harts that each raise a flag and then look at the other's, one sees it. */
static void buffers(uint32_t hart) {
    uint32_t other = hart ^ 1;
    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        for (uint32_t i = 0; i < ROUNDS; i++) raised[hart][i] = 0, seen[hart][i] = 2;
        meet();
        for (uint32_t i = 0; i < ROUNDS; i++) {
            raised[hart][i] = 1;
            FENCE(rw, rw);
            seen[hart][i] = raised[other][i];
        }
        meet();
        for (uint32_t i = 0; i < ROUNDS; i++) if (!seen[hart][i] && !seen[other][i]) wrong.v = 3;
    }
}

/* li a0, N; ret; in a page of its own. */
static uint32_t code[1024] __attribute__((aligned(4096), section(".data")));
static struct line patched;
static volatile uint32_t got[HARTS];

static uint32_t call(void) {
    return ((uint32_t (*)(void))(uintptr_t)code)();
}

static void write_code(uint32_t n) {
    code[0] = (n & 0x7ff) << 20 | 10 << 7 | 0x13;
    code[1] = 0x00008067;
}

/* Hart `round % HARTS` writes, the others are sent for, and all run what is there, often enough to be compiled. */
static void patches(uint32_t hart) {
    for (uint32_t round = 1; round <= PATCHES; round++) {
        if (round % HARTS == hart) {
            write_code(round);
            FENCE(w, rw);
            patched.v = round;
            FENCE(w, o);
            for (uint32_t h = 0; h < HARTS; h++) if (h != hart) MMIO32(ACLINT_SWI + 4 * h) = 1;
        } else {
            /* Old code may run all the while. */
            while (patched.v != round) {
                if (round & 1) __asm__ volatile("wfi");
                else if (round > 1) call();
            }
            MMIO32(ACLINT_SWI + 4 * hart) = 0;
            FENCE(r, rw);
        }
        __asm__ volatile("fence.i" ::: "memory");
        uint32_t sum = 0;
        for (uint32_t i = 0; i < 20; i++) sum += call();
        got[hart] = sum;
        if (sum != 20 * round) wrong.v = 4;
        meet();
    }
}

static void check(const char *what, uint32_t number, int right) {
    put_text(what);
    if (right && !wrong.v) {
        put_text(" ok\n");
        return;
    }
    put_text(" WRONG\n");
    MMIO32(FINISHER) = (wrong.v ? wrong.v : number) << 16 | 0x3333;
    for (;;) {}
}

void hart_main(uint32_t hart, const char *tree) {
    (void)tree;
    if (hart >= HARTS) return;
    __asm__ volatile("csrw mie, %0" :: "r"(8));
    if (hart) {
        while (go != 1) pause();
        FENCE(rw, rw);
    } else {
        put_text("cores: ");
        put_dec(HARTS);
        put_text(" harts, RV");
        put_dec(__riscv_xlen);
        put_text("\n");
        FENCE(rw, rw);
        go = 1;
    }
    const uint32_t all = HARTS * (HARTS + 1) / 2 * COUNT;
    counters(hart);
    meet();
    if (!hart) check("counters", 5, added.v == all && by_reserve.v == all && most.v == COUNT * HARTS - 1);
    locks(hart);
    meet();
    if (!hart) check("locks", 6, by_lock[0].v == HARTS * LOCKED && by_lock[1].v == HARTS * LOCKED);
    messages(hart);
    meet();
    if (!hart) check("messages", 2, 1);
    buffers(hart);
    meet();
    if (!hart) check("buffers", 3, 1);
    patches(hart);
    meet();
    if (!hart) {
        check("patches", 4, 1);
        put_text("CORES PASS\n");
        MMIO32(FINISHER) = 0x5555;
    }
}

void *memset(void *to, int value, __SIZE_TYPE__ n) {
    char *p = to;
    while (n--) *p++ = (char)value;
    return to;
}
