//! The device signature (RM0090, chapter 39), and what the factory measured.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32_SIGNATURE_1, st_stm32_signature_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::Ps;
use hetemu_hw::{Config, ConfigError, Cx, Device, Model};

/// `st.stm32_signature`.
pub const MODEL: Model = Model { ty: &ST_STM32_SIGNATURE_1, create };

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let text = config.text("id").as_bytes();
    if text.len() > 12 {
        let message = format!("`id` has {} bytes, and a unique id has 12", text.len());
        return Err(ConfigError { path: config.path.clone(), message });
    }
    let mut id = [0; 3];
    for (i, byte) in text.iter().enumerate() {
        id[i / 4 % 3] |= u32::from(*byte) << (i % 4 * 8);
    }
    let bank = Bank::new(&ST_STM32_SIGNATURE_1);
    let kib = (config.int("flash") >> 10) as u32;
    Ok(Box::new(Block(Signature { id, size: kib << 16, bank })))
}

#[derive(Clone)]
struct Signature {
    // Fixed configuration.
    id: [u32; 3],
    size: u32,
    // As the schema has it.
    bank: Bank,
}

impl Unit for Signature {
    const TYPE: &'static DeviceType = &ST_STM32_SIGNATURE_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn value(&self, at: u64, _: Option<Ps>) -> Option<u32> {
        Some(match at {
            reg::U_ID0 => self.id[0],
            reg::U_ID1 => self.id[1],
            reg::U_ID2 => self.id[2],
            reg::F_SIZE => self.size,
            _ => self.bank.get(at),
        })
    }

    fn write(&mut self, _: &mut dyn Cx, _: Write) {}
}
