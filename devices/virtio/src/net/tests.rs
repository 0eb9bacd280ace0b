//! The network card behind the MMIO transport.

use super::*;
use crate::driver::{Driver, UNIT, slot};
use hetemu_hw::schema::Value;
use hetemu_hw::testing::{Bench, check, config};

const MAC: Mac = [0x52, 0x54, 0, 0x12, 0x34, 0x56];

fn card(features: u64) -> Driver {
    let mut d = Driver::new(slot(Some(&MODEL), &[]));
    d.start_with(features, 3);
    d
}

/// A frame to the card of some length.
fn frame(len: usize) -> Vec<u8> {
    let rest = (0..len as u8 - 6).map(|i| i ^ 0x55);
    MAC.into_iter().chain(rest).collect()
}

fn put(d: &mut Driver, at: usize, bytes: &[u8]) {
    d.b.cx.memory[at..at + bytes.len()].copy_from_slice(bytes);
}

#[test]
fn configuration() {
    let mut b = slot(Some(&MODEL), &[("mtu", 9000)]);
    assert_eq!(b.r32(8), 1);
    let bytes: Vec<u8> = (0..13).map(|i| b.r8(0x100 + i) as u8).collect();
    assert_eq!(bytes, [0x52, 0x54, 0, 0x12, 0x34, 0x56, 1, 0, 1, 0, 0x28, 0x23, 0]);
    b.w8(0x100, 0);
    assert_eq!(b.r8(0x100), 0x52, "read-only");
    let mut alone = config(MODEL.ty, &[], &[]);
    alone.links.clear();
    let mut dev = create(&alone).unwrap();
    assert_eq!(dev.virtio().unwrap().device_id(), 0, "nothing is plugged in");
}

#[test]
fn addresses() {
    assert_eq!(address("02-00-00-00-00-fF"), Some([2, 0, 0, 0, 0, 255]));
    for bad in ["", "52:54:00:12:34", "52:54:00:12:34:56:78", "53:54:00:12:34:56", "5x:0:0:0:0:0"] {
        let mut c = config(MODEL.ty, &[], &[]);
        c.props.insert("mac".into(), Value::Str(bad.into()));
        assert!(create(&c).is_err(), "{bad}");
    }
}

#[test]
fn frames_go_out_without_their_header() {
    let mut d = card(0);
    put(&mut d, 0xc000 + HEADER, &frame(60));
    d.offer(1, 0xc000, 72, false);
    assert_eq!(d.b.sent(0), frame(60));
    assert_eq!(d.used(1), (1, 0));
    for junk in [0, 11, 25] {
        d.offer(1, 0xc000, junk, false);
        assert_eq!(d.b.sent(0), [0; 0], "{junk} bytes are no frame");
    }
    assert_eq!(d.used(1).0, 4, "and come back all the same");
}

#[test]
fn checksums_are_filled_in_if_agreed() {
    for (features, expected) in [(F_CSUM, [0xbe, 0xb8]), (0, [0x41, 0x47])] {
        let mut d = card(features);
        let mut bytes = vec![0; HEADER + 34];
        bytes[0] = NEEDS_CSUM;
        (bytes[6], bytes[8]) = (30, 2);
        bytes[HEADER + 32..].copy_from_slice(&[0x41, 0x47]);
        put(&mut d, 0xc000, &bytes);
        d.offer(1, 0xc000, bytes.len() as u32, false);
        assert_eq!(d.b.sent(0)[32..], expected);
    }
    let mut d = card(F_CSUM);
    put(&mut d, 0xc000, &[NEEDS_CSUM, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0]);
    d.offer(1, 0xc000, 60, false);
    assert_eq!(d.b.sent(0), [0; 0], "a checksum nowhere");
}

