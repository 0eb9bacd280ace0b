//! Debug support (RM0090, section 38.6): who the chip is. Nothing stops with a halted core but time
//! itself, so the freeze bits are kept and change nothing.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32_DBGMCU_1, st_stm32_dbgmcu_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::Ps;
use hetemu_hw::{Config, ConfigError, Cx, Device, Model};

/// `st.stm32_dbgmcu`.
pub const MODEL: Model = Model { ty: &ST_STM32_DBGMCU_1, create };

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let bank = Bank::new(&ST_STM32_DBGMCU_1);
    Ok(Box::new(Block(Dbgmcu { idcode: config.int("idcode") as u32, bank })))
}

#[derive(Clone)]
struct Dbgmcu {
    // Fixed configuration.
    idcode: u32,
    // Volatile state.
    bank: Bank,
}

impl Unit for Dbgmcu {
    const TYPE: &'static DeviceType = &ST_STM32_DBGMCU_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn value(&self, at: u64, _: Option<Ps>) -> Option<u32> {
        Some(if at == reg::IDCODE { self.idcode } else { self.bank.get(at) })
    }

    fn write(&mut self, _: &mut dyn Cx, write: Write) {
        self.bank.keep(&write);
    }
}
