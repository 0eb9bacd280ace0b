/* The non-secure side: calls gates, is called back, is interrupted and interrupts, and does what it
 * may not. */
#include "common.h"

extern char __stack_top[];
int secure_add(int, int);
uint32_t secure_ticks(void);
int secure_with_callback(int (*)(int), int);
float secure_float(float (*)(float), float);
uint32_t secure_wait(volatile uint32_t *, uint32_t);
uint32_t secure_order(uint32_t);
float secure_secrets(volatile uint32_t *, uint32_t);
uint32_t secure_branch(uint32_t);
uint32_t secure_undefined(void);
uint32_t secure_faults(uint32_t);
void secure_note(uint32_t);
void secure_target(void *);
void secure_leave(uint32_t);

static volatile uint32_t ticks, seen, returns, floats, wrong;
static volatile float work = 1.0f;
static uint32_t stack[128] __attribute__((aligned(32)));

static int twice(int n) { return 2 * n; }

static int calls_back(int n) { return secure_add(n, 1); }

static float half(float x) { return x * 0.5f + 0.25f; }

/* Of secure code that it interrupts nothing is left in the registers. */
__attribute__((naked)) void SysTick_Handler(void) {
  __asm__ volatile(
      "orr r0, r1, r2\n orr r0, r3\n orr r0, r4\n orr r0, r5\n orr r0, r6\n orr r0, r7\n"
      "orr r0, r8\n orr r0, r9\n orr r0, r10\n orr r0, r11\n orr r0, r12\n"
      "mov r1, lr\n mov r2, sp\n b tick");
}

__attribute__((used)) void tick(uint32_t registers, uint32_t lr, uint32_t at) {
  if ((lr & 0x40) != 0) {
    seen |= registers;
    returns = lr;
  }
  if (floats) {
    uint32_t first, last;
    __asm__ volatile("vmov %0, s16\n vmov %1, s31" : "=r"(first), "=r"(last));
    seen |= first | last;
    work = work * 0.5f + 0.25f;
  }
  ticks++;
  if (wrong) {
    /* A return that is not theirs to do. */
    wrong = 0;
    text("return\n");
    __asm__ volatile("mov sp, %0\n bx %1" : : "r"(at), "r"(lr | 1));
  }
}

void Irq41_Handler(void) { secure_note(0x41); }

void SVC_Handler(void) { say("svc", (uint32_t)secure_add(1, 1)); }

__attribute__((used)) void fault(uint32_t *frame, uint32_t lr) {
  uint32_t ipsr;
  __asm__ volatile("mrs %0, ipsr" : "=r"(ipsr));
  say("fault handler", ipsr);
  say(" from", lr);
  say(" CFSR", REG(CFSR));
  if (ipsr == 3) {
    say(" HFSR", REG(HFSR));
    REG(HFSR) = REG(HFSR);
  }
  if (REG(CFSR) & 0x8000) say(" BFAR", REG(BFAR));
  if (REG(CFSR) & 0x80) say(" MMFAR", REG(MMFAR));
  if (REG(CFSR) & 1 << 20) {
    /* No frame was saved: go on without it. */
    REG(CFSR) = REG(CFSR);
    __asm__ volatile("msr psplim, %0" : : "r"(0));
    uint32_t psp;
    __asm__ volatile("mrs %0, psp" : "=r"(psp));
    say(" at the limit", psp == (uint32_t)stack);
    extern void behind(void);
    frame = &stack[64];
    frame[6] = (uint32_t)behind & ~1u;
    frame[7] = 1 << 24;
    __asm__ volatile("msr psp, %0" : : "r"(frame));
    return;
  }
  REG(CFSR) = REG(CFSR);
  uint16_t first = *(uint16_t *)frame[6];
  frame[6] += (first >> 11) >= 0x1d ? 4 : 2;
}

__attribute__((naked)) void Fault_Handler(void) {
  __asm__ volatile(
      "mov r1, lr\n tst lr, #4\n ite eq\n mrseq r0, msp\n mrsne r0, psp\n push {r4, lr}\n"
      "bl fault\n pop {r4, pc}");
}

/* Uses up the stack. */
__attribute__((naked)) void deeper(void) {
  __asm__ volatile("1: push {r0-r3}\n b 1b\n .global behind\n .type behind, %function\n behind:\n"
                   "movs r0, #0\n msr control, r0\n isb\n bx r7\n");
}

__attribute__((naked, noinline)) static void overflow(uint32_t top, uint32_t limit) {
  __asm__ volatile(
      "push {r4, r7, lr}\n msr psp, r0\n msr psplim, r1\n adr r7, 1f\n orr r7, #1\n"
      "movs r2, #2\n msr control, r2\n isb\n b deeper\n .align 2\n 1: pop {r4, r7, pc}\n");
}

