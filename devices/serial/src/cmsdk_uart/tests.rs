//! Bus-level tests of the CMSDK UART.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn sends_if_it_is_on() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(0, 0x41);
    assert_eq!(b.sent(0), b"");
    b.w32(8, 5);
    b.w32(0, 0x42);
    assert_eq!(b.sent(0), b"B");
    assert!(b.output(0, 0) && b.output(4, 0) && !b.output(1, 0));
    b.w32(0xc, 1);
    assert!(!b.output(0, 0) && !b.output(4, 0));
    assert_eq!(b.r32(4), 0, "the buffer is empty again");
}

#[test]
fn holds_one_byte() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    assert_eq!(b.dev.receive(&mut b.cx, 0, b"ab"), 0, "not enabled");
    b.w32(8, 0xa);
    assert_eq!(b.dev.receive(&mut b.cx, 0, b"ab"), 1);
    assert_eq!(b.dev.receive(&mut b.cx, 0, b"b"), 0);
    assert_eq!(b.r32(4), 2);
    assert!(b.output(1, 0));
    b.w32(0xc, 2);
    assert!(!b.output(1, 0));
    assert_eq!(b.r32(0), 0x61);
    assert_eq!(b.r32(4), 0);
    assert_eq!(b.r32(0xfe0), 0x21);
}
