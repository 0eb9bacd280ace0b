//! Bus-level tests of the dual timer.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

/// Of a tick at 25 MHz.
const TICK: u64 = 40_000;

const LOAD: u64 = 0x00;
const VALUE: u64 = 0x04;
const CONTROL: u64 = 0x08;
const INTCLR: u64 = 0x0c;
const RIS: u64 = 0x10;
const MIS: u64 = 0x14;
const BGLOAD: u64 = 0x18;
const SECOND: u64 = 0x20;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn periodic_of_32_bits() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    assert_eq!((b.r32(VALUE), b.r32(CONTROL)), (0xffff_ffff, 0x20));
    b.w32(LOAD, 99_999);
    b.w32(CONTROL, 0xe2);
    b.advance(99_999 * TICK);
    assert_eq!((b.r32(VALUE), b.r32(MIS), b.output(0, 0)), (0, 1, true));
    b.advance(TICK);
    assert_eq!((b.r32(VALUE), b.cx.timers.len()), (99_999, 0));
    b.w32(BGLOAD, 9);
    b.w32(INTCLR, 0);
    assert_eq!((b.r32(LOAD), b.r32(RIS), b.output(2, 0)), (9, 0, false));
    b.advance(99_999 * TICK);
    assert!(b.output(0, 0) && b.output(2, 0) && !b.output(1, 0));
    b.advance(TICK);
    assert_eq!(b.r32(VALUE), 9, "the background value begins now");
    b.w32(CONTROL, 0xc2);
    assert_eq!((b.r32(RIS), b.r32(MIS), b.output(0, 0)), (1, 0, false));
}

#[test]
fn one_shot_with_a_prescaler_on_the_second() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(SECOND + LOAD, 0x5_0003);
    b.w32(SECOND + CONTROL, 0xa5);
    b.advance(17 * TICK);
    assert_eq!(b.r32(SECOND + VALUE), 0x5_0002, "only 16 bits count");
    b.advance(31 * TICK);
    assert_eq!((b.r32(SECOND + VALUE), b.output(1, 0), b.output(0, 0)), (0x5_0000, true, false));
    b.w32(SECOND + INTCLR, 0);
    b.advance(1000 * TICK);
    assert_eq!((b.r32(SECOND + RIS), b.cx.timers.len()), (0, 0));
    b.w32(SECOND + LOAD, 1);
    b.advance(16 * TICK);
    assert!(b.output(1, 0) && b.output(2, 0));
}

#[test]
fn free_running_wraps_and_stopping_keeps_the_count() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(LOAD, 10);
    b.w32(CONTROL, 0x80);
    b.advance(11 * TICK);
    assert_eq!((b.r32(VALUE), b.r32(RIS), b.output(0, 0)), (0xffff, 1, false));
    b.advance(15 * TICK);
    b.w32(CONTROL, 0);
    b.advance(15 * TICK);
    assert_eq!(b.r32(VALUE), 0xfff0);
    b.w32(CONTROL, 0x80);
    b.advance(TICK);
    assert_eq!(b.r32(VALUE), 0xffef);
}

#[test]
fn nothing_to_load_interrupts_at_once() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(CONTROL, 0xe2);
    b.w32(LOAD, 0);
    assert!(b.output(0, 0));
    b.w32(CONTROL, 0x20);
    b.w32(INTCLR, 0);
    b.w32(0xf00, 1);
    b.w32(0xf04, 2);
    assert!(!b.output(0, 0) && b.output(1, 0) && b.output(2, 0));
    assert_eq!([0xfe0, 0xfe4, 0xfd0].map(|at| b.r32(at)), [0x23, 0xb8, 4]);
}
