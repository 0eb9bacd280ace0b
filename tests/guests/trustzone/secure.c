/* The secure side: sets up attribution, gates and interrupts, starts the other side, serves it and
 * tells of what goes wrong. Nothing that is printed depends on time. */
#include "common.h"
#include <arm_cmse.h>

extern char __stack_top[];
#define NS_START 0x00200000u

/* The system's security control: AN505, SSE-200. */
#define NSCCFG 0x50080014u
#define APBNSPPCEXP1 0x50080084u
#define MPC1 0x58007000u /* 4 MiB of SSRAM at 0 */
#define MPC3 0x58009000u /* 2 MiB at 0x2820_0000 */

typedef int callback(int) __attribute__((cmse_nonsecure_call));
typedef void start(void) __attribute__((cmse_nonsecure_call));
typedef float measure(float) __attribute__((cmse_nonsecure_call));

static volatile uint32_t ticks, inside, calls, order[8], count;
static volatile float kept;

static void region(uint32_t n, uint32_t first, uint32_t last, uint32_t nsc) {
  REG(SAU_RNR) = n;
  REG(SAU_RBAR) = first;
  REG(SAU_RLAR) = (last & ~31u) | nsc << 1 | 1;
}

/* Blocks from a part of a memory on are non-secure. */
static void open(uint32_t mpc, uint32_t bytes, uint32_t from) {
  uint32_t block = 32u << (REG(mpc + 0x14) & 15), max = REG(mpc + 0x10);
  REG(mpc) |= 1 << 8; /* BLK_IDX goes on by itself */
  REG(mpc + 0x18) = 0;
  uint32_t n = 0;
  for (uint32_t word = 0; word <= max; word++) {
    uint32_t bits = 0;
    for (int i = 0; i < 32; i++, n++)
      if (n * block >= from && n * block < bytes) bits |= 1u << i;
    REG(mpc + 0x1c) = bits;
  }
  REG(mpc + 0x18) = max;
  say("last blocks", REG(mpc + 0x1c));
}

void SysTick_Handler(void) {
  uint32_t lr = (uint32_t)__builtin_return_address(0);
  (void)lr;
  ticks++;
}

void Irq40_Handler(void) { order[count++ & 7] = 0x40; }

/* Tells of a fault and goes on behind the instruction: at the caller, if that was a branch that
 * failed. `frame` is the secure main stack. */
__attribute__((used)) void fault(uint32_t lr, uint32_t *frame) {
  uint32_t ipsr, which = REG(SFSR);
  __asm__ volatile("mrs %0, ipsr" : "=r"(ipsr));
  say("secure fault handler", ipsr);
  say(" from", lr);
  if (which) {
    say(" SFSR", which & 0xbf);
    REG(SFSR) = which;
  }
  if (REG(CFSR)) {
    say(" CFSR", REG(CFSR));
    if (REG(CFSR) & 0x8000) say(" BFAR", REG(BFAR));
    REG(CFSR) = REG(CFSR);
  }
  if (REG(HFSR)) {
    say(" HFSR", REG(HFSR));
    REG(HFSR) = REG(HFSR);
  }
  if (which & 4) return; /* a return that was refused: now it is done */
  if (!(lr & 0x40)) {
    uint32_t control;
    __asm__ volatile("mrs %0, control_ns" : "=r"(control));
    if (lr & 8 && control & 2)
      __asm__ volatile("mrs %0, psp_ns" : "=r"(frame));
    else
      __asm__ volatile("mrs %0, msp_ns" : "=r"(frame));
  }
  uint32_t pc = frame[6];
  say(" pc", pc & ~0xfffu);
  if (which) {
    if ((pc >= 0x10000000u && pc < 0x20000000u) || which & 0x10) {
      frame[6] = frame[5] & ~1u;
      frame[0] = 0xdead;
      return;
    }
  }
  uint16_t first = *(uint16_t *)pc;
  frame[6] = pc + ((first >> 11) >= 0x1d ? 4 : 2);
}

__attribute__((naked)) void Fault_Handler(void) {
  __asm__ volatile("mov r0, lr\n mrs r1, msp\n push {r4, lr}\n bl fault\n pop {r4, pc}");
}

/* What the other side may call. */
__attribute__((cmse_nonsecure_entry)) int secure_add(int a, int b) {
  calls++;
  return a + b + 1000;
}

__attribute__((cmse_nonsecure_entry)) uint32_t secure_ticks(void) { return ticks; }

__attribute__((cmse_nonsecure_entry)) int secure_with_callback(callback *f, int n) {
  callback *g = (callback *)cmse_nsfptr_create(f);
  uint32_t own[4] = {1, 2, 3, 4};
  int sum = 0;
  for (int i = 0; i < n; i++) sum += g(i) + (int)own[i & 3];
  return sum;
}

__attribute__((cmse_nonsecure_entry)) float secure_float(measure *f, float x) {
  measure *g = (measure *)cmse_nsfptr_create(f);
  float mine = x * 3.0f;
  kept = mine + 0.5f;
  float theirs = g(x + 1.0f);
  return mine + theirs + kept;
}

__attribute__((cmse_nonsecure_entry)) uint32_t secure_wait(volatile uint32_t *theirs, uint32_t n) {
  /* Their interrupts come while secure code runs. */
  if (!cmse_check_address_range((void *)theirs, 4, CMSE_NONSECURE | CMSE_MPU_READ)) return 0;
  register uint32_t a __asm__("r4") = 0x11111111, b __asm__("r5") = 0x22222222;
  register uint32_t c __asm__("r8") = 0x33333333, d __asm__("r11") = 0x44444444;
  __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
  inside = 1;
  while (*theirs < n) __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
  inside = 0;
  return a + b + c + d;
}

