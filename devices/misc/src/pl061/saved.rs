//! Saved state of the GPIO. Numbers are never reused.

use super::{State, WRITABLE};
use hetemu_hw::{LoadError, Reader, Writer};

const PINS: u16 = 1;
const REGISTERS: u16 = 2;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        w.ints(PINS, [self.input, self.data, self.edges, self.locked.into()].map(u64::from));
        w.ints(REGISTERS, self.registers.map(u64::from));
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let byte = |n: u64| u8::try_from(n).map_err(|_| LoadError::Bad(REGISTERS));
        let mut all = [0; WRITABLE.len()];
        r.ints(REGISTERS, &mut all)?;
        let mut registers = [0; WRITABLE.len()];
        for (to, from) in registers.iter_mut().zip(all) {
            *to = byte(from)?;
        }
        let mut pins = [0; 4];
        r.ints(PINS, &mut pins)?;
        let [input, data, edges, locked] = pins;
        if locked > 1 {
            return Err(LoadError::Bad(PINS));
        }
        Ok(State {
            input: byte(input)?,
            data: byte(data)?,
            edges: byte(edges)?,
            locked: locked != 0,
            registers,
        })
    }
}
