//! OpenTitan's rv_timer with one hart and one comparator (OpenTitan book, IP block rv_timer,
//! "Theory of Operation").
//!
//! The counter adds CFG0.step every CFG0.prescale + 1 periods of `clk` while CTRL.active. It is
//! kept as a value at a point in time, so nothing runs in between; one timer of the machine stands
//! for the comparator. INTR_STATE0 is set again as long as the counter has reached the comparator,
//! and a write to the comparator clears it, as on the part.

mod regs;
mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::LOWRISC_TIMER_1;
use hetemu_hw::regs::{covers, lanes_read, lanes_write, register};
use hetemu_hw::time::{Ps, at_tick, ticks};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};
use regs::*;

/// `lowrisc.timer`.
pub const MODEL: Model = Model { ty: &LOWRISC_TIMER_1, create };

const IRQ: u32 = 0;
const TIMER: u32 = 0;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(LowriscTimer { hz: config.clock("clk").max(1), state: State::default() }))
}

struct LowriscTimer {
    // Fixed configuration.
    hz: u64,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone)]
struct State {
    ctrl: u32,
    intr_enable: u32,
    intr_state: u32,
    cfg0: u32,
    compare: u64,
    /// The counter's value at `since`.
    value: u64,
    /// A time at which the prescaler was 0; of no meaning while the timer is not active.
    since: Ps,
}

impl Default for State {
    fn default() -> State {
        State {
            ctrl: 0,
            intr_enable: 0,
            intr_state: 0,
            cfg0: CFG0_RESET,
            compare: u64::MAX,
            value: 0,
            since: 0,
        }
    }
}

impl State {
    fn active(&self) -> bool {
        self.ctrl & CTRL_ACTIVE != 0
    }
    /// Periods of the clock for one step.
    fn period(&self) -> u64 {
        u64::from(self.cfg0 & CFG0_PRESCALE) + 1
    }
    fn step(&self) -> u64 {
        u64::from((self.cfg0 & CFG0_STEP) >> CFG0_STEP_LSB)
    }
}

impl LowriscTimer {
    /// Steps since `since`.
    fn steps(&self, now: Ps) -> u64 {
        if !self.state.active() {
            return 0;
        }
        ticks(now.saturating_sub(self.state.since), self.hz) / self.state.period()
    }

    fn counter(&self, now: Ps) -> u64 {
        let added = self.steps(now).wrapping_mul(self.state.step());
        self.state.value.wrapping_add(added)
    }

    /// Moves the known value to now, keeping the prescaler's phase.
    fn settle(&mut self, now: Ps) {
        let steps = self.steps(now);
        self.state.value = self.counter(now);
        let passed = at_tick(steps.saturating_mul(self.state.period()), self.hz);
        self.state.since = self.state.since.saturating_add(passed).min(now);
    }

    /// Sets the interrupt if the comparator is reached, else the timer for when it will be.
    fn update(&mut self, cx: &mut dyn Cx) {
        cx.stop_timer(TIMER);
        let reached = self.counter(cx.now()) >= self.state.compare;
        if self.state.active() && reached {
            self.state.intr_state = 1;
        } else if let Some(at) = self.due().filter(|_| self.state.active()) {
            cx.timer(TIMER, at.max(cx.now()));
        }
        cx.output(IRQ, 0, self.state.intr_state & self.state.intr_enable != 0);
    }

    /// When the counter will reach the comparator; `None` for never.
    fn due(&self) -> Option<Ps> {
        let s = &self.state;
        let left = s.compare.checked_sub(s.value)?;
        let steps = left.checked_add(s.step().saturating_sub(1))?.checked_div(s.step())?;
        let ps = at_tick(steps.checked_mul(s.period())?, self.hz);
        s.since.checked_add(ps).filter(|at| *at < Ps::MAX)
    }

    /// A register's value; `None` if there is none, or if it depends on time and `now` is not
    /// known.
    fn value(&self, reg: u64, now: Option<Ps>) -> Option<u32> {
        let s = &self.state;
        let counter = || match now {
            Some(now) => Some(self.counter(now)),
            None => (!s.active()).then_some(s.value),
        };
        Some(match reg {
            CTRL => s.ctrl,
            INTR_ENABLE0 => s.intr_enable,
            INTR_STATE0 => s.intr_state,
            CFG0 => s.cfg0,
            TIMER_V_LOWER0 => counter()? as u32,
            TIMER_V_UPPER0 => (counter()? >> 32) as u32,
            COMPARE_LOWER0_0 => s.compare as u32,
            COMPARE_UPPER0_0 => (s.compare >> 32) as u32,
            ALERT_TEST | INTR_TEST0 => 0,
            _ => return None,
        })
    }
}

/// A 64-bit number with its lower or upper half replaced.
fn with_half(old: u64, upper: bool, half: u32) -> u64 {
    if upper {
        old & 0xffff_ffff | u64::from(half) << 32
    } else {
        old >> 32 << 32 | u64::from(half)
    }
}

impl Device for LowriscTimer {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let Some(value) = self.value(offset & !3, Some(cx.now())) else {
            cx.unimplemented("reserved register", offset, false);
            return Ok(0);
        };
        Ok(lanes_read(value, offset, size))
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let Some(reg) = register(&LOWRISC_TIMER_1, 0, offset) else {
            cx.unimplemented("reserved register", offset, true);
            return Ok(());
        };
        if !covers(reg, offset, size) {
            return Err(BusError);
        }
        let value = lanes_write(0, offset, size, value);
        let now = cx.now();
        self.settle(now);
        let s = &mut self.state;
        match reg.offset {
            CTRL => {
                if value & CTRL_ACTIVE != 0 && !s.active() {
                    s.since = now;
                }
                s.ctrl = value & CTRL_ACTIVE;
            }
            INTR_ENABLE0 => s.intr_enable = value & 1,
            INTR_STATE0 => s.intr_state &= !value,
            INTR_TEST0 => s.intr_state |= value & 1,
            CFG0 => s.cfg0 = value & CFG0_MASK,
            TIMER_V_LOWER0 | TIMER_V_UPPER0 => {
                s.value = with_half(s.value, reg.offset == TIMER_V_UPPER0, value);
            }
            COMPARE_LOWER0_0 | COMPARE_UPPER0_0 => {
                s.compare = with_half(s.compare, reg.offset == COMPARE_UPPER0_0, value);
                s.intr_state = 0;
            }
            _ => {}
        }
        self.update(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        Some(lanes_read(self.value(offset & !3, None)?, offset, size))
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
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
