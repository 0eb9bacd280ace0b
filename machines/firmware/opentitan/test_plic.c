/* The early OpenTitan PLIC: register masks, gateways (level and edge), claim and complete, priorities, threshold. */
#include "selftest.h"
#include "lib.h"
#include "rv.h"

static void reset_plic(void) {
    UART(INTR_ENABLE) = 0;
    UART(INTR_STATE) = 0xff;
    for (uint32_t w = 0; w < PLIC_WORDS; w++) {
        MMIO32(PLIC_IE(w)) = 0;
        MMIO32(PLIC_LE(w)) = 0;
    }
    for (uint32_t s = 0; s < PLIC_SOURCES; s++) MMIO32(PLIC_PRIO(s)) = 0;
    MMIO32(PLIC_THRESHOLD) = 0;
    /* Empty the gateways: claim whatever is left. */
    for (uint32_t s = 1; s <= 4; s++) {
        if (!(MMIO32(PLIC_IP(0)) >> s & 1)) continue;
        MMIO32(PLIC_PRIO(s)) = 1;
        MMIO32(PLIC_IE(0)) = 1u << s;
        MMIO32(PLIC_CC) = MMIO32(PLIC_CC);
        MMIO32(PLIC_IE(0)) = 0;
        MMIO32(PLIC_PRIO(s)) = 0;
    }
}

/* The UART's interrupt bit n is source n + 1. */
static void raise(uint32_t source) {
    UART(INTR_ENABLE) |= 1u << (source - 1);
    UART(INTR_TEST) = 1u << (source - 1);
}
static void lower(uint32_t source) { UART(INTR_STATE) = 1u << (source - 1); }
static uint32_t pending(uint32_t source) { return MMIO32(PLIC_IP(0)) >> source & 1; }
static uint32_t external(void) { return csr_read("mip") >> IRQ_MEI & 1; }
static uint32_t claim(void) { return MMIO32(PLIC_CC); }
static void complete(uint32_t source) { MMIO32(PLIC_CC) = source; }

static void use(uint32_t source, uint32_t priority) {
    MMIO32(PLIC_PRIO(source)) = priority;
    MMIO32(PLIC_IE(0)) |= 1u << source;
}

static void begin(const char *name) {
    uart_drain();
    group(name);
    reset_plic();
}

static void end(void) {
    reset_plic();
    group_end();
}

void test_plic_reset(void) {
    static uint32_t bad_words, bad_priorities, others, taken;
    if (!taken) {
        for (uint32_t w = 0; w < PLIC_WORDS; w++) bad_words |= MMIO32(PLIC_IP(w)) | MMIO32(PLIC_LE(w)) | MMIO32(PLIC_IE(w));
        for (uint32_t s = 0; s < PLIC_SOURCES; s++) bad_priorities |= MMIO32(PLIC_PRIO(s));
        others = MMIO32(PLIC_THRESHOLD) | MMIO32(PLIC_CC) | MMIO32(PLIC_MSIP);
        taken = 1;
        return;
    }
    group("plic-reset");
    check("IP, LE, IE", bad_words, 0);
    check("PRIO", bad_priorities, 0);
    check("THRESHOLD, CC, MSIP", others, 0);
    group_end();
}

void test_plic_registers(void) {
    begin("plic-registers");
    for (uint32_t w = 0; w < PLIC_WORDS; w++) {
        /* Only the bits of sources 1 to 79 are judged: bit 0 means nothing. */
        uint32_t judged = w == PLIC_WORDS - 1 ? 0xffffffffu >> (32 * PLIC_WORDS - PLIC_SOURCES) : 0xffffffffu;
        if (!w) judged &= ~1u;
        MMIO32(PLIC_LE(w)) = 0xffffffff;
        check("LE", MMIO32(PLIC_LE(w)) & judged, judged);
        MMIO32(PLIC_LE(w)) = 0;
        check("LE off", MMIO32(PLIC_LE(w)), 0);
        MMIO32(PLIC_IE(w)) = 0xffffffff;
        check("IE", MMIO32(PLIC_IE(w)) & judged, judged);
        MMIO32(PLIC_IP(w)) = 0xffffffff;
        check("IP is read-only", MMIO32(PLIC_IP(w)), 0);
    }
    for (uint32_t s = 1; s < PLIC_SOURCES; s++) {
        MMIO32(PLIC_PRIO(s)) = 0xffffffff;
        check("PRIO has 2 bits", MMIO32(PLIC_PRIO(s)), 3);
        MMIO32(PLIC_PRIO(s)) = s & 3;
    }
    for (uint32_t s = 1; s < PLIC_SOURCES; s++) check("PRIO keeps", MMIO32(PLIC_PRIO(s)), s & 3);
    MMIO32(PLIC_THRESHOLD) = 0xffffffff;
    check("THRESHOLD has 2 bits", MMIO32(PLIC_THRESHOLD), 3);
    MMIO32(PLIC_MSIP) = 0xffffffff;
    check("MSIP has 1 bit", MMIO32(PLIC_MSIP), 1);
    MMIO32(PLIC_MSIP) = 0;
    check("MSIP clears", MMIO32(PLIC_MSIP), 0);
    check("CC with nothing pending", claim(), 0);
    end();
}

