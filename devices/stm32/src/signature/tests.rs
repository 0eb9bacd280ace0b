//! Register-level tests of the signature.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn tells_id_and_size() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(0x10, 0);
    assert_eq!((b.r32(0x10), b.read(0x22, 2)), (u64::from(u32::from_le_bytes(*b"hete")), 1024));
}
