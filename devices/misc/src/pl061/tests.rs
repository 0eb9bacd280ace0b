//! Bus-level tests of the GPIO.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

const ALL: u64 = 0x3fc;
const DIR: u64 = 0x400;
const IS: u64 = 0x404;
const IBE: u64 = 0x408;
const IEV: u64 = 0x40c;
const IE: u64 = 0x410;
const RIS: u64 = 0x414;
const MIS: u64 = 0x418;
const IC: u64 = 0x41c;
const AFSEL: u64 = 0x420;
const LOCK: u64 = 0x520;
const CR: u64 = 0x524;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    check::all(&MODEL, &[("stellaris", 1), ("periph_id", 0x0118_0061)]);
}

#[test]
fn the_address_chooses_the_pins() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(DIR, 0x0f);
    b.signal(0, 7, true);
    b.w32(ALL, 0xff);
    assert_eq!(b.r32(ALL), 0x8f);
    b.w32(0x3 << 2, 0x02);
    assert_eq!((b.r32(ALL), b.r32(0x81 << 2)), (0x8e, 0x80));
    let out: Vec<bool> = (0..8).map(|pin| b.output(0, pin)).collect();
    assert_eq!(out, [false, true, true, true, false, false, false, false]);
    b.w32(DIR, 0);
    assert!(!b.output(0, 1));
}

#[test]
fn edges_stay_and_levels_do_not() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(IEV, 0x01);
    b.w32(IBE, 0x04);
    b.w32(IS, 0x08);
    b.w32(IE, 0x0e);
    // Pin 0 rises, pin 1 waits for a fall, pin 2 takes both; pin 3 is low.
    for pin in 0..4 {
        b.signal(0, pin, true);
    }
    assert_eq!((b.r32(RIS), b.r32(MIS)), (0x05, 0x04));
    assert!(b.output(1, 0));
    b.w32(IC, 0xff);
    assert_eq!((b.r32(RIS), b.output(1, 0)), (0, false));
    for pin in 0..4 {
        b.signal(0, pin, false);
    }
    assert_eq!(b.r32(RIS), 0x0e);
    b.w32(IC, 0xff);
    assert_eq!((b.r32(RIS), b.output(1, 0)), (0x08, true));
    b.signal(0, 3, true);
    assert_eq!((b.r32(RIS), b.output(1, 0)), (0, false));
}

#[test]
fn stellaris_locks_functions() {
    let mut b = Bench::of(&MODEL, &[("stellaris", 1)], &[]);
    assert_eq!((b.r32(LOCK), b.r32(CR), b.r32(0x500)), (1, 0xff, 0xff));
    b.w32(CR, 0);
    assert_eq!(b.r32(CR), 0xff);
    b.w32(LOCK, 0x4c4f_434b);
    b.w32(CR, 0xf0);
    b.w32(AFSEL, 0xff);
    assert_eq!((b.r32(LOCK), b.r32(AFSEL)), (0, 0xf0));
    let mut plain = Bench::of(&MODEL, &[], &[]);
    assert_eq!((plain.r32(0x500), plain.r32(CR)), (0, 0));
}
