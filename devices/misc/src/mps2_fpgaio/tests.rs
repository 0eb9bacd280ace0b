//! Bus-level tests of the block.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};
use hetemu_hw::time::SECOND;

/// Of a tick at 25 MHz.
const TICK: u64 = 40_000;

const LED0: u64 = 0x00;
const BUTTON: u64 = 0x08;
const CLK1HZ: u64 = 0x10;
const CLK100HZ: u64 = 0x14;
const COUNTER: u64 = 0x18;
const PRESCALE: u64 = 0x1c;
const PSCNTR: u64 = 0x20;
const MISC: u64 = 0x4c;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn seconds_and_hundredths() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.advance(5 * SECOND / 2);
    assert_eq!((b.r32(CLK1HZ), b.r32(CLK100HZ)), (2, 250));
    b.w32(CLK100HZ, 7);
    b.w32(CLK1HZ, 0xffff_ffff);
    b.advance(SECOND);
    assert_eq!((b.r32(CLK1HZ), b.r32(CLK100HZ)), (0, 107));
    b.reset();
    b.advance(SECOND);
    assert_eq!((b.r32(CLK1HZ), b.r32(CLK100HZ)), (1, 100));
}

#[test]
fn the_counter_counts_ends_of_the_prescaler() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.advance(10 * TICK);
    assert_eq!((b.r32(COUNTER), b.r32(PSCNTR)), (10, 0));
    b.w32(COUNTER, 0);
    b.w32(PRESCALE, 9);
    let mut seen = Vec::new();
    for _ in 0..13 {
        b.advance(TICK);
        seen.push((b.r32(COUNTER), b.r32(PSCNTR)));
    }
    assert_eq!(seen[..3], [(1, 9), (1, 8), (1, 7)]);
    assert_eq!(seen[8..12], [(1, 1), (1, 0), (2, 9), (2, 8)]);
    b.w32(PSCNTR, 100);
    b.advance(101 * TICK);
    assert_eq!((b.r32(COUNTER), b.r32(PSCNTR)), (3, 9));
}

#[test]
fn leds_buttons_and_pins() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(LED0, 0xe);
    b.w32(MISC, 0xffff);
    b.signal(0, 0, true);
    assert_eq!((b.r32(LED0), b.r32(BUTTON), b.r32(MISC)), (2, 1, 0x3ff));
    assert_eq!((b.output(0, 0), b.output(0, 1), b.output(1, 9)), (false, true, true));
}
