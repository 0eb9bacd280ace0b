/* What both sides of the program use: registers, the UART, numbers. No C library. */
#pragma once
#include <stdint.h>

#define REG(a) (*(volatile uint32_t *)(a))

/* The UART through its non-secure address. */
#define UART 0x40200000u

static inline void put(char c) {
  while (REG(UART + 4) & 1) {
  }
  REG(UART) = (uint32_t)c;
}

static inline void text(const char *s) {
  while (*s) put(*s++);
}

static inline void hex(uint32_t n) {
  for (int i = 28; i >= 0; i -= 4) put("0123456789abcdef"[n >> i & 15]);
}

static inline void say(const char *what, uint32_t n) {
  text(what);
  put(' ');
  hex(n);
  put('\n');
}

/* Semihosting: SYS_EXIT_EXTENDED. */
static inline void leave(uint32_t code) {
  uint32_t block[2] = {0x20026, code};
  register uint32_t r0 __asm__("r0") = 0x20;
  register void *r1 __asm__("r1") = block;
  __asm__ volatile("bkpt 0xab" : : "r"(r0), "r"(r1) : "memory");
  for (;;) {
  }
}

#define SYST_CSR 0xE000E010u
#define SYST_RVR 0xE000E014u
#define SYST_CVR 0xE000E018u
#define NVIC_ISER 0xE000E100u
#define NVIC_ISPR 0xE000E200u
#define NVIC_ITNS 0xE000E380u
#define NVIC_IPR 0xE000E400u
#define VTOR 0xE000ED08u
#define AIRCR 0xE000ED0Cu
#define CCR 0xE000ED14u
#define SHPR3 0xE000ED20u
#define SHCSR 0xE000ED24u
#define CFSR 0xE000ED28u
#define HFSR 0xE000ED2Cu
#define MMFAR 0xE000ED34u
#define BFAR 0xE000ED38u
#define CPACR 0xE000ED88u
#define NSACR 0xE000ED8Cu
#define MPU_CTRL 0xE000ED94u
#define MPU_RNR 0xE000ED98u
#define MPU_RBAR 0xE000ED9Cu
#define MPU_RLAR 0xE000EDA0u
#define SAU_CTRL 0xE000EDD0u
#define SAU_TYPE 0xE000EDD4u
#define SAU_RNR 0xE000EDD8u
#define SAU_RBAR 0xE000EDDCu
#define SAU_RLAR 0xE000EDE0u
#define SFSR 0xE000EDE4u
#define SFAR 0xE000EDE8u
#define FPCCR 0xE000EF34u
/* Of the non-secure state, from the secure one. */
#define ALIAS 0x00020000u
