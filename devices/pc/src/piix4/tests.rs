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

#[test]
fn pci_interrupts_go_where_the_routes_say() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    let route = |b: &mut Bench, value| {
        b.with(|dev, cx| dev.pci().unwrap().config_write(cx, 0x60, 4, value));
    };
    b.signal(0, 1, true);
    assert!((0..16).all(|n| !b.output(0, n)), "nothing is routed after a reset");
    route(&mut b, 0x0b0b_0a0a);
    assert!(b.output(0, 10) && !b.output(0, 11));
    b.signal(0, 0, true);
    b.signal(0, 1, false);
    assert!(b.output(0, 10), "two lines share an interrupt");
    route(&mut b, 0x0b0b_0a80);
    assert!(!b.output(0, 10));
    // Interrupt 13 cannot be had.
    route(&mut b, 0x0b0b_0a0d);
    assert!((0..16).all(|n| !b.output(0, n)));
    b.w8(1, 0x0c);
    assert!(b.output(1, 10) && b.output(1, 11) && !b.output(1, 12));
}
