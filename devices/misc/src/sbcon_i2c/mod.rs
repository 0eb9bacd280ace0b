//! The two-wire interface of Arm's boards (Versatile Application Baseboard user guide, DUI 0225D,
//! section 4.15; on MPS2 since Application Note AN385): software moves the lines itself.
//!
//! Nothing sits on the bus: lines that nobody pulls low are high, so nobody acknowledges.

#[cfg(test)]
mod tests;

use crate::schemas::{ARM_SBCON_I2C_1, arm_sbcon_i2c_1 as reg};
use hetemu_hw::regs::{lanes_read, lanes_value};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `arm.sbcon_i2c`.
pub const MODEL: Model = Model { ty: &ARM_SBCON_I2C_1, create };

/// SCL and SDA.
const LINES: u32 = 3;
/// The saved state's only field.
const STATE: u16 = 1;

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(SbconI2c { lines: LINES }))
}

struct SbconI2c {
    lines: u32,
}

impl Device for SbconI2c {
    fn read(
        &mut self,
        _: &mut dyn Cx,
        region: u32,
        offset: u64,
        size: u8,
    ) -> Result<u64, BusError> {
        Ok(self.peek(region, offset, size).unwrap_or(0))
    }

    fn write(
        &mut self,
        _: &mut dyn Cx,
        _: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let ones = lanes_value(offset, size, value) & LINES;
        match offset & !3 {
            reg::SB_CONTROLS => self.lines |= ones,
            reg::SB_CONTROLC => self.lines &= !ones,
            _ => {}
        }
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        let value = if offset & !3 == reg::SB_CONTROLS { self.lines } else { 0 };
        Some(lanes_read(value, offset, size))
    }

    fn reset(&mut self, _: &mut dyn Cx) {
        self.lines = LINES;
    }

    fn save(&self, w: &mut Writer) {
        w.int(STATE, self.lines.into());
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        let lines = r.int(STATE)?;
        if lines > LINES.into() {
            return Err(LoadError::Bad(STATE));
        }
        self.lines = lines as u32;
        Ok(())
    }
}
