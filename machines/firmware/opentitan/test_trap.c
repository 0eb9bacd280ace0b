/* The core itself: identity, traps (causes, mepc, mtval, mstatus), counters, multiplication, misaligned data. */
#include "selftest.h"
#include "rv.h"

/* Initialised data: its first value comes from ROM by way of start.S. */
static volatile uint32_t initialised = 0x600dda7a;

void test_identity(void) {
    group("identity");
    check("initialised data", initialised, 0x600dda7a);
    /* MXL 32, and I M C U among the extensions. */
    check("misa", csr_read("misa") & 0xc0101104, 0x40101104);
    check("no F, D, A, S", csr_read("misa") & (1u << 5 | 1u << 3 | 1u << 0 | 1u << 18), 0);
    check("mhartid", csr_read("mhartid"), 0);
    csr_read("mvendorid");
    csr_read("marchid");
    csr_read("mimpid");
    csr_write("mscratch", 0xa5a5a5a5);
    check("mscratch", csr_read("mscratch"), 0xa5a5a5a5);
    csr_write("mscratch", 0);
    check("mtvec", csr_read("mtvec"), FN(vectors) | 1);
#ifdef BOARD_SUBSET /* QEMU keeps both as they are written. */
    csr_write("mepc", 0x10000003);
    check("mepc bit 0", csr_read("mepc") & 1, 0);
    csr_write("mtvec", FN(vectors) | 0xfc);
    check("mtvec stays vectored and aligned", csr_read("mtvec"), FN(vectors) | 1);
    csr_write("mtvec", FN(vectors) | 1);
#endif
    /* MPP holds M and U only; S and the reserved value read back as one of the two. */
    uint32_t before = csr_read("mstatus");
    csr_set("mstatus", MSTATUS_MPP);
    check("MPP M", csr_read("mstatus") & MSTATUS_MPP, MSTATUS_MPP);
    csr_clear("mstatus", MSTATUS_MPP);
    check("MPP U", csr_read("mstatus") & MSTATUS_MPP, 0);
    csr_set("mstatus", 1u << 11);
    uint32_t mpp = csr_read("mstatus") & MSTATUS_MPP;
    check("MPP never S", mpp == 0 || mpp == MSTATUS_MPP, 1);
    csr_write("mstatus", before);
    group_end();
}

/* Instructions that must trap, each as its own routine; the u_ names lie where U mode may fetch. */
#define SNIPPET(name, text) \
    void name(void); \
    __asm__(".pushsection .utext, \"ax\"\n.option push\n.option norvc\n.balign 4\n.globl " #name "\n" #name ": " text "\n ret\n.option pop\n.popsection\n")
SNIPPET(op_zero, ".half 0, 0");
SNIPPET(op_ones, ".word 0xffffffff");
SNIPPET(op_fadd, ".word 0x00000053");
SNIPPET(op_amoadd, ".word 0x0000202f");
SNIPPET(op_ebreak, "ebreak");
SNIPPET(op_ecall, "ecall");
SNIPPET(op_mret, "mret");
SNIPPET(op_sret, ".word 0x10200073");
SNIPPET(op_wfi, "wfi");
SNIPPET(op_satp, "csrr a0, 0x180");
SNIPPET(op_set_mhartid, "csrw 0xf14, a0");
SNIPPET(op_get_mhartid, "csrr a0, 0xf14");
SNIPPET(op_get_mstatus, "csrr a0, mstatus");
SNIPPET(op_set_mstatus, "csrw mstatus, a0");
SNIPPET(op_no_csr, "csrr a0, 0x5c0");
SNIPPET(op_cebreak, ".half 0x9002, 0x0001");

static void expect(const char *what, void (*fn)(void), uint32_t mode, uint32_t cause, uint32_t mtval) {
    run(FN(fn), 0, 0, mode);
    check(what, trap.mcause, cause);
    check(what, trap.mepc, FN(fn));
    check(what, trap.mtval, mtval);
    check(what, trap.mstatus & MSTATUS_MPP, mode);
    check(what, trap.mstatus & MSTATUS_MIE, 0);
}

void test_trap(void) {
    group("trap");
    /* U mode needs a PMP entry before it may fetch anything: one over all memory, with all permissions. */
    csr_write("pmpaddr15", 0xffffffff);
    csr_write("pmpcfg3", 0x1fu << 24);

    expect("illegal zero", op_zero, MODE_M, CAUSE_ILLEGAL, 0);
    expect("illegal ones", op_ones, MODE_M, CAUSE_ILLEGAL, 0xffffffff);
    expect("illegal in U", op_ones, MODE_U, CAUSE_ILLEGAL, 0xffffffff);
    expect("no F", op_fadd, MODE_M, CAUSE_ILLEGAL, 0x00000053);
    expect("no A", op_amoadd, MODE_M, CAUSE_ILLEGAL, 0x0000202f);
    expect("no sret", op_sret, MODE_M, CAUSE_ILLEGAL, 0x10200073);
    expect("no satp", op_satp, MODE_M, CAUSE_ILLEGAL, 0x18002573);
    expect("no such csr", op_no_csr, MODE_M, CAUSE_ILLEGAL, 0x5c002573);
    expect("read-only csr", op_set_mhartid, MODE_M, CAUSE_ILLEGAL, 0xf1451073);
    expect("M csr from U", op_get_mstatus, MODE_U, CAUSE_ILLEGAL, 0x30002573);
    expect("M csr write from U", op_set_mstatus, MODE_U, CAUSE_ILLEGAL, 0x30051073);
    expect("mhartid from U", op_get_mhartid, MODE_U, CAUSE_ILLEGAL, 0xf1402573);
#ifdef BOARD_SUBSET /* QEMU leaves an older value in mtval. */
    expect("mret from U", op_mret, MODE_U, CAUSE_ILLEGAL, 0x30200073);
#endif
    expect("ecall M", op_ecall, MODE_M, CAUSE_ECALL_M, 0);
    expect("ecall U", op_ecall, MODE_U, CAUSE_ECALL_U, 0);
    csr_set("mstatus", MSTATUS_TW);
    expect("wfi in U with TW", op_wfi, MODE_U, CAUSE_ILLEGAL, 0x10500073);
    csr_clear("mstatus", MSTATUS_TW);

    /* mtval of a breakpoint may be 0 or its address. */
    static void (*const breaks[])(void) = { op_ebreak, op_cebreak };
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t at = FN(breaks[i & 1]);
        run(at, 0, 0, i & 2 ? MODE_U : MODE_M);
        check("ebreak", trap.mcause, CAUSE_BREAK);
        check("ebreak mepc", trap.mepc, at);
        check("ebreak mtval", trap.mtval == 0 || trap.mtval == at, 1);
    }

    run(FN(u_nop), 7, 0, MODE_U);
    check("U runs", trap.mcause, CAUSE_ECALL_U);
    check("U returns a0", trap.a0, 7);
    check("U mepc", trap.mepc, FN(u_ecall));
    run(FN(m_nop), 9, 0, MODE_M);
    check("M runs", trap.mcause, CAUSE_ECALL_M);
    check("M returns a0", trap.a0, 9);
    /* A rule elsewhere, so that none matches. (Without any rule QEMU faults at the mret.) */
    csr_write("pmpaddr15", FN(victim) >> 2);
    run(FN(u_nop), 0, 0, MODE_U);
    check("U without a rule", trap.mcause, CAUSE_FETCH_ACCESS);
    check("U without a rule mtval", trap.mtval, FN(u_nop));
    check("U without a rule mepc", trap.mepc, FN(u_nop));
    csr_write("pmpcfg3", 0);
    csr_write("pmpaddr15", 0);
    group_end();
}

