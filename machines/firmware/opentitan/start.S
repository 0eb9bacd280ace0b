/*
 * Vector table, reset, and trap entry for an Ibex core (RV32IMC, M and U modes, mtvec vectored only).
 *
 * The core takes exceptions and interrupt n at mtvec + 4 * n, with a base aligned to 256 bytes; its ROM start
 * is 0x80 past the boot address, so the table fills exactly the gap. See the Ibex reference guide, "Exceptions
 * and Interrupts", and the RISC-V privileged specification, "mtvec".
 */
    .file "start.S"             /* else the symbol table names the compiler's temporary file */
    .option norvc
    .section .vectors, "ax"
    .option norelax
    .globl vectors
vectors:
    j exception_entry
    .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    j irq_entry_\n
    .endr
    .option rvc
    .option relax

    .section .reset, "ax"
    .globl _start
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    la sp, __stack_top
    csrw mie, zero
    csrw mscratch, zero
    la t0, vectors
    ori t0, t0, 1
    csrw mtvec, t0
    la t0, __data_load
    la t1, __data_start
    la t2, __data_end
1:  bgeu t1, t2, 2f
    lw t3, 0(t0)
    sw t3, 0(t1)
    addi t0, t0, 4
    addi t1, t1, 4
    j 1b
2:  la t0, __bss_start
    la t1, __bss_end
3:  bgeu t0, t1, 4f
    sw zero, 0(t0)
    addi t0, t0, 4
    j 3b
4:  call main
    j semihost_exit_code        /* a0 = main's result */

/* Trap frame: 0 ra, 4..28 t0-t6, 32..60 a0-a7, 64 sp of the interrupted code. */
#define FRAME 80

/* mscratch is 0 in M mode and holds the M stack while U mode runs. */
    .macro ENTER
    csrrw sp, mscratch, sp
    bnez sp, 91f
    csrr sp, mscratch
91: addi sp, sp, -FRAME
    sw ra, 0(sp)
    sw t0, 4(sp)
    csrrw t0, mscratch, zero
    sw t0, 64(sp)
    sw t1, 8(sp)
    sw t2, 12(sp)
    sw t3, 16(sp)
    sw t4, 20(sp)
    sw t5, 24(sp)
    sw t6, 28(sp)
    sw a0, 32(sp)
    sw a1, 36(sp)
    sw a2, 40(sp)
    sw a3, 44(sp)
    sw a4, 48(sp)
    sw a5, 52(sp)
    sw a6, 56(sp)
    sw a7, 60(sp)
    .endm

    .section .text.trap, "ax"
    .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
irq_entry_\n:
    ENTER
    li a0, \n
    j irq_common
    .endr

irq_common:
    call irq_handler
leave_trap:
    csrr t0, mstatus
    li t1, 0x1800
    and t0, t0, t1
    bnez t0, 1f
    addi t0, sp, FRAME          /* back to U mode: keep the M stack */
    csrw mscratch, t0
1:  lw ra, 0(sp)
    lw t0, 4(sp)
    lw t1, 8(sp)
    lw t2, 12(sp)
    lw t3, 16(sp)
    lw t4, 20(sp)
    lw t5, 24(sp)
    lw t6, 28(sp)
    lw a0, 32(sp)
    lw a1, 36(sp)
    lw a2, 40(sp)
    lw a3, 44(sp)
    lw a4, 48(sp)
    lw a5, 52(sp)
    lw a6, 56(sp)
    lw a7, 60(sp)
    lw sp, 64(sp)
    mret

exception_entry:
    ENTER
    csrr a0, mcause
    csrr a1, mepc
    csrr a2, mtval
    la t0, run_active
    lw t1, 0(t0)
    beqz t1, 1f
    sw zero, 0(t0)
    la t0, trap
    sw a0, 0(t0)
    sw a1, 4(t0)
    sw a2, 8(t0)
    csrr t1, mstatus
    sw t1, 12(t0)
    lw t1, 32(sp)
    sw t1, 16(t0)
    j run_return
1:  la t0, semihost_ebreak      /* an unserved semihosting call: skip it, answer -1 */
    bne t0, a1, 2f
    addi a1, a1, 4
    csrw mepc, a1
    li t0, -1
    sw t0, 32(sp)
    j leave_trap
2:  call panic_handler
3:  wfi
    j 3b

/* void run(fn, a, b, mode): see rv.h. */
    .globl run
run:
    la t0, run_context
    sw ra, 0(t0)
    sw sp, 4(t0)
    sw s0, 8(t0)
    sw s1, 12(t0)
    sw s2, 16(t0)
    sw s3, 20(t0)
    sw s4, 24(t0)
    sw s5, 28(t0)
    sw s6, 32(t0)
    sw s7, 36(t0)
    sw s8, 40(t0)
    sw s9, 44(t0)
    sw s10, 48(t0)
    sw s11, 52(t0)
    csrr t1, mstatus
    sw t1, 56(t0)
    la t0, run_active
    li t1, 1
    sw t1, 0(t0)
    csrw mepc, a0
    li t0, 0x1888               /* MPP, MPIE, MIE */
    csrc mstatus, t0
    csrs mstatus, a3
    la ra, m_ecall
    csrw mscratch, zero
    bnez a3, 1f
    la ra, u_ecall
    csrw mscratch, sp
    la sp, __user_stack_top
1:  mv a0, a1
    mv a1, a2
    mret

run_return:
    la t0, run_context
    lw ra, 0(t0)
    lw sp, 4(t0)
    lw s0, 8(t0)
    lw s1, 12(t0)
    lw s2, 16(t0)
    lw s3, 20(t0)
    lw s4, 24(t0)
    lw s5, 28(t0)
    lw s6, 32(t0)
    lw s7, 36(t0)
    lw s8, 40(t0)
    lw s9, 44(t0)
    lw s10, 48(t0)
    lw s11, 52(t0)
    lw t1, 56(t0)
    csrw mstatus, t1
    ret

    .macro PROBE p
    .globl \p\()_load8, \p\()_load16, \p\()_load32, \p\()_store8, \p\()_store16, \p\()_store32, \p\()_nop, \p\()_ecall
\p\()_load8:
    lbu a0, 0(a0)
    ret
\p\()_load16:
    lhu a0, 0(a0)
    ret
\p\()_load32:
    lw a0, 0(a0)
    ret
\p\()_store8:
    sb a1, 0(a0)
    ret
\p\()_store16:
    sh a1, 0(a0)
    ret
\p\()_store32:
    sw a1, 0(a0)
\p\()_nop:
    ret
    .balign 4
\p\()_ecall:
    ecall
    j \p\()_ecall
    .endm

    PROBE m
    .section .utext, "ax"
    PROBE u

/* RISC-V semihosting: the call is the ebreak between these two shifts, all three uncompressed. */
    .section .text.trap, "ax"
    .globl semihost, semihost_ebreak
    .balign 16
    .option push
    .option norvc
semihost:
    slli x0, x0, 0x1f
semihost_ebreak:
    ebreak
    srai x0, x0, 7
    ret
    .option pop

semihost_exit_code:
    la t0, exit_block
    li t1, 0x20026              /* ADP_Stopped_ApplicationExit */
    sw t1, 0(t0)
    sw a0, 4(t0)
    mv a1, t0
    li a0, 0x20                 /* SYS_EXIT_EXTENDED */
    call semihost
    csrw mie, zero              /* nobody served it: stay quiet */
1:  wfi
    j 1b
    .globl semihost_exit_code

    .bss
    .balign 4
run_context: .space 60
run_active: .space 4
exit_block: .space 8
    .globl trap
trap: .space 20
