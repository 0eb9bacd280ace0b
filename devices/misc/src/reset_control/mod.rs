//! Holds cores in reset and releases them. The page `doc.md` is the specification.

mod regs;
mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::HM_RESET_CONTROL_1;
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Writer,
};
use regs::*;

/// `hm.reset_control`.
pub const MODEL: Model = Model { ty: &HM_RESET_CONTROL_1, create };

const OUT: u32 = 0;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let lines = config.int("lines").clamp(1, 32) as u32;
    let all = u32::MAX >> (32 - lines);
    let first = all & !(config.int("released") as u32);
    Ok(Box::new(ResetControl { lines, all, first, hold: first }))
}

struct ResetControl {
    // Fixed configuration.
    lines: u32,
    /// The lines that exist, and those that are held after a reset.
    all: u32,
    first: u32,
    // Volatile state.
    hold: u32,
}

impl ResetControl {
    fn drive(&self, cx: &mut dyn Cx, which: u32, hold: u32) {
        for line in (0..self.lines).filter(|line| which >> line & 1 != 0) {
            cx.output(OUT, line, hold >> line & 1 != 0);
        }
    }
}

impl Device for ResetControl {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, _: u8) -> Result<u64, BusError> {
        let value = self.peek(0, offset, 4);
        if value.is_none() {
            cx.unimplemented("reserved register", offset, false);
        }
        Ok(value.unwrap_or(0))
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        _: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let value = value as u32 & self.all;
        match offset {
            HOLD => {
                self.hold = value;
                self.drive(cx, self.all, self.hold);
            }
            RESET => {
                let running = value & !self.hold;
                self.drive(cx, running, u32::MAX);
                self.drive(cx, running, 0);
            }
            LINES => {}
            _ => cx.unimplemented("reserved register", offset, true),
        }
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, _: u8) -> Option<u64> {
        match offset {
            HOLD => Some(self.hold.into()),
            RESET => Some(0),
            LINES => Some(self.lines.into()),
            _ => None,
        }
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.hold = self.first;
        self.drive(cx, self.all, self.hold);
    }

    fn save(&self, w: &mut Writer) {
        saved::save(self.hold, w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.hold = saved::load(r, self.all)?;
        Ok(())
    }

    fn inspect(&self) -> Vec<InspectValue> {
        vec![InspectValue { name: "HOLD".into(), value: self.hold.into() }]
    }
}
