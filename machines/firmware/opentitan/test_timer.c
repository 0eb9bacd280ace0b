/* The RISC-V timer's registers and counting, then interrupts as the core takes them: vectors, priority, enables, wfi, U mode. */
#include "selftest.h"
#include "lib.h"
#include "pmp.h"
#include "rv.h"

#define PATIENCE 1000000
#define FAR 0xffffffffffffffffull

static uint32_t timer_line(void) { return csr_read("mip") >> IRQ_MTI & 1; }

static void stop_timer(void) {
    TIMER(CTRL) = 0;
    TIMER(INTR_ENABLE) = 0;
    timer_compare(FAR);
    TIMER(INTR_STATE) = 1;
}

#ifdef BOARD_SUBSET
static void set_time(uint64_t t) {
    TIMER(V_LOWER) = (uint32_t)t;
    TIMER(V_UPPER) = (uint32_t)(t >> 32);
}

void test_timer_reset(void) {
    static const struct { const char *name; uint32_t offset, want; } regs[] = {
        { "ALERT_TEST", 0, 0 }, { "CTRL", TIMER_CTRL, 0 }, { "INTR_ENABLE0", TIMER_INTR_ENABLE, 0 },
        { "INTR_STATE0", TIMER_INTR_STATE, 0 }, { "INTR_TEST0", TIMER_INTR_TEST, 0 }, { "CFG0", TIMER_CFG, 0x10000 },
        { "TIMER_V_LOWER0", TIMER_V_LOWER, 0 }, { "TIMER_V_UPPER0", TIMER_V_UPPER, 0 },
        { "COMPARE_LOWER0_0", TIMER_COMPARE_LOWER, 0xffffffff }, { "COMPARE_UPPER0_0", TIMER_COMPARE_UPPER, 0xffffffff },
    };
    enum { N = sizeof regs / sizeof regs[0] };
    static uint32_t got[N], taken;
    if (!taken) {
        for (uint32_t i = 0; i < N; i++) got[i] = MMIO32(TIMER_BASE + regs[i].offset);
        taken = 1;
        return;
    }
    group("timer-reset");
    for (uint32_t i = 0; i < N; i++) check(regs[i].name, got[i], regs[i].want);
    group_end();
}

void test_timer_registers(void) {
    static const struct { const char *name; uint32_t offset, mask; } regs[] = {
        { "INTR_ENABLE0", TIMER_INTR_ENABLE, 1 }, { "CFG0", TIMER_CFG, 0x00ff0fff },
        { "TIMER_V_LOWER0", TIMER_V_LOWER, 0xffffffff }, { "TIMER_V_UPPER0", TIMER_V_UPPER, 0xffffffff },
        { "COMPARE_LOWER0_0", TIMER_COMPARE_LOWER, 0xffffffff }, { "COMPARE_UPPER0_0", TIMER_COMPARE_UPPER, 0xffffffff },
        { "CTRL", TIMER_CTRL, 1 },
    };
    group("timer-registers");
    stop_timer();
    for (uint32_t i = 0; i < sizeof regs / sizeof regs[0]; i++) {
        uint32_t at = TIMER_BASE + regs[i].offset;
        MMIO32(at) = 0xffffffff;
        check(regs[i].name, MMIO32(at), regs[i].mask);
        MMIO32(at) = 0xa5a5a5a5 & ~1u;
        check(regs[i].name, MMIO32(at), 0xa5a5a5a4 & regs[i].mask);
        MMIO32(at) = 0;
        check(regs[i].name, MMIO32(at), 0);
    }
    stop_timer();
    check("INTR_STATE0 before the test", TIMER(INTR_STATE), 0);
    TIMER(INTR_TEST) = 1;
    check("INTR_TEST0 raises", TIMER(INTR_STATE), 1);
    check("line without enable", timer_line(), 0);
    TIMER(INTR_ENABLE) = 1;
    check("line with enable", timer_line(), 1);
    TIMER(INTR_STATE) = 1;
    check("INTR_STATE0 clears by 1", TIMER(INTR_STATE), 0);
    check("line cleared", timer_line(), 0);
    stop_timer();
    group_end();
}

