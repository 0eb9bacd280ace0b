//! Bus-level tests of the CLINT.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};
use hetemu_hw::time::SECOND;

const MTIMECMP: u64 = 0x4000;
const MTIME: u64 = 0xbff8;

fn clint(harts: u64) -> Bench {
    Bench::of(&MODEL, &[("harts", harts)], &[])
}

#[test]
fn every_check() {
    check::all(&MODEL, &[("harts", 3)]);
}

#[test]
fn software_interrupts() {
    let mut b = clint(3);
    b.w32(4, 0xffff_ffff);
    assert_eq!(b.r32(4), 1);
    assert!(b.output(0, 1) && !b.output(0, 0));
    b.write(0, 8, 1);
    assert!(!b.output(0, 1) && b.output(0, 0));
    b.write(1, 1, 0xff);
    assert_eq!(b.r32(0), 1, "other bytes hold nothing");
    b.r32(12);
    assert_eq!(b.cx.unimplemented.len(), 0, "hart 3 shares a word with hart 2");
    b.r32(16);
    assert_eq!(b.cx.unimplemented.len(), 1);
}

#[test]
fn the_timer_fires_at_its_time() {
    let mut b = clint(2);
    assert_eq!(b.read(MTIME, 8), 0);
    b.advance(SECOND);
    assert_eq!(b.read(MTIME, 8), 10_000_000);
    b.write(MTIMECMP + 8, 8, 10_000_005);
    b.advance(499_999);
    assert!(!b.output(1, 1));
    b.advance(1);
    assert!(b.output(1, 1) && !b.output(1, 0));
    assert_eq!(b.read(MTIME, 8), 10_000_005);
    b.write(MTIMECMP + 8, 8, u64::MAX);
    assert!(!b.output(1, 1));
    assert!(b.cx.timers.is_empty(), "the end of time is never");
}

#[test]
fn halves_and_bytes() {
    let mut b = clint(1);
    b.w32(MTIMECMP, 0x1234_5678);
    assert_eq!(b.read(MTIMECMP, 8), 0xffff_ffff_1234_5678);
    b.w32(MTIMECMP + 4, 0);
    assert_eq!(b.read(MTIMECMP, 8), 0x1234_5678);
    b.write(MTIMECMP + 1, 1, 0xab);
    assert_eq!(b.read(MTIMECMP, 8), 0x1234_ab78);
    assert_eq!(b.read(MTIMECMP + 2, 2), 0x1234);
    b.w32(MTIMECMP, 0);
    assert!(b.output(1, 0), "reached: MTIME is 0 too");
}

#[test]
fn a_written_mtime_counts_on() {
    let mut b = clint(1);
    b.write(MTIMECMP, 8, 1000);
    b.write(MTIME, 8, 990);
    assert!(!b.output(1, 0));
    b.advance(1_000_000);
    assert_eq!(b.read(MTIME, 8), 1000);
    assert!(b.output(1, 0));
    b.write(MTIME, 8, 0);
    assert!(!b.output(1, 0));
}
