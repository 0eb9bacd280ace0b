//! Bus-level tests of the finisher.

use super::MODEL;
use hetemu_hw::Request;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn ends_the_run() {
    for (value, request) in [
        (0x5555, Some(Request::Shutdown(0))),
        (0x2a_3333, Some(Request::Shutdown(42))),
        (0x3333, Some(Request::Shutdown(0))),
        (0x7777, Some(Request::Reset)),
        (0x1234, None),
    ] {
        let mut b = Bench::of(&MODEL, &[], &[]);
        b.w32(0, value);
        assert_eq!(b.cx.requests, Vec::from_iter(request), "{value:#x}");
    }
}
