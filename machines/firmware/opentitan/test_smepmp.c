/*
 * Smepmp: machine-mode lockdown (MML), the whitelist policy (MMWP), rule-locking bypass (RLB), by the Smepmp specification 1.0.
 * MML and MMWP stick until reset, and RLB cannot come back once something is locked without it, so this is the last group.
 */
#include "selftest.h"
#include "pmp.h"
#include "rv.h"

extern char __utext_start[];
#define V FN(victim)
#define MSECCFG "0x747"

/* What M mode itself needs once MML is on. Entry 8 on, so that the rule under test, entry 1, comes first. */
static void own_rules(void) {
    pmp_napot(8, FN(__utext_start), 1024, PMP_R | PMP_X);
    pmp_napot(9, ROM_BASE, ROM_SIZE, PMP_L | PMP_R | PMP_X);
    pmp_napot(10, FLASH_BASE, FLASH_SIZE, PMP_L | PMP_R | PMP_X);
    pmp_set_addr(11, RAM_BASE >> 2);
    pmp_set_addr(12, (RAM_BASE + RAM_SIZE) >> 2);
    pmp_set_cfg(12, PMP_L | PMP_TOR | PMP_R | PMP_W);
    pmp_napot(13, 0x40000000, 0x10000000, PMP_L | PMP_R | PMP_W);
}

#define R PMP_R
#define W PMP_W
#define X PMP_X
/* Permissions of M and U for each value of L (8 here), X, W and R: the specification's truth table. */
static const struct { uint8_t m, u; } truth[16] = {
    /* L=0 */ [0] = {0, 0}, [R] = {0, R}, [W] = {R | W, R}, [R | W] = {0, R | W},
    [X] = {0, X}, [R | X] = {0, R | X}, [W | X] = {R | W, R | W}, [R | W | X] = {0, R | W | X},
    /* L=1 */ [8] = {0, 0}, [8 | R] = {R, 0}, [8 | W] = {X, X}, [8 | R | W] = {R | W, 0},
    [8 | X] = {X, 0}, [8 | R | X] = {R | X, 0}, [8 | W | X] = {R | X, X}, [8 | R | W | X] = {R, R},
};

static void try_all(const char *what, uint32_t at, uint32_t mode, uint32_t granted) {
    check(what, pmp_try(LOAD, at, mode), granted & R ? 0 : CAUSE_LOAD_ACCESS);
    check(what, pmp_try(STORE, at, mode), granted & W ? 0 : CAUSE_STORE_ACCESS);
    check(what, pmp_try(FETCH, at, mode), granted & X ? 0 : CAUSE_FETCH_ACCESS);
}

static const char *const m_name[16] = { "M L0---", "M L0--R", "M L0-W-", "M L0-WR", "M L0X--", "M L0X-R", "M L0XW-", "M L0XWR",
    "M L1---", "M L1--R", "M L1-W-", "M L1-WR", "M L1X--", "M L1X-R", "M L1XW-", "M L1XWR" };
static const char *const u_name[16] = { "U L0---", "U L0--R", "U L0-W-", "U L0-WR", "U L0X--", "U L0X-R", "U L0XW-", "U L0XWR",
    "U L1---", "U L1--R", "U L1-W-", "U L1-WR", "U L1X--", "U L1X-R", "U L1XW-", "U L1XWR" };

