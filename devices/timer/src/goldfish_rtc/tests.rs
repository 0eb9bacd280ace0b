//! Bus-level tests of the Goldfish clock.

use super::MODEL;
use super::regs::*;
use hetemu_hw::testing::{Bench, check};

const SECOND: u64 = 1_000_000_000_000;

fn rtc() -> Bench {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.cx.wall_base_ns = 1_700_000_000_000_000_000;
    b
}

fn time(b: &mut Bench) -> u64 {
    let low = b.r32(TIME_LOW);
    b.r32(TIME_HIGH) << 32 | low
}

fn set_alarm(b: &mut Bench, at: u64) {
    b.w32(ALARM_HIGH, at >> 32);
    b.w32(ALARM_LOW, at & 0xffff_ffff);
}

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    check::all(&MODEL, &[("unix_time", 1_000_000_000)]);
}

#[test]
fn tells_the_time() {
    let mut b = rtc();
    b.advance(3 * SECOND);
    assert_eq!(time(&mut b), 1_700_000_003_000_000_000);
    let mut b = Bench::of(&MODEL, &[("unix_time", 1000)], &[]);
    b.advance(2 * SECOND);
    assert_eq!(time(&mut b), 1_002_000_000_000);
}

#[test]
fn can_be_set_and_keeps_it_over_reset() {
    let mut b = rtc();
    let to = 0x1234_5678_9abc_def0_u64;
    b.w32(TIME_HIGH, to >> 32);
    b.w32(TIME_LOW, to & 0xffff_ffff);
    assert_eq!(time(&mut b), to);
    b.reset();
    assert_eq!(time(&mut b), to);
}

#[test]
fn the_alarm_rings_once() {
    let mut b = rtc();
    b.w32(IRQ_ENABLED, 1);
    let at = time(&mut b) + 1_000_000;
    set_alarm(&mut b, at);
    assert_eq!(b.r32(ALARM_STATUS), 1);
    b.advance(999_999_999);
    assert!(!b.output(0, 0));
    b.advance(1);
    assert!(b.output(0, 0));
    assert_eq!(b.r32(ALARM_STATUS), 0);
    b.w32(CLEAR_INTERRUPT, 1);
    assert!(!b.output(0, 0));
    b.advance(SECOND);
    assert!(!b.output(0, 0));
    set_alarm(&mut b, 5);
    assert!(b.output(0, 0), "an alarm in the past rings at once");
}

#[test]
fn a_cleared_alarm_is_silent() {
    let mut b = rtc();
    b.w32(IRQ_ENABLED, 1);
    let at = time(&mut b) + 1000;
    set_alarm(&mut b, at);
    b.w32(CLEAR_ALARM, 1);
    b.advance(SECOND);
    assert!(!b.output(0, 0));
}
