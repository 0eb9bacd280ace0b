//! Bus-level tests of rv_timer.

use super::MODEL;
use super::regs::*;
use hetemu_hw::testing::{Bench, check};

/// 20 ns a period.
const PERIOD: u64 = 20_000;

fn timer() -> Bench {
    Bench::of(&MODEL, &[], &[("clk", 50_000_000)])
}

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn counts_steps_of_prescaled_periods() {
    let mut b = timer();
    b.w32(CFG0, 3 << 16 | 49);
    b.advance(1_000_000_000);
    assert_eq!(b.r32(TIMER_V_LOWER0), 0, "not active");
    b.w32(CTRL, 1);
    b.advance(50 * PERIOD - 1);
    assert_eq!(b.r32(TIMER_V_LOWER0), 0);
    b.advance(1);
    assert_eq!(b.r32(TIMER_V_LOWER0), 3);
    b.advance(49 * PERIOD);
    b.w32(CFG0, 1 << 16 | 49);
    b.advance(PERIOD);
    assert_eq!(b.r32(TIMER_V_LOWER0), 4, "a write keeps the prescaler's phase");
    b.w32(CTRL, 0);
    b.advance(100 * PERIOD);
    assert_eq!(b.r32(TIMER_V_LOWER0), 4);
}

#[test]
fn interrupts_at_the_comparator_exactly() {
    let mut b = timer();
    b.w32(INTR_ENABLE0, 1);
    b.w32(COMPARE_UPPER0_0, 0);
    b.w32(COMPARE_LOWER0_0, 100);
    b.w32(CTRL, 1);
    b.advance(100 * PERIOD - 1);
    assert!(!b.output(0, 0));
    b.advance(1);
    assert!(b.output(0, 0));
    b.w32(INTR_STATE0, 1);
    assert!(b.output(0, 0), "still reached");
    b.w32(COMPARE_LOWER0_0, 200);
    assert!(!b.output(0, 0), "a new comparator clears it");
    b.advance(100 * PERIOD);
    assert!(b.output(0, 0));
    b.w32(CTRL, 0);
    b.w32(INTR_STATE0, 1);
    assert!(!b.output(0, 0));
}

#[test]
fn a_64_bit_counter_can_be_set() {
    let mut b = timer();
    b.w32(TIMER_V_UPPER0, 1);
    b.w32(TIMER_V_LOWER0, 0xffff_fff0);
    b.w32(CTRL, 1);
    b.advance(0x20 * PERIOD);
    assert_eq!((b.r32(TIMER_V_UPPER0), b.r32(TIMER_V_LOWER0)), (2, 0x10));
}

#[test]
fn interrupt_test_and_reserved_bits() {
    let mut b = timer();
    b.w32(INTR_TEST0, 1);
    assert_eq!(b.r32(INTR_STATE0), 1);
    assert!(!b.output(0, 0));
    b.w32(INTR_ENABLE0, 0xffff_ffff);
    assert_eq!(b.r32(INTR_ENABLE0), 1);
    assert!(b.output(0, 0));
    b.w32(CFG0, 0xffff_ffff);
    assert_eq!(b.r32(CFG0), 0x00ff_0fff);
    b.w32(CTRL, 0xfffe);
    assert_eq!(b.r32(CTRL), 0);
    assert!(b.try_write(CFG0, 2, 0).is_err());
}
