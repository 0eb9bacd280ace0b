/* The UART, version 1 of the block: registers, interrupt bits (events, rw1c), FIFOs, loopback. OpenTitan's uart document. */
#include "selftest.h"
#include "lib.h"
#include "rv.h"

#define ALL_INTR 0xffu
#define FIFO_DEPTH 32u
/* The fastest line: 50 MHz / 16. */
#define FAST CTRL_NCO(0xffff)
#define PATIENCE 200000

static uint32_t tx_level(void) { return UART(FIFO_STATUS) & 0x3f; }
static uint32_t rx_level(void) { return UART(FIFO_STATUS) >> 16 & 0x3f; }

static void quiet(void) {
    UART(INTR_ENABLE) = 0;
    UART(TIMEOUT_CTRL) = 0;
    UART(CTRL) = 0;
    UART(FIFO_CTRL) = FIFO_RXRST | FIFO_TXRST;
    UART(INTR_STATE) = ALL_INTR;
}

static void begin(const char *name) {
    uart_drain();
    group(name);
    quiet();
}

static void end(void) {
    quiet();
    uart_init();
    group_end();
}

/* First call: takes the registers as they are. Second: judges them. */
void test_uart_reset(void) {
    static const struct { const char *name; uint8_t offset; uint32_t want; } regs[] = {
        { "INTR_STATE", UART_INTR_STATE, 0 }, { "INTR_ENABLE", UART_INTR_ENABLE, 0 }, { "INTR_TEST", UART_INTR_TEST, 0 },
        { "ALERT_TEST", UART_ALERT_TEST, 0 }, { "CTRL", UART_CTRL, 0 }, { "STATUS", UART_STATUS, 0x3c },
        { "WDATA", UART_WDATA, 0 }, { "FIFO_CTRL", UART_FIFO_CTRL, 0 }, { "FIFO_STATUS", UART_FIFO_STATUS, 0 },
        { "OVRD", UART_OVRD, 0 }, { "TIMEOUT_CTRL", UART_TIMEOUT_CTRL, 0 },
    };
    enum { N = sizeof regs / sizeof regs[0] };
    static uint32_t got[N], taken;
    if (!taken) {
        for (uint32_t i = 0; i < N; i++) got[i] = MMIO32(UART_BASE + regs[i].offset);
        taken = 1;
        return;
    }
    group("uart-reset");
    for (uint32_t i = 0; i < N; i++) check(regs[i].name, got[i], regs[i].want);
    group_end();
}

void test_uart_registers(void) {
    static const struct { const char *name; uint8_t offset; uint32_t mask; } regs[] = {
        { "INTR_ENABLE", UART_INTR_ENABLE, ALL_INTR }, { "CTRL", UART_CTRL, 0xffff03f7 }, { "FIFO_CTRL", UART_FIFO_CTRL, 0x7c },
        { "OVRD", UART_OVRD, 3 }, { "TIMEOUT_CTRL", UART_TIMEOUT_CTRL, 0x80ffffff },
    };
    begin("uart-registers");
    for (uint32_t i = 0; i < sizeof regs / sizeof regs[0]; i++) {
        uint32_t at = UART_BASE + regs[i].offset;
        MMIO32(at) = 0xffffffff;
        check(regs[i].name, MMIO32(at), regs[i].mask);
        MMIO32(at) = 0x5a5a5a5a;
        check(regs[i].name, MMIO32(at), 0x5a5a5a5a & regs[i].mask);
        MMIO32(at) = 0;
        check(regs[i].name, MMIO32(at), 0);
    }
    uint32_t status = UART(STATUS), levels = UART(FIFO_STATUS);
    UART(STATUS) = 0xffffffff;
    check("STATUS is read-only", UART(STATUS), status);
    UART(FIFO_STATUS) = 0xffffffff;
    check("FIFO_STATUS is read-only", UART(FIFO_STATUS), levels);
    uint32_t val = UART(VAL);
    UART(VAL) = ~val;
    check("VAL is read-only", UART(VAL), val);
    check("VAL has 16 bits", val >> 16, 0);
    end();
}

