//! Tests of the gates.

use super::{LATCH, NOT, OR};
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&OR, &[("width", 1024)]);
    check::all(&NOT, &[]);
    check::all(&LATCH, &[]);
}

#[test]
fn or_is_high_while_any_input_is() {
    let mut b = Bench::of(&OR, &[("width", 70)], &[]);
    assert!(!b.output(0, 0));
    b.signal(0, 3, true);
    b.signal(0, 69, true);
    b.signal(0, 3, false);
    assert!(b.output(0, 0));
    b.reset();
    assert!(b.output(0, 0), "the line is still high");
    b.signal(0, 69, false);
    assert!(!b.output(0, 0));
}

#[test]
fn not_inverts_from_the_start() {
    let mut b = Bench::of(&NOT, &[], &[]);
    assert!(b.output(0, 0));
    b.signal(0, 0, true);
    assert!(!b.output(0, 0));
}

#[test]
fn a_latch_holds_a_pulse_until_it_is_cleared() {
    let mut b = Bench::of(&LATCH, &[], &[]);
    b.signal(0, 0, true);
    b.signal(0, 0, false);
    assert!(b.output(0, 0));
    b.signal(1, 0, true);
    assert!(!b.output(0, 0));
}
