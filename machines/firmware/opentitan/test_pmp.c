/* Physical memory protection as the privileged specification has it without Smepmp's modes: registers, matching, locking. */
#include "selftest.h"
#include "pmp.h"
#include "rv.h"

static uint32_t cfg_word(uint32_t w) {
    switch (w) {
    case 0: return csr_read("pmpcfg0");
    case 1: return csr_read("pmpcfg1");
    case 2: return csr_read("pmpcfg2");
    default: return csr_read("pmpcfg3");
    }
}

uint32_t pmp_cfg(uint32_t entry) { return cfg_word(entry / 4) >> entry % 4 * 8 & 0xff; }

void pmp_set_cfg(uint32_t entry, uint32_t cfg) {
    uint32_t shift = entry % 4 * 8, v = (cfg_word(entry / 4) & ~(0xffu << shift)) | cfg << shift;
    switch (entry / 4) {
    case 0: csr_write("pmpcfg0", v); break;
    case 1: csr_write("pmpcfg1", v); break;
    case 2: csr_write("pmpcfg2", v); break;
    default: csr_write("pmpcfg3", v); break;
    }
}

#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
uint32_t pmp_addr(uint32_t entry) {
    switch (entry) {
#define X(n) case n: return csr_read("pmpaddr" #n);
    EACH(X)
#undef X
    default: return 0;
    }
}

void pmp_set_addr(uint32_t entry, uint32_t addr) {
    switch (entry) {
#define X(n) case n: csr_write("pmpaddr" #n, addr); break;
    EACH(X)
#undef X
    }
}

void pmp_napot(uint32_t entry, uint32_t base, uint32_t size, uint32_t cfg) {
    pmp_set_addr(entry, base >> 2 | (size / 8 - 1));
    pmp_set_cfg(entry, cfg | PMP_NAPOT);
}

/* The victim by default: no rule; everything open to U by the last entry. */
static void open_all(void) {
    for (uint32_t e = 0; e < 15; e++) {
        pmp_set_cfg(e, 0);
        pmp_set_addr(e, 0);
    }
    pmp_set_addr(15, 0xffffffff);
    pmp_set_cfg(15, PMP_NAPOT | PMP_R | PMP_W | PMP_X);
}

static void close_all(void) {
    for (uint32_t e = 0; e < 16; e++) {
        pmp_set_cfg(e, 0);
        pmp_set_addr(e, 0);
    }
}

/* What an access of `mode` to `at` ends with: 0 if it went well, else mcause. A fault must tell its address. */
uint32_t pmp_try(enum access how, uint32_t at, uint32_t mode) {
    uint32_t good = mode == MODE_U ? CAUSE_ECALL_U : CAUSE_ECALL_M;
    if (how == FETCH) run(at, 0, 0, mode);
    else if (how == LOAD) run(mode == MODE_U ? FN(u_load32) : FN(m_load32), at, 0, mode);
    else run(mode == MODE_U ? FN(u_store32) : FN(m_store32), at, VICTIM_WORD, mode);
    if (trap.mcause == good) return 0;
    if (trap.mtval != at) return 0x100 | trap.mcause;
    if (how == FETCH && trap.mepc != at) return 0x200 | trap.mcause;
    return trap.mcause;
}

void test_pmp_registers(void) {
    group("pmp-registers");
    close_all();
    for (uint32_t e = 0; e < 16; e++) {
        pmp_set_addr(e, 0xffffffff);
        check("pmpaddr ones", pmp_addr(e), 0xffffffff);
        pmp_set_addr(e, 0x12345678 + e);
        check("pmpaddr", pmp_addr(e), 0x12345678 + e);
        pmp_set_addr(e, 0);
        for (uint32_t mode = 0; mode < 4; mode++) {
            pmp_set_cfg(e, mode << 3 | PMP_R | PMP_W | PMP_X);
            check("pmpcfg", pmp_cfg(e), mode << 3 | PMP_R | PMP_W | PMP_X);
        }
#ifdef BOARD_SUBSET /* QEMU keeps both. */
        pmp_set_cfg(e, 0x60);
        check("pmpcfg bits 6:5", pmp_cfg(e), 0);
        pmp_set_cfg(e, PMP_W);
        check("W without R", pmp_cfg(e) & (PMP_R | PMP_W), 0);
#endif
        pmp_set_cfg(e, 0);
    }
    check("mseccfg", csr_read("0x747") & 7, 0);
#ifdef BOARD_SUBSET /* QEMU has none. */
    check("mseccfgh", csr_read("0x757"), 0);
#endif
    group_end();
}

