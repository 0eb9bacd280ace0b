//! Bus-level tests of the watchdog.

use super::{CMSDK, MODEL};
use hetemu_hw::Request;
use hetemu_hw::testing::{Bench, check};

/// Of a tick at 1 MHz.
const TICK: u64 = 1_000_000;

const LOAD: u64 = 0x000;
const VALUE: u64 = 0x004;
const CONTROL: u64 = 0x008;
const INTCLR: u64 = 0x00c;
const RIS: u64 = 0x010;
const LOCK: u64 = 0xc00;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    check::all(&CMSDK, &[]);
}

#[test]
fn warns_then_resets() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(LOAD, 99);
    b.w32(CONTROL, 3);
    b.advance(99 * TICK);
    assert_eq!((b.r32(VALUE), b.output(0, 0)), (0, false));
    b.advance(TICK);
    assert_eq!((b.r32(VALUE), b.r32(RIS), b.output(0, 0)), (99, 1, true));
    // Cleared in time it begins again.
    b.advance(50 * TICK);
    b.w32(INTCLR, 0);
    assert_eq!((b.r32(VALUE), b.output(0, 0)), (99, false));
    b.advance(199 * TICK);
    assert!(b.output(0, 0) && b.cx.requests.is_empty());
    b.advance(TICK);
    assert_eq!(b.cx.requests, [Request::Reset]);
    b.advance(1000 * TICK);
    assert_eq!(b.cx.requests.len(), 1);
}

#[test]
fn without_resen_it_only_warns() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(LOAD, 9);
    b.w32(CONTROL, 1);
    b.advance(1005 * TICK);
    assert!(b.output(0, 0) && b.cx.requests.is_empty() && b.cx.timers.is_empty());
    assert_eq!(b.r32(VALUE), 4);
    b.w32(CONTROL, 0);
    b.advance(TICK);
    assert_eq!((b.r32(VALUE), b.output(0, 0)), (4, false));
}

#[test]
fn locked_it_ignores_writes() {
    let mut b = Bench::of(&MODEL, &[("periph_id", 0x0118_1805)], &[]);
    b.w32(LOCK, 1);
    b.w32(LOAD, 5);
    assert_eq!((b.r32(LOCK), b.r32(LOAD)), (1, 0xffff_ffff));
    b.w32(LOCK, 0x1acc_e551);
    b.w32(LOAD, 5);
    assert_eq!((b.r32(LOCK), b.r32(LOAD)), (0, 5));
    assert_eq!([0xfe0, 0xfe4, 0xfe8, 0xfec].map(|at| b.r32(at)), [5, 0x18, 0x18, 1]);
}

#[test]
fn the_design_kits_has_its_own_identification() {
    let mut b = Bench::of(&CMSDK, &[], &[]);
    let ids = [0xfd0, 0xfe0, 0xfe4, 0xfe8, 0xfec, 0xff0].map(|at| b.r32(at));
    assert_eq!(ids, [0x04, 0x24, 0xb8, 0x1b, 0x00, 0x0d]);
}
