//! The general-purpose timer of the Stellaris microcontrollers (LM3S6965 data sheet, chapter
//! General-Purpose Timers).
//!
//! Nothing counts: a timer that runs keeps the tick at which it ends next. While its time-out is
//! already pending nothing can be seen of further ones, and none is scheduled; but a timer that
//! triggers the converter goes on, at most once in a microsecond.

mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{TI_STELLARIS_GPTM_1, ti_stellaris_gptm_1 as reg};
use hetemu_hw::regs::{lanes_read, lanes_value, lanes_write};
use hetemu_hw::time::{Ps, at_tick, ticks};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `ti.stellaris_gptm`.
pub const MODEL: Model = Model { ty: &TI_STELLARIS_GPTM_1, create };

/// Of the outputs; the first two are the interrupts.
const TRIGGER: u32 = 2;

/// GPTMCFG.
const WHOLE: u32 = 0;
const HALVED: u32 = 4;
/// GPTMTAMR, GPTMTBMR.
const MODE: u32 = 3;
const ONE_SHOT: u32 = 1;
const PERIODIC: u32 = 2;
/// GPTMCTL.
const ENABLE: [u32; 2] = [1 << 0, 1 << 8];
const CONTROL: u32 = 0x6f7f;
/// Its outputs that trigger the converter.
const OUTPUT: [u32; 2] = [1 << 5, 1 << 13];
/// GPTMRIS: time-outs, and all of each half.
const TIMEOUT: [u32; 2] = [1 << 0, 1 << 8];
const OF: [u32; 2] = [0x00f, 0x700];

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let clock_hz = config.clock("clk").max(1);
    Ok(Box::new(Gptm { clock_hz, hz: clock_hz, state: State::default() }))
}

struct Gptm {
    // Fixed configuration.
    clock_hz: u64,
    // Volatile state.
    /// The clock, hertz.
    hz: u64,
    state: State,
}

#[derive(Debug, Clone)]
struct Half {
    mode: u32,
    load: u32,
    compare: u32,
    prescale: u32,
    prescale_match: u32,
    /// The count while it stands.
    value: u32,
    /// The tick at which it ends, while it runs.
    due: u64,
}

#[derive(Debug, Clone)]
struct State {
    config: u32,
    control: u32,
    mask: u32,
    raw: u32,
    /// A and B.
    halves: [Half; 2],
}

impl Default for State {
    fn default() -> State {
        let half = |full| Half {
            mode: 0,
            load: full,
            compare: full,
            prescale: 0,
            prescale_match: 0,
            value: full,
            due: 0,
        };
        State { config: 0, control: 0, mask: 0, raw: 0, halves: [half(u32::MAX), half(0xffff)] }
    }
}

impl State {
    /// Whether a half counts time.
    fn runs(&self, i: usize) -> bool {
        let counts = self.config == HALVED || self.config == WHOLE && i == 0;
        counts && self.control & ENABLE[i & 1] != 0 && self.one_shot(i).is_some()
    }

    /// Its way of counting: `None` if it is one that does not count time.
    fn one_shot(&self, i: usize) -> Option<bool> {
        match self.halves[i & 1].mode & (MODE | 8) {
            ONE_SHOT => Some(true),
            PERIODIC => Some(false),
            _ => None,
        }
    }

    /// Ticks of one count, and where it begins.
    fn scale(&self, i: usize) -> (u64, u32) {
        let half = &self.halves[i & 1];
        match self.config {
            HALVED => (u64::from(half.prescale) + 1, half.load & 0xffff),
            _ => (1, half.load),
        }
    }

    fn span(&self, i: usize) -> u64 {
        let (ticks, load) = self.scale(i);
        ticks * (u64::from(load) + 1)
    }

    fn count(&self, i: usize, tick: u64) -> u32 {
        let half = &self.halves[i & 1];
        if !self.runs(i) {
            return half.value;
        }
        (half.due.saturating_sub(tick + 1) / self.scale(i).0) as u32
    }

    fn begin(&mut self, i: usize, tick: u64) {
        self.halves[i & 1].due = tick.saturating_add(self.span(i));
    }

    /// Takes account of the time-outs until a tick; whether one of them is a trigger.
    fn settle(&mut self, tick: u64) -> bool {
        let mut triggers = false;
        for i in 0..2 {
            let due = self.halves[i].due;
            if !self.runs(i) || tick < due {
                continue;
            }
            self.raw |= TIMEOUT[i];
            triggers |= self.control & OUTPUT[i] != 0;
            if self.one_shot(i) == Some(true) {
                self.halves[i].value = self.scale(i).1;
                self.control &= !ENABLE[i];
            } else {
                let span = self.span(i);
                self.halves[i].due = due.saturating_add(((tick - due) / span + 1) * span);
            }
        }
        triggers
    }

