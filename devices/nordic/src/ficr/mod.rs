//! Factory information (nRF51 Reference Manual and nRF52833 Product Specification, chapter FICR).

use crate::frame::{self, Block, Io};
use crate::schemas::{NORDIC_FICR_1, nordic_ficr_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, Model};

/// `nordic.ficr`.
pub const MODEL: Model = Model { ty: &NORDIC_FICR_1, create: frame::create::<Ficr> };

const ERASED: u32 = 0xffff_ffff;
/// Bytes of one of nRF51's RAM blocks.
const RAM_BLOCK: u64 = 8 << 10;

struct Ficr {
    config: Config,
}

impl Block for Ficr {
    const TYPE: &'static DeviceType = &NORDIC_FICR_1;
    const PLAIN: bool = true;

    fn new(config: &Config) -> Ficr {
        Ficr { config: config.clone() }
    }

    fn reset(&mut self, io: &mut Io<'_>) {
        let int = |name: &str| self.config.int(name);
        let (page, flash, ram) = (int("page").max(1), int("flash"), int("ram"));
        let (id, address) = (int("device_id"), int("device_addr"));
        io.set(reg::CODEPAGESIZE, page as u32);
        io.set(reg::CODESIZE, (flash / page) as u32);
        io.set(reg::DEVICEID, id as u32);
        io.set(reg::DEVICEID + 4, (id >> 32) as u32);
        io.set(reg::DEVICEADDRTYPE, 0xffff_ffff);
        io.set(reg::DEVICEADDR, address as u32);
        io.set(reg::DEVICEADDR + 4, (address >> 32) as u32 | 0xffff_0000);
        let part = int("part") as u32;
        let old = |value: u64| if part == 0 { value as u32 } else { ERASED };
        io.set(reg::NUMRAMBLOCK, old(ram / RAM_BLOCK));
        io.set(reg::CONFIGID, ERASED);
        for n in 0..4 {
            let there = n < ram / RAM_BLOCK;
            io.set(reg::SIZERAMBLOCKS + 4 * n, old(if there { RAM_BLOCK } else { 0xffff_ffff }));
            // Keys: any numbers, made of the identity.
            let key = (id ^ address).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(16 * n as u32);
            io.set(reg::ER + 4 * n, key as u32);
            io.set(reg::IR + 4 * n, (key >> 32) as u32);
        }
        let new = |value: u64| if part == 0 { ERASED } else { value as u32 };
        io.set(reg::INFO_PART, new(part.into()));
        io.set(reg::INFO_VARIANT, new(int("variant")));
        io.set(reg::INFO_PACKAGE, new(0x2004));
        io.set(reg::INFO_RAM, new(ram >> 10));
        io.set(reg::INFO_FLASH, new(flash >> 10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hetemu_hw::testing::{Bench, check};

    #[test]
    fn two_series() {
        check::all(&MODEL, &[]);
        let mut old =
            Bench::of(&MODEL, &[("page", 1024), ("flash", 256 << 10), ("ram", 16 << 10)], &[]);
        assert_eq!((old.r32(0x10), old.r32(0x14), old.r32(0x34)), (1024, 256, 2));
        assert_eq!(
            (old.r32(0x3c), old.r32(0x40), old.r32(0x100)),
            (8192, 0xffff_ffff, 0xffff_ffff)
        );
        let mut new = Bench::of(&MODEL, &[("part", 0x52833)], &[]);
        assert_eq!((new.r32(0x100), new.r32(0x10c), new.r32(0x110)), (0x52833, 128, 512));
        assert_eq!((new.r32(0xa4), new.r32(0xa8)), (0xee5a_17e5, 0xffff_c0ff));
    }
}
