//! Register-level tests of the debug support.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[("idcode", 0x2000_6411)]);
}

#[test]
fn tells_who_it_is() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(0, 0);
    b.w32(8, 1);
    assert_eq!((b.r32(0) & 0xfff, b.r32(8)), (0x413, 1));
}
