//! The 8254 programmable interval timer (Intel 8254 data sheet, 231164-005).

mod counter;
mod regs;
mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::I8254_1;
use counter::Counter;
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Writer,
};
use regs::*;

/// `i8254`.
pub const MODEL: Model = Model { ty: &I8254_1, create };

/// The outputs, and the counters whose OUT they are.
const OUTPUTS: [(u32, usize); 2] = [(0, 0), (1, 2)];
/// Shorter periods than this in clocks are those of tones and of code that counts refreshes: OUT
/// then stays high, so that nobody is kept busy with edges that no interrupt could follow.
const SHORTEST: u64 = 20;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let gated = config.flag("gated");
    let mut device = I8254 { hz: config.clock("clk").max(1), gated, counters: Default::default() };
    device.counters = device.first();
    Ok(Box::new(device))
}

struct I8254 {
    // Fixed configuration.
    hz: u64,
    gated: bool,
    // Volatile state.
    counters: [Counter; 3],
}

impl I8254 {
    fn first(&self) -> [Counter; 3] {
        let counter = |gate| Counter { gate, ..Counter::default() };
        [counter(true), counter(true), counter(!self.gated)]
    }

    /// Drives the OUTs that someone may hear, and wakes up when they change next.
    fn drive(&mut self, cx: &mut dyn Cx) {
        let now = cx.now();
        for (output, n) in OUTPUTS {
            let Some(c) = self.counters.get(n) else { continue };
            let tone = matches!(c.mode, 2 | 3) && c.period() < SHORTEST;
            cx.output(output, 0, tone || c.out(now, self.hz));
            match c.next(now, self.hz).filter(|_| !tone) {
                Some(at) => cx.timer(output, at),
                None => cx.stop_timer(output),
            }
        }
    }
}

impl Device for I8254 {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, _: u8) -> Result<u64, BusError> {
        let hz = self.hz;
        let counter = self.counters.get_mut(offset as usize);
        Ok(counter.map_or(0, |c| c.read(cx.now(), hz).into()))
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        _: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let (now, hz, value) = (cx.now(), self.hz, value as u8);
        if offset != CONTROL {
            if let Some(c) = self.counters.get_mut(offset as usize) {
                c.write(value, now);
            }
        } else if value >> 6 == READ_BACK {
            for (n, c) in self.counters.iter_mut().enumerate() {
                if value >> (n + 1) & 1 == 0 {
                    continue;
                }
                if value & NO_COUNT == 0 {
                    c.control(0, now, hz);
                }
                if value & NO_STATUS == 0 {
                    c.latch_status(now, hz);
                }
            }
        } else if let Some(c) = self.counters.get_mut(usize::from(value >> 6)) {
            c.control(value, now, hz);
        }
        self.drive(cx);
        Ok(())
    }

    fn signal(&mut self, cx: &mut dyn Cx, _: u32, _: u32, level: bool) {
        let hz = self.hz;
        if let Some(c) = self.counters.get_mut(2).filter(|_| self.gated) {
            c.set_gate(level, cx.now(), hz);
        }
        self.drive(cx);
    }

    fn timer(&mut self, cx: &mut dyn Cx, timer: u32) {
        let counter = OUTPUTS.iter().find(|o| o.0 == timer).and_then(|o| self.counters.get(o.1));
        if counter.is_some_and(Counter::pulses) {
            cx.output(timer, 0, false);
        }
        self.drive(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.counters = self.first();
        self.drive(cx);
    }

    fn save(&self, w: &mut Writer) {
        saved::save(&self.counters, w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.counters = saved::load(r)?;
        Ok(())
    }

    fn inspect(&self) -> Vec<InspectValue> {
        let counters = self.counters.iter().enumerate();
        let values = counters.flat_map(|(n, c)| {
            let value = |name: &str, value| InspectValue { name: format!("{name}[{n}]"), value };
            [value("MODE", c.mode.into()), value("COUNT", c.reload.into())]
        });
        values.collect()
    }
}
