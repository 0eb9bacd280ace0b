//! Bus-level tests of the security control.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn gates_and_controllers() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(0x14, 7);
    assert_eq!((b.r32(0x14), b.output(0, 0), b.output(1, 0)), (3, true, true));
    b.w32(0x14, 2);
    assert!(!b.output(0, 0) && b.output(1, 0));
    b.w32(0x84, 0x1_0020);
    assert_eq!((b.r32(0x84), b.r32(0xfe0)), (0x20, 0x52));
    b.signal(0, 17, true);
    assert_eq!((b.r32(0x1c), b.output(2, 0)), (1 << 17, true));
    b.reset();
    assert_eq!((b.r32(0x14), b.r32(0x84), b.r32(0x1c)), (0, 0, 1 << 17));
    b.signal(0, 17, false);
    assert!(!b.output(2, 0));
}
