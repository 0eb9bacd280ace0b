//! Bus-level tests of the reset controller.

use super::MODEL;
use super::regs::*;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    check::all(&MODEL, &[("lines", 32), ("released", 0xffff_0001)]);
}

#[test]
fn lines_are_held_until_they_are_released() {
    let mut b = Bench::of(&MODEL, &[("lines", 3), ("released", 0b100)], &[]);
    assert_eq!((b.r32(HOLD), b.r32(LINES)), (0b011, 3));
    assert_eq!([0, 1, 2].map(|line| b.output(0, line)), [true, true, false]);
    b.w32(HOLD, 0b001);
    assert_eq!([0, 1, 2].map(|line| b.output(0, line)), [true, false, false]);
    b.w32(HOLD, 0xffff_ffff);
    assert_eq!(b.r32(HOLD), 0b111);
}

#[test]
fn a_reset_leaves_the_lines_as_they_were() {
    let mut b = Bench::of(&MODEL, &[("lines", 2), ("released", 0b10)], &[]);
    b.w32(RESET, 0b11);
    assert_eq!([0, 1].map(|line| b.output(0, line)), [true, false]);
    assert_eq!(b.r32(HOLD), 0b01);
}
