//! Bus-level tests of the controller.

use super::*;
use crate::ethernet::check_sequence;
use hetemu_hw::schema::Value;
use hetemu_hw::testing::{Bench, check, config};
use hetemu_hw::time::SECOND;

const MAC: Mac = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const RX_DATA: u64 = 0x00;
const TX_DATA: u64 = 0x20;
const RX_STATUS: u64 = 0x40;
const TX_STATUS: u64 = 0x48;

/// Writes a register of the MAC.
fn csr(b: &mut Bench, index: u64, value: u64) {
    b.w32(reg::MAC_CSR_DATA, value);
    b.w32(reg::MAC_CSR_CMD, 0x8000_0000 | index);
    assert_eq!(b.r32(reg::MAC_CSR_CMD) >> 31, 0);
}

/// Reads one.
fn read_csr(b: &mut Bench, index: u64) -> u64 {
    b.w32(reg::MAC_CSR_CMD, 0xc000_0000 | index);
    b.r32(reg::MAC_CSR_DATA)
}

fn phy(b: &mut Bench, register: u64) -> u64 {
    csr(b, 6, 1 << 11 | register << 6 | 1);
    assert_eq!(read_csr(b, 6) & 1, 0);
    read_csr(b, 7)
}

fn write_phy(b: &mut Bench, register: u64, value: u64) {
    csr(b, 7, value);
    csr(b, 6, 1 << 11 | register << 6 | 3);
}

/// A card that sends and receives; interrupts are high when they are active.
fn card() -> Bench {
    let mut b = Bench::of(&MODEL, &[], &[]);
    csr(&mut b, 1, 0xc);
    b.w32(reg::TX_CFG, 2);
    b.w32(reg::IRQ_CFG, 0x111);
    b
}

/// A frame to the card.
fn frame(len: usize) -> Vec<u8> {
    let rest = (0..len as u32 - 6).map(|i| i as u8 ^ 0x55);
    MAC.into_iter().chain(rest).collect()
}

/// Gives a buffer to the card: commands, then its bytes behind `offset` others.
fn buffer(b: &mut Bench, a: u64, cmd: u64, offset: usize, bytes: &[u8]) {
    b.w32(TX_DATA, a | (offset as u64) << 16 | bytes.len() as u64);
    b.w32(TX_DATA, cmd);
    let mut all = vec![0xee; offset];
    all.extend_from_slice(bytes);
    let unit = [4, 16, 32][(a >> 24 & 3) as usize];
    all.resize(all.len().next_multiple_of(unit), 0xee);
    for word in all.as_chunks().0 {
        b.w32(TX_DATA, u32::from_le_bytes(*word).into());
    }
}

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    check::all(&MODEL, &[("id", 0x9220_0000), ("wide", 0)]);
    // The same with everything on, so that random traffic reaches the FIFOs.
    for seed in 0..8 {
        check::traffic(&MODEL, &[], &card, seed, 2000);
        check::round_trip(&MODEL, &[], &card, seed, 600);
    }
    check::bad_states(&MODEL, &[], &card);
}

#[test]
fn says_what_it_is() {
    let mut b = Bench::of(&MODEL, &[("id", 0x9220_0000), ("wide", 0)], &[]);
    let all = [reg::ID_REV, reg::BYTE_TEST, reg::HW_CFG, reg::PMT_CTRL].map(|at| b.r32(at));
    assert_eq!(all, [0x9220_0000, 0x8765_4321, 0x5_0000, 1]);
    assert_eq!((read_csr(&mut b, 3), read_csr(&mut b, 2)), (0x1200_5452, 0x5634));
    assert_eq!([2, 3].map(|n| phy(&mut b, n)), [7, 0xc0c3]);
    let mut c = config(MODEL.ty, &[], &[]);
    c.props.insert("mac".into(), Value::Str("53:54:00:12:34:56".into()));
    assert!(create(&c).is_err(), "a group's address");
}

#[test]
fn the_link_is_up_with_something_at_the_other_end() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    assert_eq!([1, 5].map(|n| phy(&mut b, n)), [0x782d, 0x45e1]);
    write_phy(&mut b, 30, 0x40);
    b.w32(reg::INT_EN, 1 << 18);
    write_phy(&mut b, 0, 0x1200);
    assert_eq!((b.r32(reg::INT_STS), phy(&mut b, 29), b.r32(reg::INT_STS)), (1 << 18, 0x40, 0));
    let mut alone = config(MODEL.ty, &[], &[]);
    alone.links.clear();
    let mut b = Bench::new(create(&alone).unwrap());
    b.reset();
    assert_eq!([1, 5, 29].map(|n| phy(&mut b, n)), [0x7809, 0, 0]);
}