    fn register(&self, offset: u64, tick: u64) -> u32 {
        let [a, b] = &self.halves;
        match offset {
            reg::GPTMCFG => self.config,
            reg::GPTMTAMR => a.mode,
            reg::GPTMTBMR => b.mode,
            reg::GPTMCTL => self.control,
            reg::GPTMIMR => self.mask,
            reg::GPTMRIS => self.raw,
            reg::GPTMMIS => self.raw & self.mask,
            reg::GPTMTAILR => a.load,
            reg::GPTMTBILR => b.load,
            reg::GPTMTAMATCHR => a.compare,
            reg::GPTMTBMATCHR => b.compare,
            reg::GPTMTAPR => a.prescale,
            reg::GPTMTBPR => b.prescale,
            reg::GPTMTAPMR => a.prescale_match,
            reg::GPTMTBPMR => b.prescale_match,
            reg::GPTMTAR => self.count(0, tick),
            reg::GPTMTBR => self.count(1, tick),
            _ => 0,
        }
    }

    /// Keeps a register that says how to count.
    fn set(&mut self, offset: u64, value: u32) {
        let [a, b] = &mut self.halves;
        match offset {
            reg::GPTMCFG => self.config = value & 7,
            reg::GPTMTAMR => a.mode = value & 15,
            reg::GPTMTBMR => b.mode = value & 15,
            reg::GPTMCTL => self.control = value & CONTROL,
            reg::GPTMIMR => self.mask = value & (OF[0] | OF[1]),
            reg::GPTMTAILR => a.load = value,
            reg::GPTMTBILR => b.load = value & 0xffff,
            reg::GPTMTAMATCHR => a.compare = value,
            reg::GPTMTBMATCHR => b.compare = value & 0xffff,
            reg::GPTMTAPR => a.prescale = value & 0xff,
            reg::GPTMTBPR => b.prescale = value & 0xff,
            reg::GPTMTAPMR => a.prescale_match = value & 0xff,
            reg::GPTMTBPMR => b.prescale_match = value & 0xff,
            _ => {}
        }
    }
}

impl Gptm {
    fn tick(&self, now: Ps) -> u64 {
        ticks(now, self.hz)
    }

    fn settle(&mut self, cx: &mut dyn Cx, tick: u64) {
        if self.state.settle(tick) {
            cx.pulse(TRIGGER, 0);
        }
    }

    fn update(&self, cx: &mut dyn Cx) {
        let s = &self.state;
        for i in 0..2 {
            cx.output(i as u32, 0, s.raw & s.mask & OF[i] != 0);
            let pending = s.one_shot(i) == Some(false) && s.raw & TIMEOUT[i] != 0;
            let triggers = s.control & OUTPUT[i] != 0;
            if s.runs(i) && (triggers || !pending) {
                // Only the converter can notice further ends, and its samples take a microsecond.
                let after = if pending { self.tick(cx.now()) + self.hz / 1_000_000 } else { 0 };
                let late = after.saturating_sub(s.halves[i].due).div_ceil(s.span(i));
                let due = s.halves[i].due.saturating_add(late * s.span(i));
                cx.timer(i as u32, at_tick(due, self.hz));
            } else {
                cx.stop_timer(i as u32);
            }
        }
    }
}

impl Device for Gptm {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let tick = self.tick(cx.now());
        self.settle(cx, tick);
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
        self.settle(cx, tick);
        let s = &mut self.state;
        let whole = lanes_write(s.register(at, tick), offset, size, value);
        let before = [0, 1].map(|i| (s.runs(i), s.count(i, tick), s.scale(i)));
        if at == reg::GPTMICR {
            s.raw &= !lanes_value(offset, size, value);
        }
        s.set(at, whole);
        for (i, (ran, count, scale)) in before.into_iter().enumerate() {
            let loads = at == [reg::GPTMTAILR, reg::GPTMTBILR][i];
            match (ran, s.runs(i)) {
                (true, false) => s.halves[i].value = count,
                (false, true) => s.begin(i, tick),
                (true, true) if loads || scale != s.scale(i) => s.begin(i, tick),
                _ => {}
            }
            if at == reg::GPTMCTL && whole & ENABLE[i] != 0 && !s.runs(i) {
                cx.unimplemented("timer mode", offset, true);
            }
        }
        self.update(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        // A count that runs is not known without the time.
        let at = offset & !3;
        let s = &self.state;
        let running = at == reg::GPTMTAR && s.runs(0) || at == reg::GPTMTBR && s.runs(1);
        (!running).then(|| lanes_read(s.register(at, 0), offset, size))
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
        let tick = self.tick(cx.now());
        self.settle(cx, tick);
        self.update(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::default();
        self.update(cx);
    }

    fn rate(&mut self, cx: &mut dyn Cx, _: u32, _: u32, hz: u64) {
        let old = self.tick(cx.now());
        self.settle(cx, old);
        self.hz = if hz == 0 { self.clock_hz } else { hz };
        let new = self.tick(cx.now());
        for half in &mut self.state.halves {
            half.due = new.saturating_add(half.due.saturating_sub(old));
        }
        self.update(cx);
    }

    fn save(&self, w: &mut Writer) {
        w.int(saved::HZ, self.hz);
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.hz = saved::hz(r, self.clock_hz)?;
        self.state = State::load(r)?;
        Ok(())
    }
}
