//! Flash, UICR and their controller (nRF51 Reference Manual and nRF52833 Product Specification,
//! chapter NVMC). Cores read the memories directly; what they store comes here.
//!
//! Writing and erasing take no time.

use crate::frame::{self, Block, Io};
use crate::schemas::{NORDIC_NVMC_1, nordic_nvmc_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{BusError, Config, Model};

/// `nordic.nvmc`.
pub const MODEL: Model = Model { ty: &NORDIC_NVMC_1, create: frame::create::<Nvmc> };

/// Regions, by their index in the schema.
const FLASH: u32 = 1;
const UICR: u32 = 2;
/// CONFIG.WEN.
const WRITE: u32 = 1;
const ERASE: u32 = 2;
const UICR_SIZE: u64 = 0x1000;

struct Nvmc {
    size: u64,
    page: u64,
}

impl Nvmc {
    fn erase(io: &mut Io<'_>, region: u32, from: u64, len: u64) {
        if io.reg(reg::CONFIG) & 3 != ERASE {
            return;
        }
        let ones = [0xff; 1024];
        for at in (from..from.saturating_add(len)).step_by(ones.len()) {
            // An address outside of the flash erases nothing.
            let _ = io.cx.memory_write(region, at, &ones);
        }
    }
}

impl Block for Nvmc {
    const TYPE: &'static DeviceType = &NORDIC_NVMC_1;

    fn new(config: &Config) -> Nvmc {
        Nvmc { size: config.int("size"), page: config.int("page").max(1) }
    }

    fn reset(&mut self, _: &mut Io<'_>) {}

    fn wrote(&mut self, io: &mut Io<'_>, offset: u64, value: u32) {
        let page = u64::from(value) / self.page * self.page;
        match offset {
            reg::ERASEPAGE | reg::ERASEPCR0 | reg::ERASEPAGEPARTIAL => {
                Nvmc::erase(io, FLASH, page, self.page);
            }
            reg::ERASEALL if value & 1 != 0 => {
                Nvmc::erase(io, FLASH, 0, self.size);
                Nvmc::erase(io, UICR, 0, UICR_SIZE);
            }
            reg::ERASEUICR if value & 1 != 0 => Nvmc::erase(io, UICR, 0, UICR_SIZE),
            _ => {}
        }
    }

    fn stored(
        &mut self,
        io: &mut Io<'_>,
        region: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        // Only whole words can be written.
        if size != 4 {
            return Err(BusError);
        }
        if io.reg(reg::CONFIG) & 3 == WRITE {
            let mut word = [0; 4];
            io.cx.memory_read(region, offset, &mut word)?;
            // Writing makes zeros of ones.
            let word = u32::from_le_bytes(word) & value as u32;
            io.cx.memory_write(region, offset, &word.to_le_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hetemu_hw::testing::{Bench, check};

    fn flash() -> Bench {
        let mut b = Bench::of(&MODEL, &[("size", 0x4000), ("page", 1024)], &[]);
        b.cx.regions.insert(FLASH, vec![0xff; 0x4000]);
        b.cx.regions.insert(UICR, vec![0xff; 0x1000]);
        b
    }

    fn word(b: &Bench, region: u32, at: usize) -> u32 {
        let bytes = &b.cx.regions[&region][at..at + 4];
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    fn store(b: &mut Bench, region: u32, at: u64, size: u8, value: u64) -> bool {
        b.with(|dev, cx| dev.write(cx, region, at, size, value)).is_ok()
    }

    #[test]
    fn every_check() {
        check::all_with(&MODEL, &[("size", 0x4000), ("page", 1024)], &flash);
    }

    #[test]
    fn words_are_written_while_they_may_be() {
        let mut b = flash();
        assert!(store(&mut b, FLASH, 0x404, 4, 0));
        assert_eq!(word(&b, FLASH, 0x404), 0xffff_ffff);
        b.w32(0x504, 1);
        assert!(store(&mut b, FLASH, 0x404, 4, 0x1234_ffff) && store(&mut b, UICR, 0x14, 4, 7));
        assert!(store(&mut b, FLASH, 0x404, 4, 0xff0f_00ff));
        assert_eq!((word(&b, FLASH, 0x404), word(&b, UICR, 0x14)), (0x1204_00ff, 7));
        assert!(!store(&mut b, FLASH, 0x404, 2, 0) && !store(&mut b, FLASH, 0x4000, 4, 0));
    }

    #[test]
    fn pages_are_erased() {
        let mut b = flash();
        b.w32(0x504, 1);
        for at in [0x3fc, 0x400, 0x7fc, 0x800] {
            store(&mut b, FLASH, at, 4, 0);
        }
        store(&mut b, UICR, 0, 4, 0);
        b.w32(0x508, 0x400);
        assert_eq!(word(&b, FLASH, 0x400), 0, "not enabled");
        b.w32(0x504, 2);
        b.w32(0x508, 0x400);
        let found = [0x3fc, 0x400, 0x7fc, 0x800].map(|at| word(&b, FLASH, at));
        assert_eq!(found, [0, 0xffff_ffff, 0xffff_ffff, 0]);
        b.w32(0x508, 0x8000_0000);
        b.w32(0x50c, 1);
        assert_eq!((word(&b, FLASH, 0), word(&b, UICR, 0)), (0xffff_ffff, 0xffff_ffff));
    }
}