#[test]
fn a_frame_of_two_buffers_goes_out() {
    let mut b = card();
    b.w32(reg::INT_EN, 1 << 21);
    let bytes = frame(101);
    buffer(&mut b, 1 << 13, 0xabcd << 16 | 101, 3, &bytes[..30]);
    assert_eq!(b.r32(reg::TX_FIFO_INF), 4608 - 44);
    buffer(&mut b, 1 << 31 | 1 << 12 | 1 << 24, 0xabcd << 16 | 101, 0, &bytes[30..]);
    assert_eq!(b.sent(0), bytes);
    assert_eq!(b.r32(reg::TX_FIFO_INF), 4608 | 1 << 16);
    assert!(b.output(0, 0), "interrupt on completion");
    assert_eq!((b.r32(reg::TX_STATUS_FIFO_PEEK), b.r32(TX_STATUS)), (0xabcd_0000, 0xabcd_0000));
    assert_eq!(b.r32(reg::TX_FIFO_INF), 4608);
}

#[test]
fn short_frames_are_padded_and_check_sequences_taken_off() {
    let mut b = card();
    let send = |b: &mut Bench, flags: u64, bytes: &[u8]| {
        buffer(b, 3 << 12, flags | bytes.len() as u64, 0, bytes);
        b.sent(0)
    };
    assert_eq!(send(&mut b, 0, &frame(20)).len(), 60);
    assert_eq!(send(&mut b, 1 << 12, &frame(20)).len(), 20);
    assert_eq!(send(&mut b, 1 << 13, &frame(68)), frame(64));
    assert_eq!(b.r32(reg::INT_STS) & u64::from(TX_ERROR), 0);
}

#[test]
fn wrong_commands_are_errors() {
    let wrong: [&dyn Fn(&mut Bench); 3] = [
        &|b| buffer(b, 3 << 12, 61, 0, &frame(60)),
        &|b| buffer(b, 1 << 12, 60, 0, &frame(60)),
        &|b| {
            buffer(b, 1 << 13, 60, 0, &frame(20));
            buffer(b, 3 << 12, 60, 0, &frame(60));
        },
    ];
    for (n, wrong) in wrong.iter().enumerate() {
        let mut b = card();
        wrong(&mut b);
        assert_ne!(b.r32(reg::INT_STS) & u64::from(TX_ERROR), 0, "{n}");
    }
}

#[test]
fn off_it_keeps_frames_until_there_is_no_room() {
    let mut b = card();
    b.w32(reg::TX_CFG, 1);
    assert_eq!(b.r32(reg::INT_STS), TX_STOPPED.into());
    for _ in 0..3 {
        buffer(&mut b, 3 << 12, 1500, 0, &frame(1500));
    }
    assert_eq!(b.r32(reg::TX_FIFO_INF), 4608 - 3 * 1508);
    buffer(&mut b, 3 << 12, 100, 0, &frame(100));
    assert_ne!(b.r32(reg::INT_STS) & u64::from(TX_OVERRUN), 0);
    assert_eq!(b.sent(0), [0; 0]);
    b.w32(reg::TX_CFG, 2);
    assert_eq!(b.sent(0).len(), 4500);
    assert_eq!(b.r32(reg::TX_FIFO_INF) >> 16, 3);
    b.w32(reg::TX_CFG, 0x8002);
    assert_eq!(b.r32(reg::TX_FIFO_INF) >> 16, 0, "status dumped");
}

#[test]
fn a_frame_comes_in() {
    let mut b = card();
    b.w32(reg::INT_EN, 1 << 3);
    b.w32(reg::RX_CFG, 2 << 8);
    assert_eq!(b.receive(0, &frame(70)), 70);
    assert!(b.output(0, 0));
    assert_eq!(b.r32(reg::RX_FIFO_INF), 76 | 1 << 16);
    b.w32(reg::INT_STS, 8);
    assert!(b.output(0, 0), "it still waits");
    assert_eq!(
        (b.r32(reg::RX_STATUS_FIFO_PEEK), b.r32(RX_STATUS)),
        (74 << 16 | 0x20, 74 << 16 | 0x20)
    );
    b.w32(reg::INT_STS, 8);
    assert!(!b.output(0, 0));
    let words: Vec<u8> = (0..19).flat_map(|_| (b.r32(RX_DATA) as u32).to_le_bytes()).collect();
    let mut expected = frame(70);
    expected.extend(check_sequence(&expected.clone()));
    assert_eq!(words[2..], expected);
    assert_eq!((b.r32(reg::RX_FIFO_INF), b.r32(RX_DATA)), (0, 0));
    assert_eq!(b.r32(reg::INT_STS), RX_ERROR.into(), "nothing to read");
}

#[test]
fn frames_are_dropped_forward_and_wait_without_room() {
    let mut b = card();
    b.receive(0, &frame(60));
    b.receive(0, &frame(61));
    b.r32(RX_DATA);
    b.w32(reg::RX_DP_CTRL, 0x8000_0000);
    assert_eq!(b.r32(reg::RX_FIFO_INF), 68 | 2 << 16, "the rest of the first is gone");
    let mut taken = 0;
    while b.receive(0, &frame(1514)) != 0 {
        taken += 1;
    }
    assert_eq!(taken, 6, "10560 bytes hold six of 1520");
    b.cx.more.clear();
    b.w32(reg::RX_CFG, 0x8000);
    assert_eq!((b.r32(reg::RX_FIFO_INF), b.cx.more.contains(&0)), (0, true));
    assert_eq!(b.receive(0, &frame(1514)), 1514);
}

