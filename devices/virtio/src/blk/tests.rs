//! The disk behind the MMIO transport.

use super::MODEL;
use super::spec::*;
use crate::driver::{Driver, UNIT, slot};
use crate::mmio;
use hetemu_hw::Block;
use hetemu_hw::testing::{Bench, RamDisk, check, config};

const SIZE: usize = 64 << 10;
/// Places in memory: an indirect table, a head, data, a status.
const TABLE: u64 = 0xc000;
const HEAD_AT: u64 = 0xc100;
const DATA: u64 = 0xd000;
const STATUS: u64 = 0xc200;

fn disk() -> RamDisk {
    RamDisk::new((0..SIZE).map(|i| (i / 512 + i) as u8).collect())
}

fn bench(disk: Option<&RamDisk>, props: &[(&str, u64)]) -> Bench {
    let mut b = slot(Some(&MODEL), props);
    let mut setup = config(MODEL.ty, props, &[]);
    if let Some(disk) = disk {
        setup.blocks.insert("backend".into(), disk.info());
        b.cx.blocks.insert(0, Box::new(disk.clone()));
    }
    b.cx.children.insert(UNIT.into(), (MODEL.create)(&setup).unwrap());
    b.reset();
    b
}

fn live(disk: &RamDisk, features: u64) -> Driver {
    let mut d = Driver::new(bench(Some(disk), &[]));
    d.start_with(features, 1);
    d
}

/// One request: (kind, sector, data out, length in); answers status and used length.
fn request(d: &mut Driver, kind: u32, sector: u64, out: &[u8], room: u32) -> (u8, u32) {
    let memory = &mut d.b.cx.memory;
    let mut head = [0; 16];
    head[..4].copy_from_slice(&kind.to_le_bytes());
    head[8..].copy_from_slice(&sector.to_le_bytes());
    memory[HEAD_AT as usize..][..16].copy_from_slice(&head);
    memory[DATA as usize..][..out.len()].copy_from_slice(out);
    memory[STATUS as usize] = 0xff;
    let mut parts = vec![(HEAD_AT, 16, false)];
    if !out.is_empty() {
        parts.push((DATA, out.len() as u32, false));
    }
    if room > 0 {
        parts.push((DATA, room, true));
    }
    parts.push((STATUS, 1, true));
    for (i, (addr, len, write)) in parts.iter().enumerate() {
        let more = i + 1 < parts.len();
        let flags = u16::from(more) | u16::from(*write) << 1;
        let at = TABLE as usize + 16 * i;
        memory[at..at + 8].copy_from_slice(&addr.to_le_bytes());
        memory[at + 8..at + 12].copy_from_slice(&len.to_le_bytes());
        memory[at + 12..at + 14].copy_from_slice(&flags.to_le_bytes());
        memory[at + 14..at + 16].copy_from_slice(&(i as u16 + 1).to_le_bytes());
    }
    d.offer_table(0, TABLE, 16 * parts.len() as u32);
    (d.b.cx.memory[STATUS as usize], d.used(0).1)
}

fn range(sector: u64, count: u32, flags: u32) -> Vec<u8> {
    [&sector.to_le_bytes()[..], &count.to_le_bytes(), &flags.to_le_bytes()].concat()
}

#[test]
fn sectors_are_read_and_written() {
    let disk = disk();
    let mut d = live(&disk, F_FLUSH);
    assert_eq!(request(&mut d, T_IN, 3, &[], 1024), (S_OK, 1025));
    assert_eq!(d.b.cx.memory[DATA as usize..][..1024], disk.look().bytes[1536..2560]);
    assert_eq!(request(&mut d, T_OUT, 127, &[7; 512], 0), (S_OK, 1));
    assert_eq!(disk.look().bytes[SIZE - 512..], [7; 512]);
    assert_eq!(disk.look().flushes, 0);
    assert_eq!(request(&mut d, T_FLUSH, 0, &[], 0).0, S_OK);
    assert_eq!(disk.look().flushes, 1);
    assert!(d.b.output(0, 0));
}

#[test]
fn wrong_requests_are_answered() {
    let disk = disk();
    let mut d = live(&disk, F_FLUSH);
    for (kind, sector, out, room, status) in [
        (T_IN, 128, 0, 512, S_IOERR),
        (T_IN, 127, 0, 1024, S_IOERR),
        (T_IN, u64::MAX, 0, 512, S_IOERR),
        (T_IN, u64::MAX / 512, 0, 1024, S_IOERR),
        (T_IN, 0, 0, 100, S_IOERR),
        (T_OUT, 128, 512, 0, S_IOERR),
        (T_OUT, 0, 513, 0, S_IOERR),
        (T_OUT, 0, 0, 0, S_OK),
        (T_DISCARD, 0, 8, 0, S_IOERR),
        (T_DISCARD, 0, 0, 0, S_IOERR),
        (99, 0, 0, 0, S_UNSUPP),
    ] {
        let before = disk.look().bytes.clone();
        let got = request(&mut d, kind, sector, &vec![1; out], room).0;
        assert_eq!(got, status, "{kind} {sector} {out} {room}");
        assert!(disk.look().bytes == before);
    }
    disk.look().broken = true;
    for (kind, out, room) in [(T_IN, 0, 512), (T_OUT, 512, 0), (T_FLUSH, 0, 0)] {
        assert_eq!(request(&mut d, kind, 0, &vec![1; out], room).0, S_IOERR);
    }
}