void test_timer_count(void) {
    group("timer-count");
    stop_timer();
    TIMER(CFG) = 1u << 16;
    set_time(1000);
    for (int i = 0; i < 100; i++) __asm__ volatile("nop");
    check("stands still when not active", TIMER(V_LOWER), 1000);

    /* Step: the count stays a multiple of it. Prescaler: counts come apart. */
    set_time(0);
    TIMER(CFG) = 16u << 16;
    TIMER(CTRL) = 1;
    for (uint32_t n = PATIENCE; n && TIMER(V_LOWER) < 64; n--) {}
    uint32_t now = TIMER(V_LOWER);
    check("counts by steps", now >= 64 && now % 16 == 0, 1);
    TIMER(CTRL) = 0;
    set_time(0);
    TIMER(CFG) = 1u << 16 | 0xfff;
    TIMER(CTRL) = 1;
    for (int i = 0; i < 16; i++) __asm__ volatile("nop");
    check("prescaler", TIMER(V_LOWER) <= 1, 1);
    TIMER(CTRL) = 0;

    /* Carry into the upper half. */
    TIMER(CFG) = 1u << 16;
    set_time(0x5fffffff0ull);
    TIMER(CTRL) = 1;
    for (uint32_t n = PATIENCE; n && TIMER(V_UPPER) == 5; n--) {}
    check("carry", TIMER(V_UPPER), 6);
    TIMER(CTRL) = 0;

    /* The event: not before the compare value, latched, raised again while it holds, dropped by a new compare value. */
    TIMER(INTR_STATE) = 1;
    TIMER(INTR_ENABLE) = 1;
    set_time(0);
    timer_compare(20000);
    check("not yet", TIMER(INTR_STATE), 0);
    TIMER(CTRL) = 1;
    for (uint32_t n = PATIENCE; n && !(TIMER(INTR_STATE) & 1); n--) {}
    now = TIMER(V_LOWER);
    check("expired", TIMER(INTR_STATE), 1);
    check("not too early", now >= 20000, 1);
    check("line", timer_line(), 1);
    TIMER(INTR_STATE) = 1;
    check("raised again while it holds", TIMER(INTR_STATE), 1);
    timer_compare(FAR);
    check("new compare value clears", TIMER(INTR_STATE), 0);
    check("line low", timer_line(), 0);
    timer_compare(10);
    check("compare value in the past", TIMER(INTR_STATE), 1);
    stop_timer();
    check("stopped", TIMER(INTR_STATE), 0);
    group_end();
}
#endif

static void irq_on(uint32_t mask) {
    irq_clear();
    csr_write("mie", mask);
    csr_set("mstatus", MSTATUS_MIE);
}

static void irq_off(void) {
    csr_clear("mstatus", MSTATUS_MIE);
    csr_write("mie", 0);
}

static void expire(uint64_t counts) {
    TIMER(CFG) = 1u << 16;
    TIMER(INTR_ENABLE) = 1;
    TIMER(CTRL) = 1;
    timer_compare(timer_now() + counts);
}

#ifdef BOARD_SUBSET
static void quieten_one(uint32_t vector) {
    csr_clear("mie", 1u << vector);
}
#endif

/* U mode that never leaves by itself: only an interrupt gets M mode back in. */
__asm__(".pushsection .utext, \"ax\"\n.globl u_spin\nu_spin: lw a2, 0(a0)\n beq a2, a1, u_spin\n ret\n.popsection\n");
void u_spin(void);
static volatile uint32_t spin_flag;
static void end_spin(uint32_t vector) {
    spin_flag++;
    csr_clear("mie", 1u << vector);
}

