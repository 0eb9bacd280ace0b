//! The window watchdog (RM0090, chapter 22): a seven-bit counter of PCLK1 / 4096 and a prescaler.
//! It resets the machine when T falls from 0x40 to 0x3f, or is written while it is above the
//! window.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32_WWDG_1, st_stm32_wwdg_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::{Ps, at_tick, ticks};
use hetemu_hw::{Config, ConfigError, Cx, Device, Model, Request};

/// `st.stm32_wwdg`.
pub const MODEL: Model = Model { ty: &ST_STM32_WWDG_1, create };

const IRQ: u32 = 0;
const FIRED: u32 = 1;
const NEXT: u32 = 0;
/// CR.
const T: u32 = 0x7f;
const WDGA: u32 = 1 << 7;
/// CFR.
const EWI: u32 = 1 << 9;
/// SR.
const EWIF: u32 = 1;
/// The last count before the reset.
const LAST: u64 = 0x40;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let (clk, bank) = (config.clock("clk").max(1), Bank::new(&ST_STM32_WWDG_1));
    Ok(Box::new(Block(Wwdg { clk, bank, hz: clk, begun: 0 })))
}

#[derive(Clone)]
struct Wwdg {
    // Fixed configuration, hertz.
    clk: u64,
    // Volatile state. CR.T is where it counts from.
    bank: Bank,
    /// The clock, hertz.
    hz: u64,
    /// The tick of the clock from which it counts.
    begun: u64,
}

impl Wwdg {
    fn runs(&self) -> bool {
        self.bank.is(reg::CR, WDGA)
    }

    /// Ticks of the clock in a count.
    fn step(&self) -> u64 {
        4096 << self.bank.field(reg::CFR, 7, 2)
    }

    /// The count; it does not fall below 0x3f, where the machine is reset.
    fn count(&self, now: Ps) -> u64 {
        let from = u64::from(self.bank.get(reg::CR) & T);
        if !self.runs() {
            return from;
        }
        let gone = ticks(now, self.hz).saturating_sub(self.begun) / self.step();
        from.saturating_sub(gone).max((LAST - 1).min(from))
    }

    /// The count goes on from here with other settings.
    fn rebase(&mut self, now: Ps, f: impl FnOnce(&mut Wwdg)) {
        let count = self.count(now) as u32;
        f(self);
        let rest = self.bank.get(reg::CR) & !T;
        self.bank.set(reg::CR, rest | count);
        self.begun = ticks(now, self.hz);
    }

    fn fire(&mut self, cx: &mut dyn Cx) {
        self.bank.put(reg::CR, WDGA, false);
        cx.pulse(FIRED, 0);
        cx.request(Request::Reset);
    }
}

impl Unit for Wwdg {
    const TYPE: &'static DeviceType = &ST_STM32_WWDG_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn words(&mut self) -> Vec<&mut u64> {
        vec![&mut self.hz, &mut self.begun]
    }

    fn settle(&mut self, cx: &mut dyn Cx) {
        let count = self.count(cx.now());
        if self.runs() && count <= LAST {
            self.bank.put(reg::SR, EWIF, true);
        }
        if self.runs() && count < LAST {
            self.fire(cx);
        }
    }

    fn value(&self, at: u64, now: Option<Ps>) -> Option<u32> {
        match at {
            reg::CR if self.runs() => {
                Some(now.map_or(0, |now| self.count(now)) as u32 | WDGA).filter(|_| now.is_some())
            }
            reg::SR if self.runs() && now.is_none() => None,
            _ => Some(self.bank.get(at)),
        }
    }

    fn write(&mut self, cx: &mut dyn Cx, write: Write) {
        let now = cx.now();
        match write.at {
            reg::CR if self.runs() => {
                if self.count(now) > u64::from(self.bank.field(reg::CFR, 0, 7)) {
                    return self.fire(cx);
                }
                self.bank.set(reg::CR, WDGA | write.whole & T);
                self.begun = ticks(now, self.hz);
            }
            reg::CR => {
                self.bank.keep(&write);
                self.begun = ticks(now, self.hz);
            }
            reg::SR => self.bank.put(reg::SR, write.zeros() & EWIF, false),
            _ => {
                let early = self.bank.is(reg::CFR, EWI);
                self.rebase(now, |w| w.bank.keep(&write));
                // Only a reset takes it back.
                self.bank.put(reg::CFR, EWI, early || self.bank.is(reg::CFR, EWI));
            }
        }
        if self.runs() && self.count(now) < LAST {
            self.fire(cx);
        }
    }

    fn rate(&mut self, cx: &mut dyn Cx, _: u32, hz: u64) {
        self.rebase(cx.now(), |w| w.hz = if hz == 0 { w.clk } else { hz });
    }

    fn reset(&mut self) {
        self.bank = Bank::new(Self::TYPE);
        (self.hz, self.begun) = (self.clk, 0);
    }

    fn drive(&mut self, cx: &mut dyn Cx) {
        let early = self.bank.is(reg::CFR, EWI);
        cx.output(IRQ, 0, early && self.bank.is(reg::SR, EWIF));
        if !self.runs() {
            return cx.stop_timer(NEXT);
        }
        let from = u64::from(self.bank.get(reg::CR) & T);
        let warns = early && !self.bank.is(reg::SR, EWIF) && self.count(cx.now()) > LAST;
        let counts = (from + u64::from(!warns)).saturating_sub(LAST);
        let tick = self.begun.saturating_add(counts * self.step());
        cx.timer(NEXT, at_tick(tick, self.hz).max(cx.now() + 1));
    }
}
