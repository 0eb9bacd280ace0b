/* Frame of the self-test: a group prints one line when it ends, `ok NAME` or one `FAIL NAME what got want` a finding. */
#pragma once
#include <stdint.h>

void group(const char *name);
/* Notes a finding if `got` differs from `want`. `what` must be a literal. */
void check(const char *what, uint32_t got, uint32_t want);
void group_end(void);

/* Interrupts that came: the vectors in order, each with mcause. handle_irq may quieten the source. */
#define IRQ_LOG 8
extern volatile uint32_t irq_count, irq_vector[IRQ_LOG], irq_cause[IRQ_LOG], irq_status[IRQ_LOG];
extern void (*volatile irq_quieten)(uint32_t vector);
void irq_clear(void);

/* A KiB of words that read 0x0001_8082 and run as `ret`: what the PMP tests aim at. */
#define VICTIM_WORD 0x00018082u
extern uint32_t victim[256];

void test_identity(void);
void test_trap(void);
void test_counters(void);
void test_bits(void);
void test_muldiv(void);
void test_misaligned(void);
void test_pmp_registers(void);
void test_pmp_match(void);
void test_pmp_permissions(void);
void test_pmp_lock(void);
void test_smepmp(void);
void test_uart_reset(void);
void test_uart_registers(void);
void test_uart_interrupts(void);
void test_uart_fifo(void);
void test_uart_loopback(void);
void test_plic_reset(void);
void test_plic_registers(void);
void test_plic_gateway(void);
void test_plic_priority(void);
void test_timer_reset(void);
void test_timer_registers(void);
void test_timer_count(void);
void test_interrupts(void);
