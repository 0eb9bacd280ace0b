//! Register-level tests of power control.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn regulators_are_ready() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    assert_eq!((b.r32(0), b.r32(4)), (0x4000, 0x4000));
    b.w32(4, 0x200);
    assert_eq!(b.r32(4), 0x4208);
    // Bits that clear flags do not stay.
    b.w32(0, 0x10c);
    assert_eq!(b.r32(0), 0x100);
}
