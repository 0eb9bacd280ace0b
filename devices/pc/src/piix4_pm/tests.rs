//! Tests of the power management function.

use super::MODEL;
use hetemu_hw::Request;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn power_off_and_timer() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.advance(1_000_000_000_000);
    assert_eq!(b.read(8, 4), 3_579_545);
    b.write(4, 2, 0x2400);
    assert!(b.cx.requests.is_empty(), "another kind of suspension");
    b.write(4, 2, 0x2000);
    assert_eq!(b.cx.requests, [Request::Shutdown(0)]);
}
