//! The flash memory and its interface (RM0090, chapter 3; programming manual PM0081).
//!
//! Software programs by storing to the memory with CR.PG set and CR.PSIZE as wide as the store;
//! bits go from 1 to 0 only. It erases by sectors or wholly. Both take no time.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32F4_FLASH_1, st_stm32f4_flash_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, Model};

/// `st.stm32f4_flash`.
pub const MODEL: Model = Model { ty: &ST_STM32F4_FLASH_1, create };

const IRQ: u32 = 0;
/// The region of the memory.
const MEMORY: u32 = 1;

const KEYS: [u32; 2] = [0x4567_0123, 0xcdef_89ab];
const OPTION_KEYS: [u32; 2] = [0x0819_2a3b, 0x4c5d_6e7f];

/// SR.
const EOP: u32 = 1 << 0;
const WRPERR: u32 = 1 << 4;
const PGPERR: u32 = 1 << 6;
const PGSERR: u32 = 1 << 7;
const ERRORS: u32 = 0xf2;
/// CR.
const PG: u32 = 1 << 0;
const SER: u32 = 1 << 1;
const MER: u32 = 1 << 2;
const STRT: u32 = 1 << 16;
const EOPIE: u32 = 1 << 24;
const ERRIE: u32 = 1 << 25;
const LOCK: u32 = 1 << 31;
/// OPTCR.
const OPTLOCK: u32 = 1 << 0;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let bank = Bank::new(&ST_STM32F4_FLASH_1);
    Ok(Box::new(Block(Flash { size: config.int("size"), bank, keys: 0, option_keys: 0 })))
}

/// Where a sector begins and how long it is: four of 16 KiB, one of 64, then 128 each.
fn sector(number: u64) -> (u64, u64) {
    match number {
        0..=3 => (number << 14, 1 << 14),
        4 => (1 << 16, 1 << 16),
        n => ((n - 4) << 17, 1 << 17),
    }
}

#[derive(Clone)]
struct Flash {
    // Fixed configuration.
    size: u64,
    // Volatile state.
    bank: Bank,
    /// Keys that came, in order: 1 after the first, 3 after a wrong one, until the next reset.
    keys: u64,
    option_keys: u64,
}

/// The next key: true if it opens.
fn key(came: &mut u64, key: u32, keys: [u32; 2]) -> bool {
    *came = match *came {
        0 if key == keys[0] => 1,
        1 if key == keys[1] => 2,
        _ => 3,
    };
    *came == 2
}

impl Flash {
    fn fail(&mut self, error: u32) {
        self.bank.put(reg::SR, error, true);
    }

    fn done(&mut self) {
        if self.bank.is(reg::CR, EOPIE) {
            self.bank.put(reg::SR, EOP, true);
        }
    }

    /// Whether the option bytes let a place be changed.
    fn protected(&self, at: u64) -> bool {
        let number = (0..12).find(|n| at.wrapping_sub(sector(*n).0) < sector(*n).1);
        number.is_some_and(|n| !self.bank.is(reg::OPTCR, 1 << (16 + n)))
    }

    fn erase(&mut self, cx: &mut dyn Cx, first: u64, len: u64) {
        if self.protected(first) {
            return self.fail(WRPERR);
        }
        let blank = [0xff; 4096];
        let end = first.saturating_add(len).min(self.size);
        let mut at = first;
        while at < end {
            let now = (end - at).min(blank.len() as u64);
            // The memory is there: the sector lies in it.
            let _ = cx.memory_write(MEMORY, at, blank.get(..now as usize).unwrap_or(&blank));
            at += now;
        }
    }

    fn start(&mut self, cx: &mut dyn Cx) {
        if self.bank.get(reg::SR) & ERRORS != 0 {
            return;
        }
        if self.bank.is(reg::CR, MER) {
            for n in 0..12 {
                let (first, len) = sector(n);
                self.erase(cx, first, len);
            }
        } else if self.bank.is(reg::CR, SER) {
            let (first, len) = sector(self.bank.field(reg::CR, 3, 4).into());
            self.erase(cx, first, len);
        } else {
            return self.fail(PGSERR);
        }
        self.done();
    }
}

impl Unit for Flash {
    const TYPE: &'static DeviceType = &ST_STM32F4_FLASH_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn words(&mut self) -> Vec<&mut u64> {
        vec![&mut self.keys, &mut self.option_keys]
    }

    fn write(&mut self, cx: &mut dyn Cx, write: Write) {
        match write.at {
            reg::KEYR => {
                if key(&mut self.keys, write.bits, KEYS) {
                    self.bank.put(reg::CR, LOCK, false);
                }
            }
            reg::OPTKEYR => {
                if key(&mut self.option_keys, write.bits, OPTION_KEYS) {
                    self.bank.put(reg::OPTCR, OPTLOCK, false);
                }
            }
            reg::SR => self.bank.put(reg::SR, write.bits & (ERRORS | EOP), false),
            reg::CR if self.bank.is(reg::CR, LOCK) => {}
            reg::CR => {
                self.bank.keep(&write);
                if write.bits & LOCK != 0 {
                    self.keys = 0;
                }
                if write.bits & STRT != 0 {
                    self.start(cx);
                }
            }
            reg::OPTCR if self.bank.is(reg::OPTCR, OPTLOCK) => {}
            reg::OPTCR => {
                self.bank.keep(&write);
                if write.bits & OPTLOCK != 0 {
                    self.option_keys = 0;
                }
            }
            _ => self.bank.keep(&write),
        }
    }

    /// A store to the memory.
    fn write_region(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        if !self.bank.is(reg::CR, PG) || self.bank.is(reg::CR, LOCK) {
            self.fail(PGSERR);
        } else if 1 << self.bank.field(reg::CR, 8, 2) != u32::from(size) {
            self.fail(PGPERR);
        } else if self.protected(offset) {
            self.fail(WRPERR);
        } else if self.bank.get(reg::SR) & ERRORS == 0 {
            let mut cells = [0; 8];
            let cells = cells.get_mut(..usize::from(size)).ok_or(BusError)?;
            cx.memory_read(MEMORY, offset, cells)?;
            cells.iter_mut().zip(value.to_le_bytes()).for_each(|(cell, byte)| *cell &= byte);
            cx.memory_write(MEMORY, offset, cells)?;
            self.done();
        }
        Ok(())
    }

    fn drive(&mut self, cx: &mut dyn Cx) {
        let (sr, cr) = (self.bank.get(reg::SR), self.bank.get(reg::CR));
        let (end, error) = (sr & EOP != 0 && cr & EOPIE != 0, sr & ERRORS != 0 && cr & ERRIE != 0);
        cx.output(IRQ, 0, end || error);
    }
}
