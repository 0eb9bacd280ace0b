//! The timers (RM0090, chapters 17 to 20): one model, as wide and with as many channels as its
//! properties say.
//!
//! Nothing counts: what is kept is the tick of `clk` at which the counter began to run through its
//! present period, and how much of the period has been looked at for matches. A centre-aligned
//! counter has two periods, up and down. Pins do not exist: a channel that captures never does, and
//! counters that an input drives stand still.

mod count;
#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32_TIMER_1, st_stm32_timer_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::{Ps, at_tick, ticks};
use hetemu_hw::{Config, ConfigError, Cx, Device, Model};

/// `st.stm32_timer`.
pub const MODEL: Model = Model { ty: &ST_STM32_TIMER_1, create };

/// Outputs and what of SR each shows.
const OUTPUTS: [u32; 5] = [0xff, UIF, CCIF, 0x60, 0x80];
const NEXT: u32 = 0;

/// CR1.
const CEN: u32 = 1 << 0;
const UDIS: u32 = 1 << 1;
const URS: u32 = 1 << 2;
const OPM: u32 = 1 << 3;
const DIR: u32 = 1 << 4;
const CMS: u32 = 3 << 5;
const ARPE: u32 = 1 << 7;
/// SR, DIER, EGR.
const UIF: u32 = 1 << 0;
const CCIF: u32 = 0x1e;
/// Compare registers, by channel.
const CCR: [u64; 4] = [reg::CCR1, reg::CCR2, reg::CCR3, reg::CCR4];

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let full = if config.int("bits") > 16 { u32::MAX } else { 0xffff };
    let clk = config.clock("clk");
    let mut timer = Timer {
        clk,
        full,
        channels: config.int("channels").min(4) as usize,
        advanced: config.flag("advanced"),
        bank: Bank::new(&ST_STM32_TIMER_1),
        hz: clk,
        origin: 0,
        seen: 0,
        scale: 0,
        top: 0,
        compare: [0; 4],
        repeat: 0,
    };
    timer.reset();
    Ok(Box::new(Block(timer)))
}

#[derive(Clone)]
struct Timer {
    // Fixed configuration.
    clk: u64,
    /// The largest count.
    full: u32,
    channels: usize,
    advanced: bool,
    // Volatile state.
    bank: Bank,
    /// The clock, hertz.
    hz: u64,
    /// The tick at which the present period began, while it counts; it wraps.
    origin: u64,
    /// Counts of the period that have been looked at.
    seen: u64,
    /// The prescaler, reload and compare values that hold: those of the last update event.
    scale: u64,
    top: u64,
    compare: [u64; 4],
    /// Ends of periods until the next update event.
    repeat: u64,
}

impl Timer {
    fn tick(&self, now: Ps) -> u64 {
        ticks(now, self.hz)
    }

    /// Whether it counts time.
    fn counts(&self) -> bool {
        // Reset mode counts as without a trigger; encoders, gates and external clocks need pins.
        let mode = self.bank.field(reg::SMCR, 0, 3);
        self.bank.is(reg::CR1, CEN) && matches!(mode, 0 | 4 | 6) && self.len() != 0 && self.hz != 0
    }

    /// Whether a channel compares.
    fn compares(&self, channel: usize) -> bool {
        let at = if channel < 2 { reg::CCMR1 } else { reg::CCMR2 };
        channel < self.channels && self.bank.field(at, (channel as u32 & 1) * 8, 2) == 0
    }

    /// Does something to how it counts: the count stays as it is.
    fn change(&mut self, now: Ps, f: impl FnOnce(&mut Timer)) {
        let tick = self.tick(now);
        let (ran, count) = (self.counts(), self.count(tick));
        let part = if ran { tick.wrapping_sub(self.origin) % self.step() } else { 0 };
        f(self);
        let tick = self.tick(now);
        if self.counts() {
            let at = self.at(count);
            self.origin = tick.wrapping_sub(at * self.step() + part.min(self.step() - 1));
            self.seen = if ran { at.saturating_add(1).min(self.len()) } else { at };
        } else {
            self.bank.set(reg::CNT, count as u32);
        }
    }

    /// Values that are not buffered hold at once.
    fn hold(&mut self) {
        if !self.bank.is(reg::CR1, ARPE) {
            self.top = self.bank.get(reg::ARR).into();
        }
        for (channel, at) in CCR.into_iter().enumerate() {
            if !self.buffered(channel) {
                self.compare[channel & 3] = self.bank.get(at).into();
            }
        }
    }

