/*
 * selftest: checks the core (traps, PMP, Smepmp, bit manipulation, counters, vectored interrupts) and every UART, PLIC and
 * timer register it touches, against the RISC-V specifications and OpenTitan's documents of the blocks.
 *
 * One line a group: `ok NAME`, or `FAIL NAME what got want` for each finding; then `SELFTEST PASS` and exit code 0, or
 * `SELFTEST FAIL` and 1, through semihosting. It touches nothing outside the machine's map, so it runs under `--strict`.
 * Smepmp's bits stick until reset, so that group comes last.
 */
#include "selftest.h"
#include "lib.h"
#include "rv.h"

volatile uint32_t irq_count, irq_vector[IRQ_LOG], irq_cause[IRQ_LOG], irq_status[IRQ_LOG];
void (*volatile irq_quieten)(uint32_t vector);
uint32_t victim[256] __attribute__((aligned(1024)));

#define FINDINGS 6
static struct { const char *what; uint32_t got, want; } findings[FINDINGS];
static uint32_t found, failed_groups;
static const char *group_name;

void group(const char *name) {
    group_name = name;
    found = 0;
}

void check(const char *what, uint32_t got, uint32_t want) {
    if (got == want) return;
    if (found < FINDINGS) {
        findings[found].what = what;
        findings[found].got = got;
        findings[found].want = want;
    }
    found++;
}

void group_end(void) {
    if (!found) {
        put_text("ok ");
        put_text(group_name);
        put_text("\n");
        return;
    }
    failed_groups++;
    for (uint32_t i = 0; i < found && i < FINDINGS; i++) {
        put_text("FAIL ");
        put_text(group_name);
        put_char(' ');
        put_text(findings[i].what);
        put_char(' ');
        put_hex(findings[i].got);
        put_char(' ');
        put_hex(findings[i].want);
        put_text("\n");
    }
    if (found > FINDINGS) {
        put_text("FAIL ");
        put_text(group_name);
        put_text(" more ");
        put_dec(found - FINDINGS);
        put_text("\n");
    }
}

void irq_clear(void) {
    irq_count = 0;
    irq_quieten = 0;
}

void irq_handler(uint32_t vector) {
    uint32_t n = irq_count++;
    if (n < IRQ_LOG) {
        irq_vector[n] = vector;
        irq_cause[n] = csr_read("mcause");
        irq_status[n] = csr_read("mstatus");
    }
    if (irq_quieten) irq_quieten(vector);
    else csr_write("mie", 0);
}

void panic_handler(uint32_t mcause, uint32_t mepc, uint32_t mtval) {
    put_text("FAIL ");
    put_text(group_name);
    put_text(" trap ");
    put_hex(mcause);
    put_char(' ');
    put_hex(mepc);
    put_char(' ');
    put_hex(mtval);
    put_text("\nSELFTEST FAIL\n");
    leave(1);
}

int main(void) {
#ifdef BOARD_SUBSET
    /* Before the first line goes out: the registers as reset left them. */
    test_uart_reset();
    test_plic_reset();
    test_timer_reset();
#endif
    uart_init();
    timer_init();
    put_text("\nselftest: " BOARD_NAME "\n");
    for (uint32_t i = 0; i < sizeof victim / sizeof victim[0]; i++) victim[i] = VICTIM_WORD;

    test_identity();
    test_trap();
    test_counters();
    test_muldiv();
    test_bits();
    test_misaligned();
#ifdef BOARD_SUBSET
    test_uart_reset();
    test_uart_registers();
    test_uart_interrupts();
    test_uart_fifo();
    test_uart_loopback();
    test_plic_reset();
    test_plic_registers();
    test_plic_gateway();
    test_plic_priority();
    test_timer_reset();
    test_timer_registers();
    test_timer_count();
#endif
    test_interrupts();
    test_pmp_registers();
    test_pmp_match();
    test_pmp_permissions();
    test_pmp_lock();
    test_smepmp();

    put_text(failed_groups ? "SELFTEST FAIL\n" : "SELFTEST PASS\n");
    return leave(failed_groups ? 1 : 0), 0;
}
