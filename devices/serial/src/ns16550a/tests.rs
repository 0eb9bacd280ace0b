//! Bus-level tests of the 16550A.

use super::MODEL;
use super::regs::*;
use hetemu_hw::testing::{Bench, check};

const THR: u64 = RBR;
const FCR: u64 = IIR;
const LOOP: u64 = MCR_LOOP as u64;

fn uart() -> Bench {
    Bench::of(&MODEL, &[], &[])
}

fn irq(b: &Bench) -> bool {
    b.output(0, 0)
}

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    let props = [("reg_stride", 4)];
    let make = || Bench::of(&MODEL, &props, &[]);
    for seed in 0..4 {
        check::traffic(&MODEL, &props, &make, seed, 2000);
        check::round_trip(&MODEL, &props, &make, seed, 400);
    }
}

#[test]
fn registers_after_reset() {
    let mut b = uart();
    let values: Vec<u64> = (0..8).map(|reg| b.r8(reg)).collect();
    assert_eq!(values, [0, 0, 1, 0, 0, 0x60, 0xb0, 0]);
}

#[test]
fn sends_and_is_empty_again() {
    let mut b = uart();
    for byte in b"ok\n" {
        b.w8(THR, u64::from(*byte));
        assert_eq!(b.r8(LSR), 0x60);
    }
    assert_eq!(b.sent(0), b"ok\n");
}

#[test]
fn the_divisor_hides_behind_dlab() {
    let mut b = uart();
    b.w8(LCR, 0x83);
    b.w8(THR, 0x34);
    b.w8(IER, 0x12);
    assert_eq!((b.r8(RBR), b.r8(IER)), (0x34, 0x12));
    b.w8(LCR, 0x03);
    assert_eq!((b.r8(RBR), b.r8(IER)), (0, 0));
    assert!(b.sent(0).is_empty());
}

#[test]
fn the_transmit_interrupt_is_an_event() {
    let mut b = uart();
    b.w8(IER, 2);
    assert!(irq(&b), "empty when enabled");
    assert_eq!(b.r8(IIR), 0x02);
    assert!(!irq(&b), "reading its source clears it");
    assert_eq!(b.r8(IIR), 0x01);
    b.w8(IER, 2);
    assert!(!irq(&b), "it was enabled before");
    b.w8(THR, 0x41);
    assert!(irq(&b));
    b.w8(IER, 0);
    assert!(!irq(&b));
    b.w8(IER, 2);
    assert!(irq(&b));
}

#[test]
fn fifo_trigger_levels() {
    for (bits, level) in [(0, 1), (1, 4), (2, 8), (3, 14)] {
        let mut b = uart();
        b.w8(FCR, 1 | bits << 6);
        b.w8(IER, 1);
        assert_eq!(b.r8(IIR), 0xc1);
        b.receive(0, &vec![7; level - 1]);
        assert!(!irq(&b));
        b.receive(0, &[7]);
        assert!(irq(&b));
        assert_eq!(b.r8(IIR), 0xc4);
        b.r8(RBR);
        assert!(!irq(&b));
    }
}

#[test]
fn a_character_timeout_tells_of_the_rest() {
    let mut b = Bench::of(&MODEL, &[], &[("clk", 3_686_400)]);
    b.w8(LCR, 0x83);
    b.w8(THR, 2);
    b.w8(LCR, 0x03);
    b.w8(FCR, 0xc1);
    b.w8(IER, 1);
    b.receive(0, b"xy");
    // 40 bit times at 115,200 baud.
    b.advance(347_000_000);
    assert!(!irq(&b));
    b.advance(1_000_000);
    assert_eq!(b.r8(IIR), 0xcc);
    assert!(irq(&b), "reading its source does not clear it");
    b.r8(RBR);
    assert!(!irq(&b));
    b.advance(348_000_000);
    assert_eq!(b.r8(IIR), 0xcc, "one more waits");
    b.r8(RBR);
    b.advance(348_000_000);
    assert!(!irq(&b));
}

#[test]
fn priorities() {
    let mut b = uart();
    b.w8(MCR, LOOP);
    b.r8(MSR);
    b.w8(IER, 0x0f);
    b.w8(MCR, LOOP | 1);
    b.w8(THR, 1);
    b.w8(THR, 2);
    let mut sources = Vec::new();
    for clear in [LSR, RBR, IIR, MSR] {
        sources.push(b.r8(IIR));
        b.r8(clear);
    }
    // The first read of IIR after RBR shows and clears the transmitter.
    assert_eq!(sources, [0x06, 0x04, 0x02, 0x00]);
    assert_eq!(b.r8(IIR), 0x01);
    assert!(!irq(&b));
}

#[test]
fn loopback_connects_modem_lines_and_data() {
    let mut b = uart();
    b.w8(MCR, LOOP | 0xa);
    assert_eq!(b.r8(MSR) & 0xf0, 0x90);
    b.w8(MCR, LOOP | 0x5);
    assert_eq!(b.r8(MSR), 0x60 | 0x0b, "RI rose: only its fall counts");
    b.w8(MCR, LOOP);
    assert_eq!(b.r8(MSR), 0x06);
    assert_eq!(b.r8(MSR), 0);
    b.w8(THR, 0x5a);
    assert_eq!(b.r8(LSR), 0x61);
    assert_eq!(b.r8(RBR), 0x5a);
    assert!(b.sent(0).is_empty());
    assert_eq!(b.receive(0, b"x"), 0, "the line is cut");
    b.cx.more.clear();
    b.w8(MCR, 0);
    assert_eq!(b.cx.more, [0]);
}

#[test]
fn overruns() {
    let mut b = uart();
    b.w8(MCR, LOOP);
    b.w8(THR, 1);
    b.w8(THR, 2);
    assert_eq!(b.r8(LSR), 0x63);
    assert_eq!(b.r8(LSR), 0x61, "reading clears the error");
    assert_eq!(b.r8(RBR), 2, "without FIFOs the new byte stays");
    b.w8(FCR, 1);
    for byte in 0..17 {
        b.w8(THR, byte);
    }
    assert_eq!(b.r8(LSR) & 2, 2);
    assert_eq!((0..16).map(|_| b.r8(RBR)).collect::<Vec<_>>(), (0..16).collect::<Vec<_>>());
    assert_eq!(b.r8(LSR), 0x60);
}

#[test]
fn input_waits_for_room_and_resets_drop_it() {
    let mut b = uart();
    assert_eq!(b.receive(0, b"abc"), 1);
    b.cx.more.clear();
    assert_eq!(b.r8(RBR), 0x61);
    assert_eq!(b.cx.more, [0]);
    b.w8(FCR, 1);
    assert_eq!(b.receive(0, &[9; 40]), 16);
    b.w8(FCR, 3);
    assert_eq!(b.r8(LSR), 0x60);
    assert_eq!(b.r8(IIR), 0xc1);
}

#[test]
fn wide_registers() {
    let mut b = Bench::of(&MODEL, &[("reg_stride", 4)], &[]);
    b.w32(4 * SCR, 0x1_5a);
    assert_eq!(b.r32(4 * SCR), 0x5a);
    assert_eq!(b.r8(4 * SCR + 1), 0);
    b.w32(0, 0x41);
    assert_eq!(b.sent(0), b"A");
}
