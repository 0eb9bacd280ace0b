//! The FPGA of the Malta board (MIPS MD00048, chapter 5): switches, displays, soft reset.

#[cfg(test)]
mod tests;

use crate::schemas::MIPS_MALTA_FPGA_1;
use crate::schemas::mips_malta_fpga_1::{
    ASCIIPOS, ASCIIWORD, BRKRES, GPINP, GPOUT, I2CINP, I2COE, I2COUT, I2CSEL, JMPRS, LEDBAR,
    SOFTRES, STATUS, SWITCH,
};
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Request,
    Writer,
};

/// `mips.malta_fpga`.
pub const MODEL: Model = Model { ty: &MIPS_MALTA_FPGA_1, create };

/// STATUS: the monitor flash can be written; the switch for big-endian operation.
const MFWR: u32 = 1 << 4;
const BIGEND: u32 = 1 << 1;
/// What resets the board.
const GORESET: u64 = 0x42;
/// The idle level of both I2C lines.
const IDLE: u32 = 3;
/// Distance of the display's characters, and the first and last of them.
const STEP: u64 = 8;
const LAST: u64 = ASCIIPOS + 7 * STEP;

const SAVED_WORDS: u16 = 1;
const SAVED_DISPLAY: u16 = 2;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Fpga { big: config.flag("big_endian"), state: State::default() }))
}

struct Fpga {
    // Fixed configuration.
    big: bool,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone)]
struct State {
    ledbar: u32,
    brkres: u32,
    gpout: u32,
    i2c: [u32; 3],
    display: [u8; 8],
}

impl Default for State {
    fn default() -> State {
        State { ledbar: 0, brkres: 0x0a, gpout: 0, i2c: [0, IDLE, 1], display: [b' '; 8] }
    }
}

impl Fpga {
    fn value(&self, offset: u64) -> Option<u32> {
        let s = &self.state;
        Some(match offset {
            SWITCH | JMPRS | GPINP => 0,
            STATUS => MFWR | if self.big { BIGEND } else { 0 },
            LEDBAR => s.ledbar,
            ASCIIWORD | ASCIIPOS..=LAST => 0,
            SOFTRES => GORESET as u32,
            BRKRES => s.brkres,
            GPOUT => s.gpout,
            I2CINP => IDLE,
            I2COE => s.i2c[0],
            I2COUT => s.i2c[1],
            I2CSEL => s.i2c[2],
            _ => return None,
        })
    }
}

impl Device for Fpga {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, _: u8) -> Result<u64, BusError> {
        let value = self.value(offset);
        if value.is_none() {
            cx.unimplemented("register", offset, false);
        }
        Ok(value.unwrap_or(0).into())
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        _: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let s = &mut self.state;
        let word = value as u32;
        match offset {
            LEDBAR => s.ledbar = word & 0xff,
            ASCIIWORD => {
                for (to, digit) in s.display.iter_mut().zip(format!("{word:08X}").bytes()) {
                    *to = digit;
                }
            }
            ASCIIPOS..=LAST if offset & (STEP - 1) == 0 => {
                let at = ((offset - ASCIIPOS) / STEP) as usize & 7;
                s.display[at] = word as u8;
            }
            SOFTRES if value == GORESET => cx.request(Request::Reset),
            SOFTRES => {}
            BRKRES => s.brkres = word & 0xff,
            GPOUT => s.gpout = word & 0xff,
            I2COE => s.i2c[0] = word & 3,
            I2COUT => s.i2c[1] = word & 3,
            I2CSEL => s.i2c[2] = word & 1,
            _ if self.value(offset).is_none() => cx.unimplemented("register", offset, true),
            _ => {}
        }
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, _: u8) -> Option<u64> {
        self.value(offset).map(u64::from)
    }

    fn reset(&mut self, _: &mut dyn Cx) {
        self.state = State::default();
    }

    fn save(&self, w: &mut Writer) {
        let s = &self.state;
        let words = [s.ledbar, s.brkres, s.gpout, s.i2c[0], s.i2c[1], s.i2c[2]];
        w.ints(SAVED_WORDS, words.map(u64::from));
        w.bytes(SAVED_DISPLAY, &s.display);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        let mut words = [0; 6];
        r.ints(SAVED_WORDS, &mut words)?;
        let masks = [0xff, 0xff, 0xff, 3, 3, 1];
        if words.iter().zip(masks).any(|(v, mask)| v & !mask != 0) {
            return Err(LoadError::Bad(SAVED_WORDS));
        }
        let [ledbar, brkres, gpout, oe, out, sel] = words.map(|v| v as u32);
        let display = r.bytes(SAVED_DISPLAY)?.try_into();
        let display = display.map_err(|_| LoadError::Bad(SAVED_DISPLAY))?;
        self.state = State { ledbar, brkres, gpout, i2c: [oe, out, sel], display };
        Ok(())
    }

    /// The display as its eight characters, the first in the highest byte.
    fn inspect(&self) -> Vec<InspectValue> {
        let display = u64::from_be_bytes(self.state.display);
        let ledbar = self.state.ledbar.into();
        [("LEDBAR", ledbar), ("DISPLAY", display)]
            .into_iter()
            .map(|(name, value)| InspectValue { name: name.to_string(), value })
            .collect()
    }
}
