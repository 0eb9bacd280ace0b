//! Register-level tests of the USART.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

const SR: u64 = 0x00;
const DR: u64 = 0x04;
const BRR: u64 = 0x08;
const CR1: u64 = 0x0c;
const CR3: u64 = 0x14;

/// Virtual time of a frame of ten bits at 115,200 baud of 16 MHz: BRR is 139.
const FRAME: u64 = 1390 * 62_500;

const ON: u64 = 0x200c;
const IDLE: u64 = 0x10;
const RXNE: u64 = 0x20;
const TC: u64 = 0x40;
const TXE: u64 = 0x80;

fn bench(cr1: u64) -> Bench {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(BRR, 139);
    b.w32(CR1, cr1);
    b
}

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn sends_at_the_pace_of_the_line() {
    let mut b = bench(ON);
    b.w32(DR, u64::from(b'a'));
    // The first is in the shift register at once, the second waits.
    assert_eq!(b.r32(SR), TXE);
    b.w32(DR, u64::from(b'b'));
    assert_eq!(b.r32(SR), 0);
    b.advance(FRAME - 1);
    assert_eq!(b.r32(SR), 0);
    b.advance(1);
    assert_eq!(b.r32(SR), TXE);
    b.advance(FRAME);
    assert_eq!((b.r32(SR), b.sent(0)), (TXE | TC, b"ab".to_vec()));
    // TC falls with the next byte, or by a 0.
    b.w32(SR, !TC & 0xffff_ffff);
    assert_eq!(b.r32(SR), TXE);
}

#[test]
fn follows_its_clock() {
    let mut b = bench(ON);
    b.rate(0, 32_000_000);
    b.w32(DR, 0);
    b.advance(FRAME / 2);
    assert_eq!(b.r32(SR), TXE | TC);
}

#[test]
fn takes_a_byte_a_frame() {
    let mut b = bench(ON | RXNE);
    assert_eq!(b.receive(0, b"xy"), 1);
    assert!(b.output(0, 0));
    assert_eq!(b.receive(0, b"y"), 0);
    assert_eq!(b.r32(DR), u64::from(b'x'));
    assert!(!b.output(0, 0));
    // The next can be there a frame later only.
    assert_eq!(b.receive(0, b"y"), 0);
    b.cx.more.clear();
    b.advance(FRAME);
    assert_eq!((b.cx.more.len(), b.receive(0, b"y")), (1, 1));
    b.advance(2 * FRAME);
    assert_eq!(b.r32(SR), TXE | TC | RXNE | IDLE);
    assert_eq!((b.r32(DR), b.r32(SR)), (u64::from(b'y'), TXE | TC));
}

#[test]
fn interrupts_and_dma_requests_follow_their_flags() {
    let mut b = bench(ON | TXE);
    assert!(b.output(0, 0));
    b.w32(CR1, ON | TC);
    assert!(b.output(0, 0));
    b.w32(CR1, ON);
    assert!(!b.output(0, 0));
    b.w32(CR3, 0xc0);
    assert_eq!((b.output(1, 0), b.output(2, 0)), (false, true));
    b.receive(0, b"z");
    assert!(b.output(1, 0));
}

#[test]
fn without_a_transmitter_nothing_is_sent() {
    let mut b = bench(0x2004);
    b.w32(DR, 1);
    assert!(b.sent(0).is_empty());
    b.w32(CR1, 0x0008);
    b.w32(DR, 1);
    assert!(b.sent(0).is_empty());
}
