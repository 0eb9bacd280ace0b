//! Register-level tests of I2C.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

const CR1: u64 = 0x00;
const CR2: u64 = 0x04;
const DR: u64 = 0x10;
const SR1: u64 = 0x14;
const SR2: u64 = 0x18;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn nobody_acknowledges() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(CR2, 0x300);
    b.w32(CR1, 0x101);
    assert_eq!((b.r32(SR1), b.r32(SR2), b.r32(CR1)), (1, 3, 1));
    assert!(b.output(0, 0) && !b.output(1, 0));
    b.w32(DR, 0xa0);
    assert_eq!(b.r32(SR1), 0x400);
    assert!(!b.output(0, 0) && b.output(1, 0));
    b.w32(SR1, 0);
    b.w32(CR1, 0x201);
    assert_eq!((b.r32(SR1), b.r32(SR2), b.output(1, 0)), (0, 0, false));
    b.w32(CR1, 0x8000);
    assert_eq!((b.r32(CR1), b.r32(CR2)), (0x8000, 0));
}
