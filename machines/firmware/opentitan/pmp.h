/* Access to PMP entries by number, and a try of one access under the rules in force. */
#pragma once
#include <stdint.h>

#define PMP_R 1u
#define PMP_W 2u
#define PMP_X 4u
#define PMP_TOR   0x08u
#define PMP_NA4   0x10u
#define PMP_NAPOT 0x18u
#define PMP_L 0x80u

/* mseccfg is CSR 0x747. */
#define MSECCFG_MML  1u
#define MSECCFG_MMWP 2u
#define MSECCFG_RLB  4u

enum access { LOAD, STORE, FETCH };

uint32_t pmp_cfg(uint32_t entry);
void pmp_set_cfg(uint32_t entry, uint32_t cfg);
uint32_t pmp_addr(uint32_t entry);
void pmp_set_addr(uint32_t entry, uint32_t addr);
void pmp_napot(uint32_t entry, uint32_t base, uint32_t size, uint32_t cfg);
uint32_t pmp_try(enum access how, uint32_t at, uint32_t mode);
/* A load under MPRV with MPP = U; see test_pmp.c. */
void m_mprv_load(void);
