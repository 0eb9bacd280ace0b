//! Tests of the ISA bridge.

use super::MODEL;
use hetemu_hw::Request;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn configuration_space_holds_what_can_be_written() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.with(|dev, cx| {
        let pci = dev.pci().unwrap();
        assert_eq!(pci.config_read(cx, 0, 4), 0x7110_8086);
        pci.config_write(cx, 0, 4, 0);
        assert_eq!(pci.config_read(cx, 2, 2), 0x7110);
        pci.config_write(cx, 0x61, 1, 10);
        assert_eq!(pci.config_read(cx, 0x60, 4), 0x8080_0a80);
    });
}

#[test]
fn edge_level_control_and_reset() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w8(0, 0xff);
    b.w8(1, 0xff);
    assert_eq!((b.r8(0), b.r8(1)), (0xf8, 0xde));
    b.with(|dev, cx| dev.write(cx, 1, 0, 1, 6)).unwrap();
    assert_eq!(b.cx.requests, [Request::Reset]);
}
