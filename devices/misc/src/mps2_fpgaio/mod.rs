//! The FPGA system control and I/O block of Arm's MPS2 boards (Application Note AN385, DAI 0385D,
//! section 4.9).
//!
//! Nothing counts: each counter is the distance from a tick of its own, which writing it moves.

mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{ARM_MPS2_FPGAIO_1, arm_mps2_fpgaio_1 as reg};
use hetemu_hw::regs::{lanes_read, lanes_write, register};
use hetemu_hw::time::{Ps, ticks};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `arm.mps2_fpgaio`.
pub const MODEL: Model = Model { ty: &ARM_MPS2_FPGAIO_1, create };

const LED: u32 = 0;
const MISC: u32 = 1;
/// Pins of MISC.
const PINS: u32 = 10;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(FpgaIo { clock_hz: config.clock("clk").max(1), state: State::default() }))
}

struct FpgaIo {
    // Fixed configuration.
    clock_hz: u64,
    // Volatile state.
    state: State,
}

/// The counters at the present time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Now {
    /// Periods of 1 Hz, 100 Hz and the clock.
    seconds: u64,
    hundredths: u64,
    tick: u64,
}

#[derive(Debug, Clone, Default)]
struct State {
    leds: u32,
    buttons: u32,
    misc: u32,
    /// What the counters of time are ahead of it.
    seconds: u32,
    hundredths: u32,
    /// COUNTER and PSCNTR as they were at a tick.
    counter: u32,
    prescale: u32,
    prescaler: u32,
    since: u64,
}

impl State {
    /// COUNTER and PSCNTR.
    fn counters(&self, tick: u64) -> (u32, u32) {
        let (passed, first) = (tick.saturating_sub(self.since), u64::from(self.prescaler));
        if passed <= first {
            return (self.counter, (first - passed) as u32);
        }
        // It was 0, and began again every PRESCALE + 1 ticks.
        let (rest, span) = (passed - first - 1, u64::from(self.prescale) + 1);
        let count = self.counter.wrapping_add((rest / span + 1) as u32);
        (count, (span - 1 - rest % span) as u32)
    }

    fn settle(&mut self, tick: u64) {
        (self.counter, self.prescaler) = self.counters(tick);
        self.since = tick;
    }

    fn value(&self, offset: u64, now: Now) -> Option<u32> {
        Some(match offset {
            reg::LED0 => self.leds,
            reg::BUTTON => self.buttons,
            reg::CLK1HZ => (now.seconds as u32).wrapping_add(self.seconds),
            reg::CLK100HZ => (now.hundredths as u32).wrapping_add(self.hundredths),
            reg::COUNTER => self.counters(now.tick).0,
            reg::PRESCALE => self.prescale,
            reg::PSCNTR => self.counters(now.tick).1,
            reg::MISC => self.misc,
            _ => register(&ARM_MPS2_FPGAIO_1, 0, offset)?.reset.unwrap_or(0) as u32,
        })
    }
}

impl FpgaIo {
    fn now(&self, now: Ps) -> Now {
        Now { seconds: ticks(now, 1), hundredths: ticks(now, 100), tick: ticks(now, self.clock_hz) }
    }

    fn drive(&self, cx: &mut dyn Cx) {
        for n in 0..2 {
            cx.output(LED, n, self.state.leds >> n & 1 != 0);
        }
        for n in 0..PINS {
            cx.output(MISC, n, self.state.misc >> n & 1 != 0);
        }
    }
}

impl Device for FpgaIo {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let Some(value) = self.state.value(offset & !3, self.now(cx.now())) else {
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
        let now = self.now(cx.now());
        let at = offset & !3;
        let Some(old) = self.state.value(at, now) else {
            cx.unimplemented("reserved register", offset, true);
            return Ok(());
        };
        let whole = lanes_write(old, offset, size, value);
        let s = &mut self.state;
        s.settle(now.tick);
        match at {
            reg::LED0 => s.leds = whole & 3,
            reg::CLK1HZ => s.seconds = whole.wrapping_sub(now.seconds as u32),
            reg::CLK100HZ => s.hundredths = whole.wrapping_sub(now.hundredths as u32),
            reg::COUNTER => s.counter = whole,
            reg::PRESCALE => s.prescale = whole,
            reg::PSCNTR => s.prescaler = whole,
            reg::MISC => s.misc = whole & ((1 << PINS) - 1),
            _ => {}
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        // Counters are not known without the time.
        let at = offset & !3;
        if (reg::CLK1HZ..=reg::PSCNTR).contains(&at) && at != reg::PRESCALE {
            return None;
        }
        self.state.value(at, Now::default()).map(|value| lanes_read(value, offset, size))
    }

    fn signal(&mut self, _: &mut dyn Cx, _: u32, line: u32, level: bool) {
        let bit = 1u32.checked_shl(line).unwrap_or(0) & 3;
        self.state.buttons = self.state.buttons & !bit | if level { bit } else { 0 };
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        // What is outside stays as it is, and the counters begin at 0.
        let now = self.now(cx.now());
        self.state = State {
            buttons: self.state.buttons,
            seconds: (now.seconds as u32).wrapping_neg(),
            hundredths: (now.hundredths as u32).wrapping_neg(),
            since: now.tick,
            ..State::default()
        };
        self.drive(cx);
    }

    fn save(&self, w: &mut Writer) {
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.state = State::load(r)?;
        Ok(())
    }
}
