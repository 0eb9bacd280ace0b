//! Glue between wires: OR, inverter, latch. An input of a part has one driver; lines that a board
//! ties together are tied here, in the open.

#[cfg(test)]
mod tests;

use crate::schemas::{SIGNAL_LATCH_1, SIGNAL_NOT_1, SIGNAL_OR_1, signal_latch_1};
use hetemu_hw::{Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Writer};

/// `signal.or`: high while any input is.
pub const OR: Model = Model { ty: &SIGNAL_OR_1, create: |c| create(c, Gate::Or) };
/// `signal.not`: high while its input is low.
pub const NOT: Model = Model { ty: &SIGNAL_NOT_1, create: |c| create(c, Gate::Not) };
/// `signal.latch`: turns a pulse into a level.
pub const LATCH: Model = Model { ty: &SIGNAL_LATCH_1, create: |c| create(c, Gate::Latch) };

const OUT: u32 = 0;

/// Saved field: levels of the inputs, 64 a number; for a latch its level.
const LEVELS: u16 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    Or,
    Not,
    Latch,
}

fn create(config: &Config, gate: Gate) -> Result<Box<dyn Device>, ConfigError> {
    let width = if gate == Gate::Or { config.int("width").clamp(1, 1024) } else { 1 };
    Ok(Box::new(Signal { gate, levels: vec![0; width.div_ceil(64) as usize] }))
}

struct Signal {
    // Fixed configuration.
    gate: Gate,
    // Volatile state.
    /// A bit an input line; for a latch the output.
    levels: Vec<u64>,
}

impl Signal {
    fn out(&self) -> bool {
        let any = self.levels.iter().any(|word| *word != 0);
        if self.gate == Gate::Not { !any } else { any }
    }

    fn set(&mut self, line: u32, level: bool) {
        if let Some(word) = self.levels.get_mut((line / 64) as usize) {
            let bit = 1 << (line % 64);
            *word = if level { *word | bit } else { *word & !bit };
        }
    }
}

impl Device for Signal {
    fn signal(&mut self, cx: &mut dyn Cx, input: u32, line: u32, level: bool) {
        match self.gate {
            Gate::Or | Gate::Not => self.set(line, level),
            // Only the pulse counts, not its end.
            Gate::Latch if level => self.set(0, input != signal_latch_1::inputs::CLEAR),
            Gate::Latch => {}
        }
        cx.output(OUT, 0, self.out());
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        // The lines of gates are others' state and stay; a latch opens.
        if self.gate == Gate::Latch {
            self.levels.fill(0);
        }
        cx.output(OUT, 0, self.out());
    }

    fn save(&self, w: &mut Writer) {
        w.ints(LEVELS, self.levels.iter().copied());
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        let mut levels = vec![0; self.levels.len()];
        r.ints(LEVELS, &mut levels)?;
        self.levels = levels;
        Ok(())
    }

    fn inspect(&self) -> Vec<InspectValue> {
        vec![InspectValue { name: "out".into(), value: self.out().into() }]
    }
}
