//! External interrupts and events (RM0090, chapter 12): edges of 23 lines.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32F4_EXTI_1, st_stm32f4_exti_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, ConfigError, Cx, Device, Model};

/// `st.stm32f4_exti`.
pub const MODEL: Model = Model { ty: &ST_STM32F4_EXTI_1, create };

const IRQ: u32 = 0;
const IRQ9_5: u32 = 1;
const IRQ15_10: u32 = 2;
const EVENT: u32 = 3;
const LINES: u32 = 23;

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Block(Exti { bank: Bank::new(&ST_STM32F4_EXTI_1), levels: 0 })))
}

#[derive(Clone)]
struct Exti {
    bank: Bank,
    /// Levels of the lines.
    levels: u64,
}

impl Exti {
    /// An edge that was chosen, or that software makes.
    fn hit(&mut self, cx: &mut dyn Cx, lines: u32) {
        self.bank.put(reg::PR, lines, true);
        if lines & self.bank.get(reg::EMR) != 0 {
            cx.pulse(EVENT, 0);
        }
    }
}

impl Unit for Exti {
    const TYPE: &'static DeviceType = &ST_STM32F4_EXTI_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn words(&mut self) -> Vec<&mut u64> {
        vec![&mut self.levels]
    }

    fn write(&mut self, cx: &mut dyn Cx, write: Write) {
        match write.at {
            reg::PR => {
                self.bank.put(reg::PR, write.bits, false);
                // What software has set is cleared with it.
                self.bank.put(reg::SWIER, write.bits, false);
            }
            reg::SWIER => {
                let before = self.bank.get(reg::SWIER);
                self.bank.keep(&write);
                let set = self.bank.get(reg::SWIER) & !before;
                let enabled = self.bank.get(reg::IMR) | self.bank.get(reg::EMR);
                self.hit(cx, set & enabled);
            }
            _ => self.bank.keep(&write),
        }
    }

    fn signal(&mut self, cx: &mut dyn Cx, _: u32, line: u32, level: bool) {
        let bit = 1 << (line & 31);
        if (self.levels as u32 & bit != 0) == level {
            return;
        }
        self.levels ^= u64::from(bit);
        let edges = self.bank.get(if level { reg::RTSR } else { reg::FTSR });
        self.hit(cx, edges & bit);
    }

    fn reset(&mut self) {
        self.bank = Bank::new(Self::TYPE);
    }

    fn drive(&mut self, cx: &mut dyn Cx) {
        // The mask holds the interrupt back, not the flag.
        let on = self.bank.get(reg::PR) & self.bank.get(reg::IMR);
        for line in 0..LINES {
            cx.output(IRQ, line, on >> line & 1 != 0);
        }
        cx.output(IRQ9_5, 0, on & 0x03e0 != 0);
        cx.output(IRQ15_10, 0, on & 0xfc00 != 0);
    }
}
