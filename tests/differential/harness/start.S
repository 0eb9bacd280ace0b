/*
 * Reset, and the two ways between the harness and a snippet: `enter` sets every x and f register and fcsr and
 * leaves by mret; any trap comes back, keeps all of them, and returns from `enter`. So a snippet may use every
 * register, and ends with an ecall.
 */
#include "asm.h"
#if __riscv_xlen == 64
#define SX sd
#define LX ld
#else
#define SX sw
#define LX lw
#endif
#define FRAME 128

    .section .entry, "ax"
    .globl _start
_start:
    csrw mie, zero
    csrr t0, mhartid
1:  beqz t0, 2f
    wfi                         /* other harts sleep */
    j 1b
2:  la sp, __stack_top
    csrw mie, zero
    csrw mscratch, zero
    la t0, trap
    csrw mtvec, t0
    li t0, 0x6600               /* mstatus.FS and VS = dirty */
    csrs mstatus, t0
    li t0, 0xf0                 /* cache-block instructions in every mode */
    csrw menvcfg, t0
    csrw senvcfg, t0
    la t0, __bss_start
    la t1, __bss_end
1:  SX zero, 0(t0)
    addi t0, t0, XB
    bltu t0, t1, 1b
    call main
    li t0, 0x100000             /* test finisher: pass */
    li t1, 0x5555
    sw t1, 0(t0)
2:  j 2b

    .text
    .globl enter
enter:                          /* a0: struct context */
    addi sp, sp, -FRAME
    SX ra, 0(sp)
    SX gp, 1*XB(sp)
    SX tp, 2*XB(sp)
    SX s0, 3*XB(sp)
    SX s1, 4*XB(sp)
    SX s2, 5*XB(sp)
    SX s3, 6*XB(sp)
    SX s4, 7*XB(sp)
    SX s5, 8*XB(sp)
    SX s6, 9*XB(sp)
    SX s7, 10*XB(sp)
    SX s8, 11*XB(sp)
    SX s9, 12*XB(sp)
    SX s10, 13*XB(sp)
    SX s11, 14*XB(sp)
    SX sp, CTX_X(a0)
    csrw mscratch, a0
    LX t0, CTX_PC(a0)
    csrw mepc, t0
    LX t0, CTX_FCSR(a0)
    fscsr t0
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fld f\n, CTX_F+8*\n(a0)
    .endr
    .irp n, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    LX x\n, CTX_X+XB*\n(a0)
    .endr
    LX a0, CTX_X+XB*10(a0)
    mret

    .balign 4
trap:
    csrrw a0, mscratch, a0
    beqz a0, lost
    .irp n, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    SX x\n, CTX_X+XB*\n(a0)
    .endr
    csrrw t0, mscratch, zero
    SX t0, CTX_X+XB*10(a0)
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fsd f\n, CTX_F+8*\n(a0)
    .endr
    frcsr t0
    SX t0, CTX_FCSR(a0)
    csrr t0, mepc
    SX t0, CTX_PC(a0)
    csrr t0, mcause
    SX t0, CTX_CAUSE(a0)
    csrr t0, mtval
    SX t0, CTX_TVAL(a0)
    csrr t0, mstatus
    SX t0, CTX_STATUS(a0)
    LX sp, CTX_X(a0)
    LX ra, 0(sp)
    LX gp, 1*XB(sp)
    LX tp, 2*XB(sp)
    LX s0, 3*XB(sp)
    LX s1, 4*XB(sp)
    LX s2, 5*XB(sp)
    LX s3, 6*XB(sp)
    LX s4, 7*XB(sp)
    LX s5, 8*XB(sp)
    LX s6, 9*XB(sp)
    LX s7, 10*XB(sp)
    LX s8, 11*XB(sp)
    LX s9, 12*XB(sp)
    LX s10, 13*XB(sp)
    LX s11, 14*XB(sp)
    addi sp, sp, FRAME
    ret

/* A trap in the harness itself: its own fault. Says so and ends the run with a failure code. */
lost:
    la sp, __stack_top
    csrr a0, mcause
    csrr a1, mepc
    csrr a2, mtval
    call report_lost
    li t0, 0x100000
    li t1, 0x13333
    sw t1, 0(t0)
1:  j 1b
