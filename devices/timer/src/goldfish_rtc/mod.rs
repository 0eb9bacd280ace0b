//! The Goldfish real-time clock (Goldfish virtual hardware, section IX).
//!
//! Time is 64 bits of nanoseconds since 1970. Reading the low half latches the high one; writing
//! the low half of the alarm arms it.

mod regs;
mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::GOLDFISH_RTC_1;
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};
use regs::*;

/// `goldfish.rtc`.
pub const MODEL: Model = Model { ty: &GOLDFISH_RTC_1, create };

const IRQ: u32 = 0;
const ALARM: u32 = 0;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(GoldfishRtc { unix_time: config.int("unix_time"), state: State::default() }))
}

struct GoldfishRtc {
    // Fixed configuration.
    /// Seconds since 1970 at virtual time 0; 0 for the machine's wall clock.
    unix_time: u64,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone, Default)]
struct State {
    /// What the guest added to the time, nanoseconds. A reset leaves it: the clock has a battery.
    offset: u64,
    /// Latched high half of the time.
    high: u32,
    alarm: u64,
    armed: bool,
    irq_enabled: bool,
    pending: bool,
}

impl GoldfishRtc {
    /// The time without the guest's offset.
    fn base(&self, cx: &dyn Cx) -> u64 {
        match self.unix_time {
            0 => cx.wall_ns(),
            s => s.wrapping_mul(1_000_000_000).wrapping_add(cx.now() / 1000),
        }
    }

    fn time(&self, cx: &dyn Cx) -> u64 {
        self.base(cx).wrapping_add(self.state.offset)
    }

    fn drive(&self, cx: &mut dyn Cx) {
        cx.output(IRQ, 0, self.state.pending && self.state.irq_enabled);
    }

    /// Starts the timer of an armed alarm, or fires it when it is over.
    fn arm(&mut self, cx: &mut dyn Cx) {
        cx.stop_timer(ALARM);
        if !self.state.armed {
            return;
        }
        let left = self.state.alarm.saturating_sub(self.time(cx));
        if left == 0 {
            self.state.armed = false;
            self.state.pending = true;
        } else if let Some(at) = left.checked_mul(1000).and_then(|ps| cx.now().checked_add(ps)) {
            cx.timer(ALARM, at);
        }
    }

    fn register(&self, reg: u64) -> Option<u32> {
        let s = &self.state;
        Some(match reg {
            TIME_HIGH => s.high,
            ALARM_LOW => s.alarm as u32,
            ALARM_HIGH => (s.alarm >> 32) as u32,
            IRQ_ENABLED => s.irq_enabled.into(),
            ALARM_STATUS => s.armed.into(),
            CLEAR_ALARM | CLEAR_INTERRUPT => 0,
            _ => return None,
        })
    }
}

impl Device for GoldfishRtc {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, _: u8) -> Result<u64, BusError> {
        if offset == TIME_LOW {
            let time = self.time(cx);
            self.state.high = (time >> 32) as u32;
            return Ok(time & 0xffff_ffff);
        }
        let Some(value) = self.register(offset) else {
            cx.unimplemented("reserved register", offset, false);
            return Ok(0);
        };
        Ok(value.into())
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        _: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let value = value & 0xffff_ffff;
        match offset {
            TIME_LOW | TIME_HIGH => {
                let old = self.time(cx);
                let new = if offset == TIME_LOW {
                    old >> 32 << 32 | value
                } else {
                    old & 0xffff_ffff | value << 32
                };
                self.state.offset = new.wrapping_sub(self.base(cx));
                self.arm(cx);
            }
            ALARM_LOW => {
                self.state.alarm = self.state.alarm >> 32 << 32 | value;
                self.state.armed = true;
                self.arm(cx);
            }
            ALARM_HIGH => self.state.alarm = self.state.alarm & 0xffff_ffff | value << 32,
            IRQ_ENABLED => self.state.irq_enabled = value & 1 != 0,
            CLEAR_ALARM => {
                self.state.armed = false;
                self.arm(cx);
            }
            CLEAR_INTERRUPT => self.state.pending = false,
            ALARM_STATUS => {}
            _ => cx.unimplemented("reserved register", offset, true),
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, _: u8) -> Option<u64> {
        self.register(offset).map(u64::from)
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
        self.arm(cx);
        self.drive(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State { offset: self.state.offset, ..State::default() };
        cx.stop_timer(ALARM);
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
