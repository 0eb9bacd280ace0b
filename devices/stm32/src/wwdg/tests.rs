//! Register-level tests of the window watchdog.

use super::MODEL;
use hetemu_hw::Request;
use hetemu_hw::testing::{Bench, check};

const CR: u64 = 0;
const CFR: u64 = 4;
const SR: u64 = 8;

/// Virtual time of a count at 16 MHz.
const COUNT: u64 = 4096 * 62_500;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn warns_at_0x40_and_resets_below() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(CFR, 0x27f);
    b.w32(CR, 0xff);
    b.advance(62 * COUNT);
    assert_eq!((b.r32(CR), b.output(0, 0)), (0xc1, false));
    b.advance(COUNT);
    assert_eq!((b.r32(CR), b.r32(SR), b.output(0, 0)), (0xc0, 1, true));
    b.w32(CR, 0xc1);
    b.w32(SR, 0);
    b.advance(2 * COUNT - 1);
    assert!(b.cx.requests.is_empty());
    b.advance(1);
    assert_eq!(b.cx.requests, [Request::Reset]);
}

#[test]
fn a_write_above_the_window_resets() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(CFR, 0x50);
    b.w32(CR, 0xff);
    b.advance(0x2f * COUNT);
    b.w32(CR, 0xff);
    assert!(b.cx.requests.is_empty());
    b.w32(CR, 0xff);
    assert_eq!(b.cx.requests, [Request::Reset]);
}
