//! Register-level tests of the ports.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

const MODER: u64 = 0x00;
const OTYPER: u64 = 0x04;
const PUPDR: u64 = 0x0c;
const IDR: u64 = 0x10;
const ODR: u64 = 0x14;
const BSRR: u64 = 0x18;
const LCKR: u64 = 0x1c;

#[test]
fn every_check() {
    check::all(&MODEL, &[("moder", 0xa800_0000), ("pupdr", 0x6400_0000)]);
}

#[test]
fn pins_are_driven_pulled_or_low() {
    let mut b = Bench::of(&MODEL, &[("moder", 0xa800_0000), ("pupdr", 0x6400_0000)], &[]);
    // Of port A the debug pins have their resistors.
    assert_eq!((b.r32(IDR), b.r32(MODER)), (0xa000, 0xa800_0000));
    b.signal(0, 2, true);
    b.w32(MODER, 0xa800_0001);
    b.w32(BSRR, 1);
    assert_eq!(b.r32(IDR), 0xa005);
    assert!(b.output(0, 0) && b.output(0, 2) && !b.output(0, 1));
    b.w32(BSRR, 1 << 16 | 2);
    assert_eq!((b.r32(ODR), b.r32(IDR)), (2, 0xa004));
    // An open drain lets others drive: here a pull-up.
    b.w32(OTYPER, 1);
    b.w32(PUPDR, 1);
    b.w32(BSRR, 1);
    assert_eq!(b.r32(IDR), 5);
    // What drives from outside goes on through a reset.
    b.reset();
    assert_eq!(b.r32(IDR), 0xa004);
}

#[test]
fn locks() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    for value in [0x1_0003, 3, 0x1_0003] {
        b.w32(LCKR, value);
    }
    assert_eq!(b.r32(LCKR), 0x1_0003);
    b.w32(MODER, 0xffff_ffff);
    b.w32(LCKR, 0);
    assert_eq!((b.r32(MODER), b.r32(LCKR)), (0xffff_fff0, 0x1_0003));
}
