//! The timer inside a RISC-V core (Sstc) interrupts at the very instruction at which its time has
//! come: in interpreted and compiled code, and while the core waits.

mod common;

use common::run;

const NOP: u32 = 0x0000_0013;
const WFI: u32 = 0x1050_0073;

/// Forty interrupts, each 337 ticks after the one before. The handler compares `time` with
/// stimecmp, and under the mask in s4 `cycle` with a hundred times that: the core's clock has
/// 1 GHz, the time base 10 MHz.
fn program(body: u32, mask: u32) -> [u32; 39] {
    [
        0x0000_0297,              // auipc t0, 0
        0x0442_8293,              // addi t0, t0, handler
        0x3052_9073,              // csrw mtvec, t0
        0xfff0_0293,              // li t0, -1
        0x03f2_9293,              // slli t0, t0, 63
        0x30a2_9073,              // csrw menvcfg, t0
        0xc010_2473,              // csrr s0, time
        0x1f44_0413,              // addi s0, s0, 500
        0x14d4_1073,              // csrw stimecmp, s0
        0x0200_0293,              // li t0, 0x20
        0x3042_9073,              // csrw mie, t0
        0x3004_6073,              // csrsi mstatus, 8
        0x0640_0993,              // li s3, 100
        mask << 20 | 0x0000_0a13, // li s4, mask
        body,                     // loop:
        0x0014_8493,              // addi s1, s1, 1
        0xff9f_f06f,              // j loop
        0xc000_2573,              // handler: csrr a0, cycle
        0xc010_25f3,              // csrr a1, time
        0x0334_0333,              // mul t1, s0, s3
        0x4065_0533,              // sub a0, a0, t1
        0x4085_85b3,              // sub a1, a1, s0
        0x0145_7533,              // and a0, a0, s4
        0x00b5_6533,              // or a0, a0, a1
        0x0005_1e63,              // bnez a0, done
        0x0019_0913,              // addi s2, s2, 1
        0x0280_0293,              // li t0, 40
        0x0059_0863,              // beq s2, t0, done
        0x1514_0413,              // addi s0, s0, 337
        0x14d4_1073,              // csrw stimecmp, s0
        0x3020_0073,              // mret
        0x0010_02b7,              // done: lui t0, 0x100
        0x0000_5337,              // lui t1, 5
        0x5553_0313,              // addi t1, t1, 0x555
        0x0005_0663,              // beqz a0, end
        0x0001_3337,              // lui t1, 0x13
        0x3333_0313,              // addi t1, t1, 0x333
        0x0062_a023,              // end: sw t1, 0(t0)
        0xffdf_f06f,              // j end
    ]
}

#[test]
fn in_running_code() {
    run("timer-runs", &program(NOP, 0xfff), &[], 0, &[]);
}

#[test]
fn while_waiting() {
    run("timer-waits", &program(WFI, 0), &[], 0, &[]);
}

/// Four cores run the same program, and interrupt themselves each at its own time.
#[test]
fn on_several_cores() {
    run("timer-four", &program(NOP, 0xfff), &["--set", "cpus=4"], 0, &[]);
}
