//! Register-level tests of the external interrupts.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

const IMR: u64 = 0x00;
const EMR: u64 = 0x04;
const RTSR: u64 = 0x08;
const FTSR: u64 = 0x0c;
const SWIER: u64 = 0x10;
const PR: u64 = 0x14;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn chosen_edges_are_pending_and_the_mask_lets_them_through() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(RTSR, 0x41);
    b.w32(FTSR, 0x400);
    b.w32(IMR, 0x441);
    b.signal(0, 0, true);
    assert!(b.output(0, 0) && !b.output(1, 0));
    b.signal(0, 6, true);
    b.signal(0, 10, true);
    assert_eq!((b.r32(PR), b.output(1, 0), b.output(2, 0)), (0x41, true, false));
    b.signal(0, 10, false);
    assert!(b.output(2, 0));
    b.w32(PR, 0x41);
    assert_eq!((b.r32(PR), b.output(0, 0), b.output(1, 0)), (0x400, false, false));
    b.w32(IMR, 0);
    assert!(!b.output(2, 0));
}

#[test]
fn software_makes_edges_and_events_wake() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(SWIER, 2);
    assert_eq!(b.r32(PR), 0);
    b.w32(SWIER, 0);
    b.w32(PR, 2);
    b.w32(IMR, 2);
    b.w32(SWIER, 2);
    assert_eq!((b.r32(SWIER), b.output(0, 1)), (2, true));
    b.w32(PR, 2);
    assert_eq!((b.r32(SWIER), b.r32(PR)), (0, 0));
    b.w32(EMR, 0x10);
    b.w32(RTSR, 0x10);
    b.signal(0, 4, true);
    assert_eq!(b.cx.pulses, [(3, 0)]);
}
