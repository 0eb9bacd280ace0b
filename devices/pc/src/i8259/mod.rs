//! The 8259A interrupt controller (Intel 8259A data sheet, 231468-003).
//!
//! Eight inputs with rotating or fixed priorities. Whoever hears of INT acknowledges it
//! ([`Device::acknowledge`]) and gets the vector; where the input is that of another 8259A (ICW3),
//! the acknowledgement goes on to that one. The MCS-80 mode (ICW4.μPM = 0) is treated as the 8086
//! mode: there is one vector, and no CALL.

mod regs;
mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::I8259_1;
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Writer,
};
use regs::*;

/// `i8259`.
pub const MODEL: Model = Model { ty: &I8259_1, create };

const IN: u32 = 0;
const LEVEL: u32 = 1;
const OUT: u32 = 0;

fn create(_: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(I8259 { state: State::default() }))
}

struct I8259 {
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone)]
struct State {
    /// Levels of the inputs, edges that were seen, in service, masked.
    lines: u8,
    irr: u8,
    isr: u8,
    imr: u8,
    /// Inputs that are levels, whatever ICW1 says.
    levels: u8,
    /// ICW2 and ICW3.
    base: u8,
    cascade: u8,
    /// The input of lowest priority.
    lowest: u8,
    /// The initialisation word that is expected next (2 to 4); 0 when it is done.
    word: u8,
    level: bool,
    single: bool,
    auto_end: bool,
    nested: bool,
    rotates: bool,
    read_isr: bool,
    poll: bool,
    special_mask: bool,
    wants_icw4: bool,
}

impl Default for State {
    fn default() -> State {
        State {
            lines: 0,
            irr: 0,
            isr: 0,
            imr: 0,
            levels: 0,
            base: 0,
            cascade: 0,
            lowest: 7,
            word: 0,
            level: false,
            single: false,
            auto_end: false,
            nested: false,
            rotates: false,
            read_isr: false,
            poll: false,
            special_mask: false,
            wants_icw4: false,
        }
    }
}

impl State {
    /// Interrupts that are requested.
    fn requests(&self) -> u8 {
        let levels = if self.level { 0xff } else { self.levels };
        self.lines & levels | self.irr & !levels
    }

    /// The input of highest priority among these.
    fn highest(&self, of: u8) -> Option<u8> {
        (1..=8).map(|n| (self.lowest + n) & 7).find(|n| of >> n & 1 != 0)
    }

    /// How far below the highest priority an input is: 0 to 7.
    fn rank(&self, input: u8) -> u8 {
        (input.wrapping_sub(self.lowest + 1)) & 7
    }

    /// The interrupt that INT is high for.
    fn pending(&self) -> Option<u8> {
        let wanted = self.highest(self.requests() & !self.imr)?;
        let serving = if self.special_mask { self.isr & !self.imr } else { self.isr };
        let Some(served) = self.highest(serving) else { return Some(wanted) };
        // In special fully nested mode another interrupt of the same slave may come through.
        let again = self.nested && wanted == served && self.cascade >> wanted & 1 != 0;
        (self.rank(wanted) < self.rank(served) || again).then_some(wanted)
    }

    /// Takes the pending interrupt into service; the spurious one (7) if there is none.
    fn take(&mut self) -> (u8, bool) {
        let Some(input) = self.pending() else { return (7, false) };
        self.irr &= !(1 << input);
        if !self.auto_end {
            self.isr |= 1 << input;
        } else if self.rotates {
            self.lowest = input;
        }
        (input, true)
    }

    /// OCW2: end of interrupt and priorities.
    fn end(&mut self, value: u8) {
        let (command, level) = (value >> 5, value & 7);
        let served = match command & 3 {
            1 => self.highest(self.isr),
            3 => Some(level),
            _ => None,
        };
        if let Some(input) = served {
            self.isr &= !(1 << input);
        }
        match command {
            0 => self.rotates = false,
            4 => self.rotates = true,
            5 | 7 => self.lowest = served.unwrap_or(self.lowest),
            6 => self.lowest = level,
            _ => {}
        }
    }

