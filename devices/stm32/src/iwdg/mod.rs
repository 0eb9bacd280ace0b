//! The independent watchdog (RM0090, chapter 21): counts down at its own slow clock and resets the
//! machine at 0. Once started it never stops. New values hold at once.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32_IWDG_1, st_stm32_iwdg_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::{Ps, SECOND};
use hetemu_hw::{Config, ConfigError, Cx, Device, Model, Request};

/// `st.stm32_iwdg`.
pub const MODEL: Model = Model { ty: &ST_STM32_IWDG_1, create };

const FIRED: u32 = 0;
const END: u32 = 0;
/// What KR takes.
const UNLOCK: u32 = 0x5555;
const RELOAD: u32 = 0xaaaa;
const START: u32 = 0xcccc;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let bank = Bank::new(&ST_STM32_IWDG_1);
    Ok(Box::new(Block(Iwdg { clk: config.clock("clk").max(1), bank, open: 0, end: 0 })))
}

#[derive(Clone)]
struct Iwdg {
    // Fixed configuration, hertz.
    clk: u64,
    // Volatile state.
    bank: Bank,
    /// PR and RLR can be written.
    open: u64,
    /// When the count is over; 0: it has not been started.
    end: u64,
}

impl Iwdg {
    fn begin(&mut self, now: Ps) {
        let ticks = u128::from(self.bank.get(reg::RLR) + 1) << (2 + self.bank.get(reg::PR).min(6));
        let span = ticks * u128::from(SECOND) / u128::from(self.clk);
        self.end = now.saturating_add(span as u64).max(1);
    }
}

impl Unit for Iwdg {
    const TYPE: &'static DeviceType = &ST_STM32_IWDG_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn words(&mut self) -> Vec<&mut u64> {
        vec![&mut self.open, &mut self.end]
    }

    fn write(&mut self, cx: &mut dyn Cx, write: Write) {
        match (write.at, write.bits & 0xffff) {
            (reg::KR, START) => self.begin(cx.now()),
            (reg::KR, RELOAD) if self.end != 0 => self.begin(cx.now()),
            (reg::PR | reg::RLR, _) if self.open != 0 => self.bank.keep(&write),
            _ => {}
        }
        if write.at == reg::KR {
            self.open = u64::from(write.bits & 0xffff == UNLOCK);
        }
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
        if self.end != 0 && cx.now() >= self.end {
            self.end = 0;
            cx.pulse(FIRED, 0);
            cx.request(Request::Reset);
        }
    }

    fn drive(&mut self, cx: &mut dyn Cx) {
        match self.end {
            0 => cx.stop_timer(END),
            end => cx.timer(END, end),
        }
    }
}
