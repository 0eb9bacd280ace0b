//! Bus-level tests of the memory protection controller.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

const CTRL: u64 = 0x00;
const MAX: u64 = 0x10;
const CFG: u64 = 0x14;
const IDX: u64 = 0x18;
const LUT: u64 = 0x1c;
const STAT: u64 = 0x20;
const CLEAR: u64 = 0x24;
const EN: u64 = 0x28;
const SET: u64 = 0x34;

const PROPS: [(&str, u64); 2] = [("memory", 4 << 20), ("block", 0x8000)];

#[test]
fn every_check() {
    check::all(&MODEL, &PROPS);
    check::all(&MODEL, &[("memory", 0x8000), ("block", 4096)]);
}

#[test]
fn the_table_is_written_word_by_word() {
    let mut b = Bench::of(&MODEL, &PROPS, &[]);
    assert_eq!((b.r32(MAX), b.r32(CFG)), (3, 10));
    b.w32(LUT, 5);
    assert_eq!((b.r32(IDX), b.r32(LUT)), (0, 5));
    b.w32(CTRL, 1 << 8);
    for n in 0..4 {
        assert_eq!(b.r32(IDX), n);
        b.w32(LUT, n + 1);
    }
    assert_eq!((b.r32(IDX), b.r32(LUT), b.r32(LUT)), (0, 1, 2));
    b.w32(CTRL, 1 << 31);
    b.w32(IDX, 3);
    b.w32(LUT, 9);
    b.w32(CTRL, 0);
    assert_eq!((b.r32(LUT), b.r32(CTRL)), (4, 1 << 31));
    b.reset();
    b.w32(IDX, 3);
    assert_eq!(b.r32(LUT), 0);
}

#[test]
fn an_interrupt_can_be_set() {
    let mut b = Bench::of(&MODEL, &PROPS, &[]);
    b.w32(SET, 1);
    assert!(!b.output(0, 0));
    b.w32(EN, 1);
    assert_eq!((b.r32(STAT), b.output(0, 0)), (1, true));
    b.w32(CLEAR, 1);
    assert!(!b.output(0, 0));
}
