//! Tests of the IDE function.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn timings_are_held() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.with(|dev, cx| {
        let pci = dev.pci().unwrap();
        pci.config_write(cx, 0x40, 2, 0x8000);
        assert_eq!(pci.config_read(cx, 0x40, 4), 0x8000);
        assert_eq!(pci.config_read(cx, 8, 4), 0x0101_8000);
    });
}