void test_smepmp(void) {
    group("smepmp-mml");
    csr_write(MSECCFG, MSECCFG_RLB);
    own_rules();
    csr_set(MSECCFG, MSECCFG_MML);
    check("MML", csr_read(MSECCFG) & 7, MSECCFG_MML | MSECCFG_RLB);
    csr_write(MSECCFG, MSECCFG_RLB);
    check("MML sticks", csr_read(MSECCFG) & 7, MSECCFG_MML | MSECCFG_RLB);
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t cfg = (i & 8 ? PMP_L : 0) | (i & 7);
        pmp_napot(1, V + 64, 64, cfg);
        check("pmpcfg under MML", pmp_cfg(1), cfg | PMP_NAPOT);
        try_all(m_name[i], V + 64, MODE_M, truth[i].m);
        try_all(u_name[i], V + 64, MODE_U, truth[i].u);
    }
    pmp_set_cfg(1, 0);
    group_end();

    group("smepmp-mmwp");
    pmp_set_addr(11, V >> 2);
    pmp_set_addr(12, (V + 64) >> 2);
    /* Now RAM's rule covers 64 bytes of the victim only; the stack and the data live by M mode's default. */
    pmp_set_cfg(12, PMP_L | PMP_TOR | PMP_R | PMP_W);
    try_all("M default under MML", V + 128, MODE_M, R | W);
    pmp_set_addr(11, RAM_BASE >> 2);
    pmp_set_addr(12, V >> 2);
    pmp_napot(14, V, 1024, PMP_L | PMP_R | PMP_W);
    pmp_set_addr(6, (V + 1024) >> 2);
    pmp_set_addr(7, (RAM_BASE + RAM_SIZE) >> 2);
    pmp_set_cfg(7, PMP_L | PMP_TOR | PMP_R | PMP_W);
    csr_set(MSECCFG, MSECCFG_MMWP);
    check("MMWP", csr_read(MSECCFG) & 7, MSECCFG_MML | MSECCFG_MMWP | MSECCFG_RLB);
    try_all("M in a rule", V + 128, MODE_M, R | W);
    pmp_set_cfg(14, 0);
    try_all("M without a rule", V + 128, MODE_M, 0);
    try_all("U without a rule", V + 128, MODE_U, 0);
    csr_write(MSECCFG, MSECCFG_RLB);
    check("MMWP sticks", csr_read(MSECCFG) & 7, MSECCFG_MML | MSECCFG_MMWP | MSECCFG_RLB);
    pmp_set_cfg(14, PMP_L | PMP_NAPOT | PMP_R | PMP_W);
    group_end();

    /* RLB off: what is locked stands, a locked TOR also holds the address below it, no rule may let M mode run more. */
    group("pmp-lock-for-good");
    pmp_set_addr(0, (V + 1020) >> 2);
    pmp_set_addr(1, (V + 1024) >> 2);
    csr_clear(MSECCFG, MSECCFG_RLB);
    check("RLB off", csr_read(MSECCFG) & 7, MSECCFG_MML | MSECCFG_MMWP);
    pmp_set_cfg(1, PMP_L | PMP_TOR | PMP_R);
    pmp_set_cfg(1, PMP_L | PMP_TOR | PMP_R | PMP_W);
    check("locked pmpcfg", pmp_cfg(1), PMP_L | PMP_TOR | PMP_R);
    pmp_set_addr(1, 0);
    check("locked pmpaddr", pmp_addr(1), (V + 1024) >> 2);
    pmp_set_addr(0, 0);
    check("pmpaddr below a locked TOR", pmp_addr(0), (V + 1020) >> 2);
    pmp_set_cfg(2, PMP_R);
    check("others stay free", pmp_cfg(2), PMP_R);
    pmp_set_cfg(2, 0);
    static const uint8_t running[] = { PMP_L | X, PMP_L | R | X, PMP_L | W, PMP_L | W | X };
    for (uint32_t i = 0; i < sizeof running; i++) {
        pmp_set_cfg(2, running[i]);
        check("no new rule to run in M", pmp_cfg(2), 0);
    }
    csr_set(MSECCFG, MSECCFG_RLB);
    check("RLB stays off", csr_read(MSECCFG) & 7, MSECCFG_MML | MSECCFG_MMWP);
    try_all("M under a lock", V + 1020, MODE_M, R);
    try_all("U under a lock", V + 1020, MODE_U, 0);
    group_end();
}