    fn command(&mut self, value: u8) {
        if value & ICW1 != 0 {
            *self = State {
                lines: self.lines,
                levels: self.levels,
                word: 2,
                level: value & ICW1_LTIM != 0,
                single: value & ICW1_SNGL != 0,
                wants_icw4: value & ICW1_IC4 != 0,
                ..State::default()
            };
        } else if value & OCW3 != 0 {
            self.poll = value & OCW3_P != 0;
            if value & OCW3_RR != 0 {
                self.read_isr = value & OCW3_RIS != 0;
            }
            if value & OCW3_ESMM != 0 {
                self.special_mask = value & OCW3_SMM != 0;
            }
        } else {
            self.end(value);
        }
    }

    /// A write of DATA: an initialisation word, or the mask.
    fn data(&mut self, value: u8) {
        let after_icw3 = if self.wants_icw4 { 4 } else { 0 };
        match self.word {
            2 => {
                self.base = value & 0xf8;
                self.word = if self.single { after_icw3 } else { 3 };
            }
            3 => {
                self.cascade = value;
                self.word = after_icw3;
            }
            4 => {
                self.auto_end = value & ICW4_AEOI != 0;
                self.nested = value & ICW4_SFNM != 0;
                self.word = 0;
            }
            _ => self.imr = value,
        }
    }

    fn value(&self, offset: u64) -> u8 {
        match offset {
            COMMAND if self.read_isr => self.isr,
            COMMAND => self.requests(),
            _ => self.imr,
        }
    }
}

impl I8259 {
    fn drive(&self, cx: &mut dyn Cx) {
        cx.output(OUT, 0, self.state.word == 0 && self.state.pending().is_some());
    }
}

impl Device for I8259 {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, _: u8) -> Result<u64, BusError> {
        if std::mem::take(&mut self.state.poll) {
            let (input, real) = self.state.take();
            self.drive(cx);
            return Ok(if real { u64::from(POLL_I | input) } else { 0 });
        }
        Ok(self.state.value(offset).into())
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        _: u8,
        value: u64,
    ) -> Result<(), BusError> {
        match offset {
            DATA => self.state.data(value as u8),
            _ => self.state.command(value as u8),
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, _: u8) -> Option<u64> {
        (!self.state.poll).then(|| self.state.value(offset).into())
    }

    fn signal(&mut self, cx: &mut dyn Cx, input: u32, line: u32, level: bool) {
        let bit = 1u8 << (line & 7);
        if input == LEVEL {
            let levels = self.state.levels & !bit;
            self.state.levels = if level { levels | bit } else { levels };
            return self.drive(cx);
        }
        // An input must stay high until it is acknowledged. A pulse has no end, so that the next
        // one is an edge, too.
        if level {
            self.state.lines |= bit;
            self.state.irr |= bit;
        } else {
            self.state.lines &= !bit;
            self.state.irr &= !bit;
        }
        self.drive(cx);
    }

    fn acknowledge(&mut self, cx: &mut dyn Cx, _: u32, _: u32) -> Option<u32> {
        let (input, real) = self.state.take();
        let slave = real && !self.state.single && self.state.cascade >> input & 1 != 0;
        let other = if slave { cx.acknowledge(IN, input.into()) } else { None };
        self.drive(cx);
        Some(other.unwrap_or_else(|| u32::from(self.state.base | input)))
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::default();
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
        let s = &self.state;
        let named = [("IRR", s.requests()), ("ISR", s.isr), ("IMR", s.imr), ("ICW2", s.base)];
        let value = |(name, value): (&str, u8)| InspectValue {
            name: name.to_string(),
            value: value.into(),
        };
        named.into_iter().map(value).collect()
    }
}
