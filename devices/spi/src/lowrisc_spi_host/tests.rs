//! Bus-level tests of the SPI host.

use super::MODEL;
use super::regs::*;
use hetemu_hw::testing::{Bench, check};

const ON: u64 = 0xa000_007f;

fn command(len: u64, speed: u64, direction: u64) -> u64 {
    (len - 1) | speed << 10 | direction << 12
}

fn host() -> Bench {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(CONTROL, ON);
    b
}

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn an_empty_bus_reads_ones() {
    let mut b = host();
    b.w32(COMMAND, command(6, 0, 1));
    assert_eq!(b.r32(STATUS) >> 8 & 0xff, 2);
    assert_eq!(b.r32(RXDATA), 0xffff_ffff);
    assert_eq!(b.r32(RXDATA), 0xffff);
    assert_eq!(b.r32(STATUS) & 0xd140_0000, 0x9140_0000, "ready, idle, empty");
    assert_eq!(b.r32(ERROR_STATUS), 0);
}

#[test]
fn a_transmission_waits_for_its_bytes() {
    let mut b = host();
    b.w32(COMMAND, command(6, 0, 2));
    assert_eq!(b.r32(STATUS) >> 27 & 0xf, 0xb, "stalled, empty, active");
    b.w32(TXDATA, 0x0102_0304);
    assert_eq!(b.r32(STATUS) >> 30 & 1, 1);
    b.write(TXDATA, 1, 5);
    b.w32(TXDATA, 6);
    assert_eq!(b.r32(STATUS) & 0x4000_00ff, 0, "the rest of the last word is dropped");
}

#[test]
fn a_reception_stalls_on_a_full_fifo() {
    let mut b = host();
    b.w32(COMMAND, command(300, 1, 1));
    assert_eq!(b.r32(STATUS) & 0x4280_ff00, 0x4280_4000);
    for _ in 0..75 {
        b.r32(RXDATA);
    }
    assert_eq!(b.r32(STATUS) & 0x4280_ff00, 0);
    assert_eq!(b.r32(ERROR_STATUS), 0);
}

#[test]
fn errors_interrupt_and_stop() {
    for (name, error, cause) in [
        ("underflow", 4, (|b| _ = b.r32(RXDATA)) as fn(&mut Bench)),
        ("overflow", 2, |b| (0..73).for_each(|n| b.w32(TXDATA, n))),
        ("reserved speed", 8, |b| b.w32(COMMAND, command(1, 3, 1))),
        ("dual both ways", 8, |b| b.w32(COMMAND, command(1, 1, 3))),
        ("no such chip", 16, |b| {
            b.w32(CSID, 1);
            b.w32(COMMAND, command(1, 0, 1));
            b.w32(CSID, 0);
        }),
        ("busy", 1, |b| {
            b.w32(CONTROL, 0);
            (0..5).for_each(|_| b.w32(COMMAND, command(1, 0, 0)));
            b.w32(CONTROL, ON);
        }),
    ] {
        let mut b = host();
        b.w32(INTR_ENABLE, 1);
        cause(&mut b);
        assert_eq!(b.r32(ERROR_STATUS), error, "{name}");
        assert!(b.output(0, 0), "{name}");
        b.w32(INTR_STATE, 1);
        assert!(b.output(0, 0), "{name}: the cause is still there");
        b.w32(COMMAND, command(1, 0, 1));
        assert_eq!(b.r32(STATUS) >> 8 & 0xff, 0, "{name}: stopped");
        b.w32(ERROR_STATUS, 0x3f);
        b.w32(INTR_STATE, 1);
        assert!(!b.output(0, 0), "{name}");
    }
}

#[test]
fn events_follow_the_fifos() {
    let mut b = host();
    b.w32(INTR_ENABLE, 2);
    b.w32(EVENT_ENABLE, 4);
    b.w32(CONTROL, 0xa000_0002);
    b.w32(COMMAND, command(4, 0, 1));
    assert!(!b.output(1, 0));
    b.w32(COMMAND, command(4, 0, 1));
    assert!(b.output(1, 0));
    b.r32(RXDATA);
    assert!(!b.output(1, 0));
    b.w32(EVENT_ENABLE, 0x20);
    assert!(b.output(1, 0), "idle");
}

#[test]
fn software_reset_empties_everything() {
    let mut b = host();
    b.w32(TXDATA, 1);
    b.w32(COMMAND, command(4, 0, 1));
    b.w32(CONTROL, 0xe000_007f);
    assert_eq!(b.r32(STATUS) & 0xf_ffff, 0);
    b.w32(CONTROL, ON);
    assert_eq!(b.r32(STATUS) & 0xf_ffff, 0);
}
