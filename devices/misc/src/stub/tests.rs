//! Bus-level tests of the stub.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[("size", 0x100)]);
}

#[test]
fn counts_every_access() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    assert_eq!(b.read(0x10, 4), 0);
    b.write(0x20, 1, 5);
    let places: Vec<_> = b.cx.unimplemented.iter().map(|(_, at, write)| (*at, *write)).collect();
    assert_eq!(places, [(0x10, false), (0x20, true)]);
}
