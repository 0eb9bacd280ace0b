//! Bus-level tests of the controller.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

const CFG1: u64 = 0x04;
const CFG3: u64 = 0x0c;
const DATA_IN: u64 = 0xa0;
const DATA_OUT: u64 = 0xa4;
const CTRL: u64 = 0xa8;
const STAT: u64 = 0xac;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn says_what_board_it_is() {
    let mut b = Bench::of(&MODEL, &[("id", 0x4104_5000), ("cfg4", 1)], &[]);
    let all = [0x10, 0xff8, 0xffc, 0x100].map(|at| b.r32(at));
    assert_eq!(all, [1, 0x20_0008, 0x4104_5000, 0xffff_0001]);
}

#[test]
fn oscillators_are_asked_and_set() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(CTRL, 0x8010_0001);
    assert_eq!((b.r32(DATA_IN), b.r32(STAT), b.r32(CTRL)), (24_576_000, 1, 0x0010_0001));
    b.w32(STAT, 0);
    b.w32(DATA_OUT, 30_000_000);
    b.w32(CTRL, 0xc010_0002);
    assert_eq!((b.r32(STAT), b.r32(DATA_IN)), (1, 24_576_000));
    b.w32(CTRL, 0x8010_0002);
    assert_eq!((b.r32(STAT), b.r32(DATA_IN)), (1, 30_000_000));
    // A fourth one, and another function.
    for wrong in [0x8010_0003, 0x8020_0000] {
        b.w32(CTRL, wrong);
        assert_eq!(b.r32(STAT), 3, "{wrong:#x}");
    }
}

#[test]
fn leds_and_switches() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(CFG1, 0x1a5);
    b.signal(0, 6, true);
    let leds: Vec<bool> = (0..8).map(|n| b.output(0, n)).collect();
    assert_eq!(leds, [true, false, true, false, false, true, false, true]);
    assert_eq!((b.r32(CFG1), b.r32(CFG3)), (0xa5, 0x40));
    b.w32(CFG3, 0);
    assert_eq!(b.r32(CFG3), 0x40);
}
