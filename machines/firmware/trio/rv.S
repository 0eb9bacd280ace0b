/* Reset of every hart: a stack of its own, interrupts only wake. */
    .file "rv.S"
    .section .reset, "ax"
    .globl _start
_start:
    csrr a0, mhartid
    la t0, unexpected
    csrw mtvec, t0
    li t0, 1 << 3 | 1 << 11     /* software and external interrupts end wfi; mstatus.MIE stays 0 */
    csrw mie, t0
    la sp, stacks
    addi t0, a0, 1
    slli t0, t0, 12
    add sp, sp, t0
    call hart_main
    .balign 4
unexpected:                     /* a trap nobody meant: fail through the finisher, code 2 */
    li t0, 0x00100000
    li t1, 0x23333
    sw t1, 0(t0)
1:  wfi
    j 1b
    .section .stacks, "aw", @nobits
    .balign 16
stacks: .space 4 << 12
