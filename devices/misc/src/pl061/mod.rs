//! The PL061 GPIO (Arm PrimeCell GPIO TRM, DDI 0190B), and the pad registers that Stellaris
//! microcontrollers add (LM3S6965 data sheet, chapter GPIOs).

mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{ARM_PL061_1, arm_pl061_1 as reg};
use hetemu_hw::regs::{inspect, lanes_read, lanes_value, lanes_write, register};
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Writer,
};

/// `arm.pl061`.
pub const MODEL: Model = Model { ty: &ARM_PL061_1, create };

const OUT: u32 = 0;
const IRQ: u32 = 1;

/// What unlocks GPIOCR.
const KEY: u32 = 0x4c4f_434b;

/// Registers that keep what is written, and what they have after a reset.
const WRITABLE: [(u64, u8); 15] = [
    (reg::GPIODIR, 0),
    (reg::GPIOIS, 0),
    (reg::GPIOIBE, 0),
    (reg::GPIOIEV, 0),
    (reg::GPIOIE, 0),
    (reg::GPIOAFSEL, 0),
    (reg::GPIODR2R, 0xff),
    (reg::GPIODR4R, 0),
    (reg::GPIODR8R, 0),
    (reg::GPIOODR, 0),
    (reg::GPIOPUR, 0),
    (reg::GPIOPDR, 0),
    (reg::GPIOSLR, 0),
    (reg::GPIODEN, 0),
    (reg::GPIOCR, 0xff),
];

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Pl061 {
        periph_id: config.int("periph_id") as u32,
        stellaris: config.flag("stellaris"),
        state: State::default(),
    }))
}

struct Pl061 {
    // Fixed configuration.
    periph_id: u32,
    stellaris: bool,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone)]
struct State {
    /// Levels from outside.
    input: u8,
    /// What was written to the pins.
    data: u8,
    /// Edges that nobody has cleared.
    edges: u8,
    locked: bool,
    /// In the order of [`WRITABLE`].
    registers: [u8; WRITABLE.len()],
}

impl Default for State {
    fn default() -> State {
        let registers = WRITABLE.map(|(_, value)| value);
        State { input: 0, data: 0, edges: 0, locked: true, registers }
    }
}

impl State {
    fn kept(&self, offset: u64) -> Option<u8> {
        let index = WRITABLE.iter().position(|(at, _)| *at == offset)?;
        self.registers.get(index).copied()
    }

    fn get(&self, offset: u64) -> u8 {
        self.kept(offset).unwrap_or(0)
    }

    fn keep(&mut self, offset: u64, value: u8) {
        let all = self.registers.iter_mut().zip(WRITABLE);
        for (kept, _) in all.filter(|(_, (at, _))| *at == offset) {
            *kept = value;
        }
    }

    fn pins(&self) -> u8 {
        let out = self.get(reg::GPIODIR);
        self.data & out | self.input & !out
    }

    fn raw(&self) -> u8 {
        let levels = self.get(reg::GPIOIS);
        let active = !(self.input ^ self.get(reg::GPIOIEV)) & !self.get(reg::GPIODIR);
        self.edges & !levels | active & levels
    }

    /// Levels from outside change.
    fn feed(&mut self, input: u8) {
        let changed = self.input ^ input;
        let wanted = self.get(reg::GPIOIBE) | !(input ^ self.get(reg::GPIOIEV));
        self.input = input;
        self.edges |= changed & wanted & !self.get(reg::GPIOIS) & !self.get(reg::GPIODIR);
    }
}

impl Pl061 {
    fn register(&self, offset: u64) -> u32 {
        let s = &self.state;
        match offset {
            0..0x400 => u32::from(s.pins()) & (offset >> 2) as u32,
            0x500..0x528 if !self.stellaris => 0,
            reg::GPIORIS => s.raw().into(),
            reg::GPIOMIS => (s.raw() & s.get(reg::GPIOIE)).into(),
            reg::GPIOLOCK => s.locked.into(),
            reg::GPIOPERIPH_ID0 => self.periph_id & 0xff,
            reg::GPIOPERIPH_ID1 => self.periph_id >> 8 & 0xff,
            reg::GPIOPERIPH_ID2 => self.periph_id >> 16 & 0xff,
            reg::GPIOPERIPH_ID3 => self.periph_id >> 24,
            _ => s.kept(offset).map(u32::from).unwrap_or_else(|| {
                register(&ARM_PL061_1, 0, offset).and_then(|r| r.reset).unwrap_or(0) as u32
            }),
        }
    }

    fn drive(&self, cx: &mut dyn Cx) {
        let s = &self.state;
        let out = s.data & s.get(reg::GPIODIR);
        for pin in 0..8 {
            cx.output(OUT, pin, out >> pin & 1 != 0);
        }
        cx.output(IRQ, 0, s.raw() & s.get(reg::GPIOIE) != 0);
    }
}

impl Device for Pl061 {
    fn read(&mut self, _: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        Ok(lanes_read(self.register(offset & !3), offset, size))
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
        let whole = lanes_write(self.register(at), offset, size, value);
        let written = lanes_value(offset, size, value) as u8;
        let s = &mut self.state;
        match at {
            0..0x400 => {
                // The upper lanes of a register have no pins.
                let pins = if offset & 3 == 0 { (at >> 2) as u8 } else { 0 };
                s.data = s.data & !pins | written & pins;
            }
            0x500..0x528 if !self.stellaris => {}
            reg::GPIOIC => s.edges &= !written,
            reg::GPIOLOCK => s.locked = whole != KEY,
            reg::GPIOCR if s.locked => {}
            reg::GPIOAFSEL if self.stellaris => {
                let may = s.get(reg::GPIOCR);
                s.keep(at, s.get(at) & !may | whole as u8 & may);
            }
            _ => s.keep(at, whole as u8),
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        Some(lanes_read(self.register(offset & !3), offset, size))
    }

    fn signal(&mut self, cx: &mut dyn Cx, _: u32, line: u32, level: bool) {
        let bit = 1u8.checked_shl(line).unwrap_or(0);
        let input = self.state.input & !bit | if level { bit } else { 0 };
        self.state.feed(input);
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
        // 256 names of the same pins say nothing: all pins are those of the last.
        let all = inspect(&ARM_PL061_1, |_, offset, size| match offset {
            0..0x400 => None,
            _ => self.peek(0, offset, size),
        });
        let pins = InspectValue { name: "GPIODATA".into(), value: self.state.pins().into() };
        std::iter::once(pins).chain(all).collect()
    }
}
