//! Tests of the network controller as a driver of the 32-bit style uses it.

use super::MODEL;
use super::ring::crc;
use hetemu_hw::pci::Space;
use hetemu_hw::testing::{Bench, check};

const RDP: u64 = 0x10;
const RAP: u64 = 0x12;
const BDP: u64 = 0x16;
const RX: usize = 0x100;
const TX: usize = 0x180;

fn bench() -> Bench {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.cx.memory = vec![0; 0x4000];
    b.with(|dev, cx| dev.pci().unwrap().config_write(cx, 4, 2, 7));
    b
}

fn csr(b: &mut Bench, n: u64) -> u64 {
    b.write(RAP, 2, n);
    b.read(RDP, 2)
}

fn set_csr(b: &mut Bench, n: u64, value: u64) {
    b.write(RAP, 2, n);
    b.write(RDP, 2, value);
}

fn word(b: &Bench, at: usize) -> u32 {
    u32::from_le_bytes(b.cx.memory[at..at + 4].try_into().unwrap())
}

fn put(b: &mut Bench, at: usize, words: &[u32]) {
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    b.cx.memory[at..at + bytes.len()].copy_from_slice(&bytes);
}

/// Rings of four receive and two send descriptors; buffers of 256 bytes at 0x1000 and 0x2000.
fn started() -> Bench {
    let mut b = bench();
    b.write(RAP, 2, 20);
    b.write(BDP, 2, 2);
    // Mode; rings of 4 and 2; address 52:54:00:12:34:56; no filter; the rings.
    put(&mut b, 0x40, &[0x1020_0000, 0x1200_5452, 0x5634, 0, 0, RX as u32, TX as u32]);
    for n in 0..4 {
        put(&mut b, RX + 16 * n, &[0x1000 + 256 * n as u32, 0x8000_ff00, 0, 0]);
    }
    set_csr(&mut b, 1, 0x40);
    set_csr(&mut b, 2, 0);
    set_csr(&mut b, 0, 0x41);
    assert_eq!(csr(&mut b, 0) & 0x0185, 0x0181, "initialized");
    set_csr(&mut b, 0, 0x0142);
    assert_eq!(csr(&mut b, 0) & 0x00f7, 0x0073, "started, receiving and sending");
    b
}

fn frame(to: [u8; 6], len: usize) -> Vec<u8> {
    let mut frame = to.to_vec();
    frame.extend((6..len).map(|i| i as u8));
    frame
}

const OWN: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
}

#[test]
fn identification() {
    let mut b = bench();
    assert_eq!((csr(&mut b, 88), csr(&mut b, 89)), (0x5003, 0x0262));
    assert_eq!((b.read(14, 1), b.read(15, 1)), (0x57, 0x57));
    let sum: u64 = (0..16).filter(|n| !(12..14).contains(n)).map(|n| b.read(n, 1)).sum();
    assert_eq!(b.read(12, 2), sum);
    // The PHY inside.
    b.write(RAP, 2, 33);
    b.write(BDP, 2, 0x1e << 5 | 1);
    b.write(RAP, 2, 34);
    assert_eq!(b.read(BDP, 2) & 0x24, 0x24, "the link is up");
    assert_eq!(crc(b"123456789"), 0xcbf4_3926);
}

#[test]
fn wide_registers_follow_the_first_wide_write() {
    let mut b = bench();
    assert_eq!(b.read(0x18, 4), 0xffff_ffff);
    b.write(0x10, 4, 0);
    b.write(0x14, 4, 88);
    assert_eq!(b.read(0x10, 4), 0x5003);
    assert_eq!(b.read(0x18, 4), 0, "reset");
    b.write(0x14, 4, 0);
    assert_eq!(b.read(0x10, 4), 4);
}

#[test]
fn both_address_spaces_lead_to_the_registers() {
    let mut b = bench();
    b.with(|dev, cx| {
        let pci = dev.pci().unwrap();
        pci.config_write(cx, 0x10, 4, 0x1060);
        pci.config_write(cx, 0x14, 4, 0x1205_1000);
        assert_eq!(pci.config_read(cx, 0x10, 4), 0x1061);
        assert_eq!(pci.claims(Space::Io, 0x1072), Some((0, 0x12)));
        assert_eq!(pci.claims(Space::Memory, 0x1205_1010), Some((0, 0x10)));
        assert_eq!(pci.claims(Space::Io, 0x1080), None);
    });
}

#[test]
fn frames_are_sent_from_several_buffers() {
    let mut b = started();
    let data = frame([0xff; 6], 100);
    b.cx.memory[0x2000..0x2040].copy_from_slice(&data[..64]);
    b.cx.memory[0x2100..0x2124].copy_from_slice(&data[64..]);
    put(&mut b, TX, &[0x2000, 0x8200_0000 | 0xf000 | (0x1000 - 64), 0, 0]);
    put(&mut b, TX + 16, &[0x2100, 0x8100_0000 | 0xf000 | (0x1000 - 36), 0, 0]);
    set_csr(&mut b, 0, 0x48);
    assert_eq!(b.sent(0), data);
    assert_eq!((word(&b, TX + 4) >> 31, word(&b, TX + 20) >> 31), (0, 0));
    assert!(b.output(0, 0));
    set_csr(&mut b, 0, 0x0240);
    assert!(!b.output(0, 0), "a one clears the cause");
}

#[test]
fn frames_are_received_into_the_ring() {
    let mut b = started();
    let data = frame(OWN, 300);
    assert_eq!(b.receive(0, &data), 300);
    // 304 bytes with the check sequence, in two buffers.
    assert_eq!((word(&b, RX + 4) >> 24, word(&b, RX + 20) >> 24), (2, 1));
    assert_eq!(word(&b, RX + 24) & 0xfff, 304);
    assert_eq!(b.cx.memory[0x1000..0x112c], data[..]);
    assert_eq!(b.cx.memory[0x112c..0x1130], crc(&data).to_le_bytes());
    assert!(b.output(0, 0));
    // Other addresses pass by; short frames are filled up.
    assert_eq!(b.receive(0, &frame([0x52, 0, 0, 0, 0, 1], 60)), 60);
    assert_eq!(word(&b, RX + 36) >> 31, 1);
    assert_eq!(b.receive(0, &frame([0xff; 6], 20)), 20);
    assert_eq!(word(&b, RX + 40) & 0xfff, 64);
}

#[test]
fn a_full_ring_has_frames_wait() {
    let mut b = started();
    for _ in 0..4 {
        assert_eq!(b.receive(0, &frame(OWN, 200)), 200);
    }
    assert_eq!(b.receive(0, &frame(OWN, 200)), 0);
    put(&mut b, RX, &[0x1000, 0x8000_ff00, 0, 0]);
    b.advance(2_000_000_000);
    assert_eq!(b.cx.more.last(), Some(&0), "the frame is asked for again");
    assert_eq!(b.receive(0, &frame(OWN, 200)), 200);
}

#[test]
fn without_bus_mastering_nothing_is_read() {
    let mut b = bench();
    b.with(|dev, cx| dev.pci().unwrap().config_write(cx, 4, 2, 3));
    set_csr(&mut b, 0, 1);
    assert_eq!(csr(&mut b, 0) & 0x8900, 0x8800, "a memory error, and not initialized");
}
