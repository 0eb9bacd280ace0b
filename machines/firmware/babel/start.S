/* Reset: a stack at the end of RAM, which is clear when the machine starts. */
    .file "start.S"
    .section .reset, "ax"
    .globl _start
#if defined(__riscv)
_start:
    la sp, stack_top
    call main
#elif defined(__arm__)
    .syntax unified
    .thumb
    .word stack_top, _start
    .rept 14
    .word fault
    .endr
    .thumb_func
_start:
    bl main
    .thumb_func
fault:
    b fault
#else
    .set noreorder
_start:
    lui $sp, 0x8001             /* the end of RAM: 64 KiB from physical 0 */
    la $t9, main
    jalr $t9
    addiu $sp, $sp, -64
#endif
