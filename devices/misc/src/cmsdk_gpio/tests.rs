//! Bus-level tests of the GPIO.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

const DATA: u64 = 0x00;
const DATAOUT: u64 = 0x04;
const OUTENSET: u64 = 0x10;
const OUTENCLR: u64 = 0x14;
const INTENSET: u64 = 0x20;
const INTENCLR: u64 = 0x24;
const INTTYPESET: u64 = 0x28;
const INTPOLSET: u64 = 0x30;
const INTSTATUS: u64 = 0x38;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn pins_drive_and_read() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.signal(0, 15, true);
    b.w32(OUTENSET, 0x0f0f);
    b.w32(DATAOUT, 0xffff);
    assert_eq!((b.r32(DATA), b.r32(DATAOUT), b.r32(OUTENCLR)), (0x8f0f, 0xffff, 0x0f0f));
    b.w32(OUTENCLR, 0x000f);
    assert!(b.output(0, 11) && !b.output(0, 3) && !b.output(0, 12));
    // Windows: two pins of the low byte, one of the high byte.
    b.w32(0x400 + (0x03 << 2), 0x01);
    b.w32(0x800 + (0x08 << 2), 0xf7ff);
    assert_eq!(b.r32(DATAOUT), 0xf7fd);
    assert_eq!((b.r32(0x800 + (0x87 << 2)), b.r32(0x400 + (0xff << 2))), (0x8700, 0));
}

#[test]
fn levels_and_edges_are_kept_until_cleared() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(INTTYPESET, 0x3);
    b.w32(INTPOLSET, 0x5);
    b.w32(INTENSET, 0x7);
    for pin in 0..3 {
        b.signal(0, pin, true);
    }
    // Pin 0 rose, pin 1 waits for a fall, pin 2 is high.
    assert_eq!(b.r32(INTSTATUS), 0x5);
    assert!(b.output(1, 0) && !b.output(1, 1) && b.output(1, 2) && b.output(2, 0));
    b.w32(INTSTATUS, 0xff);
    assert_eq!(b.r32(INTSTATUS), 0x4, "still high");
    for pin in 0..3 {
        b.signal(0, pin, false);
    }
    assert_eq!(b.r32(INTSTATUS), 0x6);
    b.w32(INTSTATUS, 0x6);
    assert!(!b.output(2, 0));
    b.w32(INTENCLR, 0x7);
    b.signal(0, 0, true);
    assert_eq!((b.r32(INTSTATUS), b.r32(INTENSET)), (0, 0));
}
