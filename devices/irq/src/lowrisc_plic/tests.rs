//! Bus-level tests of both layouts.

use super::{MODEL_1, MODEL_2};
use hetemu_hw::testing::{Bench, check};

#[test]
fn every_check() {
    check::all(&MODEL_1, &[]);
    check::all(&MODEL_2, &[]);
}

/// IP, PRIO, IE, THRESHOLD, CC and MSIP of both layouts.
fn both() -> [(Bench, [u64; 6]); 2] {
    [
        (Bench::of(&MODEL_1, &[], &[]), [0, 0x18, 0x200, 0x20c, 0x210, 0x214]),
        (Bench::of(&MODEL_2, &[], &[]), [0x1000, 0, 0x2000, 0x20_0000, 0x20_0004, 0x400_0000]),
    ]
}

#[test]
fn claims_and_completes_a_uart() {
    for (mut b, [ip, prio, ie, threshold, cc, _]) in both() {
        b.signal(0, 2, true);
        assert_eq!(b.r32(ip), 4);
        assert!(!b.output(0, 0));
        b.w32(prio + 8, 1);
        b.w32(ie, 4);
        assert!(b.output(0, 0));
        b.w32(threshold, 1);
        assert!(!b.output(0, 0));
        b.w32(threshold, 0);
        assert_eq!(b.r32(cc), 2);
        assert_eq!(b.r32(cc), 0);
        assert!(!b.output(0, 0));
        b.w32(cc, 2);
        assert!(b.output(0, 0));
        b.signal(0, 2, false);
        assert_eq!(b.r32(cc), 2);
        b.w32(cc, 2);
        assert!(!b.output(0, 0));
        assert!(b.cx.unimplemented.is_empty());
    }
}

#[test]
fn reserved_bits_read_0() {
    for (mut b, [_, prio, ie, threshold, _, msip]) in both() {
        for (offset, expected) in
            [(prio, 0), (prio + 4, 3), (ie, 0xffff_fffe), (threshold, 3), (msip, 1)]
        {
            b.w32(offset, 0xffff_ffff);
            assert_eq!(b.r32(offset), expected, "{offset:#x}");
        }
        assert!(b.output(1, 0));
    }
}

#[test]
fn completes_what_is_no_longer_enabled() {
    for (mut b, [ip, prio, ie, _, cc, _]) in both() {
        b.w32(prio + 8, 1);
        b.w32(ie, 4);
        b.signal(0, 2, true);
        assert_eq!(b.r32(cc), 2);
        b.w32(ie, 0);
        b.w32(cc, 2);
        assert_eq!(b.r32(ip), 4, "its gateway does not ask who completes");
    }
}

#[test]
fn version_1_has_79_sources() {
    let mut b = Bench::of(&MODEL_1, &[], &[]);
    b.w32(0x208, 0xffff_ffff);
    assert_eq!(b.r32(0x208), 0xffff);
}

#[test]
fn edges_of_version_1_ask_once() {
    let mut b = Bench::of(&MODEL_1, &[], &[]);
    b.w32(0xc, 1 << 7);
    b.w32(0x18 + 28, 3);
    b.w32(0x200, 1 << 7);
    b.signal(0, 7, true);
    assert_eq!(b.r32(0x210), 7);
    b.w32(0x210, 7);
    assert_eq!(b.r32(0x210), 0);
    b.signal(0, 7, false);
    b.signal(0, 7, true);
    assert_eq!(b.r32(0x210), 7);
}

#[test]
fn gaps_are_counted() {
    for (mut b, _) in both() {
        b.r32(0xff0);
        assert_eq!(b.cx.unimplemented.len(), 1);
    }
}
