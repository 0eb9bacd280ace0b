//! A block of the chip that is there but not modelled: it reads 0, and every access is counted
//! under the part's name, so that a run can say what its firmware wanted.

#[cfg(test)]
mod tests;

use crate::schemas::HM_STUB_1;
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, Model};

/// `hm.stub`.
pub const MODEL: Model = Model { ty: &HM_STUB_1, create };

/// The machine adds the part's name.
const WHAT: &str = "register";

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Stub))
}

struct Stub;

impl Device for Stub {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, _: u8) -> Result<u64, BusError> {
        cx.unimplemented(WHAT, offset, false);
        Ok(0)
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        _: u8,
        _: u64,
    ) -> Result<(), BusError> {
        cx.unimplemented(WHAT, offset, true);
        Ok(())
    }

    fn peek(&self, _: u32, _: u64, _: u8) -> Option<u64> {
        Some(0)
    }

    fn reset(&mut self, _: &mut dyn Cx) {}
}
