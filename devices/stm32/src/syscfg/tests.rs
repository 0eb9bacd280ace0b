//! Register-level tests of the system configuration.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn a_line_follows_the_port_that_is_chosen() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.signal(0, 5, true);
    assert!(b.output(0, 5));
    // EXTICR2: line 5 from port C.
    b.w32(0x0c, 2 << 4);
    assert!(!b.output(0, 5));
    b.signal(0, 2 * 16 + 5, true);
    assert!(b.output(0, 5));
    b.w32(0x0c, 15 << 4);
    assert!(!b.output(0, 5));
    b.w32(0x20, 1);
    assert_eq!(b.r32(0x20), 0x101);
}
