//! The SiFive test finisher: firmware ends the run with a result, or asks for a reset.

#[cfg(test)]
mod tests;

use crate::schemas::{SIFIVE_TEST_1, sifive_test_1::FINISHER};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, Model, Request};

/// `sifive.test`.
pub const MODEL: Model = Model { ty: &SIFIVE_TEST_1, create };

/// FINISHER.STATUS.
const FAIL: u16 = 0x3333;
const PASS: u16 = 0x5555;
const RESET: u16 = 0x7777;

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(SifiveTest))
}

struct SifiveTest;

impl Device for SifiveTest {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, _: u8) -> Result<u64, BusError> {
        if offset != FINISHER {
            cx.unimplemented("reserved register", offset, false);
        }
        Ok(0)
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        _: u8,
        value: u64,
    ) -> Result<(), BusError> {
        if offset != FINISHER {
            cx.unimplemented("reserved register", offset, true);
            return Ok(());
        }
        match value as u16 {
            PASS => cx.request(Request::Shutdown(0)),
            FAIL => cx.request(Request::Shutdown(((value >> 16) & 0xffff) as i32)),
            RESET => cx.request(Request::Reset),
            _ => {}
        }
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, _: u8) -> Option<u64> {
        (offset == FINISHER).then_some(0)
    }

    fn reset(&mut self, _: &mut dyn Cx) {}
}
