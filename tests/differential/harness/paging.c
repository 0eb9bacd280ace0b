/*
 * What a snippet may touch. In U mode the table (its own code included) and the scratch memory are all that PMP
 * allows, so a wild access or jump is an access fault and not the harness's end. With paging the scratch pages
 * lie at 0x4000_0000 in an order of their own, and the pages around them are not mapped.
 * RISC-V privileged specification, "Physical Memory Protection", "Sv32", "Sv39".
 */
#include "harness.h"

#define SCRATCH_VA 0x40000000ul
#define PTE_V 0x01ul
#define PTE_DATA 0xd7ul         /* D A U W R V */
#define PTE_CODE 0xdful         /* and X */

uint8_t scratch[3 * 4096] __attribute__((aligned(4096)));
static word tables[3][4096 / sizeof(word)] __attribute__((aligned(4096)));
static int paged;

static word entry(const void *table)
{
    return (word)(uintptr_t)table >> 12 << 10;
}

/* The scratch page that snippets see as page 0 or 1: never two that are neighbours in this order. */
uint8_t *scratch_page(unsigned page)
{
    return scratch + 4096 * (paged ? 2 - 2 * page : page);
}

static void map(const struct table *table)
{
    word *root = tables[0];
    word *leaf = tables[2];
    leaf[1] = entry(scratch_page(0)) | PTE_DATA;
    leaf[2] = entry(scratch_page(1)) | PTE_DATA;
    word code = (word)(uintptr_t)table;
#if __riscv_xlen == 64
    root[SCRATCH_VA >> 30] = entry(tables[1]) | PTE_V;
    tables[1][0] = entry(leaf) | PTE_V;
    root[code >> 30] = (code >> 30 << 28) | PTE_CODE;
    word satp = (word)8 << 60;
#else
    root[SCRATCH_VA >> 22] = entry(leaf) | PTE_V;
    for (word at = code >> 22; at <= (code + table->size) >> 22; at++) {
        root[at] = (at << 20) | PTE_CODE;
    }
    word satp = (word)1 << 31;
#endif
    __asm__ volatile("csrw satp, %0; sfence.vma" ::"r"(satp | (uintptr_t)root >> 12) : "memory");
}

word protect(const struct table *table)
{
    word code = (word)(uintptr_t)table, memory = (word)(uintptr_t)scratch, ptes = (word)(uintptr_t)tables;
    __asm__ volatile("csrw pmpaddr0, %0; csrw pmpaddr1, %1" ::"r"(memory >> 2), "r"((memory + sizeof scratch) >> 2));
    __asm__ volatile("csrw pmpaddr2, %0; csrw pmpaddr3, %1" ::"r"(ptes >> 2), "r"((ptes + sizeof tables) >> 2));
    __asm__ volatile("csrw pmpaddr4, %0; csrw pmpaddr5, %1" ::"r"(code >> 2), "r"((code + table->size) >> 2));
    /* Odd entries are TOR: scratch RW, page tables R, table RX or RWX. */
    word last = table->mode & MODE_WRITE ? 0x0f00 : 0x0d00;
    __asm__ volatile("csrw pmpcfg0, %0" ::"r"(0x09000b00ul));
#if __riscv_xlen == 64
    __asm__ volatile("csrs pmpcfg0, %0" ::"r"(last << 32));
#else
    __asm__ volatile("csrw pmpcfg1, %0" ::"r"(last));
#endif
    if ((table->mode & 3) == MODE_M) {
        __asm__ volatile("csrs mstatus, %0" ::"r"(0x1800));
    } else {
        __asm__ volatile("csrc mstatus, %0" ::"r"(0x1800));
    }
    paged = (table->mode & 3) == MODE_PAGED;
    if (!paged) {
        return memory;
    }
    map(table);
    return SCRATCH_VA + 4096;
}
