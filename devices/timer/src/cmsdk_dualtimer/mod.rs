//! The APB dual timer of Arm's Cortex-M System Design Kit (TRM, DDI 0479D, section 4.2).
//!
//! Nothing counts: a counter that runs keeps the tick at which it is 0 next. While its interrupt is
//! pending nothing can be seen of further ends, and none is scheduled.

mod counter;
mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{ARM_CMSDK_DUALTIMER_1, arm_cmsdk_dualtimer_1 as reg};
use counter::Counter;
use hetemu_hw::regs::{lanes_read, lanes_write, register};
use hetemu_hw::time::{Ps, at_tick, ticks};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `arm.cmsdk_dualtimer`.
pub const MODEL: Model = Model { ty: &ARM_CMSDK_DUALTIMER_1, create };

const COMBINED: u32 = 2;

/// Distance of the second counter's registers from the first's.
const SECOND: u64 = reg::TIMER2LOAD - reg::TIMER1LOAD;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(DualTimer { clock_hz: config.clock("clk").max(1), state: State::default() }))
}

struct DualTimer {
    // Fixed configuration.
    clock_hz: u64,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone, Default)]
struct State {
    counters: [Counter; 2],
    /// TIMERITCR and TIMERITOP.
    test: bool,
    test_out: u8,
}

impl State {
    /// The counter that a register belongs to, and the register's offset in the first one.
    fn of(&mut self, offset: u64) -> Option<(&mut Counter, u64)> {
        let (index, at) = if offset < SECOND { (0, offset) } else { (1, offset - SECOND) };
        (at < SECOND).then(|| (&mut self.counters[index], at))
    }

    fn value(&self, offset: u64, tick: u64) -> u32 {
        let [first, second] = &self.counters;
        match offset {
            ..SECOND => first.register(offset, tick),
            reg::TIMER2LOAD..=reg::TIMER2BGLOAD => second.register(offset - SECOND, tick),
            reg::TIMERITCR => self.test.into(),
            _ => register(&ARM_CMSDK_DUALTIMER_1, 0, offset).and_then(|r| r.reset).unwrap_or(0)
                as u32,
        }
    }
}

impl DualTimer {
    fn tick(&self, now: Ps) -> u64 {
        ticks(now, self.clock_hz)
    }

    fn settle(&mut self, tick: u64) {
        self.state.counters.iter_mut().for_each(|c| c.settle(tick));
    }

    fn update(&self, cx: &mut dyn Cx) {
        let s = &self.state;
        let mut any = false;
        for (i, c) in (0u32..).zip(&s.counters) {
            let on = if s.test { s.test_out >> i & 1 != 0 } else { c.interrupts() };
            any |= on;
            cx.output(i, 0, on);
            match c.next() {
                Some(tick) => cx.timer(i, at_tick(tick, self.clock_hz)),
                None => cx.stop_timer(i),
            }
        }
        cx.output(COMBINED, 0, any);
    }
}

impl Device for DualTimer {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let tick = self.tick(cx.now());
        self.settle(tick);
        Ok(lanes_read(self.state.value(offset & !3, tick), offset, size))
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
        self.settle(tick);
        let at = offset & !3;
        let whole = lanes_write(self.state.value(at, tick), offset, size, value);
        match at {
            reg::TIMERITCR => self.state.test = whole & 1 != 0,
            reg::TIMERITOP => self.state.test_out = (whole & 3) as u8,
            _ => {
                if let Some((counter, at)) = self.state.of(at) {
                    counter.set(at, whole, tick);
                }
            }
        }
        self.update(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        // A count that runs is not known without the time.
        let at = offset & !3;
        let [first, second] = &self.state.counters;
        let unknown =
            at == reg::TIMER1VALUE && first.counts() || at == reg::TIMER2VALUE && second.counts();
        (!unknown).then(|| lanes_read(self.state.value(at, 0), offset, size))
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
        let tick = self.tick(cx.now());
        self.settle(tick);
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
