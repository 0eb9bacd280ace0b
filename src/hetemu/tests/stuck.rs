//! Guests that cannot go on: each pattern is seen, named and located. The programs are a few RISC-V
//! instructions, written as words.

mod common;

use common::run;

const WFI: u32 = 0x1050_0073;
const MRET: u32 = 0x3020_0073;
const LOOP: u32 = 0x0000_006f;
const CSRW_MTVEC_T0: u32 = 0x3052_9073;
const AUIPC_T0: u32 = 0x0000_0297;
const RDTIME_T1: u32 = 0xc010_2373;

fn addi_t0(n: u32) -> u32 {
    n << 20 | 0x0002_8293
}

/// A jump back by so many bytes.
fn back(n: u32) -> u32 {
    let imm = n.wrapping_neg();
    (imm >> 20 & 1) << 31
        | (imm >> 1 & 0x3ff) << 21
        | (imm >> 11 & 1) << 20
        | (imm >> 12 & 0xff) << 12
        | 0x6f
}

#[test]
fn waiting_for_nothing() {
    run("wfi", &[WFI, back(4)], &[], 5, &["E1101", "hart[0]", "0x8000_0004"]);
}

/// Two thousand calls by code just behind the handler, which returns from each, then the end.
#[test]
fn calls_beside_the_handler_are_no_fault() {
    let program = [
        0x0000_0297,
        0x0102_8293,
        0x3052_9073,
        0x0140_006f,
        0x3410_2373,
        0x0043_0313,
        0x3413_1073,
        0x3020_0073,
        0x7d00_0e13,
        0x0000_0073,
        0x0013_8393,
        0xffc3_9ce3,
        0x0010_02b7,
        0x0000_5337,
        0x5553_0313,
        0x0062_a023,
        0x0000_006f,
    ];
    run("calls", &program, &[], 0, &[]);
}

#[test]
fn running_in_a_circle() {
    run("loop", &[LOOP], &[], 5, &["E1102", "0x8000_0000", "M mode"]);
}

/// A loop that looks at the clock may have an end.
#[test]
fn waiting_for_the_clock_is_no_circle() {
    run("clock", &[RDTIME_T1, back(4)], &[], 4, &["no end within 80ms of virtual time"]);
}

#[test]
fn no_trap_handler() {
    // mtvec is 0, where nothing is.
    run(
        "double",
        &[0],
        &[],
        5,
        &["E1103", "first:", "illegal instruction", "then:", "fetch", "nearest: mrom"],
    );
}

#[test]
fn a_handler_that_changes_nothing() {
    let program = [AUIPC_T0, addi_t0(16), CSRW_MTVEC_T0, 0, MRET];
    run("again", &program, &[], 5, &["E1104", "illegal instruction", "0x8000_000C"]);
}

#[test]
fn strict_stops_at_nothing() {
    // lw t0, 0(zero)
    run(
        "strict",
        &[0x0000_2283],
        &["--strict"],
        5,
        &["E1105", "reads 0x0000_0000", "nearest: mrom"],
    );
}

/// The finisher's exit codes: lui t0, 0x100; lui t1, CODE << 4; addi t1, 0x333 - sign; sw t1,
/// 0(t0).
#[test]
fn exit_codes() {
    // 0x0005_3333: failed with code 5.
    let program = [0x0010_02b7, 0x0005_3337, 0x3333_0313, 0x0062_a023, LOOP];
    run("fail5", &program, &[], 5, &[]);
    // 0x5555: passed.
    let program = [0x0010_02b7, 0x0000_5337, 0x5553_0313, 0x0062_a023, LOOP];
    run("pass", &program, &[], 0, &[]);
}
