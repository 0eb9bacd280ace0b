//! Tests of the system controller.

use super::{MODEL, PCI0_CFGADDR, PCI0_CFGDATA};
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn configuration_cycles_of_its_own_and_to_nobody() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(PCI0_CFGADDR, 0x8000_0000);
    assert_eq!(b.r32(PCI0_CFGDATA), 0x4620_11ab);
    assert_eq!(b.r32(0xc18), 0);
    b.w32(PCI0_CFGADDR, 0x8000_5000);
    assert_eq!(b.r32(PCI0_CFGDATA), 0xffff_ffff);
    assert_eq!(b.r32(0xc18), 1 << 18, "master abort");
    b.w32(0xc18, !(1 << 18));
    assert_eq!(b.r32(0xc18), 0);
}

#[test]
fn the_decoder_s_registers_hold_values() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    assert_eq!((b.r32(0x68), b.r32(0x10)), (0xa0, 7));
    b.w32(0x68, 0xdf);
    assert_eq!(b.r32(0x68), 0xdf);
    b.reset();
    assert_eq!(b.r32(0x68), 0xa0);
}
