//! Bus-level tests of the UART.

use super::regs::*;
use super::{MODEL_1, MODEL_2};
use hetemu_hw::testing::{Bench, check};

/// 115,200 baud of 50 MHz.
const NCO: u64 = 2416 << 16;
/// Ten bits at that rate, rounded up.
const FRAME: u64 = 86_810_000;
const TX: u64 = ctrl::TX as u64;
const RX: u64 = ctrl::RX as u64;

fn one() -> Bench {
    Bench::of(&MODEL_1, &[], &[("clk", 50_000_000)])
}

fn two() -> Bench {
    Bench::of(&MODEL_2, &[], &[("clk", 50_000_000)])
}

#[test]
fn every_check() {
    check::all(&MODEL_1, &[]);
    check::all(&MODEL_2, &[]);
    check::all(&MODEL_2, &[("rx_depth", 1)]);
}

#[test]
fn bytes_reach_the_plug_at_once_and_drain_at_the_baud_rate() {
    let mut b = two();
    b.w32(CTRL, NCO | TX);
    for byte in b"abc" {
        b.w32(WDATA, u64::from(*byte));
    }
    assert_eq!(b.sent(0), b"abc");
    assert_eq!(b.r32(FIFO_STATUS), 2, "one byte is in the transmitter");
    assert_eq!(b.r32(STATUS) & 0xc, 0);
    b.advance(FRAME);
    assert_eq!(b.r32(FIFO_STATUS), 1);
    b.advance(FRAME);
    assert_eq!(b.r32(STATUS) & 0xc, 4, "empty, not idle");
    assert_eq!(b.r32(INTR_STATE) & 4, 0);
    b.advance(FRAME);
    assert_eq!(b.r32(STATUS) & 0xc, 0xc);
    assert_eq!(b.r32(INTR_STATE) & 4, 4, "tx_done");
    assert!(b.sent(0).is_empty());
}

#[test]
fn the_fifo_fills_and_drops() {
    let mut b = one();
    for i in 0..40 {
        b.w32(WDATA, i);
    }
    assert_eq!(b.r32(FIFO_STATUS), 32);
    assert_eq!(b.r32(STATUS) & 1, 1);
    assert!(b.sent(0).is_empty(), "the transmitter is off");
    b.w32(CTRL, NCO | TX);
    assert_eq!(b.sent(0), (0..32).collect::<Vec<u8>>());
    assert_eq!(b.r32(FIFO_STATUS), 31);
    b.w32(FIFO_CTRL, 2);
    assert_eq!(b.r32(FIFO_STATUS), 0);
    assert_eq!(b.r32(FIFO_CTRL), 0);
}

#[test]
fn a_reset_fifo_sends_nothing() {
    let mut b = one();
    b.w32(WDATA, 0x41);
    b.w32(FIFO_CTRL, 2);
    b.w32(CTRL, NCO | TX);
    assert!(b.sent(0).is_empty());
}

#[test]
fn without_a_baud_rate_it_sends_at_once() {
    let mut b = one();
    b.w32(CTRL, TX);
    b.w32(WDATA, 0x41);
    assert_eq!(b.sent(0), b"A");
    assert_eq!(b.r32(STATUS), 0x3c);
    assert_eq!(b.r32(INTR_STATE) & 4, 4);
}

#[test]
fn version_1_latches_watermarks() {
    let mut b = one();
    b.w32(CTRL, NCO | RX);
    b.w32(INTR_ENABLE, 2);
    assert_eq!(b.r32(INTR_STATE), 0);
    assert_eq!(b.receive(0, b"xy"), 2);
    assert!(b.output(1, 0));
    b.w32(INTR_STATE, 2);
    assert!(!b.output(1, 0), "an edge, cleared though bytes wait");
    assert_eq!(b.r32(RDATA), 0x78);
    assert_eq!(b.r32(RDATA), 0x79);
    b.receive(0, b"z");
    assert!(b.output(1, 0), "a new edge");
}

#[test]
fn version_2_watermarks_follow_the_level() {
    let mut b = two();
    assert_eq!(b.r32(INTR_STATE), 0x101);
    b.w32(CTRL, NCO | RX);
    b.w32(INTR_ENABLE, 2);
    b.w32(FIFO_CTRL, 1 << 2);
    b.receive(0, b"x");
    assert!(!b.output(1, 0));
    b.receive(0, b"y");
    assert!(b.output(1, 0));
    b.w32(INTR_STATE, 0x1ff);
    assert!(b.output(1, 0), "cannot be cleared");
    b.r32(RDATA);
    assert!(!b.output(1, 0));
    b.w32(INTR_TEST, 2);
    assert!(b.output(1, 0));
    b.w32(INTR_TEST, 0);
    assert!(!b.output(1, 0));
}

