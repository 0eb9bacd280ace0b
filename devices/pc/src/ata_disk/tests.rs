//! Tests of the disk, by the registers that an adapter would hand over.

use super::MODEL;
use hetemu_hw::ata::{ABRT, ERR, IDNF, LBA, TaskFile, Transfer, Way};
use hetemu_hw::testing::{Bench, RamDisk, config};

fn bench(sectors: usize) -> (Bench, RamDisk) {
    let bytes = (0..sectors * 512).map(|i| (i / 512 * 3 + i) as u8).collect();
    let disk = RamDisk::new(bytes);
    let mut config = config(MODEL.ty, &[], &[]);
    config.blocks.insert("backend".into(), hetemu_hw::Block::info(&disk));
    let mut bench = Bench::new((MODEL.create)(&config).unwrap());
    bench.cx.blocks.insert(0, Box::new(disk.clone()));
    (bench, disk)
}

fn command(b: &mut Bench, file: &mut TaskFile) -> Option<Transfer> {
    b.with(|dev, cx| dev.ata().unwrap().command(cx, file))
}

fn read(b: &mut Bench, file: &mut TaskFile, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    assert!(b.with(|dev, cx| dev.ata().unwrap().data_in(cx, file, &mut bytes)));
    bytes
}

fn at(command: u8, lba: u32, count: u8) -> TaskFile {
    let [a, b, c, d] = lba.to_le_bytes();
    TaskFile {
        command,
        count: [count, 0],
        lba: [a, b, c, 0, 0, 0],
        device: LBA | d,
        ..TaskFile::default()
    }
}

#[test]
fn sectors_are_read_and_written() {
    let (mut b, disk) = bench(64);
    let mut file = at(0xc8, 5, 2);
    let t = command(&mut b, &mut file).unwrap();
    assert_eq!((t.way, t.bytes, t.dma), (Way::In, 1024, true));
    let first = read(&mut b, &mut file, 512);
    let bytes = [first, read(&mut b, &mut file, 512)].concat();
    assert_eq!(bytes, disk.look().bytes[5 * 512..7 * 512]);
    assert_eq!((file.status & ERR, file.lba[0], file.count[0]), (0, 6, 0));

    let mut file = at(0x30, 63, 1);
    let t = command(&mut b, &mut file).unwrap();
    assert_eq!((t.way, t.bytes, t.block, t.dma), (Way::Out, 512, 512, false));
    assert!(b.with(|dev, cx| dev.ata().unwrap().data_out(cx, &mut file, &[7; 512])));
    assert_eq!(disk.look().bytes[63 * 512..], [7; 512]);
    assert!(command(&mut b, &mut at(0xe7, 0, 0)).is_none());
    assert_eq!(disk.look().flushes, 1);
}

#[test]
fn what_is_not_there_is_refused() {
    let (mut b, disk) = bench(64);
    for (command_byte, lba, error) in [(0x20, 64, IDNF), (0xca, 63, IDNF), (0xb0, 0, ABRT)] {
        let mut file = at(command_byte, lba, 2);
        assert_eq!(command(&mut b, &mut file), None);
        assert_eq!((file.status & ERR, file.error), (ERR, error), "{command_byte:#x}");
    }
    disk.look().broken = true;
    let mut file = at(0x20, 0, 1);
    command(&mut b, &mut file).unwrap();
    let bad = b.with(|dev, cx| dev.ata().unwrap().data_in(cx, &mut file, &mut [0; 512]));
    assert!(!bad && file.status & ERR != 0);
}

#[test]
fn identify_tells_sizes_and_names() {
    let (mut b, _) = bench(0x123);
    let mut file = at(0xec, 0, 0);
    assert_eq!(command(&mut b, &mut file).unwrap().bytes, 512);
    let bytes = read(&mut b, &mut file, 512);
    let word = |n: usize| u16::from_le_bytes([bytes[2 * n], bytes[2 * n + 1]]);
    assert_eq!((word(60), word(61), word(100), word(83) & 0x400), (0x123, 0, 0x123, 0x400));
    let model: Vec<u8> = (27..47).flat_map(|n| word(n).to_be_bytes()).collect();
    assert_eq!(String::from_utf8(model).unwrap().trim_end(), "HETEMU DISK");
}

#[test]
fn cylinders_and_wide_addresses_name_the_same_sectors() {
    let (mut b, disk) = bench(4096);
    // Cylinder 1, head 2, sector 3.
    let mut chs = TaskFile { command: 0x20, count: [1, 0], device: 2, ..TaskFile::default() };
    chs.lba = [3, 1, 0, 0, 0, 0];
    let sector = (16 + 2) * 63 + 2;
    command(&mut b, &mut chs).unwrap();
    let mut wide = at(0x25, sector, 1);
    wide.device = LBA;
    let by_chs = read(&mut b, &mut chs, 512);
    command(&mut b, &mut wide).unwrap();
    assert_eq!(by_chs, read(&mut b, &mut wide, 512));
    let at = sector as usize * 512;
    assert_eq!(by_chs, disk.look().bytes[at..at + 512]);
}

#[test]
fn without_an_image_nobody_answers() {
    let mut b = Bench::of(&MODEL, &[], &[]);
    assert!(b.dev.ata().is_none());
}
