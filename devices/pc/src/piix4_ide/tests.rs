//! Tests of the IDE function with a drive on its bus.

use super::MODEL;
use crate::ata_disk;
use hetemu_hw::pci::Space;
use hetemu_hw::testing::{Bench, RamDisk, check, config};

/// Regions: the first channel's command block and control, and the bus master.
const COMMAND: u32 = 0;
const CONTROL: u32 = 1;
const MASTER: u32 = 4;

fn bench() -> (Bench, RamDisk) {
    let disk = RamDisk::new((0..64 * 512).map(|i| (i / 512 * 5 + i) as u8).collect());
    let mut drive = config(ata_disk::MODEL.ty, &[], &[]);
    drive.blocks.insert("backend".into(), hetemu_hw::Block::info(&disk));
    let mut all = config(MODEL.ty, &[], &[]);
    all.children.insert("0".into(), ata_disk::MODEL.ty);
    let mut b = Bench::new((MODEL.create)(&all).unwrap());
    b.cx.children.insert("0".into(), (ata_disk::MODEL.create)(&drive).unwrap());
    b.cx.blocks.insert(0, Box::new(disk.clone()));
    b.cx.memory = vec![0; 0x4000];
    b.reset();
    (b, disk)
}

fn put(b: &mut Bench, region: u32, at: u64, size: u8, value: u64) {
    b.with(|dev, cx| dev.write(cx, region, at, size, value)).unwrap();
}

fn get(b: &mut Bench, region: u32, at: u64, size: u8) -> u64 {
    b.with(|dev, cx| dev.read(cx, region, at, size)).unwrap()
}

fn begin(b: &mut Bench, command: u64, lba: u64, count: u64) {
    for (at, value) in [(2, count), (3, lba), (4, 0), (5, 0), (6, 0x40), (7, command)] {
        put(b, COMMAND, at, 1, value);
    }
}

#[test]
fn every_check() {
    check::all_with(&MODEL, &[], &|| bench().0);
    check::all(&MODEL, &[]);
}

#[test]
fn timings_are_held() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    b.with(|dev, cx| {
        let pci = dev.pci().unwrap();
        pci.config_write(cx, 0x40, 2, 0x8000);
        assert_eq!(pci.config_read(cx, 0x40, 4), 0x8000);
        assert_eq!(pci.config_read(cx, 8, 4), 0x0101_8000);
    });
}

#[test]
fn ports_answer_where_they_are_enabled() {
    let (mut b, _) = bench();
    b.with(|dev, cx| {
        let pci = dev.pci().unwrap();
        assert_eq!(pci.claims(Space::Io, 0x1f0), None);
        pci.config_write(cx, 0x40, 4, 0x8000);
        pci.config_write(cx, 4, 2, 5);
        pci.config_write(cx, 0x20, 4, 0x1080);
        let places = [0x1f7, 0x3f6, 0x170, 0x108a].map(|at| pci.claims(Space::Io, at));
        assert_eq!(places, [Some((0, 7)), Some((1, 0)), None, Some((4, 10))]);
        assert_eq!(pci.claims(Space::Memory, 0x1f7), None);
    });
}

#[test]
fn pio_moves_a_sector_between_two_interrupts() {
    let (mut b, disk) = bench();
    begin(&mut b, 0x20, 3, 2);
    for sector in 3..5 {
        assert!(b.output(0, 0), "an interrupt for sector {sector}");
        assert_eq!(get(&mut b, COMMAND, 7, 1) & 0x89, 8);
        assert!(!b.output(0, 0), "reading the status ends it");
        let words: Vec<u64> = (0..256).map(|_| get(&mut b, COMMAND, 0, 2)).collect();
        let bytes: Vec<u8> = words.iter().flat_map(|w| (*w as u16).to_le_bytes()).collect();
        assert_eq!(bytes, disk.look().bytes[sector * 512..][..512]);
    }
    assert_eq!(get(&mut b, CONTROL, 0, 1) & 0x89, 0);
    begin(&mut b, 0x30, 9, 1);
    for n in 0..128u64 {
        put(&mut b, COMMAND, 0, 4, n * 0x0101_0101);
    }
    assert!(b.output(0, 0));
    assert_eq!(disk.look().bytes[9 * 512..][4..8], [1; 4]);
}

#[test]
fn dma_follows_the_table() {
    let (mut b, disk) = bench();
    // Two regions: 0x200 bytes at 0x1000, 0x200 at 0x3000, the last.
    let table = [0x1000u32, 0x200, 0x3000, 0x8000_0200];
    let bytes: Vec<u8> = table.iter().flat_map(|w| w.to_le_bytes()).collect();
    b.cx.memory[0x800..0x810].copy_from_slice(&bytes);
    put(&mut b, MASTER, 4, 4, 0x800);
    begin(&mut b, 0xc8, 7, 2);
    assert!(!b.output(0, 0), "nothing before the bus master begins");
    put(&mut b, MASTER, 0, 1, 9);
    assert!(b.output(0, 0));
    assert_eq!(get(&mut b, MASTER, 2, 1) & 7, 4);
    assert_eq!(b.cx.memory[0x1000..0x1200], disk.look().bytes[7 * 512..8 * 512]);
    assert_eq!(b.cx.memory[0x3000..0x3200], disk.look().bytes[8 * 512..9 * 512]);
    // A table that leads out of memory fails.
    put(&mut b, MASTER, 0, 1, 0);
    put(&mut b, MASTER, 4, 4, 0xffff_0000);
    begin(&mut b, 0xca, 7, 1);
    put(&mut b, MASTER, 0, 1, 1);
    assert_eq!(get(&mut b, MASTER, 2, 1) & 3, 2);
    assert_eq!(get(&mut b, COMMAND, 7, 1) & 1, 1);
}

#[test]
fn absent_drives_are_seen_at_once() {
    let (mut b, _) = bench();
    put(&mut b, COMMAND, 6, 1, 0x10);
    assert_eq!(get(&mut b, COMMAND, 7, 1), 0, "drive 0 answers for drive 1");
    assert_eq!(get(&mut b, 2, 7, 1), 0x7f, "nobody on the second channel");
}

#[test]
fn software_reset_gives_the_signature() {
    let (mut b, _) = bench();
    put(&mut b, CONTROL, 0, 1, 4);
    assert_eq!(get(&mut b, CONTROL, 0, 1) & 0x80, 0x80);
    put(&mut b, CONTROL, 0, 1, 0);
    let signature = [2, 3, 4, 5].map(|at| get(&mut b, COMMAND, at, 1));
    assert_eq!(signature, [1, 1, 0, 0]);
}