/* INTR_TEST raises, INTR_STATE clears by 1s, INTR_ENABLE gates the four lines to the PLIC. */
void test_uart_interrupts(void) {
    begin("uart-interrupts");
    for (uint32_t bit = 0; bit < 8; bit++) {
        UART(INTR_TEST) = 1u << bit;
        check("INTR_TEST reads 0", UART(INTR_TEST), 0);
        check("raised", UART(INTR_STATE), 1u << bit);
        UART(INTR_STATE) = ALL_INTR & ~(1u << bit);
        check("others' 1s", UART(INTR_STATE), 1u << bit);
        UART(INTR_STATE) = 0;
        check("0s", UART(INTR_STATE), 1u << bit);
        UART(INTR_STATE) = 1u << bit;
        check("cleared", UART(INTR_STATE), 0);
    }
    UART(INTR_TEST) = 0xffffffff;
    check("eight bits", UART(INTR_STATE), ALL_INTR);
    UART(INTR_STATE) = ALL_INTR;
    end();
}

void test_uart_fifo(void) {
    begin("uart-fifo");
    for (uint32_t i = 0; i < FIFO_DEPTH; i++) {
        check("TXLVL", tx_level(), i);
        check("TXFULL early", UART(STATUS) & STATUS_TXFULL, 0);
        UART(WDATA) = i;
        check("TXEMPTY", UART(STATUS) & STATUS_TXEMPTY, 0);
    }
    check("TXLVL full", tx_level(), FIFO_DEPTH);
    check("TXFULL", UART(STATUS) & STATUS_TXFULL, STATUS_TXFULL);
    check("TXIDLE with bytes waiting", UART(STATUS) & STATUS_TXIDLE, 0);
    UART(WDATA) = 0x55;
    check("TXLVL over", tx_level(), FIFO_DEPTH);
    check("RXEMPTY", UART(STATUS) & (STATUS_RXEMPTY | STATUS_RXFULL), STATUS_RXEMPTY);
    UART(FIFO_CTRL) = FIFO_TXRST;
    check("TXRST", tx_level(), 0);
    check("TXRST status", UART(STATUS), 0x3c);
    end();
}

/* Waits until everything sent has come back. */
static void settle(void) {
    for (uint32_t n = PATIENCE; n; n--)
        if ((UART(STATUS) & (STATUS_TXIDLE | STATUS_TXEMPTY | STATUS_RXIDLE)) == (STATUS_TXIDLE | STATUS_TXEMPTY | STATUS_RXIDLE)) return;
    check("line settles", UART(STATUS), 0x1c);
}

static void loop_on(uint32_t more) { UART(CTRL) = FAST | CTRL_TX | CTRL_RX | CTRL_SLPBK | more; }

static void send(uint32_t first, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t wait = PATIENCE; wait && UART(STATUS) & STATUS_TXFULL; wait--) {}
        UART(WDATA) = first + i;
    }
    settle();
}

static void receive(const char *what, uint32_t first, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) check(what, UART(RDATA), (first + i) & 0xff);
}

