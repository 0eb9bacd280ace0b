//! Bus-level tests of the controller.

use super::*;
use hetemu_hw::testing::{Bench, check, config};

const MAC: [u8; 6] = [2, 0, 0, 0x12, 0x34, 0x56];

/// A controller that sends and receives.
fn card() -> Bench {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.w32(reg::MACIA0, 0x1200_0002);
    b.w32(reg::MACIA1, 0x5634);
    b.w32(reg::MACRCTL, 9);
    b.w32(reg::MACTCTL, 7);
    b
}

/// A frame to the card.
fn frame(len: usize) -> Vec<u8> {
    let rest = (0..len as u32 - 6).map(|i| i as u8 ^ 0x55);
    MAC.into_iter().chain(rest).collect()
}

/// Writes a frame, its length first.
fn fill(b: &mut Bench, bytes: &[u8]) {
    let len = (bytes.len() - 14) as u16;
    let mut all = [&len.to_le_bytes()[..], bytes].concat();
    all.resize(all.len().next_multiple_of(4), 0);
    for word in all.as_chunks().0 {
        b.w32(reg::MACDATA, u32::from_le_bytes(*word).into());
    }
}

#[test]
fn every_check() {
    check::all(&MODEL, &[]);
    for seed in 0..8 {
        check::traffic(&MODEL, &[], &card, seed, 2000);
        check::round_trip(&MODEL, &[], &card, seed, 600);
    }
    check::bad_states(&MODEL, &[], &card);
}

#[test]
fn a_frame_goes_out_when_it_is_asked_for() {
    let mut b = card();
    fill(&mut b, &frame(101));
    assert_eq!(b.sent(0), [0; 0]);
    b.w32(reg::MACTR, 1);
    assert_eq!(b.sent(0), frame(101));
    assert_eq!((b.r32(reg::MACTR), b.r32(reg::MACRIS), b.output(0, 0)), (0, 4, true));
    b.w32(reg::MACRIS, 4);
    assert!(!b.output(0, 0));
    // Padded; then without padding, and with a check sequence of its own.
    fill(&mut b, &frame(20));
    b.w32(reg::MACTR, 1);
    assert_eq!(b.sent(0).len(), 60);
    b.w32(reg::MACTCTL, 1);
    fill(&mut b, &frame(20));
    b.w32(reg::MACTR, 1);
    assert_eq!((b.sent(0).len(), b.r32(reg::MACTR)), (0, 1), "four bytes are missing");
    b.w32(reg::MACDATA, 0);
    assert_eq!(b.sent(0), frame(20));
    // With a threshold it goes as soon as it is whole.
    b.w32(reg::MACTCTL, 7);
    b.w32(reg::MACTHR, 4);
    fill(&mut b, &frame(70));
    assert_eq!(b.sent(0), frame(70));
}

#[test]
fn too_much_is_an_error() {
    let mut b = card();
    for _ in 0..512 {
        b.w32(reg::MACDATA, 0xffff_ffff);
    }
    assert_eq!(b.r32(reg::MACRIS), 0);
    b.w32(reg::MACDATA, 0);
    assert_eq!(b.r32(reg::MACRIS), 2);
    b.w32(reg::MACRIS, 2);
    fill(&mut b, &frame(60));
    b.w32(reg::MACTR, 1);
    assert_eq!(b.sent(0), frame(60), "the FIFO was emptied");
}

#[test]
fn frames_come_in_with_lengths_and_check_sequences() {
    let mut b = card();
    assert_eq!(b.receive(0, &frame(61)), 61);
    b.receive(0, &frame(42));
    assert_eq!((b.r32(reg::MACNP), b.r32(reg::MACRIS), b.output(0, 0)), (2, 1, true));
    let mut read = |words: usize| -> Vec<u8> {
        (0..words).flat_map(|_| (b.r32(reg::MACDATA) as u32).to_le_bytes()).collect()
    };
    let first = read(17);
    assert_eq!(first[..2], [67, 0]);
    assert_eq!(first[2..63], frame(61));
    assert_eq!(first[63..67], check_sequence(&frame(61)));
    let second = read(17);
    assert_eq!((&second[..2], &second[44..62]), (&[66, 0][..], &[0; 18][..]));
    assert_eq!((b.r32(reg::MACNP), b.r32(reg::MACDATA)), (0, 0));
}

#[test]
fn filters_and_room() {
    let mut b = card();
    let to = |mac: [u8; 6]| [&mac[..], &[0; 54]].concat();
    let all = [MAC, [2; 6], [1, 0, 0x5e, 0, 0, 1], [0xff; 6]].map(to);
    for (control, expected) in [(0, 0), (1, 2), (3, 3), (5, 4)] {
        b.w32(reg::MACRCTL, control);
        for frame in &all {
            assert_eq!(b.receive(0, frame), 60);
        }
        assert_eq!(b.r32(reg::MACNP), expected, "{control}");
        b.w32(reg::MACRCTL, 0x10 | control);
        assert_eq!((b.r32(reg::MACNP), b.r32(reg::MACRCTL)), (0, control));
    }
    assert_eq!(b.receive(0, &frame(1514)), 1514);
    assert_eq!(b.receive(0, &frame(1514)), 0, "no room");
    b.cx.more.clear();
    for _ in 0..380 {
        b.r32(reg::MACDATA);
    }
    assert!(b.cx.more.contains(&0));
    assert_eq!(b.receive(0, &frame(1514)), 1514);
}

#[test]
fn the_phy() {
    let read = |b: &mut Bench, register: u64| {
        b.w32(reg::MACMCTL, register << 3 | 1);
        assert_eq!(b.r32(reg::MACMCTL) & 1, 0);
        b.r32(reg::MACMRXD)
    };
    let mut b = card();
    let all = [0, 1, 2, 3, 5, 18, 24].map(|n| read(&mut b, n));
    assert_eq!(all, [0x3100, 0x786d, 0xe, 0x7237, 0x45e1, 0xf00, 0xc0]);
    assert_eq!(b.r32(reg::MACRIS), 0x20);
    b.w32(reg::MACMTXD, 0x100);
    b.w32(reg::MACMCTL, 17 << 3 | 3);
    b.w32(reg::MACMTXD, 0x1200);
    b.w32(reg::MACMCTL, 3);
    assert_eq!((b.r32(reg::MACRIS), read(&mut b, 17), b.r32(reg::MACRIS)), (0x60, 0x101, 0x20));
    let mut alone = config(MODEL.ty, &[], &[]);
    alone.links.clear();
    let mut b = Bench::new(create(&alone).unwrap());
    b.reset();
    assert_eq!([1, 5, 18].map(|n| read(&mut b, n)), [0x7849, 0, 0]);
}