#[test]
fn filters() {
    const OTHER: Mac = [2, 0, 0, 0, 0, 2];
    const GROUP: Mac = [1, 0, 0x5e, 0, 0, 1];
    let passing = |b: &mut Bench| {
        [MAC, OTHER, GROUP, [0xff; 6]].map(|to| {
            let bytes = [&to[..], &[0; 54]].concat();
            assert_eq!(b.receive(0, &bytes), 60);
            let waits = b.r32(reg::RX_FIFO_INF) != 0;
            b.w32(reg::RX_CFG, 0x8000);
            waits
        })
    };
    let mut b = card();
    for (cr, expected) in [
        (0, [false; 4]),
        (4, [true, false, false, true]),
        (4 | 1 << 11, [true, false, false, false]),
        (4 | 1 << 19, [true, false, true, true]),
        (4 | 1 << 18, [true; 4]),
        (4 | 1 << 31, [true; 4]),
        (4 | 1 << 17, [false, true, true, true]),
        (4 | 1 << 13, [true, false, false, true]),
    ] {
        csr(&mut b, 1, cr);
        assert_eq!(passing(&mut b), expected, "{cr:#x}");
    }
    let bit = ethernet::hash(&GROUP);
    csr(&mut b, if bit & 32 != 0 { 4 } else { 5 }, 1 << (bit & 31));
    assert_eq!(passing(&mut b), [true, false, true, true]);
    csr(&mut b, 1, 4 | 1 << 31);
    b.receive(0, &[&OTHER[..], &[0; 54]].concat());
    assert_eq!(b.r32(RX_STATUS) & u64::from(FILTERED), FILTERED.into());
}

#[test]
fn loopback() {
    let mut b = card();
    csr(&mut b, 1, 0xc | 1 << 21);
    buffer(&mut b, 3 << 12, 64, 0, &frame(64));
    assert_eq!(b.sent(0), [0; 0]);
    assert_eq!(b.r32(reg::RX_FIFO_INF), 68 | 1 << 16);
}

#[test]
fn timer_counter_and_software_interrupt() {
    let mut b = card();
    b.w32(reg::INT_EN, 1 << 19);
    b.w32(reg::GPT_CFG, 1 << 29 | 9);
    b.advance(SECOND / 1000 - 1);
    assert_eq!((b.r32(reg::GPT_CNT), b.output(0, 0)), (0, false));
    b.advance(1);
    assert_eq!((b.r32(reg::GPT_CNT), b.output(0, 0)), (0xffff, true));
    b.w32(reg::INT_STS, 1 << 19);
    assert!(!b.output(0, 0));
    b.w32(reg::GPT_CFG, 0);
    assert_eq!(b.r32(reg::GPT_CNT), 0xffff);
    let before = b.r32(reg::FREE_RUN);
    b.advance(SECOND / 1_000_000);
    assert_eq!(b.r32(reg::FREE_RUN) - before, 25);
    b.w32(reg::INT_EN, 1 << 31);
    assert_eq!((b.r32(reg::INT_STS), b.output(0, 0)), (1 << 31, true));
}

#[test]
fn the_pin_is_low_when_active_unless_told_otherwise() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    assert!(b.output(0, 0));
    b.w32(reg::INT_EN, 1 << 31);
    assert!(b.output(0, 0), "off");
    b.w32(reg::IRQ_CFG, 0x100);
    assert!(!b.output(0, 0));
    b.w32(reg::IRQ_CFG, 0x111);
    assert_eq!((b.output(0, 0), b.r32(reg::IRQ_CFG)), (true, 0x1111));
}

#[test]
fn eeprom() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    let command = |b: &mut Bench, number: u64, at: u64| {
        b.w32(reg::E2P_CMD, 1 << 31 | number << 28 | at);
        b.r32(reg::E2P_DATA)
    };
    assert_eq!([0, 1, 6, 7].map(|at| command(&mut b, 0, at)), [0xa5, 0x52, 0x56, 0xff]);
    b.w32(reg::E2P_DATA, 0x42);
    command(&mut b, 3, 6);
    assert_eq!(command(&mut b, 0, 6), 0x56, "closed");
    command(&mut b, 2, 0);
    b.w32(reg::E2P_DATA, 0x42);
    command(&mut b, 3, 6);
    command(&mut b, 7, 0);
    assert_eq!((read_csr(&mut b, 2), b.r32(reg::E2P_CMD) & 0x100), (0x4234, 0x100));
    // A reset of its own reads it again, and forgets everything else.
    b.w32(reg::GPIO_CFG, 1);
    b.w32(reg::HW_CFG, 1);
    assert_eq!((read_csr(&mut b, 2), b.r32(reg::GPIO_CFG)), (0x4234, 0));
}