#[test]
fn ranges_are_discarded_and_zeroed() {
    let disk = disk();
    let mut d = live(&disk, F_FLUSH | F_DISCARD | F_WRITE_ZEROES);
    let two = [range(1, 2, 0), range(8, 1, UNMAP)].concat();
    assert_eq!(request(&mut d, T_WRITE_ZEROES, 0, &two, 0).0, S_OK);
    assert_eq!(disk.look().bytes[512..1536], [0; 1024]);
    assert_eq!(disk.look().bytes[4096..4608], [0; 512]);
    assert_eq!(request(&mut d, T_DISCARD, 0, &range(4, 2, 0), 0).0, S_OK);
    assert_eq!(disk.look().discarded, [(2048, 1024)]);
    for (bad, status) in [
        (range(0, 1, UNMAP), S_UNSUPP),
        (range(0, 1, 2), S_UNSUPP),
        (range(127, 2, 0), S_IOERR),
        (range(0, MOST_SECTORS + 1, 0), S_IOERR),
        (range(0, 1, 0).repeat(65), S_IOERR),
    ] {
        assert_eq!(request(&mut d, T_DISCARD, 0, &bad, 0).0, status);
    }
}

#[test]
fn a_read_only_disk_refuses_changes() {
    let mut disk = disk();
    disk.read_only = true;
    let mut d = live(&disk, F_RO);
    d.b.w32(0x14, 0);
    assert_eq!(d.b.r32(0x10) & (F_RO | F_DISCARD | F_WRITE_ZEROES), F_RO);
    assert_eq!(request(&mut d, T_OUT, 0, &[1; 512], 0).0, S_IOERR);
    assert_eq!(request(&mut d, T_WRITE_ZEROES, 0, &range(0, 1, 0), 0).0, S_IOERR);
    assert_eq!(request(&mut d, T_IN, 0, &[], 512).0, S_OK);
}

#[test]
fn writes_last_without_a_cache() {
    let disk = disk();
    let mut d = live(&disk, 0);
    request(&mut d, T_OUT, 0, &[1; 512], 0);
    assert_eq!(disk.look().flushes, 1, "the driver cannot flush");
    let mut d = live(&disk, F_FLUSH | F_CONFIG_WCE);
    assert_eq!(d.b.read(0x120, 1), 1);
    request(&mut d, T_OUT, 0, &[1; 512], 0);
    assert_eq!(disk.look().flushes, 1);
    d.b.write(0x120, 1, 0);
    assert_eq!(disk.look().flushes, 2);
    request(&mut d, T_OUT, 0, &[1; 512], 0);
    assert_eq!(disk.look().flushes, 3);
}

#[test]
fn the_configuration_describes_the_disk() {
    let mut b = bench(Some(&disk()), &[("queues", 3)]);
    assert_eq!(b.r32(8), 2);
    assert_eq!((b.read(0x100, 4), b.read(0x104, 4), b.read(0x114, 4)), (128, 0, 512));
    assert_eq!(b.read(0x122, 2), 3);
    assert_eq!(b.read(0x1fc, 4), 0);
    b.w32(0x30, 2);
    assert_eq!(b.r32(0x34), 256);
    let mut empty = bench(None, &[]);
    assert_eq!(empty.r32(8), 0);
}

#[test]
fn the_id_is_the_path() {
    let mut d = live(&disk(), 0);
    assert_eq!(request(&mut d, T_GET_ID, 0, &[], 20), (S_OK, 21));
    assert!(d.b.cx.memory[DATA as usize..].starts_with(b"test"));
}

#[test]
fn a_request_without_head_or_status_needs_a_reset() {
    let mut d = live(&disk(), 0);
    d.offer(0, HEAD_AT, 16, false);
    assert_eq!(d.b.r32(0x70), 0x4f);
    let mut d = live(&disk(), 0);
    d.offer(0, STATUS, 1, true);
    assert_eq!(d.b.r32(0x70), 0x4f);
}

#[test]
fn random_traffic() {
    let make = || live(&disk(), F_FLUSH | F_DISCARD).b;
    for seed in 0..8 {
        check::traffic(&mmio::MODEL, &[], &make, seed, 2000);
    }
    check::bad_states(&mmio::MODEL, &[], &make);
    for seed in 0..4 {
        check::round_trip(&mmio::MODEL, &[], &|| bench(Some(&disk()), &[]), seed, 300);
    }
}
