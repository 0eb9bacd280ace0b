//! Register-level tests of SPI.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

const CR1: u64 = 0x00;
const CR2: u64 = 0x04;
const SR: u64 = 0x08;
const DR: u64 = 0x0c;

/// Virtual time of eight bits at 16 MHz / 2.
const FRAME: u64 = 16 * 62_500;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn a_frame_out_brings_one_of_ones() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(CR1, 0x344);
    b.w32(CR2, 0x40);
    b.w32(DR, 0x55);
    assert_eq!(b.r32(SR), 0x82);
    b.w32(DR, 0xaa);
    assert_eq!(b.r32(SR), 0x80);
    b.advance(FRAME);
    assert_eq!((b.r32(SR), b.output(0, 0)), (0x83, true));
    assert_eq!((b.r32(DR), b.output(0, 0)), (0xff, false));
    b.advance(FRAME);
    assert_eq!((b.r32(SR), b.r32(DR), b.r32(SR)), (3, 0xff, 2));
}

#[test]
fn what_nobody_takes_is_overrun() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(CR1, 0xb44);
    for _ in 0..2 {
        b.w32(DR, 0);
        b.advance(2 * FRAME);
    }
    assert_eq!(b.r32(SR), 0x43);
    assert_eq!((b.r32(DR), b.r32(SR), b.r32(SR)), (0xffff, 0x42, 2));
}

#[test]
fn a_master_that_is_selected_has_lost_the_bus() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(CR1, 0x244);
    assert_eq!((b.r32(CR1), b.r32(SR)), (0x200, 0x22));
}