void test_plic_gateway(void) {
    begin("plic-level");
    /* A line that is not enabled at the UART does not reach the PLIC; one that is shows in IP, enabled there or not. */
    UART(INTR_TEST) = INTR_RX_WATERMARK;
    check("gated by INTR_ENABLE", pending(2), 0);
    UART(INTR_STATE) = INTR_RX_WATERMARK;
    for (uint32_t s = 1; s <= 4; s++) {
        raise(s);
        check("pending", MMIO32(PLIC_IP(0)), 1u << s);
        check("not enabled", external(), 0);
        use(s, 1);
        check("external line", external(), 1);
        check("claim", claim(), s);
        check("claimed", pending(s), 0);
        check("line after claim", external(), 0);
        check("nothing more to claim", claim(), 0);
        complete(s);
        check("level still high", pending(s), 1);
        check("line again", external(), 1);
        lower(s);
        check("stays pending", pending(s), 1);
        check("claim again", claim(), s);
        complete(s);
        check("level low", pending(s), 0);
        check("line low", external(), 0);
        raise(s);
        check("second claim", claim(), s);
        lower(s);
        complete(s);
        check("lowered before complete", pending(s), 0);
        reset_plic();
    }
    end();

    begin("plic-edge");
    MMIO32(PLIC_LE(0)) = 1u << 3;
    use(3, 1);
    raise(3);
    check("rising edge", pending(3), 1);
    check("claim", claim(), 3);
    complete(3);
    check("a level is no edge", pending(3), 0);
    lower(3);
    check("a falling edge is none", pending(3), 0);
    raise(3);
    check("second edge", pending(3), 1);
    lower(3);
    check("edge is kept", claim(), 3);
    raise(3);
    complete(3);
    check("edge while in service is dropped", pending(3), 0);
    lower(3);
    raise(3);
    check("edge after complete", claim(), 3);
    complete(3);
    end();
}

void test_plic_priority(void) {
    begin("plic-priority");
    use(1, 1);
    use(2, 3);
    use(3, 2);
    use(4, 3);
    for (uint32_t s = 1; s <= 4; s++) raise(s);
    check("all pending", MMIO32(PLIC_IP(0)), 0x1e);
    check("highest, lower number", claim(), 2);
    check("highest, higher number", claim(), 4);
    check("middle", claim(), 3);
    check("line for the lowest", external(), 1);
    check("lowest", claim(), 1);
    check("none", claim(), 0);
    for (uint32_t s = 1; s <= 4; s++) lower(s);
    complete(3);
    complete(1);
    complete(4);
    complete(2);
    check("all done", MMIO32(PLIC_IP(0)), 0);
    end();

    begin("plic-threshold");
    use(2, 2);
    raise(2);
    static const uint8_t want[] = { 1, 1, 0, 0 };
    for (uint32_t t = 0; t < 4; t++) {
        MMIO32(PLIC_THRESHOLD) = t;
        check("line against threshold", external(), want[t]);
    }
    check("claim whatever the threshold", claim(), 2);
    lower(2);
    complete(2);
    MMIO32(PLIC_THRESHOLD) = 0;
    MMIO32(PLIC_PRIO(2)) = 0;
    raise(2);
    check("priority 0 never interrupts", external(), 0);
    MMIO32(PLIC_PRIO(2)) = 1;
    check("priority given while pending", external(), 1);
    MMIO32(PLIC_IE(0)) = 0;
    check("enable taken while pending", external(), 0);
    lower(2);
    end();

    begin("plic-software");
    check("MSIP off", csr_read("mip") >> IRQ_MSI & 1, 0);
    MMIO32(PLIC_MSIP) = 1;
    check("MSIP on", csr_read("mip") >> IRQ_MSI & 1, 1);
    MMIO32(PLIC_MSIP) = 0;
    check("MSIP off again", csr_read("mip") >> IRQ_MSI & 1, 0);
    end();
}
