/* What the devices of the boards do, told through semihosting. Nothing that it prints depends on time,
 * and none of it on what QEMU's boards have differently. MPS2, or with STELLARIS an LM3S6965; with ARP
 * it asks the network for 10.0.2.2 instead. */
#include <stdint.h>
#include <stdio.h>

#define REG(a) (*(volatile uint32_t *)(a))
#define NVIC_ISER(n) REG(0xE000E100 + 4 * (n))

static volatile int timers[2], nmis, frames, samples;

static void print(const char *name, int count, const uint32_t *values) {
  printf("%s", name);
  for (int i = 0; i < count; i++)
    printf(" %lx", (unsigned long)values[i]);
  printf("\n");
}
#define PRINT(name, ...)                                                                                \
  do {                                                                                                  \
    uint32_t values[] = {__VA_ARGS__};                                                                  \
    print(name, sizeof values / 4, values);                                                             \
  } while (0)

/* Frames of 4, 8, 13 and 16 bits through the loopback of a PL022. */
static void spi(uint32_t base) {
  for (int bits = 4; bits <= 16; bits += bits == 8 ? 5 : bits == 13 ? 3 : 4) {
    REG(base + 4) = 0;
    REG(base) = bits - 1;
    REG(base + 0x10) = 2;
    REG(base + 4) = 3;
    for (int i = 0; i < 4; i++)
      REG(base + 8) = 0xfedc >> i;
    while (REG(base + 0xc) & 0x10)
      ;
    uint32_t got[4], status = REG(base + 0xc), raw = REG(base + 0x18) & 0xc;
    for (int i = 0; i < 4; i++)
      got[i] = REG(base + 8);
    PRINT("spi", bits, status, raw, got[0], got[1], got[2], got[3], REG(base + 0xc));
  }
  REG(base + 4) = 0;
}

#ifdef STELLARIS

#define SYSCTL(r) REG(0x400FE000 + (r))
#define GPTM(n, r) REG(0x40030000 + 0x1000 * (n) + (r))
#define ADC(r) REG(0x40038000 + (r))
#define ENET(r) REG(0x40048000 + (r))

void Timer_Handler(void) {
  timers[0]++;
  GPTM(0, 0x24) = 1;
}

void Adc_Handler(void) {
  samples++;
  ADC(0xc) = 8;
}

/* A frame behind two bytes for its length; the answer, too. */
static void talk(uint32_t *frame, uint32_t bytes, uint32_t *answer) {
  ENET(0x14) = 0x12005452;
  ENET(0x18) = 0x5634;
  ENET(8) = 9;
  ENET(0xc) = 7;
  frame[0] |= bytes - 14;
  for (uint32_t i = 0; i < (bytes + 5) / 4; i++)
    ENET(0x10) = frame[i];
  ENET(0x38) = 1;
  while (!ENET(0x34))
    ;
  for (int i = 0; i < 17; i++)
    answer[i] = ENET(0x10);
}

__attribute__((unused)) static void devices(void) {
  PRINT("id", SYSCTL(4), SYSCTL(8), SYSCTL(0x10), SYSCTL(0x14), SYSCTL(0x18), SYSCTL(0x1c));
  SYSCTL(0x100) = SYSCTL(0x104) = SYSCTL(0x108) = 0xffffffff;
  spi(0x40008000);

  NVIC_ISER(0) = 1 << 19 | 1 << 17;
  GPTM(0, 4) = 2;
  GPTM(0, 0x28) = 5000;
  GPTM(0, 0x18) = 1;
  GPTM(0, 0xc) = 1;
  while (timers[0] < 3)
    ;
  GPTM(0, 0xc) = 0;
  PRINT("timer", timers[0] >= 3, GPTM(0, 0xc), GPTM(0, 0x28));

  /* QEMU's converter knows triggers of timers only, and has longer FIFOs. */
  ADC(0xa4) = 6;
  ADC(0x14) = 5 << 12;
  ADC(8) = 8;
  ADC(0) = 8;
  PRINT("adc", ADC(0xac) & 0x100);
  GPTM(0, 0xc) = 0x21;
  while (!samples)
    ;
  GPTM(0, 0xc) = 0;
  PRINT("adc", ADC(0xac) & 0x100, ADC(0xa8) < 1024);

  PRINT("enet", ENET(4), ENET(8), ENET(0x1c), ENET(0x34));
  ENET(0x14) = 0x00563412;
  ENET(0xc) = 7;
  ENET(0x10) = 46 | 0xffffu << 16;
  for (int i = 0; i < 15; i++)
    ENET(0x10) = 0x01010101 * i;
  ENET(0x38) = 1;
  while (ENET(0x38) & 1)
    ;
  PRINT("enet", ENET(0x14), ENET(0) & 4, ENET(0x38));
}

