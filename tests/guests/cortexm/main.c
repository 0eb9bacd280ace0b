/* What a core does with exceptions, interrupts and the C library, told through semihosting. Nothing
 * that it prints depends on time. Built with newlib for several cores. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REG(a) (*(volatile uint32_t *)(a))
#define ICSR REG(0xE000ED04)
#define SHPR3 REG(0xE000ED20)
#define NVIC_ISER REG(0xE000E100)
#define NVIC_ISPR REG(0xE000E200)
#define NVIC_IPR(n) REG(0xE000E400 + 4 * (n))

static volatile int ticks, calls, nested, order[8], count;
static volatile uint32_t faults, status;
static volatile float sum;

void SysTick_Handler(void) {
  ticks++;
  sum = sum * 0.5f + ticks;
}

void SVC_Handler(void) { calls++; }

void PendSV_Handler(void) { order[count++ & 7] = 14; }

void Low_Handler(void) {
  order[count++ & 7] = 100;
  NVIC_ISPR = 1u << 1; /* of higher priority: it comes at once, where there are any */
  __asm volatile("dsb\nisb");
  order[count++ & 7] = 101;
}

void High_Handler(void) {
  nested++;
  order[count++ & 7] = 200;
}

/* Steps over the instruction that faulted: two or four bytes. */
__attribute__((used)) void fault(uint32_t *frame) {
  uint16_t first = *(uint16_t *)frame[6];
  faults++;
#if __ARM_ARCH >= 7
  status = REG(0xE000ED28);
  REG(0xE000ED28) = status;
#endif
  frame[6] += (first >> 11) >= 0x1d ? 4 : 2;
}

__attribute__((naked)) void Fault_Handler(void) {
  __asm volatile("mov r0, sp\n push {r4, lr}\n bl fault\n pop {r4, pc}");
}

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

int main(void) {
  int v[100];
  unsigned x = 12345, s = 0;
  for (int i = 0; i < 100; i++) {
    x = x * 1103515245u + 12345u;
    v[i] = (x >> 8) % 1000;
  }
  qsort(v, 100, sizeof *v, compare);
  for (int i = 0; i < 100; i++)
    s = s * 31 + v[i];
  printf("sorted %d %u %f\n", v[50], s, 3.25 * v[3]);
  uint64_t q = 123456789012345ull;
  printf("long %llu %llu %d\n", q / 1234567, q % 987654, (int)strlen("abcdef"));

  REG(0xE000E014) = 9999;
  REG(0xE000E018) = 0;
  REG(0xE000E010) = 7;
  while (ticks < 5)
    __asm volatile("wfi");
  float f = 1, t = 0;
  for (int i = 1; i < 3000; i++) {
    f = f * 0.001f + i * sqrtf(i) / (i * 0.5f + 1);
    t += f > 40 ? f - 40 : f;
  }
  REG(0xE000E010) = 0;
  printf("ticks, float %f %f\n", f, t);

  __asm volatile("svc #1\n svc #2");
  SHPR3 = 0xffu << 16;
  NVIC_IPR(0) = 0x00000080 | 0x40 << 8; /* interrupt 0 below 1 */
  NVIC_ISER = 3;
  __asm volatile("cpsid i");
  ICSR = 1u << 28;
  NVIC_ISPR = 1;
  __asm volatile("dsb\nisb\ncpsie i\nisb");
  printf("calls %d nested %d order", calls, nested);
  for (int i = 0; i < count && i < 8; i++)
    printf(" %d", order[i]);
  printf("\n");

  __asm volatile("udf #1");
  printf("undefined %u %08x\n", (unsigned)faults, (unsigned)status);
  (void)REG(0xDFFFFFFC & ~3u);
  printf("bus %u\n", (unsigned)faults);
#if __ARM_ARCH >= 7
  REG(0xE000ED14) |= 1u << 4;
  volatile int zero = 0;
  int r = 7;
  __asm volatile("sdiv %0, %0, %1" : "+r"(r) : "r"(zero));
  printf("division %u %08x\n", (unsigned)faults, (unsigned)status);
  uint32_t sp;
  __asm volatile("mrs %0, control" : "=r"(sp));
  printf("control %u\n", (unsigned)(sp & 3));
#endif
  return 7;
}

extern uint32_t __stack_top[], __data_start[], __data_end[], __data_load[];
void _start(void);

static void Reset_Handler(void) {
#ifdef __ARM_FP
  REG(0xE000ED88) |= 0xfu << 20;
  __asm volatile("dsb\nisb");
#endif
  for (uint32_t *d = __data_start, *s = __data_load; d < __data_end;)
    *d++ = *s++;
  _start();
}

__attribute__((section(".vectors"), used)) static void *const vectors[18] = {
    __stack_top, Reset_Handler, Fault_Handler, Fault_Handler, Fault_Handler, Fault_Handler,
    Fault_Handler, 0, 0, 0, 0, SVC_Handler, Fault_Handler, 0, PendSV_Handler, SysTick_Handler,
    Low_Handler, High_Handler,
};
