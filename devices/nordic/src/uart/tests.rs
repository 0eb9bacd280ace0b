//! Bus-level tests of UART and UARTE.

use super::MODEL;
use hetemu_hw::testing::{Bench, check};

const STARTRX: u64 = 0x000;
const STOPRX: u64 = 0x004;
const STARTTX: u64 = 0x008;
const RXDRDY: u64 = 0x108;
const ENDRX: u64 = 0x110;
const TXDRDY: u64 = 0x11c;
const ENDTX: u64 = 0x120;
const RXTO: u64 = 0x144;
const SHORTS: u64 = 0x200;
const INTENSET: u64 = 0x304;
const ENABLE: u64 = 0x500;
const RXD: u64 = 0x518;
const TXD: u64 = 0x51c;
const BAUDRATE: u64 = 0x524;
const RX_PTR: u64 = 0x534;
const TX_PTR: u64 = 0x544;
/// A byte at 115200 baud, and a bit more.
const BYTE: u64 = 87_000_000;

fn uart(enable: u64) -> Bench {
    let mut b = Bench::of(&MODEL, &[("easy_dma", 1)], &[]);
    b.cx.memory = vec![0; 0x100];
    b.w32(BAUDRATE, 0x01d7_e000);
    b.w32(ENABLE, enable);
    b
}

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    check::all(&MODEL, &[("easy_dma", 1)]);
}

#[test]
fn uart_sends_a_byte_at_a_time() {
    let mut b = uart(4);
    b.w32(TXD, b'-'.into());
    assert!(b.sent(0).is_empty(), "not started");
    b.w32(STARTTX, 1);
    b.w32(TXD, b'a'.into());
    b.w32(TXD, b'b'.into());
    assert_eq!((b.sent(0), b.r32(TXDRDY)), (b"ab".to_vec(), 0));
    b.advance(BYTE);
    assert_eq!(b.r32(TXDRDY), 1);
    b.w32(TXDRDY, 0);
    b.advance(BYTE);
    assert_eq!(b.r32(TXDRDY), 1);
    assert!(b.cx.timers.is_empty());
}

#[test]
fn uart_receives_what_is_read() {
    let mut b = uart(4);
    b.w32(INTENSET, 4);
    assert_eq!(b.receive(0, b"xy"), 0);
    b.w32(STARTRX, 1);
    assert_eq!(b.receive(0, b"xy"), 1);
    assert!(b.output(0, 0));
    b.w32(RXDRDY, 0);
    b.advance(BYTE);
    assert_eq!(b.receive(0, b"y"), 0, "RXD is full");
    assert_eq!(b.r32(RXD), u64::from(b'x'));
    assert_eq!(b.receive(0, b"y"), 1);
    assert_eq!((b.r32(RXD), b.receive(0, b"z")), (u64::from(b'y'), 0));
    b.advance(BYTE);
    assert_eq!(b.receive(0, b"z"), 1);
    b.w32(STOPRX, 1);
    assert_eq!((b.r32(RXTO), b.r32(RXD)), (1, u64::from(b'z')));
    b.advance(BYTE);
    assert_eq!(b.receive(0, b"-"), 0);
}

#[test]
fn uarte_moves_memory() {
    let mut b = uart(8);
    b.cx.memory[0x10..0x15].copy_from_slice(b"hello");
    b.w32(TX_PTR, 0x10);
    b.w32(TX_PTR + 4, 5);
    b.w32(STARTTX, 1);
    assert_eq!(b.sent(0), b"hello");
    b.advance(4 * BYTE);
    assert_eq!(b.r32(ENDTX), 0);
    b.advance(BYTE);
    assert_eq!((b.r32(ENDTX), b.r32(TX_PTR + 8)), (1, 5));
    b.w32(RX_PTR, 0x80);
    b.w32(RX_PTR + 4, 2);
    // The end of one reception begins the next.
    b.w32(SHORTS, 1 << 5);
    b.w32(STARTRX, 1);
    for byte in b"abc" {
        assert_eq!(b.receive(0, &[*byte]), 1);
        b.advance(BYTE);
    }
    // The amount is that of the buffer that is full.
    assert_eq!((b.r32(ENDRX), b.r32(RX_PTR + 8)), (1, 2));
    assert_eq!(&b.cx.memory[0x80..0x82], b"cb");
    b.w32(SHORTS, 0);
    b.w32(STOPRX, 1);
    assert_eq!((b.r32(RXTO), b.r32(RX_PTR + 8), b.receive(0, b"-")), (1, 1, 0));
}

#[test]
fn nrf51_has_no_easy_dma() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(ENABLE, 8);
    b.w32(TX_PTR + 4, 5);
    b.w32(STARTTX, 1);
    assert!(b.sent(0).is_empty());
}
