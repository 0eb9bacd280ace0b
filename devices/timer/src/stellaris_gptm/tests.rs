//! Bus-level tests of the Stellaris timer.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

/// Of a tick at 50 MHz.
const TICK: u64 = 20_000;

const CFG: u64 = 0x00;
const TAMR: u64 = 0x04;
const TBMR: u64 = 0x08;
const CTL: u64 = 0x0c;
const IMR: u64 = 0x18;
const RIS: u64 = 0x1c;
const ICR: u64 = 0x24;
const TAILR: u64 = 0x28;
const TBILR: u64 = 0x2c;
const TBPR: u64 = 0x3c;
const TAR: u64 = 0x48;
const TBR: u64 = 0x4c;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn periodic_of_32_bits() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(TAMR, 2);
    b.w32(TAILR, 99_999);
    b.w32(IMR, 1);
    b.w32(CTL, 1);
    assert_eq!(b.r32(TAR), 99_999);
    b.advance(99_999 * TICK);
    assert_eq!((b.r32(TAR), b.output(0, 0)), (0, false));
    b.advance(TICK);
    assert_eq!((b.r32(TAR), b.r32(RIS), b.output(0, 0)), (99_999, 1, true));
    // Pending: later ends change nothing, and nothing is scheduled.
    b.advance(250_000 * TICK);
    assert!(b.cx.timers.is_empty());
    assert_eq!(b.r32(TAR), 49_999);
    b.w32(ICR, 1);
    assert!(!b.output(0, 0));
    b.advance(49_999 * TICK);
    assert!(!b.output(0, 0));
    b.advance(TICK);
    assert!(b.output(0, 0));
}

#[test]
fn one_shot_of_16_bits_with_a_prescaler() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(CFG, 4);
    b.w32(TBMR, 1);
    b.w32(TBPR, 9);
    b.w32(TBILR, 4);
    b.w32(IMR, 0x100);
    b.w32(CTL, 0x100);
    b.advance(19 * TICK);
    assert_eq!(b.r32(TBR), 3);
    b.advance(30 * TICK);
    assert_eq!((b.r32(TBR), b.r32(RIS)), (0, 0));
    b.advance(TICK);
    assert_eq!((b.r32(RIS), b.r32(CTL), b.r32(TBR)), (0x100, 0, 4));
    assert_eq!((b.output(0, 0), b.output(1, 0)), (false, true));
    assert!(b.cx.timers.is_empty());
}

#[test]
fn a_new_load_value_counts_at_once_and_disabling_stops() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(TAMR, 1);
    b.w32(CTL, 1);
    b.advance(5 * TICK);
    b.w32(TAILR, 20);
    b.advance(4 * TICK);
    assert_eq!(b.r32(TAR), 16);
    b.w32(CTL, 0);
    b.advance(100 * TICK);
    assert_eq!((b.r32(TAR), b.r32(RIS)), (16, 0));
}

#[test]
fn other_modes_are_reported() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(CFG, 1);
    b.w32(CTL, 1);
    assert_eq!(b.cx.unimplemented.len(), 1);
    assert_eq!(b.r32(CTL), 1);
}

#[test]
fn ends_trigger_the_converter() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(TAMR, 2);
    b.w32(TAILR, 99);
    b.w32(CTL, 0x21);
    b.advance(350 * TICK);
    assert_eq!(b.cx.pulses, [(2, 0); 3]);
    b.w32(CTL, 1);
    b.advance(1000 * TICK);
    assert_eq!(b.cx.pulses.len(), 3);
}

#[test]
fn another_clock_goes_on_where_the_count_is() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(TAILR, 99);
    b.w32(TAMR, 2);
    b.w32(CTL, 1);
    b.advance(49 * TICK);
    b.rate(0, 1_000_000);
    assert_eq!(b.r32(TAR), 50);
    b.advance(10 * 50 * TICK);
    assert_eq!((b.r32(TAR), b.r32(RIS)), (40, 0));
    b.rate(0, 0);
    b.advance(41 * TICK);
    assert_eq!((b.r32(TAR), b.r32(RIS)), (99, 1));
}