void test_interrupts(void) {
    group("interrupts");
    irq_off();
    expire(1);
    for (uint32_t n = PATIENCE; n && !timer_line(); n--) {}
    check("mip.MTIP", timer_line(), 1);
    check("masked", irq_count, 0);

    /* mie without mstatus.MIE, and the other way round: nothing is taken. */
    csr_write("mie", 1u << IRQ_MTI);
    check("MIE off", irq_count, 0);
    csr_write("mie", 0);
    csr_set("mstatus", MSTATUS_MIE);
    check("mie off", irq_count, 0);

    irq_on(1u << IRQ_MTI);
    check("timer taken", irq_count, 1);
    check("timer vector", irq_vector[0], IRQ_MTI);
    check("timer mcause", irq_cause[0], 0x80000000u | IRQ_MTI);
    check("MIE off inside", irq_status[0] & MSTATUS_MIE, 0);
    check("MPIE inside", irq_status[0] & MSTATUS_MPIE, MSTATUS_MPIE);
    check("MPP inside", irq_status[0] & MSTATUS_MPP, MSTATUS_MPP);
    check("MIE back after mret", csr_read("mstatus") & MSTATUS_MIE, MSTATUS_MIE);
    check("MPP after mret", csr_read("mstatus") & MSTATUS_MPP, 0);
    irq_off();

    /* wfi goes on when an enabled interrupt is pending, with MIE off and without taking it. */
    expire(TICK_COUNTS / 10);
    irq_clear();
    csr_write("mie", 1u << IRQ_MTI);
    for (uint32_t n = 1000; n && !timer_line(); n--) __asm__ volatile("wfi");
    check("wfi", timer_line(), 1);
    check("wfi takes nothing", irq_count, 0);

    /* U mode is interrupted whatever MIE says. The rule over all memory lets it run. */
    csr_write("pmpaddr15", 0xffffffff);
    csr_write("pmpcfg3", 0x1fu << 24);
    irq_off();
    expire(TICK_COUNTS / 10);
    irq_clear();
    csr_write("mie", 1u << IRQ_MTI);
    irq_quieten = end_spin;
    run(FN(u_spin), FN(&spin_flag), spin_flag, MODE_U);
    check("U returned", trap.mcause, CAUSE_ECALL_U);
    check("U interrupted", irq_count, 1);
    check("U MPP inside", irq_status[0] & MSTATUS_MPP, 0);
    csr_write("pmpcfg3", 0);
    csr_write("pmpaddr15", 0);
    irq_off();

#ifdef BOARD_SUBSET
    /* All three pending at once: external, then software, then timer. */
    MMIO32(PLIC_PRIO(SRC_RX_WATERMARK)) = 1;
    MMIO32(PLIC_IE(0)) = 1u << SRC_RX_WATERMARK;
    UART(INTR_ENABLE) = INTR_RX_WATERMARK;
    UART(INTR_TEST) = INTR_RX_WATERMARK;
    MMIO32(PLIC_MSIP) = 1;
    uint32_t mask = 1u << IRQ_MEI | 1u << IRQ_MSI | 1u << IRQ_MTI;
    check("mip", csr_read("mip") & mask, mask);
    irq_clear();
    irq_quieten = quieten_one;
    csr_write("mie", mask);
    csr_set("mstatus", MSTATUS_MIE);
    csr_clear("mstatus", MSTATUS_MIE);
    check("three taken", irq_count, 3);
    check("first external", irq_cause[0], 0x80000000u | IRQ_MEI);
    check("external vector", irq_vector[0], IRQ_MEI);
    check("then software", irq_cause[1], 0x80000000u | IRQ_MSI);
    check("software vector", irq_vector[1], IRQ_MSI);
    check("then timer", irq_cause[2], 0x80000000u | IRQ_MTI);
    MMIO32(PLIC_MSIP) = 0;
    UART(INTR_STATE) = INTR_RX_WATERMARK;
    UART(INTR_ENABLE) = 0;
    MMIO32(PLIC_CC) = MMIO32(PLIC_CC);
    MMIO32(PLIC_IE(0)) = 0;
    MMIO32(PLIC_PRIO(SRC_RX_WATERMARK)) = 0;
#endif
    stop_timer();
    irq_off();
    group_end();
}