/* M mode with MPRV set and MPP = U loads a word. */
__asm__(".text\n.globl m_mprv_load\nm_mprv_load: li t0, 0x1800\n csrc mstatus, t0\n li t0, 0x20000\n csrs mstatus, t0\n"
        " lw a0, 0(a0)\n csrc mstatus, t0\n ret\n");

#define V FN(victim)
static void expect_word(const char *what, uint32_t offset, uint32_t load, uint32_t store, uint32_t fetch) {
    check(what, pmp_try(LOAD, V + offset, MODE_U), load);
    check(what, pmp_try(STORE, V + offset, MODE_U), store);
    check(what, pmp_try(FETCH, V + offset, MODE_U), fetch);
}
#define GRANTED(what, offset) expect_word(what, offset, 0, 0, 0)
#define DENIED(what, offset) expect_word(what, offset, CAUSE_LOAD_ACCESS, CAUSE_STORE_ACCESS, CAUSE_FETCH_ACCESS)

void test_pmp_match(void) {
    group("pmp-match");
    open_all();
    GRANTED("open", 64);

    pmp_set_addr(3, (V + 64) >> 2);
    pmp_set_addr(4, (V + 80) >> 2);
    pmp_set_cfg(4, PMP_TOR);
    GRANTED("TOR before", 60);
    DENIED("TOR first", 64);
    DENIED("TOR last", 76);
    GRANTED("TOR after", 80);
    pmp_set_addr(3, (V + 80) >> 2);
    GRANTED("TOR empty", 76);
    pmp_set_addr(3, (V + 84) >> 2);
    GRANTED("TOR reversed", 80);
    pmp_set_cfg(4, 0);
    GRANTED("OFF", 64);

    /* TOR of entry 0 starts at address 0: all below RAM plus one word of the victim's page. */
    pmp_set_addr(0, (V + 4) >> 2);
    pmp_set_cfg(0, PMP_TOR);
    check("TOR 0 low", pmp_try(LOAD, FN(vectors) & 0xfffffffc, MODE_U) == 0, FN(vectors) > V);
    DENIED("TOR 0 last", 0);
    GRANTED("TOR 0 after", 4);
    pmp_set_cfg(0, 0);

    pmp_set_addr(5, (V + 128) >> 2);
    pmp_set_cfg(5, PMP_NA4);
    GRANTED("NA4 before", 124);
    DENIED("NA4", 128);
    GRANTED("NA4 after", 132);
    run(FN(u_load8), V + 131, 0, MODE_U);
    check("NA4 byte", trap.mcause, CAUSE_LOAD_ACCESS);
    check("NA4 byte mtval", trap.mtval, V + 131);
    run(FN(u_load8), V + 127, 0, MODE_U);
    check("NA4 byte before", trap.mcause, CAUSE_ECALL_U);
    run(FN(u_load32), V + 126, 0, MODE_U);
    check("NA4 straddled", trap.mcause, CAUSE_LOAD_ACCESS);
    run(FN(u_store16), V + 127, 0, MODE_U);
    check("NA4 straddled store", trap.mcause, CAUSE_STORE_ACCESS);
    pmp_set_cfg(5, 0);

    for (uint32_t size = 8; size <= 256; size *= 2) {
        pmp_napot(6, V + 256, size, 0);
        GRANTED("NAPOT before", 252);
        DENIED("NAPOT first", 256);
        DENIED("NAPOT last", 256 + size - 4);
        if (size < 256) GRANTED("NAPOT after", 256 + size);
    }

    /* The lowest-numbered match decides, whatever the others allow. */
    pmp_napot(2, V + 256, 16, PMP_R | PMP_W | PMP_X);
    GRANTED("lower entry wins", 260);
    DENIED("only the higher matches", 272);
    pmp_napot(7, V + 256, 16, PMP_R);
    GRANTED("a later one does not matter", 260);
    close_all();
    pmp_napot(15, FN(u_load32) & ~1023u, 1024, PMP_X);
    DENIED("no match in U", 0);
    check("no match in M", pmp_try(LOAD, V, MODE_M), 0);
    close_all();
    group_end();
}

