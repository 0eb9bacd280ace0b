//! Bus-level tests of the transport.

use super::MODEL;
use crate::driver::{Driver, slot};
use crate::{console, rng};
use hetemu_hw::testing::check;

#[test]
fn every_check() {
    check::all_with(&MODEL, &[], &|| slot(None, &[]));
    for function in [&console::MODEL, &rng::MODEL] {
        let live = || {
            let mut d = Driver::new(slot(Some(function), &[]));
            d.start(function.ty.links.len() as u64 + 1);
            d.b
        };
        for seed in 0..8 {
            check::traffic(&MODEL, &[], &live, seed, 2000);
        }
        check::bad_states(&MODEL, &[], &live);
        for seed in 0..8 {
            check::round_trip(&MODEL, &[], &|| slot(Some(function), &[]), seed, 300);
        }
    }
}

#[test]
fn an_empty_slot() {
    let mut b = slot(None, &[]);
    assert_eq!([b.r32(0), b.r32(4), b.r32(8)], [0x7472_6976, 2, 0]);
    b.w32(0x50, 0);
    b.w32(0x70, 0xf);
    assert_eq!(b.r32(0x100), 0);
    assert!(!b.output(0, 0));
}

#[test]
fn features_must_be_offered_and_modern() {
    for (low, high, accepted) in [(0, 1, true), (3 << 28, 1, true), (0, 0, false), (1, 1, false)] {
        let mut b = slot(Some(&rng::MODEL), &[]);
        assert_eq!(b.r32(8), 4);
        b.w32(0x14, 0);
        assert_eq!(b.r32(0x10), 3 << 28);
        b.w32(0x14, 1);
        assert_eq!(b.r32(0x10), 1);
        b.w32(0x14, 2);
        assert_eq!(b.r32(0x10), 0);
        b.w32(0x70, 3);
        for (sel, value) in [(0, low), (1, high)] {
            b.w32(0x24, sel);
            b.w32(0x20, value);
        }
        b.w32(0x70, 0xb);
        assert_eq!(b.r32(0x70) == 0xb, accepted, "{low:#x} {high:#x}");
        b.w32(0x70, 0xf);
        assert_eq!(b.r32(0x70) == 0xf, accepted);
    }
}

#[test]
fn queues_that_are_not_there() {
    let mut b = slot(Some(&rng::MODEL), &[]);
    b.w32(0x30, 1);
    assert_eq!(b.r32(0x34), 0);
    b.w32(0x44, 1);
    assert_eq!(b.r32(0x44), 0);
}

#[test]
fn interrupts_are_acknowledged() {
    let mut d = Driver::new(slot(Some(&rng::MODEL), &[]));
    d.start(1);
    d.offer(0, 0x8000, 16, true);
    assert!(d.b.output(0, 0));
    assert_eq!(d.b.r32(0x60), 1);
    d.b.w32(0x64, 1);
    assert!(!d.b.output(0, 0));
}

#[test]
fn nonsense_needs_a_reset() {
    let mut d = Driver::new(slot(Some(&rng::MODEL), &[]));
    d.start(1);
    d.offer(0, 1 << 40, 16, true);
    assert_eq!(d.b.r32(0x70), 0x4f);
    assert_eq!(d.b.r32(0x60), 2);
    assert!(d.b.output(0, 0));
    d.offer(0, 0x8000, 16, true);
    assert_eq!(d.used(0).0, 0, "it stands still");
    d.b.w32(0x70, 0);
    assert_eq!((d.b.r32(0x70), d.b.r32(0x60), d.b.r32(0x44)), (0, 0, 0));
    assert!(!d.b.output(0, 0));
}

#[test]
fn nothing_moves_before_driver_ok() {
    let mut d = Driver::new(slot(Some(&rng::MODEL), &[]));
    d.start(1);
    d.b.w32(0x70, 0);
    d.offer(0, 0x8000, 16, true);
    assert_eq!(d.used(0).0, 0);
}

#[test]
fn narrow_accesses_to_control_registers_are_counted() {
    let mut b = slot(None, &[]);
    assert_eq!(b.read(0, 1), 0);
    b.write(0x70, 2, 1);
    assert_eq!(b.r32(0x70), 0);
    assert_eq!(b.cx.unimplemented.len(), 2);
}
