//! System configuration (RM0090, chapter 9): the choice of the port for each external interrupt
//! line. Memory stays where the machine's text has it, whatever MEMRMP says.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32F4_SYSCFG_1, st_stm32f4_syscfg_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, ConfigError, Cx, Device, Model};

/// `st.stm32f4_syscfg`.
pub const MODEL: Model = Model { ty: &ST_STM32F4_SYSCFG_1, create };

const EXTI: u32 = 0;
const PORTS: u32 = 9;
/// CMPCR: the compensation cell's power and ready bits.
const CMP_PD: u32 = 1 << 0;
const READY: u32 = 1 << 8;

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let bank = Bank::new(&ST_STM32F4_SYSCFG_1);
    Ok(Box::new(Block(Syscfg { bank, pins: [0; PORTS as usize] })))
}

#[derive(Clone)]
struct Syscfg {
    bank: Bank,
    /// Levels of the pins, a word a port.
    pins: [u64; PORTS as usize],
}

impl Unit for Syscfg {
    const TYPE: &'static DeviceType = &ST_STM32F4_SYSCFG_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn words(&mut self) -> Vec<&mut u64> {
        self.pins.iter_mut().collect()
    }

    fn write(&mut self, cx: &mut dyn Cx, write: Write) {
        self.bank.keep(&write);
        let powered = self.bank.is(reg::CMPCR, CMP_PD);
        self.bank.put(reg::CMPCR, READY, powered);
        if write.at == reg::MEMRMP && write.bits != 0 {
            cx.unimplemented("memory remap", write.at, true);
        }
    }

    fn signal(&mut self, _: &mut dyn Cx, _: u32, line: u32, level: bool) {
        if let Some(port) = self.pins.get_mut(line as usize / 16) {
            let pin = 1 << (line % 16);
            *port = if level { *port | pin } else { *port & !pin };
        }
    }

    fn reset(&mut self) {
        self.bank = Bank::new(Self::TYPE);
    }

    fn drive(&mut self, cx: &mut dyn Cx) {
        for line in 0..16 {
            let at = reg::EXTICR1 + u64::from(line / 4 * 4);
            let port = self.bank.field(at, line % 4 * 4, 4) as usize;
            cx.output(EXTI, line, self.pins.get(port).is_some_and(|p| p >> line & 1 != 0));
        }
    }
}
