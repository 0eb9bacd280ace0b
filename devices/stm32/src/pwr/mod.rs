//! Power control (RM0090, chapter 5): the supply is always there, and regulators are ready at once.
//! What CR says about stop and standby is kept; a core that sleeps deeply just sleeps.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32F4_PWR_1, st_stm32f4_pwr_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, ConfigError, Cx, Device, Model};

/// `st.stm32f4_pwr`.
pub const MODEL: Model = Model { ty: &ST_STM32F4_PWR_1, create };

const PVD: u32 = 0;
/// CSR: the backup regulator's enable and ready bits.
const BRE: u32 = 1 << 9;
const BRR: u32 = 1 << 3;

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Block(Pwr { bank: Bank::new(&ST_STM32F4_PWR_1) })))
}

#[derive(Clone)]
struct Pwr {
    bank: Bank,
}

impl Unit for Pwr {
    const TYPE: &'static DeviceType = &ST_STM32F4_PWR_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn write(&mut self, _: &mut dyn Cx, write: Write) {
        self.bank.keep(&write);
        let backed = self.bank.is(reg::CSR, BRE);
        self.bank.put(reg::CSR, BRR, backed);
    }

    fn drive(&mut self, cx: &mut dyn Cx) {
        cx.output(PVD, 0, false);
    }
}
