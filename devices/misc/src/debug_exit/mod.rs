//! Ends the run with the low 8 bits of what is written as exit code.

#[cfg(test)]
mod tests;

use crate::schemas::HM_DEBUG_EXIT_1;
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, Model, Request};

/// `hm.debug_exit`.
pub const MODEL: Model = Model { ty: &HM_DEBUG_EXIT_1, create };

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(DebugExit))
}

struct DebugExit;

impl Device for DebugExit {
    fn read(&mut self, _: &mut dyn Cx, _: u32, _: u64, _: u8) -> Result<u64, BusError> {
        Ok(0)
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        _: u64,
        _: u8,
        value: u64,
    ) -> Result<(), BusError> {
        cx.request(Request::Shutdown((value & 0xff) as i32));
        Ok(())
    }

    fn peek(&self, _: u32, _: u64, _: u8) -> Option<u64> {
        Some(0)
    }

    fn reset(&mut self, _: &mut dyn Cx) {}
}
