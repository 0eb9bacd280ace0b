//! Bus-level tests.

use super::MODEL;
use hetemu_hw::Request;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn exits_with_the_low_byte() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(0, 0x1234_5607);
    assert_eq!(b.cx.requests, [Request::Shutdown(7)]);
}