void test_counters(void) {
    group("counters");
    uint32_t i0 = csr_read("minstret"), c0 = csr_read("mcycle");
    for (int i = 0; i < 100; i++) __asm__ volatile("nop");
    uint32_t i1 = csr_read("minstret"), c1 = csr_read("mcycle");
    check("minstret counts", i1 - i0 >= 100 && i1 - i0 < 1000000, 1);
    check("mcycle counts", c1 != c0, 1);
    csr_write("mcountinhibit", 5);
    c0 = csr_read("mcycle");
    i0 = csr_read("minstret");
    for (int i = 0; i < 100; i++) __asm__ volatile("nop");
    check("mcycle stands still", csr_read("mcycle"), c0);
    check("minstret stands still", csr_read("minstret"), i0);
    csr_write("mcycle", 0xfffffff0);
    csr_write("mcycleh", 7);
    check("mcycle written", csr_read("mcycle"), 0xfffffff0);
    check("mcycleh written", csr_read("mcycleh"), 7);
    csr_write("mcountinhibit", 0);
    for (int i = 0; i < 100; i++) __asm__ volatile("nop");
#ifdef BOARD_SUBSET /* QEMU's runs on the host's clock. */
    check("mcycle carries", csr_read("mcycleh"), 8);
#endif
    csr_write("mcycleh", 0);
    csr_write("mcycle", 0);
    group_end();
}

/* Every alignment of half-words and words: Ibex splits such accesses and never traps on them. */
void test_misaligned(void) {
    static uint8_t bytes[16] __attribute__((aligned(8)));
    group("misaligned");
    for (uint32_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(0x80 + i);
    for (uint32_t offset = 0; offset < 8; offset++) {
        uint32_t at = FN(&bytes[offset]), want = 0;
        for (int i = 3; i >= 0; i--) want = want << 8 | (0x80 + offset + i);
        run(FN(m_load32), at, 0, MODE_M);
        check("lw trap", trap.mcause, CAUSE_ECALL_M);
        check("lw", trap.a0, want);
        run(FN(m_load16), at, 0, MODE_M);
        check("lhu trap", trap.mcause, CAUSE_ECALL_M);
        check("lhu", trap.a0, want & 0xffff);
        run(FN(m_store32), at, 0x01020304, MODE_M);
        check("sw trap", trap.mcause, CAUSE_ECALL_M);
        for (uint32_t i = 0; i < 4; i++) {
            check("sw", bytes[offset + i], 4 - i);
            bytes[offset + i] = (uint8_t)(0x80 + offset + i);
        }
        run(FN(m_store16), at, 0x0506, MODE_M);
        check("sh", bytes[offset] | bytes[offset + 1] << 8, 0x0506);
        bytes[offset] = (uint8_t)(0x80 + offset);
        bytes[offset + 1] = (uint8_t)(0x81 + offset);
    }
    group_end();
}
