//! The random number generator (RM0090, chapter 24), fed by the machine's own seeded generator: a
//! number every 40 periods of the 48 MHz clock.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32_RNG_1, st_stm32_rng_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::{Ps, SECOND};
use hetemu_hw::{Config, ConfigError, Cx, Device, Model};

/// `st.stm32_rng`.
pub const MODEL: Model = Model { ty: &ST_STM32_RNG_1, create };

const IRQ: u32 = 0;
const READY: u32 = 0;
/// CR.
const RNGEN: u32 = 1 << 2;
const IE: u32 = 1 << 3;
/// SR.
const DRDY: u32 = 1 << 0;
const CEIS: u32 = 1 << 5;
const SEIS: u32 = 1 << 6;
/// From one number to the next.
const EACH: Ps = 40 * SECOND / 48_000_000;

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Block(Rng { bank: Bank::new(&ST_STM32_RNG_1), ready: 0 })))
}

#[derive(Clone)]
struct Rng {
    /// DR holds the number, once it is ready.
    bank: Bank,
    /// When the next number is ready; 0: none is on its way.
    ready: u64,
}

impl Rng {
    fn begin(&mut self, now: Ps) {
        let on = self.bank.is(reg::CR, RNGEN) && !self.bank.is(reg::SR, DRDY);
        self.ready = match (on, self.ready) {
            (false, _) => 0,
            (true, 0) => now.saturating_add(EACH),
            (true, at) => at,
        };
    }
}

impl Unit for Rng {
    const TYPE: &'static DeviceType = &ST_STM32_RNG_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn words(&mut self) -> Vec<&mut u64> {
        vec![&mut self.ready]
    }

    fn settle(&mut self, cx: &mut dyn Cx) {
        if self.ready != 0 && cx.now() >= self.ready {
            let mut bytes = [0; 4];
            cx.random(&mut bytes);
            self.bank.set(reg::DR, u32::from_le_bytes(bytes));
            self.bank.put(reg::SR, DRDY, true);
            self.ready = 0;
        }
    }

    fn value(&self, at: u64, now: Option<Ps>) -> Option<u32> {
        // Whether a number has come is not known without the time.
        let due = self.ready != 0 && at != reg::CR && now.is_none();
        (!due).then(|| self.bank.get(at))
    }

    fn after_read(&mut self, cx: &mut dyn Cx, at: u64) -> bool {
        if at != reg::DR || !self.bank.is(reg::SR, DRDY) {
            return false;
        }
        self.bank.put(reg::SR, DRDY, false);
        self.bank.set(reg::DR, 0);
        self.begin(cx.now());
        true
    }

    fn write(&mut self, cx: &mut dyn Cx, write: Write) {
        match write.at {
            reg::SR => self.bank.put(reg::SR, write.zeros() & (CEIS | SEIS), false),
            _ => self.bank.keep(&write),
        }
        self.begin(cx.now());
    }

    fn drive(&mut self, cx: &mut dyn Cx) {
        let on = self.bank.is(reg::CR, IE) && self.bank.get(reg::SR) & (DRDY | CEIS | SEIS) != 0;
        cx.output(IRQ, 0, on);
        // Only an interrupt needs to come by itself.
        if self.ready != 0 && self.bank.is(reg::CR, IE) {
            cx.timer(READY, self.ready);
        } else {
            cx.stop_timer(READY);
        }
    }
}
