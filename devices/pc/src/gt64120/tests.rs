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
fn registers_and_windows_are_where_the_registers_say() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    let get = |b: &mut Bench, at, size| b.with(|dev, cx| dev.read(cx, 1, at, size)).unwrap();
    let put = |b: &mut Bench, at, value| b.with(|dev, cx| dev.write(cx, 1, at, 4, value)).unwrap();
    assert_eq!((get(&mut b, 0x1400_0068, 4), get(&mut b, 0x1be0_0068, 4)), (0xa0, 0));
    put(&mut b, 0x1400_0068, 0xdf);
    assert_eq!((get(&mut b, 0x1be0_0068, 4), get(&mut b, 0x1400_0068, 4)), (0xdf, 0));
    let mut nic = (crate::pcnet::MODEL.create)(&testing_config()).unwrap();
    let pci = nic.pci().unwrap();
    for (at, value) in [(4, 3), (0x10, 0x1060), (0x14, 0x1205_1000)] {
        pci.config_write(&mut b.cx, at, 4, value);
    }
    b.dev = (MODEL.create)(&with_child()).unwrap();
    b.cx.children.insert("0b.0".into(), nic);
    for (at, value) in [(0x1400_0068, 0xdf), (0x1be0_0048, 0xc0), (0x1be0_0050, 0x40)] {
        put(&mut b, at, value);
    }
    assert_eq!(get(&mut b, 0x1be0_00f0, 4), 0xc0, "the remap register follows");
    for (at, value) in [(0x1be0_0058, 0x80), (0x1be0_0060, 0x3f)] {
        put(&mut b, at, value);
    }
    assert_eq!(get(&mut b, 0x1800_106e, 1), 0x57, "the I/O window");
    assert_eq!(get(&mut b, 0x1205_100e, 2), 0x5757, "the memory window");
    assert_eq!(get(&mut b, 0x1205_2000, 4), 0xffff_ffff);
    assert_eq!(get(&mut b, 0x1be0_0c18, 4), 1 << 18, "master abort");
    b.reset();
    assert_eq!(get(&mut b, 0x1400_0068, 4), 0xa0);
}

fn testing_config() -> hetemu_hw::Config {
    hetemu_hw::testing::config(crate::pcnet::MODEL.ty, &[], &[])
}

fn with_child() -> hetemu_hw::Config {
    let mut config = hetemu_hw::testing::config(MODEL.ty, &[], &[]);
    config.children.insert("0b.0".into(), crate::pcnet::MODEL.ty);
    config
}
