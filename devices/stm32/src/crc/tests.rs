//! Register-level tests of the CRC unit.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn known_sums() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    // CRC-32/MPEG-2 of four zero bytes, and of the bytes 12 34 56 78.
    b.w32(0, 0);
    assert_eq!(b.r32(0), 0xc704_dd7b);
    b.w32(8, 1);
    b.w32(0, 0x1234_5678);
    assert_eq!(b.r32(0), 0xdf8a_8a2b);
}
