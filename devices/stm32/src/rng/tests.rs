//! Register-level tests of the random number generator.

use super::{EACH, MODEL};
use hetemu_hw::testing::{Bench, check};

const CR: u64 = 0;
const SR: u64 = 4;
const DR: u64 = 8;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn a_number_at_a_time() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(CR, 0x0c);
    assert_eq!((b.r32(SR), b.r32(DR)), (0, 0));
    b.advance(EACH);
    assert_eq!((b.r32(SR), b.output(0, 0)), (1, true));
    let first = b.r32(DR);
    assert_eq!((b.r32(SR), b.output(0, 0)), (0, false));
    b.advance(EACH);
    assert_ne!(b.r32(DR), first);
}