__attribute__((cmse_nonsecure_entry)) uint32_t secure_order(uint32_t prefer) {
  /* Both states' interrupts are pending at once: which comes first depends on AIRCR.PRIS. */
  uint32_t aircr = REG(AIRCR) & 0x0000ffff & ~(1u << 14);
  REG(AIRCR) = 0x05fa0000 | aircr | prefer << 14;
  count = 0;
  __asm__ volatile("cpsid i");
  __asm__ volatile("msr primask_ns, %0" : : "r"(1));
  REG(NVIC_ISPR + 4) = 1u << 8 | 1u << 9; /* 40 secure, 41 non-secure */
  __asm__ volatile("dsb\nisb");
  __asm__ volatile("msr primask_ns, %0" : : "r"(0));
  __asm__ volatile("cpsie i\nisb");
  return order[0] << 8 | order[1];
}

__attribute__((cmse_nonsecure_entry)) float secure_secrets(volatile uint32_t *theirs, uint32_t n) {
  /* Their interrupts use floating point while it holds secrets. */
  REG(FPCCR) |= 1u << 26;
  float sum;
  __asm__ volatile(
      "vmov.f32 s0, #1.0\n vmov.f32 s5, #2.0\n vmov.f32 s15, #3.0\n vmov.f32 s16, #4.0\n"
      "vmov.f32 s31, #5.0\n"
      "1: ldr r3, [%1]\n cmp r3, %2\n blo 1b\n"
      "vadd.f32 s0, s0, s5\n vadd.f32 s0, s0, s15\n vadd.f32 s0, s0, s16\n vadd.f32 %0, s0, s31\n"
      : "=t"(sum)
      : "r"(theirs), "r"(n)
      : "r3", "s0", "s5", "s15", "s16", "s31", "memory");
  REG(FPCCR) &= ~(1u << 26);
  return sum;
}

__attribute__((cmse_nonsecure_entry)) uint32_t secure_branch(uint32_t to) {
  return ((uint32_t (*)(void))(to | 1))();
}

__attribute__((cmse_nonsecure_entry)) uint32_t secure_undefined(void) {
  __asm__ volatile("udf #2");
  return 5;
}

__attribute__((cmse_nonsecure_entry)) uint32_t secure_faults(uint32_t theirs) {
  uint32_t aircr = REG(AIRCR) & 0x0000ffff & ~(1u << 13);
  REG(AIRCR) = 0x05fa0000 | aircr | theirs << 13;
  return REG(AIRCR);
}

__attribute__((cmse_nonsecure_entry)) void secure_note(uint32_t n) { order[count++ & 7] = n; }

__attribute__((cmse_nonsecure_entry)) void secure_target(void *p) {
  say("tt", cmse_TT(p).value);
  say("tta", cmse_TTA(p).value);
}

__attribute__((cmse_nonsecure_entry)) void secure_leave(uint32_t code) {
  say("calls", calls);
  leave(code);
}

int main(void) {
  REG(UART + 16) = 16;
  REG(UART + 8) = 1;
  text("secure\n");
  say("SAU regions", REG(SAU_TYPE));
  region(0, NS_START, 0x003fffff, 0);
  region(1, 0x28200000, 0x283fffff, 0);
  region(2, 0x40000000, 0x4fffffff, 0);
  region(3, 0x1007f000, 0x1007ffff, 1);
  REG(NSCCFG) = 1;
  REG(SAU_CTRL) = 1;
  REG(APBNSPPCEXP1) = 1 << 5; /* UART0 */
  __asm__ volatile("dsb\nisb");
  open(MPC1, 4 << 20, NS_START);
  open(MPC3, 2 << 20, 0);
  REG(UART + 16) = 16;
  REG(UART + 8) = 1;
  REG(CPACR) |= 0xf << 20;
  REG(NSACR) = 3 << 10;
  REG(SHCSR) |= 1 << 19 | 1 << 18 | 1 << 17 | 1 << 16;
  say("SHCSR", REG(SHCSR));
  say("AIRCR", REG(AIRCR));
  say("FPCCR", REG(FPCCR));
  say("code", cmse_TT((void *)main).value);
  say("gate", cmse_TT((void *)0x1007f000).value);
  say("theirs", cmse_TT((void *)NS_START).value);
  say("theirs as they", cmse_TTA((void *)NS_START).value);
  say("mine as they", cmse_TTA((void *)main).value);
  REG(VTOR + ALIAS) = NS_START;
  uint32_t *vectors = (uint32_t *)NS_START;
  __asm__ volatile("msr msp_ns, %0" : : "r"(vectors[0]));
  /* 40 is ours, 41 theirs. */
  REG(NVIC_ITNS + 4) = 1 << 9;
  REG(NVIC_ISER + 4) = 1 << 8 | 1 << 9;
  REG(NVIC_IPR + 40) = 0x80 | 0x40 << 8;
  say("ITNS", REG(NVIC_ITNS + 4));
  /* A branch into their memory is no call. */
  text("branch to theirs\n");
  start *go = (start *)cmse_nsfptr_create((start *)vectors[1]);
  REG(SYST_RVR) = 20000;
  REG(SYST_CVR) = 0;
  REG(SYST_CSR) = 7;
  go();
  text("back\n");
  leave(1);
  return 0;
}

__attribute__((naked)) void Reset_Handler(void) { __asm__ volatile("bl main"); }

__attribute__((section(".vectors"), used)) static const void *const vectors[16 + 48] = {
    __stack_top, Reset_Handler, Fault_Handler, Fault_Handler, Fault_Handler, Fault_Handler,
    Fault_Handler, Fault_Handler, [14] = Fault_Handler, SysTick_Handler, [16 + 40] = Irq40_Handler,
};
