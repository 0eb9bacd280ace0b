//! Bus-level tests of the CMSDK timer.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

/// Of a tick at 25 MHz.
const TICK: u64 = 40_000;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn counts_down_and_begins_again() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(8, 9);
    b.w32(4, 4);
    assert_eq!(b.r32(4), 4, "it stands");
    b.w32(0, 9);
    b.advance(3 * TICK);
    assert_eq!(b.r32(4), 1);
    assert!(!b.output(0, 0));
    b.advance(TICK);
    assert!(b.output(0, 0));
    assert_eq!(b.r32(0xc), 1);
    b.w32(0xc, 1);
    assert!(!b.output(0, 0));
    b.advance(9 * TICK);
    assert!(!b.output(0, 0));
    b.advance(TICK);
    assert!(b.output(0, 0));
    b.w32(0, 0);
    b.advance(100 * TICK);
    assert_eq!(b.r32(4), 0, "stopped");
}

#[test]
fn without_a_reload_it_stops_at_0() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(0, 1);
    b.w32(4, 3);
    b.advance(50 * TICK);
    assert_eq!((b.r32(4), b.output(0, 0)), (0, false));
    assert!(b.cx.timers.is_empty());
}