#define IRQ_17 Adc_Handler
#define IRQ_19 Timer_Handler
#define IRQ_10 0
#define IRQ_13 0

#else

#define DUAL(r) REG(0x40002000 + (r))
#define WDOG(r) REG(0x40008000 + (r))
#define FPGAIO(r) REG(0x40028000 + (r))
#define SCC(r) REG(0x4002F000 + (r))
#ifndef ENET_BASE
#define ENET_BASE 0x40200000
#endif
#define ENET(r) REG(ENET_BASE + (r))

void Dual_Handler(void) {
  for (int i = 0; i < 2; i++)
    if (DUAL(0x20 * i + 0x14)) {
      timers[i]++;
      DUAL(0x20 * i + 0xc) = 1;
    }
}

void NMI_Handler(void) {
  nmis++;
  WDOG(0xc) = 1;
  WDOG(8) = 0;
}

void Ethernet_Handler(void) {
  frames++;
  ENET(0x5c) = 0;
}

static uint32_t csr(uint32_t index) {
  ENET(0xa4) = 0xc0000000 | index;
  return ENET(0xa8);
}

static void set_csr(uint32_t index, uint32_t value) {
  ENET(0xa8) = value;
  ENET(0xa4) = 0x80000000 | index;
}

static uint32_t phy(uint32_t reg) {
  set_csr(6, 1 << 11 | reg << 6 | 1);
  return csr(7);
}

/* A frame goes out, comes back through the PHY's loopback and interrupts. */
static void ethernet(void) {
  PRINT("enet", ENET(0x64), ENET(0x74) & ~4u, ENET(0x80), ENET(0x68));
  ENET(0x54) = 0x111;
  REG(0xE000E280) = 1 << 13; /* the pin was low when active until now */
  NVIC_ISER(0) = 1 << 13;
  set_csr(3, 0x12005452);
  set_csr(2, 0x5634);
  set_csr(7, 0x4100);
  set_csr(6, 1 << 11 | 3);
  PRINT("mac", csr(1), csr(2), csr(3), phy(2), phy(0));
  set_csr(1, 0xc);
  ENET(0x70) = 2;
  ENET(0x58) = 0xffffffff;
  ENET(0x68) = 0;
  ENET(0x5c) = 8;
  ENET(0x20) = 2 << 16 | 3 << 12 | 62;
  ENET(0x20) = 0xabcd << 16 | 62;
  ENET(0x20) = 0x54520000;
  ENET(0x20) = 0x56341200;
  for (int i = 2; i < 16; i++)
    ENET(0x20) = 0x01010101u * i;
  while (!frames)
    ;
  PRINT("frame", frames, ENET(0x48) >> 16, ENET(0x7c), ENET(0x40) & ~0x20u);
  uint32_t sum = 0, first = ENET(0);
  for (int i = 1; i < 15; i++)
    sum = sum * 31 + ENET(0);
  uint32_t last = ENET(0) & 0xffff; /* what follows is the check sequence, which QEMU has differently */
  (void)ENET(0);
  PRINT("data", first, sum, last, ENET(0x7c), ENET(0x80));
}

/* A frame behind two bytes that do not go out; the answer, too. */
static void talk(uint32_t *frame, uint32_t bytes, uint32_t *answer) {
  set_csr(3, 0x12005452);
  set_csr(2, 0x5634);
  set_csr(1, 0xc);
  ENET(0x70) = 2;
  ENET(0x6c) = 2 << 8;
  ENET(0x20) = 2 << 16 | 3 << 12 | bytes;
  ENET(0x20) = bytes;
  for (uint32_t i = 0; i < (bytes + 5) / 4; i++)
    ENET(0x20) = frame[i];
  while (!(ENET(0x7c) >> 16))
    ;
  (void)ENET(0x40);
  for (int i = 0; i < 17; i++)
    answer[i] = ENET(0);
}