#[test]
fn watermark_levels() {
    for (level, bytes) in [(0, 1), (1, 2), (2, 4), (3, 8), (4, 16), (5, 32), (6, 62)] {
        let mut b = two();
        b.w32(CTRL, RX);
        b.w32(FIFO_CTRL, level << 2);
        b.receive(0, &vec![0; bytes - 1]);
        assert_eq!(b.r32(INTR_STATE) & 2, 0, "{level}");
        b.receive(0, &[0]);
        assert_eq!(b.r32(INTR_STATE) & 2, 2, "{level}");
    }
}

#[test]
fn input_waits_for_the_receiver() {
    let mut b = one();
    assert_eq!(b.receive(0, b"abc"), 0);
    b.cx.more.clear();
    b.w32(CTRL, RX);
    assert_eq!(b.cx.more, [0]);
    assert_eq!(b.receive(0, &[7; 50]), 32);
    assert_eq!(b.r32(STATUS) & 2, 2);
    b.cx.more.clear();
    b.r32(RDATA);
    assert_eq!(b.cx.more, [0]);
}

#[test]
fn system_loopback_overflows() {
    let mut b = one();
    b.w32(CTRL, NCO | TX | RX | 1 << 4);
    for i in 0..34 {
        b.w32(WDATA, i);
        b.advance(FRAME);
    }
    assert!(b.sent(0).is_empty());
    assert_eq!(b.r32(FIFO_STATUS) >> 16, 32);
    assert_eq!(b.r32(INTR_STATE) & 8, 8);
    for i in 0..32 {
        assert_eq!(b.r32(RDATA), i);
    }
    assert_eq!(b.r32(RDATA), 0);
}

#[test]
fn line_loopback_forwards() {
    let mut b = one();
    b.w32(CTRL, NCO | TX | RX | 1 << 5);
    assert_eq!(b.receive(0, b"hi"), 2);
    assert_eq!(b.sent(0), b"hi");
    assert_eq!(b.r32(STATUS) & 0x20, 0x20);
}

#[test]
fn the_receive_timeout_counts_bit_times() {
    let mut b = one();
    b.w32(CTRL, NCO | RX);
    b.w32(TIMEOUT_CTRL, 1 << 31 | 20);
    b.receive(0, b"a");
    b.advance(FRAME * 2 - FRAME / 10);
    assert_eq!(b.r32(INTR_STATE) & 0x40, 0);
    b.advance(FRAME / 10);
    assert_eq!(b.r32(INTR_STATE) & 0x40, 0x40);
    b.w32(INTR_STATE, 0x40);
    b.advance(FRAME * 2);
    assert_eq!(b.r32(INTR_STATE) & 0x40, 0x40, "again, the byte still waits");
    b.r32(RDATA);
    b.w32(INTR_STATE, 0x40);
    b.advance(FRAME * 20);
    assert_eq!(b.r32(INTR_STATE) & 0x40, 0);
}

#[test]
fn interrupt_test_drives_every_line() {
    for (mut b, lines) in [(one(), 8), (two(), 9)] {
        b.w32(INTR_ENABLE, 0x1ff);
        for line in 0..lines {
            b.w32(INTR_TEST, 1 << line);
            assert!(b.output(line, 0), "{line}");
        }
    }
    let mut b = two();
    b.w32(ALERT_TEST, 1);
    assert_eq!(b.cx.pulses, [(9, 0)]);
}

#[test]
fn narrow_writes() {
    let mut b = two();
    b.write(WDATA, 1, 0x41);
    assert_eq!(b.r32(FIFO_STATUS), 1);
    assert!(b.try_write(CTRL, 2, 3).is_err());
    assert!(b.try_write(INTR_ENABLE, 1, 1).is_err());
    assert!(b.try_write(INTR_ENABLE, 2, 1).is_ok());
    assert_eq!(b.read(CTRL + 2, 2), 0);
}

#[test]
fn reserved_offsets_are_counted() {
    let mut b = one();
    assert_eq!(b.r32(0x34), 0);
    b.w32(0x38, 1);
    let places: Vec<_> = b.cx.unimplemented.iter().map(|(_, at, w)| (*at, *w)).collect();
    assert_eq!(places, [(0x34, false), (0x38, true)]);
}

#[test]
fn a_version_1_state_loads_into_version_2() {
    let mut old = one();
    old.w32(INTR_ENABLE, 4);
    old.w32(CTRL, NCO | TX);
    let mut new = two();
    assert_eq!(new.load(&old.save(), 1), Ok(()));
    assert_eq!(new.r32(INTR_ENABLE), 0x100);
    assert_eq!(new.r32(CTRL), NCO | TX);
}
