//! Bus-level tests of the PL011.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

const DR: u64 = 0x00;
const FR: u64 = 0x18;
const LCR_H: u64 = 0x2c;
const CR: u64 = 0x30;
const IMSC: u64 = 0x38;
const RIS: u64 = 0x3c;
const ICR: u64 = 0x44;

fn uart() -> Bench {
    let mut b = Bench::of(&MODEL, &[], &[("clk", 24_000_000)]);
    b.w32(0x24, 13);
    b.w32(LCR_H, 0x70);
    b.w32(CR, 0x301);
    b
}

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn sends_at_once() {
    let mut b = uart();
    b.w32(DR, b'x'.into());
    b.w8(DR, b'y'.into());
    assert_eq!(b.sent(0), b"xy");
    assert_eq!(b.r32(FR) & 0xf8, 0x90);
    assert_eq!(b.r32(RIS), 0x20);
    assert!(!b.output(0, 0));
    b.w32(IMSC, 0x20);
    assert!(b.output(0, 0));
    b.w32(ICR, 0x20);
    assert!(!b.output(0, 0));
}

#[test]
fn receives_to_a_level_or_after_a_time() {
    let mut b = uart();
    b.w32(IMSC, 0x50);
    assert_eq!(b.dev.receive(&mut b.cx, 0, b"abc"), 3);
    assert!(!b.output(0, 0), "below the level");
    b.advance(2_000_000_000);
    assert_eq!(b.r32(RIS) & 0x50, 0x40);
    assert!(b.output(0, 0));
    assert_eq!(b.dev.receive(&mut b.cx, 0, b"0123456789abcdef"), 13);
    assert_eq!(b.r32(FR) & 0x50, 0x40);
    assert_eq!(b.r32(RIS) & 0x50, 0x50);
    let all: Vec<u8> = (0..16).map(|_| b.r32(DR) as u8).collect();
    assert_eq!(all, b"abc0123456789abc");
    assert_eq!(b.r32(FR) & 0x50, 0x10);
    assert!(!b.output(0, 0));
}

#[test]
fn nothing_comes_in_while_it_is_off() {
    let mut b = uart();
    b.w32(CR, 0x300);
    assert_eq!(b.dev.receive(&mut b.cx, 0, b"a"), 0);
    b.w32(CR, 0x381);
    b.w32(DR, 0x41);
    assert_eq!((b.r32(DR), b.sent(0).len()), (0x41, 0));
}
