//! I2C (RM0090, chapter 27) as a master on a bus where nobody answers: an address is followed by
//! AF, the flag of a missing acknowledgement. Conditions and bytes take no time, and nobody is
//! there to address it as a slave.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32F4_I2C_1, st_stm32f4_i2c_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, ConfigError, Cx, Device, Model};

/// `st.stm32f4_i2c`.
pub const MODEL: Model = Model { ty: &ST_STM32F4_I2C_1, create };

const EVENT: u32 = 0;
const ERROR: u32 = 1;

/// CR1.
const PE: u32 = 1 << 0;
const START: u32 = 1 << 8;
const STOP: u32 = 1 << 9;
const SWRST: u32 = 1 << 15;
/// CR2.
const ITERREN: u32 = 1 << 8;
const ITEVTEN: u32 = 1 << 9;
/// SR1.
const SB: u32 = 1 << 0;
const AF: u32 = 1 << 10;
const ERRORS: u32 = 0xdf00;
/// SR2.
const MSL: u32 = 1 << 0;
const BUSY: u32 = 1 << 1;

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Block(I2c { bank: Bank::new(&ST_STM32F4_I2C_1) })))
}

#[derive(Clone)]
struct I2c {
    bank: Bank,
}

impl I2c {
    /// The bus is free again.
    fn release(&mut self) {
        self.bank.put(reg::SR2, MSL | BUSY, false);
        self.bank.put(reg::SR1, SB, false);
        self.bank.put(reg::CR1, START | STOP, false);
    }
}

impl Unit for I2c {
    const TYPE: &'static DeviceType = &ST_STM32F4_I2C_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn write(&mut self, _: &mut dyn Cx, write: Write) {
        match write.at {
            reg::CR1 => {
                self.bank.keep(&write);
                if self.bank.is(reg::CR1, SWRST) {
                    self.bank = Bank::new(Self::TYPE);
                    self.bank.set(reg::CR1, SWRST);
                } else if !self.bank.is(reg::CR1, PE) || self.bank.is(reg::CR1, STOP) {
                    self.release();
                }
                if self.bank.is(reg::CR1, PE | START) {
                    self.bank.put(reg::CR1, START, false);
                    self.bank.put(reg::SR1, SB, true);
                    self.bank.put(reg::SR2, MSL | BUSY, true);
                }
            }
            // The address, which nobody acknowledges.
            reg::DR if self.bank.is(reg::SR1, SB) => {
                self.bank.put(reg::SR1, SB, false);
                self.bank.put(reg::SR1, AF, true);
            }
            reg::SR1 => self.bank.put(reg::SR1, write.zeros() & ERRORS, false),
            _ => self.bank.keep(&write),
        }
    }

    fn drive(&mut self, cx: &mut dyn Cx) {
        let sr1 = self.bank.get(reg::SR1);
        cx.output(EVENT, 0, sr1 & SB != 0 && self.bank.is(reg::CR2, ITEVTEN));
        cx.output(ERROR, 0, sr1 & ERRORS != 0 && self.bank.is(reg::CR2, ITERREN));
    }

    fn rate(&mut self, _: &mut dyn Cx, _: u32, _: u64) {}
}