#[test]
fn a_frame_needs_a_live_driver_and_a_buffer() {
    let mut d = Driver::new(slot(Some(&MODEL), &[]));
    assert_eq!(d.input(&frame(60)), 60, "dropped");
    d.start(3);
    assert_eq!(d.input(&frame(61)), 61);
    assert_eq!(d.used(0).0, 0);
    d.offer(0, 0xc000, 1526, true);
    assert_eq!(d.used(0), (1, 73));
    assert_eq!(d.b.cx.memory[0xc000..0xc00c], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    assert_eq!(d.b.cx.memory[0xc00c..0xc00c + 61], frame(61));
    assert!(d.b.output(0, 0));
    d.offer(0, 0xc000, 70, true);
    d.input(&frame(60));
    assert_eq!(d.used(0).0, 1, "too small a buffer is kept");
    assert_eq!(d.input(&[0; 13]), 13, "no frame");
    d.input(&frame(58));
    assert_eq!(d.used(0), (2, 70));
}

#[test]
fn one_frame_in_several_buffers() {
    let mut d = card(F_MRG_RXBUF);
    d.input(&frame(100));
    d.offer(0, 0xc000, 50, true);
    d.offer(0, 0xc100, 50, true);
    assert_eq!(d.used(0).0, 0, "112 bytes do not fit yet");
    d.offer(0, 0xc200, 50, true);
    assert_eq!(d.used(0), (3, 12));
    let m = &d.b.cx.memory;
    assert_eq!(m[0xc00a], 3);
    let parts = [&m[0xc00c..0xc032], &m[0xc100..0xc132], &m[0xc200..0xc20c]].concat();
    assert_eq!(parts, frame(100));
}

#[test]
fn waiting_frames_are_bounded() {
    let mut d = card(0);
    for _ in 0..FRAMES {
        assert_eq!(d.input(&frame(60)), 60);
    }
    assert_eq!(d.input(&frame(60)), 0);
    d.b.cx.more.clear();
    d.offer(0, 0xc000, 100, true);
    assert_eq!(d.b.cx.more, [0]);
    assert_eq!(d.input(&frame(60)), 60);
    d.b.w32(0x70, 0);
    assert_eq!(d.input(&frame(60)), 60, "dropped");
}

/// A command: what the driver writes, and the answer.
fn command(d: &mut Driver, bytes: &[u8]) -> u8 {
    put(d, 0xd000, bytes);
    put(d, 0xd800, &[0xee]);
    let table = [(0xd000u64, bytes.len() as u32, 1u16, 1u16), (0xd800, 1, 2, 0)];
    for (i, (addr, len, flags, next)) in table.into_iter().enumerate() {
        let desc = u128::from(addr)
            | u128::from(len) << 64
            | u128::from(flags) << 96
            | u128::from(next) << 112;
        put(d, 0xe000 + 16 * i, &desc.to_le_bytes());
    }
    d.offer_table(2, 0xe000, 32);
    d.b.cx.memory[0xd800]
}

#[test]
fn commands_set_filters() {
    let mut d = card(F_CTRL_VQ | F_CTRL_RX);
    let other = [&[2; 6][..], &[0; 60]].concat();
    d.input(&other);
    assert_eq!(command(&mut d, &[0, 0, 0]), 0, "promiscuous off");
    d.offer(0, 0xc000, 100, true);
    assert_eq!(d.used(0).0, 1, "what came before");
    d.input(&other);
    d.offer(0, 0xc000, 100, true);
    assert_eq!(d.used(0).0, 1);
    assert_eq!(command(&mut d, &[1, 1, 2, 2, 2, 2, 2, 2]), 0, "the card's address");
    d.input(&other);
    assert_eq!(d.used(0).0, 2);
    assert_eq!(d.b.r8(0x100), 2);
    for bad in [&[][..], &[0], &[0, 9, 0], &[1, 0, 0xff, 0xff, 0xff, 0xff], &[1, 1, 2], &[77, 0]] {
        assert_eq!(command(&mut d, bad), 1, "{bad:?}");
    }
    d.b.w32(0x70, 0);
    assert_eq!(d.b.r8(0x100), 0x52, "a reset brings the address back");
}

#[test]
fn valid_checksums_are_marked() {
    let mut bytes = vec![0; 42];
    bytes[..6].copy_from_slice(&MAC);
    bytes[12] = 8;
    // IPv4 and UDP without addresses and data: pseudo header 17 + 8, UDP length 8.
    (bytes[14], bytes[17], bytes[23], bytes[39]) = (0x45, 28, 17, 8);
    bytes[40..].copy_from_slice(&(!33u16).to_be_bytes());
    for (features, flags) in [(F_GUEST_CSUM, DATA_VALID), (0, 0)] {
        let mut d = card(features);
        d.offer(0, 0xc000, 100, true);
        d.input(&bytes);
        assert_eq!(d.b.cx.memory[0xc000], flags);
        bytes[39] += 1;
        d.offer(0, 0xc000, 100, true);
        d.input(&bytes);
        assert_eq!(d.b.cx.memory[0xc000], 0);
        bytes[39] -= 1;
    }
}

#[test]
fn nonsense_in_the_rings_is_survived() {
    for seed in 0..200 {
        let mut rng = check::Rng(seed);
        let mut d = card(rng.number() & FEATURES);
        for at in 0..0x3000 {
            if rng.below(4) == 0 {
                let queue = rng.below(3) as usize * 0x4000;
                d.b.cx.memory[queue + at] = rng.number() as u8;
            }
        }
        for _ in 0..20 {
            let len = rng.below(200) as usize;
            let bytes: Vec<u8> = (0..len).map(|_| rng.number() as u8).collect();
            d.input(&bytes);
            d.b.w32(0x50, rng.below(4));
        }
    }
}

#[test]
fn every_check() {
    let live = || card(F_MRG_RXBUF | F_CTRL_VQ);
    let alone = || {
        let mut d = live();
        let mut b = Bench::new((MODEL.create)(&config(MODEL.ty, &[], &[])).unwrap());
        b.dev = d.b.cx.children.remove(UNIT).unwrap();
        b
    };
    for seed in 0..8 {
        check::traffic(&MODEL, &[], &alone, seed, 1000);
        check::round_trip(&MODEL, &[], &alone, seed, 300);
        check::traffic(&crate::mmio::MODEL, &[], &|| live().b, seed, 2000);
    }
    check::bad_states(&MODEL, &[], &alone);
    let mut old = live();
    let table = [&[1, 0, 1, 0, 0, 0][..], &[2; 6], &[0; 4]].concat();
    assert_eq!(command(&mut old, &table), 0);
    old.input(&frame(60));
    let mut a = alone();
    a.dev = old.b.cx.children.remove(UNIT).unwrap();
    let mut b = alone();
    assert_ne!(a.save(), b.save());
    assert_eq!(b.load(&a.save(), 1), Ok(()));
    assert_eq!(b.save(), a.save());
}
