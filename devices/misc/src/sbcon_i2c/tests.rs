//! Bus-level tests of the two-wire interface.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn nobody_acknowledges() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    assert_eq!(b.r32(0), 3);
    // A start: data falls while the clock is high, then the clock.
    b.w32(4, 2);
    assert_eq!(b.r32(0), 1);
    b.w32(4, 1);
    assert_eq!(b.r32(0), 0);
    // The ninth bit, which the other end would pull low.
    b.w32(0, 2);
    b.w32(0, 1);
    assert_eq!(b.r32(0), 3);
}
