//! Bus-level tests of the 8254.

use super::MODEL;
use super::regs::*;
use hetemu_hw::testing::{Bench, check};

/// A clock of 1 MHz: a count is a microsecond.
const US: u64 = 1_000_000;

fn pit(props: &[(&str, u64)]) -> Bench {
    Bench::of(&MODEL, props, &[("clk", 1_000_000)])
}

fn load(b: &mut Bench, counter: u64, control: u64, count: u64) {
    b.w8(CONTROL, counter << 6 | 0x30 | control);
    b.w8(counter, count & 0xff);
    b.w8(counter, count >> 8);
}

fn count(b: &mut Bench, counter: u64) -> u64 {
    b.w8(CONTROL, counter << 6);
    b.r8(counter) | b.r8(counter) << 8
}

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    check::all(&MODEL, &[("gated", 1)]);
}

#[test]
fn mode_0_counts_down_and_goes_high_once() {
    let mut b = pit(&[]);
    load(&mut b, 0, 0 << 1, 1000);
    assert!(!b.output(0, 0));
    b.advance(400 * US);
    assert_eq!(count(&mut b, 0), 600);
    b.advance(599 * US);
    assert!(!b.output(0, 0));
    b.advance(US);
    assert!(b.output(0, 0));
    b.advance(10 * US);
    assert_eq!(count(&mut b, 0), 0xfff6, "it wraps");
}

#[test]
fn mode_2_comes_round() {
    let mut b = pit(&[]);
    load(&mut b, 0, 2 << 1, 100);
    b.advance(250 * US);
    assert!(b.output(0, 0));
    assert_eq!(count(&mut b, 0), 50);
    assert_eq!(b.cx.timers.get(&0).map(|at| at / US), Some(300));
}

#[test]
fn mode_3_is_a_square_wave() {
    let mut b = pit(&[("gated", 1)]);
    load(&mut b, 2, 3 << 1, 100);
    assert!(b.output(1, 0), "OUT is high while GATE is low");
    b.signal(0, 0, true);
    b.advance(49 * US);
    assert!(b.output(1, 0));
    b.advance(2 * US);
    assert!(!b.output(1, 0));
    b.advance(50 * US);
    assert!(b.output(1, 0));
}

#[test]
fn a_low_gate_stops_mode_0() {
    let mut b = pit(&[("gated", 1)]);
    b.signal(0, 0, true);
    load(&mut b, 2, 0, 1000);
    b.advance(300 * US);
    b.signal(0, 0, false);
    b.advance(5000 * US);
    assert_eq!(count(&mut b, 2), 700);
    b.signal(0, 0, true);
    b.advance(699 * US);
    assert!(!b.output(1, 0));
    b.advance(US);
    assert!(b.output(1, 0));
}

#[test]
fn counts_are_latched_and_read_back_with_their_status() {
    let mut b = pit(&[]);
    load(&mut b, 0, 2 << 1, 0x1234);
    b.w8(CONTROL, 0x00);
    b.advance(0x34 * US);
    assert_eq!(b.r8(0) | b.r8(0) << 8, 0x1234);
    b.w8(CONTROL, 0xc2);
    assert_eq!(b.r8(0), 0xb4, "OUT, loaded, both bytes, mode 2");
    assert_eq!(b.r8(0) | b.r8(0) << 8, 0x1200);
}

#[test]
fn bcd_counts_in_decimal() {
    let mut b = pit(&[]);
    load(&mut b, 0, 1, 0x1000);
    b.advance(US);
    assert_eq!(count(&mut b, 0), 0x0999);
    load(&mut b, 0, 1, 0);
    b.advance(9999 * US);
    assert!(!b.output(0, 0));
    b.advance(US);
    assert!(b.output(0, 0));
}
