//! Bus-level tests of TIMER.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

/// A period of 16 MHz.
const TICK: u64 = 62_500;
const START: u64 = 0x00;
const STOP: u64 = 0x04;
const COUNT: u64 = 0x08;
const CLEAR: u64 = 0x0c;
const CAPTURE: u64 = 0x40;
const COMPARE: u64 = 0x140;
const SHORTS: u64 = 0x200;
const INTENSET: u64 = 0x304;
const MODE: u64 = 0x504;
const BITMODE: u64 = 0x508;
const PRESCALER: u64 = 0x510;
const CC: u64 = 0x540;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    check::all(&MODEL, &[("channels", 4)]);
}

#[test]
fn compares_and_clears_itself() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(PRESCALER, 0);
    b.w32(CC, 1000);
    b.w32(SHORTS, 1);
    b.w32(INTENSET, 1 << 16);
    b.w32(START, 1);
    b.advance(1000 * TICK - 1);
    assert_eq!((b.r32(COMPARE), b.output(0, 0)), (0, false));
    b.advance(1);
    assert_eq!((b.r32(COMPARE), b.output(0, 0)), (1, true));
    assert_eq!(b.cx.pulses, [(1, 16)]);
    b.w32(COMPARE, 0);
    assert!(!b.output(0, 0));
    b.advance(250 * TICK);
    b.w32(CAPTURE + 4, 1);
    assert_eq!(b.r32(CC + 4), 250);
    b.advance(750 * TICK);
    assert_eq!(b.r32(COMPARE), 1);
}

#[test]
fn widths_prescalers_and_stops() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(BITMODE, 1);
    b.w32(PRESCALER, 4);
    b.w32(START, 1);
    b.advance(300 * 16 * TICK);
    b.w32(CAPTURE, 1);
    assert_eq!(b.r32(CC), 300 - 256);
    b.w32(STOP, 1);
    b.advance(1000 * TICK);
    b.w32(CAPTURE, 1);
    assert_eq!(b.r32(CC), 44);
    b.w32(START, 1);
    b.advance(16 * TICK);
    b.w32(CAPTURE, 1);
    assert_eq!(b.r32(CC), 45);
    b.w32(CLEAR, 1);
    b.w32(CAPTURE, 1);
    assert_eq!(b.r32(CC), 0);
}

#[test]
fn counts_tasks_also_through_its_wires() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(MODE, 1);
    b.w32(CC + 8, 3);
    b.w32(SHORTS, 1 << 10);
    b.w32(START, 1);
    b.w32(COUNT, 1);
    b.signal(0, 2, true);
    assert_eq!(b.r32(COMPARE + 8), 0);
    b.w32(COUNT, 1);
    assert_eq!(b.r32(COMPARE + 8), 1);
    // The shortcut has stopped it.
    b.w32(COUNT, 1);
    b.w32(CAPTURE, 1);
    assert_eq!(b.r32(CC), 3);
}
