//! Bus-level tests of the port.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

/// Of a tick at 25 MHz.
const TICK: u64 = 40_000;

const CR0: u64 = 0x00;
const CR1: u64 = 0x04;
const DR: u64 = 0x08;
const SR: u64 = 0x0c;
const CPSR: u64 = 0x10;
const IMSC: u64 = 0x14;
const RIS: u64 = 0x18;
const MIS: u64 = 0x1c;
const ICR: u64 = 0x20;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    check::all(&MODEL, &[("periph_id", 0x0118_0022)]);
}

/// A port that sends frames of a size, each bit in two ticks.
fn port(bits: u64, cr1: u64) -> Bench {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(CR0, bits - 1);
    b.w32(CPSR, 3);
    b.w32(CR1, cr1);
    b
}

#[test]
fn frames_take_their_time() {
    let mut b = port(8, 2);
    assert_eq!((b.r32(CPSR), b.r32(SR)), (2, 3));
    b.w32(DR, 0x155);
    b.w32(DR, 0xaa);
    assert_eq!(b.r32(SR), 0x12, "one on the wire, one waits");
    b.advance(16 * TICK - 1);
    assert_eq!(b.r32(SR), 0x12);
    b.advance(1);
    assert_eq!(b.r32(SR), 0x17);
    b.advance(16 * TICK);
    assert_eq!((b.r32(SR), b.r32(DR), b.r32(DR), b.r32(SR)), (7, 0xff, 0xff, 3));
}

#[test]
fn loopback_brings_frames_back() {
    let mut b = port(13, 3);
    for n in 0..4 {
        b.w32(DR, 0xfff0 + n);
    }
    b.advance(1000 * TICK);
    let all = [DR, DR, DR, DR].map(|at| b.r32(at));
    assert_eq!(all, [0x1ff0, 0x1ff1, 0x1ff2, 0x1ff3]);
}

#[test]
fn interrupts_of_levels_overrun_and_quiet() {
    let mut b = port(16, 2);
    b.w32(IMSC, 4);
    for _ in 0..9 {
        b.w32(DR, 0);
    }
    assert_eq!((b.r32(SR), b.r32(RIS)), (0x10, 0), "full, and one on the wire");
    b.w32(DR, 0);
    b.advance(4 * 32 * TICK);
    assert_eq!((b.r32(RIS), b.r32(MIS), b.output(0, 0)), (0xc, 4, true));
    b.advance(5 * 32 * TICK);
    assert_eq!((b.r32(SR), b.r32(RIS)), (0xf, 0xd), "the tenth was lost, the ninth overran");
    b.w32(ICR, 1);
    for _ in 0..5 {
        b.r32(DR);
    }
    assert_eq!((b.r32(RIS), b.output(0, 0)), (8, false));
    b.w32(IMSC, 2);
    b.advance(63 * TICK);
    assert!(!b.output(0, 0));
    b.advance(TICK);
    assert!(b.output(0, 0), "nobody read for 32 bits");
    for _ in 0..3 {
        b.r32(DR);
    }
    assert!(!b.output(0, 0));
}

#[test]
fn off_or_as_a_slave_it_sends_nothing() {
    for cr1 in [0, 6] {
        let mut b = port(8, cr1);
        b.w32(DR, 1);
        b.advance(1000 * TICK);
        assert_eq!((b.r32(SR), b.cx.timers.len()), (0x12, 0), "{cr1}");
    }
}
