//! The APB timer of Arm's Cortex-M System Design Kit (TRM, DDI 0479D, section 4.1).
//!
//! The counter is not counted: what is kept is the tick at which it will next be 0. The external
//! input stands still, so a timer that waits for it or is clocked by it does not run.

mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{ARM_CMSDK_TIMER_1, arm_cmsdk_timer_1 as reg};
use hetemu_hw::regs::{lanes_read, lanes_value, lanes_write};
use hetemu_hw::time::{Ps, at_tick, ticks};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `arm.cmsdk_timer`.
pub const MODEL: Model = Model { ty: &ARM_CMSDK_TIMER_1, create };

const IRQ: u32 = 0;
const ZERO: u32 = 0;

/// CTRL.
const EN: u32 = 1;
const EXTERNAL: u32 = 6;
const IRQEN: u32 = 8;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(CmsdkTimer { clock_hz: config.clock("clk").max(1), state: State::default() }))
}

struct CmsdkTimer {
    // Fixed configuration.
    clock_hz: u64,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone, Default)]
struct State {
    control: u32,
    reload: u32,
    /// The count while it stands.
    value: u32,
    /// The tick at which it is 0, while it counts.
    zero: u64,
    pending: bool,
}

impl State {
    fn runs(&self) -> bool {
        self.control & (EN | EXTERNAL) == EN
    }

    /// Whether it counts: from 0 with nothing to reload it stays there.
    fn counts(&self) -> bool {
        self.runs() && self.zero != 0
    }

    fn count(&self, tick: u64) -> u32 {
        if !self.counts() {
            return self.value;
        }
        // From 0 it goes to the reload value a tick later.
        let left = self.zero.saturating_sub(tick);
        if self.value == 0 && left > u64::from(self.reload) { 0 } else { left as u32 }
    }

    /// Counts on from a number.
    fn begin(&mut self, value: u32, tick: u64) {
        self.value = value;
        self.zero = match (value, self.reload) {
            (0, 0) => 0,
            (0, reload) => tick + u64::from(reload) + 1,
            (value, _) => tick + u64::from(value),
        };
    }

    fn register(&self, offset: u64, tick: u64) -> u32 {
        match offset {
            reg::CTRL => self.control,
            reg::VALUE => self.count(tick),
            reg::RELOAD => self.reload,
            reg::INTSTATUS => self.pending.into(),
            _ => {
                let known = hetemu_hw::regs::register(&ARM_CMSDK_TIMER_1, 0, offset);
                known.and_then(|r| r.reset).unwrap_or(0) as u32
            }
        }
    }
}

impl CmsdkTimer {
    fn tick(&self, now: Ps) -> u64 {
        ticks(now, self.clock_hz)
    }

    fn update(&self, cx: &mut dyn Cx) {
        cx.output(IRQ, 0, self.state.pending);
        if self.state.counts() {
            cx.timer(ZERO, at_tick(self.state.zero, self.clock_hz));
        } else {
            cx.stop_timer(ZERO);
        }
    }
}

impl Device for CmsdkTimer {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let tick = self.tick(cx.now());
        Ok(lanes_read(self.state.register(offset & !3, tick), offset, size))
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let tick = self.tick(cx.now());
        let at = offset & !3;
        let whole = lanes_write(self.state.register(at, tick), offset, size, value);
        let s = &mut self.state;
        match at {
            reg::CTRL => {
                let (ran, count) = (s.runs(), s.count(tick));
                s.control = whole & 15;
                match (ran, s.runs()) {
                    (false, true) => s.begin(count, tick),
                    (true, false) => s.value = count,
                    _ => {}
                }
            }
            reg::VALUE => s.begin(whole, tick),
            reg::RELOAD => {
                s.reload = whole;
                // Setting it begins a count.
                s.begin(whole, tick);
            }
            reg::INTSTATUS => s.pending &= lanes_value(offset, size, value) & 1 == 0,
            _ => {}
        }
        self.update(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        // A count that runs is not known without the time.
        let at = offset & !3;
        let known = at != reg::VALUE || !self.state.counts();
        known.then(|| lanes_read(self.state.register(at, 0), offset, size))
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
        let s = &mut self.state;
        s.pending |= s.control & IRQEN != 0;
        let zero = s.zero;
        s.begin(0, zero);
        self.update(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::default();
        self.update(cx);
    }

    fn save(&self, w: &mut Writer) {
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.state = State::load(r)?;
        Ok(())
    }
}
