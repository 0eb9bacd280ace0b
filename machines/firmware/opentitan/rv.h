/* RISC-V control registers, memory-mapped access, and what start.S offers to C. */
#pragma once
#include <stdint.h>
#include <board.h>

#define MMIO32(a) (*(volatile uint32_t *)(uintptr_t)(a))

#define csr_read(name) ({ uint32_t v_; __asm__ volatile("csrr %0, " name : "=r"(v_) :: "memory"); v_; })
#define csr_write(name, v) __asm__ volatile("csrw " name ", %0" :: "r"((uint32_t)(v)) : "memory")
#define csr_set(name, v) __asm__ volatile("csrs " name ", %0" :: "r"((uint32_t)(v)) : "memory")
#define csr_clear(name, v) __asm__ volatile("csrc " name ", %0" :: "r"((uint32_t)(v)) : "memory")

#define MSTATUS_MIE  (1u << 3)
#define MSTATUS_MPIE (1u << 7)
#define MSTATUS_MPP  (3u << 11)
#define MSTATUS_MPRV (1u << 17)
#define MSTATUS_TW   (1u << 21)

#define IRQ_MSI 3
#define IRQ_MTI 7
#define IRQ_MEI 11

enum cause {
    CAUSE_FETCH_ACCESS = 1,
    CAUSE_ILLEGAL = 2,
    CAUSE_BREAK = 3,
    CAUSE_LOAD_ACCESS = 5,
    CAUSE_STORE_ACCESS = 7,
    CAUSE_ECALL_U = 8,
    CAUSE_ECALL_M = 11,
};

/* What run() came back with: the trap that ended the call, and a0 at that moment. */
struct trap { uint32_t mcause, mepc, mtval, mstatus, a0; };
extern struct trap trap;

/* Calls `fn(a, b)` in a mode of its own and comes back at the first exception. A plain return of `fn` is an
 * ecall, so mcause tells a good end (CAUSE_ECALL_U or CAUSE_ECALL_M) from a fault. `fn` must not need a stack. */
#define MODE_U 0u
#define MODE_M (3u << 11)
void run(uint32_t fn, uint32_t a, uint32_t b, uint32_t mode);

/* Leaf routines that a mode may be sent into; the u_ set lies in a section of its own, so that PMP can tell them apart. */
#define PROBES(p) \
    void p##_load8(void); void p##_load16(void); void p##_load32(void); void p##_store8(void); \
    void p##_store16(void); void p##_store32(void); void p##_nop(void);
PROBES(m) PROBES(u)
extern char u_ecall[], m_ecall[];
#define FN(f) ((uint32_t)(uintptr_t)(f))

/* Called by start.S for each interrupt, with the number of the vector that was taken. */
void irq_handler(uint32_t vector);
/* Called for an exception outside run(). */
void panic_handler(uint32_t mcause, uint32_t mepc, uint32_t mtval);

extern char vectors[];
extern const char semihost_ebreak[];
uint32_t semihost(uint32_t op, const void *arg);
