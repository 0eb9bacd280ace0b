//! Bus-level tests of the interface.

use super::*;
use hetemu_hw::testing::{Bench, check};

/// Of a bit at 50 MHz with I2CMTPR 1.
const BIT: u64 = 40 * 20_000;

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn nobody_acknowledges() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(reg::I2CMSA, 0x50 << 1);
    b.w32(reg::I2CMCS, 7);
    assert_eq!(b.r32(reg::I2CMCS), 0x20, "the master is off");
    b.w32(reg::I2CMCR, 0x10);
    b.w32(reg::I2CMIMR, 1);
    b.w32(reg::I2CMCS, 3);
    b.advance(19 * BIT - 1);
    assert_eq!((b.r32(reg::I2CMCS), b.output(0, 0)), (0x41, false));
    b.advance(1);
    assert_eq!((b.r32(reg::I2CMCS), b.r32(reg::I2CMMIS), b.output(0, 0)), (0x66, 1, true));
    b.w32(reg::I2CMICR, 1);
    b.w32(reg::I2CMCS, 4);
    assert_eq!((b.r32(reg::I2CMCS) & 0x41, b.output(0, 0)), (0, false));
}

/// A module that talks to its own slave, whose address is 0x3b.
fn looped() -> Bench {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(reg::I2CMCR, 0x31);
    b.w32(reg::I2CSOAR, 0x3b);
    b.w32(reg::I2CSCSR, 1);
    b
}

#[test]
fn its_own_slave_receives() {
    let mut b = looped();
    b.w32(reg::I2CMSA, 0x3b << 1);
    b.w32(reg::I2CMDR, b'I'.into());
    b.w32(reg::I2CMCS, 3);
    b.advance(19 * BIT);
    assert_eq!((b.r32(reg::I2CSCSR), b.r32(reg::I2CSRIS), b.r32(reg::I2CMCS)), (5, 1, 0x60));
    // The next byte waits until the first one is read.
    b.w32(reg::I2CMDR, b'2'.into());
    b.w32(reg::I2CMCS, 5);
    b.advance(100 * BIT);
    assert_eq!((b.r32(reg::I2CMCS), b.r32(reg::I2CSDR)), (0x41, b'I'.into()));
    b.advance(BIT);
    assert_eq!((b.r32(reg::I2CSCSR), b.r32(reg::I2CMCS)), (1, 0x20));
    assert_eq!((b.r32(reg::I2CSDR), b.r32(reg::I2CSCSR)), (b'2'.into(), 0));
}

#[test]
fn its_own_slave_sends() {
    let mut b = looped();
    b.w32(reg::I2CSIMR, 1);
    b.w32(reg::I2CMSA, 0x3b << 1 | 1);
    b.w32(reg::I2CMCS, 7);
    b.advance(50 * BIT);
    assert_eq!((b.r32(reg::I2CSCSR), b.r32(reg::I2CMCS), b.output(0, 0)), (2, 0x41, true));
    b.w32(reg::I2CSICR, 1);
    b.w32(reg::I2CSDR, 0x77);
    assert_eq!((b.r32(reg::I2CMDR), b.r32(reg::I2CMCS), b.r32(reg::I2CMRIS)), (0x77, 0x20, 1));
    // Another address is nobody's.
    b.w32(reg::I2CMSA, 0x3c << 1 | 1);
    b.w32(reg::I2CMCS, 7);
    b.advance(50 * BIT);
    assert_eq!(b.r32(reg::I2CMCS), 0x26);
}
