/*
 * The four RISC-V harts of `trio`. Hart 0 writes the functions of the other cores, lets these begin, takes the mailbox's
 * interrupt and wakes the hart whose message came back; each hart sends its lane's messages. The last line and the exit code
 * say how it went.
 */
#include "trio.h"

#define AT(type, a) ((volatile type *)(uintptr_t)(a))
static volatile uint32_t *const finisher = AT(uint32_t, 0x00100000);
static volatile uint32_t *const msip = AT(uint32_t, 0x02000000);
static volatile uint32_t *const plic = AT(uint32_t, 0x0c000000);
static volatile uint8_t *const uart = AT(uint8_t, 0x10000000);
static struct shared *const shared = (struct shared *)0x20000000;
static volatile uint32_t *const mailbox = AT(uint32_t, 0x30000000);
static volatile uint32_t *const hold = AT(uint32_t, 0x30001000);
enum { SOURCE = 11, PLIC_ENABLE = 0x2000 / 4, PLIC_CLAIM = 0x200004 / 4 };

static volatile uint32_t back[LANES];   /* round + 1 of what came back, or 0 */
static volatile uint32_t got, wrong, done, began, halfway;

static void put_char(char c) {
    if (c == '\n') put_char('\r');
    while (!(uart[5] & 0x20)) {}
    uart[0] = (uint8_t)c;
}

static void put(const char *s) {
    while (*s) put_char(*s++);
}

static void put_dec(uint32_t v) {
    if (v > 9) put_dec(v / 10);
    put_char((char)('0' + v % 10));
}

static void line(const char *who, const char *what, uint32_t count, uint32_t errors) {
    put(who), put(what), put_dec(count), put(", wrong "), put_dec(errors), put("\n");
}

static void add(volatile uint32_t *to, uint32_t n) {
    __atomic_fetch_add(to, n, __ATOMIC_SEQ_CST);
}

/* Thumb: movs r1, #key; eors r0, r1; bx lr. */
static void write_m4(uint32_t key) {
    volatile uint16_t *code = (volatile uint16_t *)shared->m4_code;
    code[0] = (uint16_t)(0x2100 | key), code[1] = 0x4048, code[2] = 0x4770;
}

/* MIPS, big-endian: jr $ra; xori $v0, $a0, key. */
static void write_be(uint32_t key) {
    volatile uint8_t *code = shared->be_code;
    uint32_t words[] = { 0x03e00008, 0x38820000 | key };
    for (int i = 0; i < 8; i++) code[i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i & 3)));
}

/* Hart 0: what came back goes to its hart. */
static void receive(void) {
    uint32_t source = plic[PLIC_CLAIM];
    if (source != SOURCE) return;
    while (mailbox[CH_STATUS] & READY) {
        uint32_t word = mailbox[CH_RECEIVE], lane = word >> 16;
        if (lane >= LANES) { add(&wrong, 1); continue; }
        __atomic_store_n(&back[lane], (word & 0xffff) + 1, __ATOMIC_RELEASE);
        msip[lane] = 1;
    }
    plic[PLIC_CLAIM] = source;
}

/* Waits until a word is at least this; hart 0 receives meanwhile. */
static void wait_for(uint32_t hart, volatile uint32_t *word, uint32_t least) {
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) < least) {
        if (hart == 0) receive();
        if (__atomic_load_n(word, __ATOMIC_ACQUIRE) >= least) break;
        __asm__ volatile("wfi");
        msip[hart] = 0;
    }
}

/* All harts wait for each other. */
static void meet(uint32_t hart, volatile uint32_t *count) {
    add(count, 1);
    if (__atomic_load_n(count, __ATOMIC_ACQUIRE) == LANES) for (uint32_t h = 0; h < LANES; h++) msip[h] = 1;
    wait_for(hart, count, LANES);
}

static void turn(uint32_t lane, uint32_t round) {
    volatile struct message *m = &shared->lanes[lane];
    m->lane = lane, m->round = round, m->length = LENGTH;
    for (uint32_t i = 0; i < LENGTH; i++) m->data[i] = original(lane, round, i);
    m->sum = sum_of(m);
    __sync_synchronize();
    send(mailbox, TO_M4, lane << 16 | round);
    wait_for(lane, &back[lane], 1);
    uint32_t came = __atomic_exchange_n(&back[lane], 0, __ATOMIC_ACQUIRE);
    if (came != round + 1 || !is_right(m, lane, round, m4_key(round) ^ be_key(round))) add(&wrong, 1);
    add(&shared->counter, 1);
    add(&got, 1);
}

static void begin(void) {
    put("trio: 4 harts of RV64, a Cortex-M4, a big-endian MIPS core\n");
    write_m4(m4_key(0)), write_be(be_key(0));
    plic[SOURCE] = 1;
    plic[PLIC_ENABLE] = 1u << SOURCE;
    __sync_synchronize();
    hold[0] = 2;                                        /* the M4 begins */
    while (!shared->m4.up) {}
    hold[0] = 0;                                        /* and the MIPS core */
    while (!shared->be.up) {}
}

static void finish(void) {
    volatile struct report *m4 = &shared->m4, *be = &shared->be;
    uint32_t all = LANES * ROUNDS, counted = shared->counter;
    line("rv: ", "got ", got, wrong);
    line("m4: ", "passed ", m4->passed, m4->wrong);
    line("be: ", "passed ", be->passed, be->wrong);
    put("counter "), put_dec(counted), put(" of "), put_dec(3 * all), put("\n");
    int ok = got == all && m4->passed == all && be->passed == all && counted == 3 * all;
    ok &= !wrong && !m4->wrong && !be->wrong;
    put(ok ? "TRIO PASS\n" : "TRIO FAIL\n");
    *finisher = ok ? 0x5555 : 0x13333;
}

void hart_main(uint32_t hart) {
    if (hart == 0) begin();
    meet(hart, &began);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        if (round == ROUNDS / 2) {
            meet(hart, &halfway);
            if (hart == 0) write_m4(m4_key(round)), write_be(be_key(round)), add(&halfway, 1);
            if (hart == 0) for (uint32_t h = 0; h < LANES; h++) msip[h] = 1;
            wait_for(hart, &halfway, LANES + 1);
        }
        turn(hart, round);
    }
    meet(hart, &done);
    if (hart == 0) finish();
    for (;;) __asm__ volatile("wfi");
}
