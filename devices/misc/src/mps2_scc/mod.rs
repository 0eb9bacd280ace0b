//! The serial communication controller of Arm's MPS2 boards (Application Note AN385, DAI 0385D,
//! section 4.10): through it software asks the board's own controller.
//!
//! A request is answered at once. Function 1 reads and sets the oscillators: what is set is read
//! back, but the clocks of the machine are those of its text.

mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{ARM_MPS2_SCC_1, arm_mps2_scc_1 as reg};
use hetemu_hw::regs::{lanes_read, lanes_write, register};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};

/// `arm.mps2_scc`.
pub const MODEL: Model = Model { ty: &ARM_MPS2_SCC_1, create };

const LED: u32 = 0;

/// CFGCTRL.
const START: u32 = 1 << 31;
const WRITE: u32 = 1 << 30;
const CONTROL: u32 = 0xc3f0_0fff;
/// Its function for oscillators.
const OSCCLK: u32 = 1;
/// CFGSTAT.
const COMPLETE: u32 = 1;
const ERROR: u32 = 2;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let word = |name| config.int(name) as u32;
    let oscillators = ["osc0", "osc1", "osc2"].map(word);
    Ok(Box::new(Scc {
        id: word("id"),
        aid: word("aid"),
        cfg4: word("cfg4"),
        oscillators,
        state: State::new(oscillators),
    }))
}

struct Scc {
    // Fixed configuration.
    id: u32,
    aid: u32,
    cfg4: u32,
    oscillators: [u32; 3],
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone)]
struct State {
    cfg0: u32,
    leds: u8,
    switches: u8,
    data_in: u32,
    data_out: u32,
    control: u32,
    status: u32,
    oscillators: [u32; 3],
}

impl State {
    fn new(oscillators: [u32; 3]) -> State {
        State {
            cfg0: 0,
            leds: 0,
            switches: 0,
            data_in: 0,
            data_out: 0,
            control: 0x0010_0000,
            status: 0,
            oscillators,
        }
    }

    /// Asks the board's controller.
    fn start(&mut self) {
        let (function, device) = (self.control >> 20 & 0x3f, self.control & 0xfff);
        let oscillator = match function {
            OSCCLK => self.oscillators.get_mut(device as usize),
            _ => None,
        };
        self.status = COMPLETE;
        match oscillator {
            Some(hz) if self.control & WRITE != 0 => *hz = self.data_out,
            Some(hz) => self.data_in = *hz,
            None => self.status |= ERROR,
        }
    }
}

impl Scc {
    fn value(&self, offset: u64) -> Option<u32> {
        let s = &self.state;
        Some(match offset {
            reg::CFG0 => s.cfg0,
            reg::CFG1 => s.leds.into(),
            reg::CFG3 => s.switches.into(),
            reg::CFG4 => self.cfg4,
            reg::CFGDATA_RTN => s.data_in,
            reg::CFGDATA_OUT => s.data_out,
            reg::CFGCTRL => s.control,
            reg::CFGSTAT => s.status,
            reg::AID => self.aid,
            reg::ID => self.id,
            _ => register(&ARM_MPS2_SCC_1, 0, offset)?.reset.unwrap_or(0) as u32,
        })
    }

    fn drive(&self, cx: &mut dyn Cx) {
        for n in 0..8 {
            cx.output(LED, n, self.state.leds >> n & 1 != 0);
        }
    }
}

impl Device for Scc {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let Some(value) = self.value(offset & !3) else {
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
        let at = offset & !3;
        let Some(old) = self.value(at) else {
            cx.unimplemented("reserved register", offset, true);
            return Ok(());
        };
        let whole = lanes_write(old, offset, size, value);
        let s = &mut self.state;
        match at {
            reg::CFG0 => s.cfg0 = whole & 1,
            reg::CFG1 => s.leds = whole as u8,
            reg::CFGDATA_RTN => s.data_in = whole,
            reg::CFGDATA_OUT => s.data_out = whole,
            reg::CFGCTRL => {
                s.control = whole & CONTROL;
                if whole & START != 0 {
                    s.start();
                    s.control &= !START;
                }
            }
            reg::CFGSTAT => s.status = whole & (COMPLETE | ERROR),
            _ => {}
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        self.value(offset & !3).map(|value| lanes_read(value, offset, size))
    }

    fn signal(&mut self, _: &mut dyn Cx, _: u32, line: u32, level: bool) {
        let bit = 1u8.checked_shl(line).unwrap_or(0);
        self.state.switches = self.state.switches & !bit | if level { bit } else { 0 };
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        // What is outside stays as it is.
        self.state = State { switches: self.state.switches, ..State::new(self.oscillators) };
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