void test_uart_loopback(void) {
    static const uint8_t rx_thresholds[] = { 1, 4, 8, 16, 30 };
    static const uint8_t tx_thresholds[] = { 2, 4, 8, 16 };
    begin("uart-loopback");

    static const uint32_t parity[] = { 0, CTRL_PARITY_EN, CTRL_PARITY_EN | CTRL_PARITY_ODD };
    for (uint32_t i = 0; i < 3; i++) {
        loop_on(parity[i]);
        send(0xfe, 4);
        check("RXLVL", rx_level(), 4);
        check("RXEMPTY", UART(STATUS) & STATUS_RXEMPTY, 0);
        receive("RDATA", 0xfe, 4);
        check("RXEMPTY again", UART(STATUS) & STATUS_RXEMPTY, STATUS_RXEMPTY);
        check("no errors", UART(INTR_STATE) & 0xb8, 0);
        UART(INTR_STATE) = ALL_INTR;
    }

    /* tx_empty: an event when the last byte has left, not while one waits. */
    UART(CTRL) = 0;
    UART(WDATA) = 1;
    check("tx_empty with a byte waiting", UART(INTR_STATE) & INTR_TX_EMPTY, 0);
    loop_on(0);
    settle();
    check("tx_empty", UART(INTR_STATE) & INTR_TX_EMPTY, INTR_TX_EMPTY);
    receive("tx_empty byte", 1, 1);
    UART(INTR_STATE) = ALL_INTR;
    check("tx_empty is an event", UART(INTR_STATE), 0);

    /* rx_watermark: an event when the level comes to the threshold, again only after it was below. */
    for (uint32_t i = 0; i < sizeof rx_thresholds; i++) {
        uint32_t n = rx_thresholds[i];
        UART(FIFO_CTRL) = FIFO_RXILVL(i);
        send(0, n - 1);
        check("rx_watermark early", UART(INTR_STATE) & INTR_RX_WATERMARK, 0);
        send(n - 1, 1);
        check("rx_watermark", UART(INTR_STATE) & INTR_RX_WATERMARK, INTR_RX_WATERMARK);
        UART(INTR_STATE) = ALL_INTR;
        send(n, 1);
        check("rx_watermark is an event", UART(INTR_STATE) & INTR_RX_WATERMARK, 0);
        receive("watermark bytes", 0, n + 1);
        send(0, n);
        check("rx_watermark again", UART(INTR_STATE) & INTR_RX_WATERMARK, INTR_RX_WATERMARK);
        receive("watermark bytes again", 0, n);
        UART(INTR_STATE) = ALL_INTR;
    }

    /* tx_watermark: an event when the level falls below the threshold. */
    for (uint32_t i = 0; i < sizeof tx_thresholds; i++) {
        UART(CTRL) = 0;
        UART(FIFO_CTRL) = FIFO_TXILVL(i);
        for (uint32_t b = 0; b < tx_thresholds[i]; b++) UART(WDATA) = b;
        UART(INTR_STATE) = ALL_INTR;
        check("tx_watermark early", UART(INTR_STATE), 0);
        loop_on(0);
        settle();
        check("tx_watermark", UART(INTR_STATE) & INTR_TX_WATERMARK, INTR_TX_WATERMARK);
        receive("tx_watermark bytes", 0, tx_thresholds[i]);
        UART(INTR_STATE) = ALL_INTR;
    }

    /* Overflow: the byte too many is lost, those before it are not. */
    UART(FIFO_CTRL) = 0;
    send(0x40, FIFO_DEPTH);
    check("RXFULL", UART(STATUS) & STATUS_RXFULL, STATUS_RXFULL);
    check("RXLVL full", rx_level(), FIFO_DEPTH);
    check("rx_overflow early", UART(INTR_STATE) & INTR_RX_OVERFLOW, 0);
    send(0x7f, 1);
    check("rx_overflow", UART(INTR_STATE) & INTR_RX_OVERFLOW, INTR_RX_OVERFLOW);
    check("RXLVL over", rx_level(), FIFO_DEPTH);
    receive("bytes before the overflow", 0x40, FIFO_DEPTH);
    check("RXEMPTY after", UART(STATUS) & STATUS_RXEMPTY, STATUS_RXEMPTY);
    UART(INTR_STATE) = ALL_INTR;

    send(1, 3);
    UART(FIFO_CTRL) = FIFO_RXRST;
    check("RXRST", rx_level(), 0);
    UART(INTR_STATE) = ALL_INTR;

    /* A byte that nobody fetches for 40 bit times. */
    UART(TIMEOUT_CTRL) = 1u << 31 | 40;
    send(9, 1);
    for (uint32_t n = PATIENCE; n && !(UART(INTR_STATE) & INTR_RX_TIMEOUT); n--) {}
    check("rx_timeout", UART(INTR_STATE) & INTR_RX_TIMEOUT, INTR_RX_TIMEOUT);
    receive("timeout byte", 9, 1);
    UART(TIMEOUT_CTRL) = 0;
    UART(INTR_STATE) = ALL_INTR;

    /* Receiver off: what is sent is gone. */
    UART(CTRL) = FAST | CTRL_TX | CTRL_SLPBK;
    send(5, 2);
    check("RX off", rx_level(), 0);
    end();
}
