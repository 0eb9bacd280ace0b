//! The CRC unit (RM0090, chapter 4): polynomial 0x04c11db7, words from the top bit down.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32_CRC_1, st_stm32_crc_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, ConfigError, Cx, Device, Model};

/// `st.stm32_crc`.
pub const MODEL: Model = Model { ty: &ST_STM32_CRC_1, create };

const POLYNOMIAL: u32 = 0x04c1_1db7;

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Block(Crc { bank: Bank::new(&ST_STM32_CRC_1) })))
}

#[derive(Clone)]
struct Crc {
    bank: Bank,
}

impl Unit for Crc {
    const TYPE: &'static DeviceType = &ST_STM32_CRC_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn write(&mut self, _: &mut dyn Cx, write: Write) {
        match write.at {
            reg::DR => {
                let step = |crc: u32, _| crc << 1 ^ if crc >> 31 != 0 { POLYNOMIAL } else { 0 };
                let crc = (0..32).fold(self.bank.get(reg::DR) ^ write.bits, step);
                self.bank.set(reg::DR, crc);
            }
            reg::CR if write.bits & 1 != 0 => self.bank.set(reg::DR, u32::MAX),
            _ => self.bank.keep(&write),
        }
    }
}
