//! Register-level tests of the clock tree.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

const CR: u64 = 0x00;
const PLLCFGR: u64 = 0x04;
const CFGR: u64 = 0x08;
const CIR: u64 = 0x0c;
const BDCR: u64 = 0x70;
const CSR: u64 = 0x74;

const MHZ: u64 = 1_000_000;

fn rates(b: &Bench) -> [u64; 6] {
    [1, 2, 3, 4, 5, 6].map(|port| b.cx.rates.get(&(port, 0)).copied().unwrap_or(0))
}

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

/// What SystemClock_Config of a board with 8 MHz does for 168 MHz.
#[test]
fn goes_to_168_mhz() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    assert_eq!(rates(&b), [16 * MHZ, 16 * MHZ, 16 * MHZ, 16 * MHZ, 16 * MHZ, 0]);
    b.w32(CR, 0x0001_0083);
    assert_eq!(b.r32(CR), 0x0003_0083);
    // HSE / 8 * 336 / 2, and / 7 for 48 MHz.
    b.w32(PLLCFGR, 7 << 24 | 1 << 22 | 336 << 6 | 8);
    // AHB 1, APB1 4, APB2 2: their timers run twice as fast.
    b.w32(CFGR, 5 << 10 | 4 << 13);
    b.w32(CR, 0x0101_0083);
    assert_eq!(b.r32(CR) >> 24, 3);
    b.w32(CFGR, 5 << 10 | 4 << 13 | 2);
    assert_eq!(b.r32(CFGR) & 15, 2 | 2 << 2);
    let expected = [168, 42, 84, 84, 168, 48].map(|n| n * MHZ);
    assert_eq!(rates(&b), expected);
    // What the system runs at cannot be stopped, and a running PLL not be changed.
    b.w32(CR, 0x83);
    b.w32(PLLCFGR, 0);
    assert_eq!((b.r32(CR) >> 16, rates(&b)), (0x0303, expected));
}

#[test]
fn waits_for_a_crystal_that_is_not_there() {
    let mut b = Bench::of(&MODEL, &[("hse", 0)], &[]);
    b.w32(CR, 0x0001_0083);
    b.w32(CFGR, 1);
    assert_eq!((b.r32(CR), b.r32(CFGR)), (0x0001_0083, 1));
    assert_eq!(rates(&b)[0], 16 * MHZ);
}

#[test]
fn divides() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    for (hpre, divisor) in [(7, 1), (8, 2), (11, 16), (12, 64), (15, 512)] {
        b.w32(CFGR, hpre << 4);
        assert_eq!(rates(&b)[0], 16 * MHZ / divisor, "HPRE {hpre}");
    }
}

#[test]
fn readiness_interrupts() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(CIR, 1 << 11);
    b.w32(CR, 0x0001_0083);
    assert!(b.output(0, 0));
    assert_eq!(b.r32(CIR), 1 << 11 | 1 << 3);
    b.w32(CIR, 1 << 11 | 1 << 19);
    assert_eq!((b.r32(CIR), b.output(0, 0)), (1 << 11, false));
}

#[test]
fn remembers_why_it_was_reset() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    assert_eq!(b.r32(CSR) >> 24, 0x0e);
    b.w32(CSR, 1 << 24);
    assert_eq!(b.r32(CSR), 0);
    b.w32(BDCR, 0x8101);
    b.reset();
    assert_eq!((b.r32(CSR) >> 24, b.r32(BDCR)), (0x14, 0x8103));
    assert_eq!(b.cx.rates.get(&(7, 0)), Some(&32_768));
    b.signal(0, 0, true);
    b.reset();
    assert_eq!(b.r32(CSR) >> 24, 0x34);
    b.w32(BDCR, 1 << 16);
    b.w32(BDCR, 0);
    assert_eq!(b.r32(BDCR), 0);
}