__attribute__((unused)) static void devices(void) {
  PRINT("scc", SCC(0x10), SCC(0xff8));
  for (uint32_t i = 0; i < 4; i++) {
    SCC(0xac) = 0;
    SCC(0xa8) = 0x80100000 | i;
    PRINT("osc", SCC(0xac), SCC(0xa0));
  }
  FPGAIO(0) = 3;
  FPGAIO(0x4c) = 0x3ff;
  FPGAIO(0x1c) = 24;
  uint32_t before = FPGAIO(0x18);
  while (FPGAIO(0x18) - before < 100)
    ;
  PRINT("fpgaio", FPGAIO(0), FPGAIO(8), FPGAIO(0x4c), FPGAIO(0x20) < 25, FPGAIO(0x10));

  PRINT("dual", DUAL(0), DUAL(8), DUAL(0x14), DUAL(0x20), DUAL(0x28), DUAL(0xfe0), DUAL(0xfd0));
  NVIC_ISER(0) = 1 << 10;
  DUAL(0) = 4999;
  DUAL(8) = 0xe2;
  while (timers[0] < 3)
    ;
  DUAL(8) = 0;
  DUAL(0x20) = 700;
  DUAL(0x28) = 0xa5;
  while (!timers[1])
    ;
  PRINT("dual", timers[1], DUAL(0x20), DUAL(0x24), DUAL(0x30), DUAL(0x28));

  PRINT("wdog", WDOG(0), WDOG(8), WDOG(0xc00), WDOG(0xfe0), WDOG(0xfe4));
  WDOG(0) = 5000;
  WDOG(8) = 1;
  while (!nmis)
    ;
  WDOG(0xc00) = 1;
  WDOG(0) = 1;
  PRINT("wdog", nmis, WDOG(0), WDOG(0x10), WDOG(0xc00));
  spi(0x40020000);
  spi(0x40026000);
  REG(0x40029004) = 3;
  uint32_t low = REG(0x40029000) & 3;
  REG(0x40029000) = 3;
  PRINT("i2c", low, REG(0x40029000) & 3);
  REG(0x00400000 - 4) = 0x11223344;
  PRINT("mirror", REG(0x00800000 - 4), REG(0x20400000) == REG(0x20000000));
  ethernet();
}

#define IRQ_17 0
#define IRQ_19 0
#define IRQ_10 Dual_Handler
#define IRQ_13 Ethernet_Handler
#endif

/* An ARP request: who has 10.0.2.2? */
__attribute__((unused)) static void ask(void) {
  uint32_t frame[11] = {0xffff0000, 0xffffffff, 0x12005452, 0x06085634, 0x00080100, 0x01000406,
                        0x12005452, 0x000a5634, 0x00000f02, 0,          0x0202000a};
  uint32_t answer[17];
  talk(frame, 42, answer);
  PRINT("answer", answer[0] >> 16, answer[1], answer[3] >> 16, answer[5], answer[7] >> 16,
        answer[8] & 0xffff, answer[8] >> 16, answer[9]);
}

int main(void) {
#ifdef ARP
  ask();
#else
  devices();
#endif
  return 9;
}

extern uint32_t __stack_top[], __data_start[], __data_end[], __data_load[];
void _start(void);

static void Fault_Handler(void) {
  printf("fault %lx %lx\n", (unsigned long)REG(0xE000ED28), (unsigned long)REG(0xE000ED38));
  for (;;)
    ;
}

static void Reset_Handler(void) {
#ifdef __ARM_FP
  REG(0xE000ED88) |= 0xfu << 20;
  __asm volatile("dsb\nisb");
#endif
  for (uint32_t *d = __data_start, *s = __data_load; d < __data_end;)
    *d++ = *s++;
  _start();
}

#ifdef STELLARIS
#define NMI_Handler Fault_Handler
#endif

__attribute__((section(".vectors"), used)) static void *const vectors[64] = {
    __stack_top, Reset_Handler, NMI_Handler, Fault_Handler, [16 + 10] = IRQ_10, [16 + 13] = IRQ_13,
    [16 + 17] = IRQ_17, [16 + 19] = IRQ_19,
};
