//! Bus-level tests of the stub.

use super::MODEL;
use hetemu_hw::testing::{Bench, check, config};

#[test]
fn every_check() {
    check::all(&MODEL, &[("size", 0x100)]);
}

#[test]
fn counts_under_the_name_of_the_part() {
    let mut config = config(&MODEL.ty, &[], &[]);
    config.path = "opentitan.pinmux".into();
    let mut b = Bench::new((MODEL.create)(&config).unwrap());
    assert_eq!(b.read(0x10, 4), 0);
    b.write(0x20, 1, 5);
    let expected = [("pinmux".into(), 0x10, false), ("pinmux".into(), 0x20, true)];
    assert_eq!(b.cx.unimplemented, expected);
}
