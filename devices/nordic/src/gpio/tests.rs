//! Bus-level tests of GPIO.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

const OUT: u64 = 0x504;
const OUTSET: u64 = 0x508;
const OUTCLR: u64 = 0x50c;
const IN: u64 = 0x510;
const DIR: u64 = 0x514;
const DIRSET: u64 = 0x518;
const LATCH: u64 = 0x520;
const PIN_CNF: u64 = 0x700;
const PORT: u64 = 0x300;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    check::all(&MODEL, &[("high", 0x0402_0000)]);
}

#[test]
fn outputs_of_both_ports() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(DIR, 0x0f);
    b.w32(OUT, 0x35);
    b.w32(OUTSET, 0x02);
    b.w32(OUTCLR, 0x01);
    assert_eq!((b.r32(OUT), b.r32(OUTSET), b.r32(OUTCLR)), (0x36, 0x36, 0x36));
    let out: Vec<bool> = (0..6).map(|pin| b.output(0, pin)).collect();
    assert_eq!(out, [false, true, true, false, false, false]);
    assert_eq!(b.r32(PIN_CNF + 4), 3);
    b.w32(PORT + PIN_CNF + 4 * 9, 3);
    b.w32(PORT + OUTSET, 1 << 9);
    assert_eq!((b.r32(PORT + DIR), b.output(0, 41)), (1 << 9, true));
    b.w32(PORT + PIN_CNF + 4 * 9, 0);
    assert!(!b.output(0, 41));
}

#[test]
fn inputs_have_pulls_until_a_wire_moves_them() {
    let mut b = Bench::of(&MODEL, &[("high", 1 << 17)], &[]);
    assert_eq!(b.r32(IN), 0, "inputs are disconnected");
    for pin in [0u64, 1, 17] {
        b.w32(PIN_CNF + 4 * pin, if pin == 1 { 3 << 2 } else { 0 });
    }
    assert_eq!(b.r32(IN), 1 << 17 | 1 << 1);
    b.signal(0, 17, false);
    b.signal(0, 0, true);
    assert_eq!(b.r32(IN), 3);
    b.w32(DIRSET, 1);
    assert_eq!(b.r32(IN), 2, "an output reads what it drives");
}

#[test]
fn senses() {
    let mut b = Bench::of(&MODEL, &[("high", 1 << 5)], &[]);
    b.w32(PIN_CNF + 4 * 5, 3 << 16);
    b.w32(PIN_CNF + 4 * 6, 2 << 16);
    assert!(!b.output(2, 0));
    b.signal(0, 5, false);
    assert!(b.output(2, 0));
    b.signal(0, 5, true);
    assert!(!b.output(2, 0));
    b.signal(0, 6, true);
    assert_eq!((b.output(2, 0), b.r32(LATCH)), (true, 1 << 5 | 1 << 6));
    b.w32(LATCH, 1 << 5);
    assert_eq!(b.r32(LATCH), 1 << 6);
}

#[test]
fn gpiote_takes_pins() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(DIR, 1 << 4);
    b.w32(OUT, 1 << 4);
    b.signal(2, 4, true);
    assert!(!b.output(0, 4));
    b.signal(1, 4, true);
    assert!(b.output(0, 4));
    b.signal(1, 4, false);
    assert!(!b.output(0, 4));
    b.signal(2, 4, false);
    assert!(b.output(0, 4));
}
