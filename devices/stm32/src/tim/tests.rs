//! Register-level tests of the timers.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

const CR1: u64 = 0x00;
const SMCR: u64 = 0x08;
const DIER: u64 = 0x0c;
const SR: u64 = 0x10;
const EGR: u64 = 0x14;
const CCMR1: u64 = 0x18;
const CNT: u64 = 0x24;
const PSC: u64 = 0x28;
const ARR: u64 = 0x2c;
const RCR: u64 = 0x30;
const CCR1: u64 = 0x34;
const CCR2: u64 = 0x38;

/// Of a tick at 16 MHz.
const TICK: u64 = 62_500;

/// A timer that counts every tick up to 99.
fn bench(props: &[(&str, u64)]) -> Bench {
    let mut b = Bench::of(&MODEL, props, &[]);
    b.w32(ARR, 99);
    b
}

#[test]
fn every_check() {
    for advanced in [0, 1] {
        check::all(&MODEL, &[("advanced", advanced), ("bits", 16 << advanced)]);
    }
}

#[test]
fn counts_up_and_interrupts() {
    let mut b = bench(&[]);
    b.w32(DIER, 1);
    b.w32(CR1, 1);
    b.advance(99 * TICK);
    assert_eq!((b.r32(CNT), b.r32(SR) & 1, b.output(0, 0)), (99, 0, false));
    b.advance(TICK);
    assert_eq!((b.r32(CNT), b.r32(SR) & 1, b.output(0, 0), b.output(1, 0)), (0, 1, true, true));
    b.w32(SR, 0xffff_fffe);
    assert!(!b.output(0, 0));
    b.advance(1050 * TICK);
    assert_eq!((b.r32(CNT), b.output(0, 0)), (50, true));
}

#[test]
fn the_prescaler_holds_from_the_next_update() {
    let mut b = bench(&[]);
    b.w32(PSC, 9);
    b.w32(CR1, 1);
    b.advance(150 * TICK);
    assert_eq!(b.r32(CNT), 5);
    // UG makes it hold now, and with URS raises nothing.
    b.w32(SR, 0);
    b.w32(PSC, 1);
    b.w32(CR1, 5);
    b.w32(EGR, 1);
    b.advance(20 * TICK);
    assert_eq!((b.r32(CNT), b.r32(SR) & 1), (10, 0));
}

#[test]
fn counts_down_centred_and_once() {
    let mut b = bench(&[]);
    b.w32(CR1, 0x10);
    b.w32(EGR, 1);
    b.w32(CR1, 0x11);
    b.advance(30 * TICK);
    assert_eq!(b.r32(CNT), 69);
    let mut b = bench(&[]);
    b.w32(CR1, 0x61);
    b.advance(120 * TICK);
    assert_eq!((b.r32(CNT), b.r32(CR1) & 0x10), (78, 0x10));
    b.advance(88 * TICK);
    assert_eq!((b.r32(CNT), b.r32(CR1) & 0x10), (10, 0));
    let mut b = bench(&[]);
    b.w32(CR1, 9);
    b.advance(1000 * TICK);
    assert_eq!((b.r32(CNT), b.r32(CR1), b.r32(SR) & 1), (0, 8, 1));
}

#[test]
fn channels_match() {
    let mut b = bench(&[]);
    b.w32(CCR1, 30);
    b.w32(CCR2, 200);
    b.w32(DIER, 6);
    b.w32(CR1, 1);
    b.w32(SR, 0);
    b.advance(29 * TICK);
    assert_eq!((b.r32(SR) & 6, b.output(2, 0)), (0, false));
    b.advance(TICK);
    assert_eq!((b.r32(SR) & 6, b.output(2, 0)), (2, true));
    // Beyond the reload value nothing matches.
    b.w32(SR, 0);
    b.advance(90 * TICK);
    assert_eq!(b.r32(SR) & 7, 1);
    b.advance(10 * TICK);
    assert_eq!(b.r32(SR) & 7, 3);
    // A channel that captures does not compare.
    b.w32(CCMR1, 1);
    b.w32(SR, 0);
    b.advance(100 * TICK);
    assert_eq!(b.r32(SR) & 7, 1);
}

#[test]
fn buffered_values_hold_from_the_next_update() {
    let mut b = bench(&[]);
    b.w32(CR1, 0x81);
    b.w32(ARR, 49);
    b.w32(CCMR1, 8);
    b.w32(CCR1, 20);
    b.w32(SR, 0);
    b.advance(60 * TICK);
    assert_eq!((b.r32(CNT), b.r32(SR) & 2), (60, 0));
    b.advance(40 * TICK + 50 * TICK + 5 * TICK);
    assert_eq!((b.r32(CNT), b.r32(SR) & 3), (5, 3));
}

#[test]
fn repeats() {
    let mut b = bench(&[("advanced", 1)]);
    b.w32(RCR, 2);
    b.w32(EGR, 1);
    b.w32(SR, 0);
    b.w32(DIER, 1);
    b.w32(CR1, 1);
    b.advance(299 * TICK);
    assert!(!b.output(1, 0));
    b.advance(TICK);
    assert!(b.output(1, 0));
}

#[test]
fn thirty_two_bits_and_another_clock() {
    let mut b = Bench::of(&MODEL, &[("bits", 32)], &[]);
    b.w32(CR1, 1);
    b.advance(0x12_3456 * TICK);
    assert_eq!(b.r32(CNT), 0x12_3456);
    b.rate(0, 32_000_000);
    b.advance(10 * TICK);
    assert_eq!(b.r32(CNT), 0x12_3456 + 20);
    b.w32(CNT, 7);
    b.advance(TICK);
    assert_eq!(b.r32(CNT), 9);
}

#[test]
fn a_counter_that_needs_pins_says_so() {
    let mut b = bench(&[]);
    b.w32(SMCR, 7);
    b.w32(CR1, 1);
    b.advance(1000 * TICK);
    assert_eq!((b.r32(CNT), b.cx.unimplemented.len()), (0, 1));
}

#[test]
fn nothing_is_scheduled_while_nobody_can_see_it() {
    let mut b = bench(&[]);
    b.w32(CR1, 1);
    assert!(b.cx.timers.is_empty());
    b.w32(DIER, 1);
    assert_eq!(b.cx.timers.len(), 1);
    b.advance(200 * TICK);
    assert!(b.cx.timers.is_empty() && b.output(0, 0));
}
