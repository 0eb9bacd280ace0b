/* Reset at 0xBFC0_0000 and the general exception vector for Status.BEV = 1 at 0xBFC0_0380. */
    .file "be.S"
    .set noreorder
    .section .reset, "ax"
    .globl _start
_start:
    lui $sp, 0x8010             /* the end of SRAM, 1 MiB from physical 0 */
    li $t0, 0x0040fc00          /* BEV, all of IM: only hardware interrupt 2 is wired */
    mtc0 $t0, $12
    mtc0 $zero, $13
    ehb
    la $t9, up
    jalr $t9
    addiu $sp, $sp, -32
    li $t0, 0x0040fc01          /* and IE */
    mtc0 $t0, $12
    ehb
1:  wait
    b 1b
    nop

    .org 0x380
    mfc0 $k0, $13               /* anything but an interrupt stops here, and shows in the report */
    andi $k0, $k0, 0x7c
    beqz $k0, 2f
    lui $k1, 0xb000
    li $k0, 0x0adde
    sw $k0, 0x4c + 8($k1)
3:  b 3b
    nop
2:  addiu $sp, $sp, -128
    .set noat
    sw $at, 16($sp)
    .set at
    sw $v0, 20($sp)
    sw $v1, 24($sp)
    sw $a0, 28($sp)
    sw $a1, 32($sp)
    sw $a2, 36($sp)
    sw $a3, 40($sp)
    sw $t0, 44($sp)
    sw $t1, 48($sp)
    sw $t2, 52($sp)
    sw $t3, 56($sp)
    sw $t4, 60($sp)
    sw $t5, 64($sp)
    sw $t6, 68($sp)
    sw $t7, 72($sp)
    sw $t8, 76($sp)
    sw $t9, 80($sp)
    sw $ra, 84($sp)
    mfhi $t0
    mflo $t1
    sw $t0, 88($sp)
    la $t9, mailbox_irq
    jalr $t9
    sw $t1, 92($sp)
    lw $t0, 88($sp)
    lw $t1, 92($sp)
    mthi $t0
    mtlo $t1
    .set noat
    lw $at, 16($sp)
    .set at
    lw $v0, 20($sp)
    lw $v1, 24($sp)
    lw $a0, 28($sp)
    lw $a1, 32($sp)
    lw $a2, 36($sp)
    lw $a3, 40($sp)
    lw $t0, 44($sp)
    lw $t1, 48($sp)
    lw $t2, 52($sp)
    lw $t3, 56($sp)
    lw $t4, 60($sp)
    lw $t5, 64($sp)
    lw $t6, 68($sp)
    lw $t7, 72($sp)
    lw $t8, 76($sp)
    lw $t9, 80($sp)
    lw $ra, 84($sp)
    addiu $sp, $sp, 128
    eret
