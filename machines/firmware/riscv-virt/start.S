/*
 * Reset of every hart of the RISC-V `virt` map: a0 = hart id, a1 = device tree. Each hart gets a stack of its own and
 * calls hart_main(id, tree). Trap vectors are not needed: interrupts stay off, wfi wakes all the same.
 */
    .file "start.S"             /* else the symbol table names the compiler's temporary file */
#include "map.h"
#if __riscv_xlen == 64
#define SAVE sd
#define WORD 8
#else
#define SAVE sw
#define WORD 4
#endif
    .section .reset, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    csrw mie, zero
    la t0, unexpected
    csrw mtvec, t0
    li t0, MAX_HARTS
    bgeu a0, t0, park
    addi t0, a0, 1
    slli t0, t0, STACK_SHIFT
    la sp, stacks
    add sp, sp, t0
    bnez a0, 2f
    la t0, __bss_start          /* the boot hart clears what C expects clear; stacks lie outside */
    la t1, __bss_end
1:  bgeu t0, t1, 2f
    SAVE zero, 0(t0)
    addi t0, t0, WORD
    j 1b
2:  call hart_main
park:
    wfi
    j park

    .balign 4
unexpected:                     /* a trap nobody meant: fail through the finisher, code 1 */
    li t0, FINISHER
    li t1, 0x13333
    sw t1, 0(t0)
3:  wfi
    j 3b

    .section .stacks, "aw", @nobits
    .balign 16
stacks: .space MAX_HARTS << STACK_SHIFT
