/*
 * hello: a banner, then a command line over the UART.
 *
 * Characters come by the rx_watermark interrupt through the PLIC into a ring; the main loop sleeps in wfi, echoes and
 * edits the line, and runs commands, while the timer interrupt counts ticks. It touches only registers that the machine
 * has, so it runs under `--strict`, except for the commands `mem` and `crash`, which go where they are told to.
 */
#include "lib.h"
#include "rv.h"

#define RING 256
static volatile char ring[RING];
static volatile uint32_t ring_in, ring_out, ring_lost;
static volatile uint32_t ticks;
/* Initialised data, so that the copy from ROM in start.S is put to use. */
static volatile uint32_t tick_counts = TICK_COUNTS;

/* Clear first, then drain: a byte that comes in between raises the interrupt again. */
static void receive(void) {
    UART(INTR_STATE) = INTR_RX_WATERMARK;
    while (!(UART(STATUS) & STATUS_RXEMPTY)) {
        char c = (char)UART(RDATA);
        if (ring_in - ring_out < RING) ring[ring_in++ % RING] = c;
        else ring_lost++;
    }
}

void irq_handler(uint32_t vector) {
    if (vector == IRQ_MTI) {
        static uint64_t next;
        uint64_t now = timer_now();
        if (!next) next = now;
        while (next <= now) {
            next += tick_counts;
            ticks++;
        }
        timer_compare(next);
        TIMER(INTR_STATE) = 1;
    } else if (vector == IRQ_MEI) {
        uint32_t source = MMIO32(PLIC_CC);
        if (source == SRC_RX_WATERMARK) receive();
        if (source) MMIO32(PLIC_CC) = source;
    }
}

void panic_handler(uint32_t mcause, uint32_t mepc, uint32_t mtval) {
    put_text("\npanic: mcause ");
    put_dec(mcause);
    put_text(" mepc ");
    put_hex(mepc);
    put_text(" mtval ");
    put_hex(mtval);
    put_text("\n");
    leave(1);
}

static void help(void) {
    put_text("help          this text\n"
             "echo TEXT     print TEXT\n"
             "ticks         timer interrupts so far\n"
             "mem ADDR      read a word\n"
             "crash         run off to unmapped memory\n"
             "exit N        end the run with code N\n");
}

static void show_ticks(void) {
    uint32_t t = ticks;
    put_dec(t);
    put_text(" ticks, ");
    put_dec(t / TICK_HZ);
    put_char('.');
    put_char('0' + t % TICK_HZ / (TICK_HZ / 10));
    put_text(" s\n");
}

static void mem(const char *arg) {
    uint32_t at;
    if (!parse_number(arg, &at)) {
        put_text("mem: needs an address, as in mem 0x10000000\n");
        return;
    }
    run(FN(m_load32), at & ~3u, 0, MODE_M);
    put_hex(at & ~3u);
    if (trap.mcause == CAUSE_ECALL_M) {
        put_text(": ");
        put_hex(trap.a0);
    } else {
        put_text(": trap, mcause ");
        put_dec(trap.mcause);
        put_text(" mtval ");
        put_hex(trap.mtval);
    }
    put_text("\n");
}

/* The trap vector goes there too, so that no handler softens it. */
static void crash(void) {
    put_text("jumping to ");
    put_hex(UNMAPPED);
    put_text("\n");
    uart_drain();
    csr_clear("mstatus", MSTATUS_MIE);
    csr_write("mtvec", UNMAPPED | 1);
    ((void (*)(void))(uintptr_t)UNMAPPED)();
}

/* If `line` begins with `word` as a word, the text after it; else 0. */
static const char *after(const char *line, const char *word) {
    while (*word) {
        if (*line++ != *word++) return 0;
    }
    if (*line && *line != ' ') return 0;
    while (*line == ' ') line++;
    return line;
}

static void command(const char *line) {
    const char *arg;
    while (*line == ' ') line++;
    if (!*line) return;
    if (after(line, "help")) help();
    else if ((arg = after(line, "echo"))) {
        put_text(arg);
        put_text("\n");
    } else if (after(line, "ticks")) show_ticks();
    else if ((arg = after(line, "mem"))) mem(arg);
    else if (after(line, "crash")) crash();
    else if ((arg = after(line, "exit"))) {
        uint32_t code = 0;
        if (*arg && !parse_number(arg, &code)) {
            put_text("exit: needs a number\n");
            return;
        }
        leave(code);
    } else {
        put_text("unknown command: ");
        put_text(line);
        put_text(" (try help)\n");
    }
}

static void prompt(void) { put_text("> "); }

static void edit(char c) {
    static char line[80];
    static uint32_t length;
    static char previous;
    char before = previous;
    previous = c;
    if (c == '\n' && before == '\r') return;
    if (c == '\r' || c == '\n') {
        put_text("\n");
        line[length] = 0;
        length = 0;
        command(line);
        prompt();
    } else if (c == 8 || c == 127) {
        if (length) {
            length--;
            put_text("\b \b");
        }
    } else if (c == 3) {
        put_text("^C\n");
        length = 0;
        prompt();
    } else if (c >= ' ' && c < 127 && length < sizeof line - 1) {
        line[length++] = c;
        put_char(c);
    }
}

/* Some machines that are built by hand have no timer. */
static int timer_is_there(void) {
    run(FN(m_load32), TIMER_BASE + TIMER_CTRL, 0, MODE_M);
    return trap.mcause == CAUSE_ECALL_M;
}

static void start_timer(void) {
    timer_init();
    TIMER(CFG) = 1u << 16 | TIMER_PRESCALE;
    TIMER(INTR_ENABLE) = 1;
    TIMER(CTRL) = 1;
    timer_compare(timer_now() + tick_counts);
}

int main(void) {
    uart_init();
    int timer = timer_is_there();
    put_text("\n" BOARD_NAME ", lowRISC Ibex RV32IMC\nhello: UART");
    put_text(timer ? ", PLIC and timer are up" : " and PLIC are up, there is no timer");
    put_text("; type help\n");

    UART(FIFO_CTRL) = FIFO_RXILVL(0);
    UART(INTR_STATE) = INTR_RX_WATERMARK;
    UART(INTR_ENABLE) = INTR_RX_WATERMARK;
    MMIO32(PLIC_PRIO(SRC_RX_WATERMARK)) = 1;
    MMIO32(PLIC_THRESHOLD) = 0;
    MMIO32(PLIC_IE(0)) = 1u << SRC_RX_WATERMARK;

    if (timer) start_timer();
    csr_write("mie", 1u << IRQ_MTI | 1u << IRQ_MEI);
    csr_set("mstatus", MSTATUS_MIE);
    receive();
    prompt();

    for (;;) {
        /* Look with interrupts off, so that none slips in between the look and the sleep; wfi wakes all the same. */
        csr_clear("mstatus", MSTATUS_MIE);
        if (ring_in == ring_out) __asm__ volatile("wfi");
        csr_set("mstatus", MSTATUS_MIE);
        while (ring_in != ring_out) {
            char c = ring[ring_out % RING];
            ring_out++;
            edit(c);
        }
    }
}
