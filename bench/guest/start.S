# Machine mode sets up one hart, maps RAM in 4 KiB pages (Sv39) and goes on in S mode at `main`.
# Traps come back here: a call from S mode returns, anything else ends the run with 1.
        .section .text.start
        .globl  _start
_start: csrr    t0, mhartid
1:      bnez    t0, 1b
        la      sp, stack_top
        la      t0, __bss_start
        la      t1, __bss_end
2:      sd      zero, 0(t0)
        addi    t0, t0, 8
        bltu    t0, t1, 2b
        la      t0, trap
        csrw    mtvec, t0
        li      t0, -1
        csrw    pmpaddr0, t0
        li      t0, 0x1f
        csrw    pmpcfg0, t0
        csrw    mcounteren, t0
        li      t0, 0x6000              # mstatus.FS
        csrs    mstatus, t0
        call    map
        csrw    satp, a0
        sfence.vma
        li      t0, 0x1800
        csrc    mstatus, t0
        li      t0, 0x0800              # mstatus.MPP = S
        csrs    mstatus, t0
        la      t0, main
        csrw    mepc, t0
        la      ra, finish
        mret

        .balign 4
trap:   csrw    mscratch, t0
        csrr    t0, mcause
        addi    t0, t0, -9
        bnez    t0, 3f
        csrr    t0, mepc
        addi    t0, t0, 4
        csrw    mepc, t0
        csrr    t0, mscratch
        mret
3:      li      a0, 1
finish: li      t0, 0x100000
        li      t1, 0x5555
        beqz    a0, 4f
        slli    a0, a0, 16
        li      t1, 0x3333
        or      t1, t1, a0
4:      sw      t1, 0(t0)
5:      j       5b

        .bss
        .balign 16
        .space  16384
stack_top:
