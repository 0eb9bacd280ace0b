//! The AHB GPIO of Arm's Cortex-M System Design Kit (TRM, DDI 0479D, section 3.5).
//!
//! A pin whose output is enabled reads what it drives, as the pads of the boards are wired.

mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{ARM_CMSDK_GPIO_1, arm_cmsdk_gpio_1 as reg};
use hetemu_hw::regs::{inspect, lanes_read, lanes_value, lanes_write, register};
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Writer,
};

/// `arm.cmsdk_gpio`.
pub const MODEL: Model = Model { ty: &ARM_CMSDK_GPIO_1, create };

const OUT: u32 = 0;
const PIN_IRQ: u32 = 1;
const IRQ: u32 = 2;

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Gpio { state: State::default() }))
}

struct Gpio {
    state: State,
}

#[derive(Debug, Clone, Default)]
struct State {
    /// Levels from outside.
    input: u16,
    data_out: u16,
    out_enable: u16,
    alternate: u16,
    int_enable: u16,
    /// 1: edges.
    int_type: u16,
    /// 1: high or rising.
    int_polarity: u16,
    status: u16,
}

impl State {
    fn pins(&self) -> u16 {
        self.data_out & self.out_enable | self.input & !self.out_enable
    }

    /// Takes account of the pins, which were others before.
    fn sample(&mut self, before: u16) {
        let pins = self.pins();
        let active = !(pins ^ self.int_polarity);
        let edges = (before ^ pins) & active & self.int_type;
        self.status |= (edges | active & !self.int_type) & self.int_enable;
    }

    /// The register that a pair of set and clear registers changes.
    fn pair(&mut self, offset: u64) -> Option<&mut u16> {
        Some(match offset {
            reg::OUTENSET | reg::OUTENCLR => &mut self.out_enable,
            reg::ALTFUNCSET | reg::ALTFUNCCLR => &mut self.alternate,
            reg::INTENSET | reg::INTENCLR => &mut self.int_enable,
            reg::INTTYPESET | reg::INTTYPECLR => &mut self.int_type,
            reg::INTPOLSET | reg::INTPOLCLR => &mut self.int_polarity,
            _ => return None,
        })
    }

    fn value(&self, offset: u64) -> u32 {
        let half = match offset {
            reg::DATA => self.pins(),
            reg::DATAOUT => self.data_out,
            reg::OUTENSET | reg::OUTENCLR => self.out_enable,
            reg::ALTFUNCSET | reg::ALTFUNCCLR => self.alternate,
            reg::INTENSET | reg::INTENCLR => self.int_enable,
            reg::INTTYPESET | reg::INTTYPECLR => self.int_type,
            reg::INTPOLSET | reg::INTPOLCLR => self.int_polarity,
            reg::INTSTATUS => self.status,
            reg::MASKLOWBYTE..0xc00 => self.pins() & masked(offset),
            _ => register(&ARM_CMSDK_GPIO_1, 0, offset).and_then(|r| r.reset).unwrap_or(0) as u16,
        };
        half.into()
    }
}

/// The pins that an address of the masked windows names.
fn masked(offset: u64) -> u16 {
    let pins = (offset >> 2 & 0xff) as u16;
    if offset < reg::MASKHIGHBYTE { pins } else { pins << 8 }
}

impl Gpio {
    fn drive(&self, cx: &mut dyn Cx) {
        let s = &self.state;
        let out = s.data_out & s.out_enable;
        for n in 0..16 {
            cx.output(OUT, n, out >> n & 1 != 0);
            cx.output(PIN_IRQ, n, s.status >> n & 1 != 0);
        }
        cx.output(IRQ, 0, s.status != 0);
    }
}

impl Device for Gpio {
    fn read(&mut self, _: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        Ok(lanes_read(self.state.value(offset & !3), offset, size))
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let at = offset & !3;
        let written = lanes_value(offset, size, value) as u16;
        let s = &mut self.state;
        let before = s.pins();
        let whole = lanes_write(s.data_out.into(), offset, size, value) as u16;
        match at {
            reg::DATA | reg::DATAOUT => s.data_out = whole,
            reg::INTSTATUS => s.status &= !written,
            reg::MASKLOWBYTE..0xc00 => {
                let pins = masked(at);
                s.data_out = s.data_out & !pins | written & pins;
            }
            _ => {
                // The first of a pair sets, the second clears.
                let clears = at & 4 != 0;
                if let Some(kept) = s.pair(at) {
                    *kept = if clears { *kept & !written } else { *kept | written };
                }
            }
        }
        s.sample(before);
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        Some(lanes_read(self.state.value(offset & !3), offset, size))
    }

    fn signal(&mut self, cx: &mut dyn Cx, _: u32, line: u32, level: bool) {
        let s = &mut self.state;
        let (before, bit) = (s.pins(), 1u16.checked_shl(line).unwrap_or(0));
        s.input = s.input & !bit | if level { bit } else { 0 };
        s.sample(before);
        self.drive(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        // What is outside stays as it is.
        self.state = State { input: self.state.input, ..State::default() };
        self.drive(cx);
    }

    fn save(&self, w: &mut Writer) {
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.state = State::load(r)?;
        Ok(())
    }

    fn inspect(&self) -> Vec<InspectValue> {
        // The masked windows say nothing that DATA does not.
        inspect(&ARM_CMSDK_GPIO_1, |region, offset, size| match offset {
            reg::MASKLOWBYTE..0xc00 => None,
            _ => self.peek(region, offset, size),
        })
    }
}