void test_pmp_permissions(void) {
    static const uint8_t legal[] = { 0, PMP_R, PMP_R | PMP_W, PMP_X, PMP_R | PMP_X, PMP_R | PMP_W | PMP_X };
    group("pmp-permissions");
    open_all();
    for (uint32_t i = 0; i < sizeof legal; i++) {
        uint32_t p = legal[i];
        pmp_napot(1, V, 1024, p);
        check("load", pmp_try(LOAD, V + 8, MODE_U), p & PMP_R ? 0 : CAUSE_LOAD_ACCESS);
        check("store", pmp_try(STORE, V + 8, MODE_U), p & PMP_W ? 0 : CAUSE_STORE_ACCESS);
        check("fetch", pmp_try(FETCH, V + 8, MODE_U), p & PMP_X ? 0 : CAUSE_FETCH_ACCESS);
        check("M load", pmp_try(LOAD, V + 8, MODE_M), 0);
        check("M store", pmp_try(STORE, V + 8, MODE_M), 0);
        check("M fetch", pmp_try(FETCH, V + 8, MODE_M), 0);
    }

    /* MPRV: M mode's loads and stores, not its fetches, are judged as those of MPP. */
    pmp_napot(1, V, 1024, 0);
    uint32_t value = 1;
    csr_clear("mstatus", MSTATUS_MPP);
    csr_set("mstatus", MSTATUS_MPP);
    csr_set("mstatus", MSTATUS_MPRV);
    value = *(volatile uint32_t *)victim;
    csr_clear("mstatus", MSTATUS_MPRV);
    check("MPRV with MPP M", value, VICTIM_WORD);
    run(FN(m_mprv_load), V, 0, MODE_M);
    check("MPRV with MPP U", trap.mcause, CAUSE_LOAD_ACCESS);
    check("MPRV mtval", trap.mtval, V);
    check("MPRV after a trap", csr_read("mstatus") & MSTATUS_MPRV, 0);
    close_all();
    group_end();
}

/* With mseccfg.RLB a lock binds M mode but can be taken back, which lets this be tested without a reset. */
void test_pmp_lock(void) {
    group("pmp-lock");
    open_all();
    csr_write("0x747", MSECCFG_RLB);
    check("RLB", csr_read("0x747") & 7, MSECCFG_RLB);
    pmp_napot(1, V, 64, PMP_L);
    check("M load", pmp_try(LOAD, V + 8, MODE_M), CAUSE_LOAD_ACCESS);
    check("M store", pmp_try(STORE, V + 8, MODE_M), CAUSE_STORE_ACCESS);
    check("M fetch", pmp_try(FETCH, V + 8, MODE_M), CAUSE_FETCH_ACCESS);
    check("M outside", pmp_try(LOAD, V + 64, MODE_M), 0);
    pmp_napot(1, V, 64, PMP_L | PMP_R);
    check("M load of R", pmp_try(LOAD, V + 8, MODE_M), 0);
    check("M store to R", pmp_try(STORE, V + 8, MODE_M), CAUSE_STORE_ACCESS);
    check("U store to R", pmp_try(STORE, V + 8, MODE_U), CAUSE_STORE_ACCESS);
    pmp_napot(1, V, 64, PMP_L | PMP_X);
    check("M fetch of X", pmp_try(FETCH, V + 8, MODE_M), 0);
    check("M load of X", pmp_try(LOAD, V + 8, MODE_M), CAUSE_LOAD_ACCESS);
    pmp_set_cfg(1, 0);
    check("unlocked by RLB", pmp_cfg(1), 0);
    close_all();
    group_end();
}