    /// OCxPE.
    fn buffered(&self, channel: usize) -> bool {
        let at = if channel < 2 { reg::CCMR1 } else { reg::CCMR2 };
        self.bank.is(at, 1 << (3 + 8 * (channel as u32 & 1)))
    }
}

impl Unit for Timer {
    const TYPE: &'static DeviceType = &ST_STM32_TIMER_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn words(&mut self) -> Vec<&mut u64> {
        let mut all = vec![&mut self.hz, &mut self.origin, &mut self.seen, &mut self.scale];
        all.extend([&mut self.top, &mut self.repeat]);
        all.extend(&mut self.compare);
        all
    }

    fn sane(&self) -> bool {
        let full = u64::from(self.full);
        let values = [self.top].into_iter().chain(self.compare).all(|n| n <= full);
        values && self.scale <= 0xffff && self.repeat <= 0xff && self.seen <= full + 1
    }

    fn settle(&mut self, cx: &mut dyn Cx) {
        let tick = self.tick(cx.now());
        self.run(tick);
    }

    fn value(&self, at: u64, now: Option<Ps>) -> Option<u32> {
        match at {
            reg::CNT if self.counts() => now.map(|now| self.count(self.tick(now)) as u32),
            reg::SR | reg::CR1 if self.counts() && now.is_none() => None,
            reg::EGR => Some(0),
            _ => Some(self.bank.get(at)),
        }
    }

    fn write(&mut self, cx: &mut dyn Cx, write: Write) {
        let now = cx.now();
        match write.at {
            reg::SR => self.bank.put(reg::SR, write.zeros(), false),
            reg::EGR => {
                self.bank.put(reg::SR, write.bits & 0xfe, true);
                if write.bits & UIF != 0 {
                    self.restart(self.tick(now));
                }
            }
            reg::CNT => {
                let full = self.full;
                self.change(now, |t| t.bank.set(reg::CNT, write.whole & full));
                if self.counts() {
                    let at = self.at((write.whole & full).into());
                    self.origin = self.tick(now).wrapping_sub(at * self.step());
                    self.seen = at;
                }
            }
            reg::DCR | reg::DMAR => {
                cx.unimplemented("DMA burst", write.at, true);
                self.bank.keep(&write);
            }
            _ => {
                let full = if CCR.contains(&write.at) || write.at == reg::ARR {
                    self.full
                } else {
                    0xffff
                };
                let write = Write { whole: write.whole & full, ..write };
                self.change(now, |t| {
                    // Only one that is centred says the direction itself.
                    let centred = t.bank.get(reg::CR1) & CMS != 0;
                    let down = t.bank.is(reg::CR1, DIR);
                    t.bank.keep(&write);
                    if centred && t.bank.get(reg::CR1) & CMS != 0 {
                        t.bank.put(reg::CR1, DIR, down);
                    }
                    t.hold();
                });
                if write.at == reg::CR1 && self.bank.is(reg::CR1, CEN) && !self.counts() {
                    cx.unimplemented("counter without time", write.at, true);
                }
            }
        }
        let tick = self.tick(now);
        self.run(tick);
    }

    fn rate(&mut self, cx: &mut dyn Cx, _: u32, hz: u64) {
        let now = cx.now();
        let hz = if hz == 0 { self.clk } else { hz };
        self.change(now, |t| t.hz = hz);
    }

    fn reset(&mut self) {
        self.bank = Bank::new(Self::TYPE);
        self.bank.set(reg::ARR, self.full);
        self.words().into_iter().for_each(|word| *word = 0);
        (self.hz, self.top) = (self.clk, self.full.into());
    }

    fn drive(&mut self, cx: &mut dyn Cx) {
        let on = self.bank.get(reg::SR) & self.bank.get(reg::DIER);
        for (port, flags) in OUTPUTS.into_iter().enumerate() {
            cx.output(port as u32, 0, on & flags != 0);
        }
        let now = cx.now();
        match self.next(self.tick(now)) {
            Some(tick) => cx.timer(NEXT, at_tick(tick, self.hz).max(now + 1)),
            None => cx.stop_timer(NEXT),
        }
    }
}
