//! Tests of the flash.

use super::{MEM, MODEL};
use hetemu_hw::Device;
use hetemu_hw::testing::{RamDisk, TestCx, config};

struct Flash {
    dev: Box<dyn Device>,
    world: TestCx,
    big: bool,
}

impl Flash {
    /// 1 MiB in sectors of 64 KiB, two chips of 16 bits.
    fn new(big: bool) -> Flash {
        let props = [("size", 1 << 20), ("sector", 1 << 16), ("big_endian", u64::from(big))];
        let mut dev = (MODEL.create)(&config(MODEL.ty, &props, &[])).unwrap();
        let mut world = TestCx::default();
        world.regions.insert(MEM, vec![0xff; 1 << 20]);
        dev.reset(&mut world);
        Flash { dev, world, big }
    }

    /// A 32-bit word, as a number in the bank's order.
    fn put(&mut self, at: u64, value: u32) {
        let value = if self.big { value.swap_bytes() } else { value };
        self.dev.write(&mut self.world, 0, at, 4, value.into()).unwrap();
    }

    fn get(&mut self, at: u64) -> u32 {
        let value = self.dev.read(&mut self.world, 0, at, 4).unwrap() as u32;
        if self.big { value.swap_bytes() } else { value }
    }

    fn word(&self, at: usize) -> u32 {
        let bytes = self.world.regions[&MEM][at..at + 4].try_into().unwrap();
        if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }
}

#[test]
fn queries_answer_in_each_chip_s_lanes() {
    for big in [false, true] {
        let mut f = Flash::new(big);
        f.put(0x55 * 4, 0x0098_0098);
        assert!(!f.world.direct[&MEM], "reads come here");
        let qry: Vec<u32> = (0x10..0x13).map(|n| f.get(4 * n)).collect();
        assert_eq!(qry, [0x0051_0051, 0x0052_0052, 0x0059_0059]);
        // 512 KiB a chip; 16 sectors of 32 KiB.
        let table: Vec<u32> = [0x27, 0x2c, 0x2d, 0x2f, 0x30].map(|n| f.get(4 * n) & 0xff).to_vec();
        assert_eq!(table, [19, 1, 15, 0x80, 0]);
        f.put(0, 0x0090_0090);
        assert_eq!((f.get(0), f.get(4), f.get(8)), (0x0089_0089, 0x0018_0018, 0));
        f.put(0, 0x00ff_00ff);
        assert!(f.world.direct[&MEM]);
    }
}

#[test]
fn programming_clears_bits_and_erasing_sets_them() {
    for big in [false, true] {
        let mut f = Flash::new(big);
        f.put(0x100, 0x0040_0040);
        f.put(0x100, 0x1234_5678);
        assert_eq!(f.get(0x100), 0x0080_0080, "status");
        f.put(0x100, 0x0040_0040);
        f.put(0x100, 0xffff_00ff);
        assert_eq!(f.word(0x100), 0x1234_0078);
        // Four words at once: two chips have 64 bytes of buffer.
        f.put(0x200, 0x00e8_00e8);
        f.put(0x200, 0x0003_0003);
        (0..4u64).for_each(|n| f.put(0x200 + 4 * n, n as u32));
        f.put(0x200, 0x00d0_00d0);
        assert_eq!([f.word(0x200), f.word(0x20c)], [0, 3]);
        // More than the buffers hold is refused.
        f.put(0x200, 0x00e8_00e8);
        f.put(0x200, 0x0010_0010);
        assert_eq!(f.get(0) & 0xff, 0xb0);
        f.put(0x200, 0x0050_0050);
        f.put(0x300, 0x0020_0020);
        f.put(0x300, 0x00d0_00d0);
        assert_eq!([f.word(0x100), f.word(0x200)], [u32::MAX; 2]);
        assert_eq!(f.get(0), 0x0080_0080);
    }
}

#[test]
fn locked_sectors_and_wrong_sequences_fail() {
    let mut f = Flash::new(false);
    for value in [0x60, 0x01, 0x20, 0xd0] {
        f.put(0, value);
    }
    assert_eq!(f.get(0) & 0xff, 0xa2);
    f.put(0, 0x90);
    assert_eq!((f.get(8) & 1, f.get(0x1_0008) & 1), (1, 0));
    for value in [0x50, 0x60, 0xd0, 0x40, 0x77, 0x70] {
        f.put(0, value);
    }
    assert_eq!((f.get(0) & 0xff, f.word(0) & 0xff), (0x80, 0x77));
    for value in [0x20, 0x33] {
        f.put(0, value);
    }
    assert_eq!(f.get(0) & 0xff, 0xb0);
    assert_eq!(f.word(0) & 0xff, 0x77, "nothing was erased");
}

#[test]
fn a_disk_keeps_the_content() {
    let mut f = Flash::new(false);
    let disk = RamDisk::new(vec![0xff; 1024]);
    f.world.blocks.insert(1, Box::new(disk.clone()));
    f.put(0x10, 0x40);
    f.put(0x10, 0xabcd);
    assert_eq!(disk.look().bytes[0x10..0x14], [0xcd, 0xab, 0, 0]);
    // The disk is shorter than a sector.
    f.put(0, 0x20);
    f.put(0, 0xd0);
    assert_eq!(disk.look().bytes[0x10..0x14], [0xff; 4]);
}

#[test]
fn states_go_on() {
    let mut f = Flash::new(false);
    f.put(0x200, 0xe8);
    f.put(0x200, 1);
    f.put(0x200, 0x1111_1111);
    let mut w = hetemu_hw::Writer::default();
    f.dev.save(&mut w);
    let state = w.finish();
    let mut g = Flash::new(false);
    g.dev.load(&mut hetemu_hw::Reader::new(&state), 1).unwrap();
    g.dev.loaded(&mut g.world);
    assert!(!g.world.direct[&MEM]);
    g.put(0x204, 0x2222_2222);
    g.put(0x200, 0xd0);
    assert_eq!([g.word(0x200), g.word(0x204)], [0x1111_1111, 0x2222_2222]);
}
