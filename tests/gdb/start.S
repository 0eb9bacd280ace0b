# Both harts begin here: a stack for each, floats on, and the second one to its own loop.
    .section .text.start, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    li t0, 0x6000
    csrs mstatus, t0
    csrr t0, mhartid
    la sp, stacks
    addi t1, t0, 1
    slli t1, t1, 12
    add sp, sp, t1
    bnez t0, 1f
    call main
1:  call second

    .bss
    .balign 16
stacks:
    .space 0x2000