int main(void) {
  uint32_t value;
  text("nonsecure\n");
  __asm__ volatile("mrs %0, control" : "=r"(value));
  say("control", value & 3);
  __asm__ volatile("mrs %0, msplim" : "=r"(value));
  say("msplim", value);
  say("VTOR", REG(VTOR));
  say("AIRCR", REG(AIRCR));
  say("SAU", REG(SAU_CTRL) | REG(SAU_TYPE));
  say("alias", REG(VTOR + ALIAS));
  say("ISER", REG(NVIC_ISER + 4));
  say("IPR", REG(NVIC_IPR + 40));
  REG(NVIC_IPR + 40) = 0xffffffff;
  say("IPR", REG(NVIC_IPR + 40) & 0xe0e0);
  REG(NVIC_IPR + 40) = 0x40 << 8;
  REG(CPACR) |= 0xf << 20;
  __asm__ volatile("dsb\nisb");
  say("add", (uint32_t)secure_add(20, 22));
  say("callback", (uint32_t)secure_with_callback(twice, 5));
  say("gate in callback", (uint32_t)secure_with_callback(calls_back, 3));
  union {
    float f;
    uint32_t n;
  } u = {secure_float(half, 2.5f)};
  say("float", u.n);
  secure_target((void *)main);
  secure_target(stack);
  secure_target((void *)0x10000000);
  __asm__ volatile("svc 0");

  /* Secure interrupts come while this runs. */
  float x = 1.0f;
  uint32_t before = secure_ticks();
  while (secure_ticks() < before + 5) x = x * 0.999f + 0.001f;
  u.f = x;
  say("secure interrupts", u.n);

  REG(SHPR3) = 0x60u << 24;
  REG(SYST_RVR) = 10000;
  REG(SYST_CVR) = 0;
  REG(SYST_CSR) = 7;
  say("sum", secure_wait(&ticks, 5));
  REG(SYST_CSR) = 0;
  say("registers", seen);
  say("returns", returns);

  say("order", secure_order(0));
  say("order", secure_order(1));

  /* What is not allowed. */
  text("read\n");
  value = REG(0x10000000);
  text("write\n");
  REG(0x38000000) = 1;
  text("call\n");
  say("returned", ((uint32_t (*)(void))0x10000101)());
  text("call behind the gate\n");
  say("returned", ((uint32_t (*)(void))((uint32_t)secure_add + 4))());

  REG(SHCSR) |= 7 << 16;
  text("protect\n");
  REG(MPU_RNR) = 0;
  REG(MPU_RBAR) = 0x28210000 | 3 << 1;
  REG(MPU_RLAR) = 0x2821ffe0 | 1;
  REG(MPU_CTRL) = 5;
  __asm__ volatile("dsb\nisb");
  REG(0x28210004) = 5;
  secure_target((void *)0x28210000);
  REG(MPU_CTRL) = 0;
  __asm__ volatile("dsb\nisb");

  text("limit\n");
  overflow((uint32_t)&stack[128], (uint32_t)stack);
  text("undefined\n");
  __asm__ volatile("udf #1");
  text("secure undefined\n");
  say("returned", secure_undefined());
  text("secure branch\n");
  say("returned", secure_branch((uint32_t)twice));
  text("nothing there\n");
  value = REG(0x4fff0000);

  floats = 1;
  seen = ticks = 0;
  REG(SYST_CVR) = 0;
  REG(SYST_CSR) = 7;
  u.f = secure_secrets(&ticks, 5);
  say("secrets", u.n);
  say("seen", seen);
  wrong = 1;
  while (wrong) {
  }
  REG(SYST_CSR) = 0;
  text("returned\n");

  REG(SHCSR) &= ~(7u << 16);
  say("AIRCR", secure_faults(1));
  say("AIRCR", REG(AIRCR));
  text("own HardFault\n");
  __asm__ volatile("udf #3");
  value = REG(0x4fff0004);
  REG(SHCSR) |= 7 << 16;
  value = REG(0x4fff0008);
  text("read\n");
  value = REG(0x10000000);
  say("AIRCR", secure_faults(0));
  secure_leave(7);
  return 0;
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16 + 48] = {
    __stack_top, main, Fault_Handler, Fault_Handler, Fault_Handler, Fault_Handler, Fault_Handler,
    [11] = SVC_Handler, [15] = SysTick_Handler, [16 + 41] = Irq41_Handler,
};
