//! Bus-level tests of the PLIC.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

fn plic(sources: u64, targets: u64) -> Bench {
    Bench::of(&MODEL, &[("sources", sources), ("targets", targets)], &[])
}

#[test]
fn every_check() {
    check::all(&MODEL, &[("sources", 96), ("targets", 4)]);
    check::all(&MODEL, &[]);
}

#[test]
fn claims_and_completes_a_uart() {
    let mut b = plic(96, 2);
    b.w32(4 * 10, 1);
    b.w32(0x2080, 1 << 10);
    b.signal(0, 10, true);
    assert_eq!(b.r32(0x1000), 1 << 10);
    assert!(!b.output(0, 0) && b.output(0, 1));
    assert_eq!(b.r32(0x20_1004), 10);
    assert!(!b.output(0, 1));
    assert_eq!(b.r32(0x20_1004), 0);
    assert_eq!(b.r32(0x1000), 0);
    b.w32(0x20_1004, 10);
    assert!(b.output(0, 1), "the line is still high");
    b.signal(0, 10, false);
    assert_eq!(b.r32(0x20_1004), 10, "the request stays");
    b.w32(0x20_1004, 10);
    assert!(!b.output(0, 1));
}

#[test]
fn a_completion_needs_the_enable_bit() {
    let mut b = plic(96, 2);
    b.w32(4 * 10, 1);
    b.w32(0x2000, 1 << 10);
    b.signal(0, 10, true);
    assert_eq!(b.r32(0x20_0004), 10);
    b.w32(0x20_1004, 10);
    assert_eq!(b.r32(0x1000), 0, "context 1 does not enable it");
    b.w32(0x20_0004, 10);
    assert_eq!(b.r32(0x1000), 1 << 10);
}

#[test]
fn the_threshold_is_three_bits() {
    let mut b = plic(96, 1);
    b.w32(0x20_0000, u64::from(u32::MAX));
    assert_eq!(b.r32(0x20_0000), 7);
    b.w32(4, 0xff);
    assert_eq!(b.r32(4), 7);
    b.w32(0x2000, 2);
    b.signal(0, 1, true);
    assert!(!b.output(0, 0));
    b.w32(0x20_0000, 6);
    assert!(b.output(0, 0));
}

#[test]
fn what_a_driver_clears_is_not_counted() {
    let mut b = plic(96, 1);
    for word in 0..32 {
        b.w32(0x2000 + 4 * word, 0);
    }
    b.w32(0, 1);
    assert_eq!(b.r32(0), 0);
    assert!(b.cx.unimplemented.is_empty());
    b.w32(0x20_1000, 0);
    assert_eq!(b.cx.unimplemented.len(), 1, "there is no context 1");
}

#[test]
fn reset_keeps_lines() {
    let mut b = plic(31, 1);
    b.signal(0, 3, true);
    b.w32(12, 1);
    b.w32(0x2000, 8);
    b.reset();
    assert!(!b.output(0, 0));
    b.w32(12, 1);
    b.w32(0x2000, 8);
    assert!(b.output(0, 0));
}
