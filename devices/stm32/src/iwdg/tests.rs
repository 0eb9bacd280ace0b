//! Register-level tests of the independent watchdog.

use super::MODEL;
use hetemu_hw::Request;
use hetemu_hw::testing::{Bench, check};

const KR: u64 = 0;
const PR: u64 = 4;
const RLR: u64 = 8;

/// Virtual time of a count with a prescaler of 4, at 32 kHz.
const COUNT: u64 = 125_000_000;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn resets_unless_it_is_reloaded() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(RLR, 99);
    assert_eq!(b.r32(RLR), 0xfff);
    b.w32(KR, 0x5555);
    b.w32(RLR, 99);
    b.w32(PR, 1);
    b.w32(KR, 0xcccc);
    b.advance(199 * COUNT);
    b.w32(KR, 0xaaaa);
    b.advance(199 * COUNT);
    assert!(b.cx.requests.is_empty());
    b.advance(COUNT);
    assert_eq!((b.cx.requests.as_slice(), b.cx.pulses.len()), (&[Request::Reset][..], 1));
}
