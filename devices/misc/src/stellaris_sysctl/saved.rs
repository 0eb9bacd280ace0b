//! Saved state of the system control. Numbers are never reused.

use super::{State, WRITABLE};
use hetemu_hw::{LoadError, Reader, Writer};

const STATUS: u16 = 1;
const REGISTERS: u16 = 2;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        w.ints(STATUS, [self.raw, self.cause].map(u64::from));
        w.ints(REGISTERS, self.registers.map(u64::from));
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let word = |n: u64| u32::try_from(n).map_err(|_| LoadError::Bad(REGISTERS));
        let mut all = [0; WRITABLE.len()];
        r.ints(REGISTERS, &mut all)?;
        let mut registers = [0; WRITABLE.len()];
        for (to, from) in registers.iter_mut().zip(all) {
            *to = word(from)?;
        }
        let mut status = [0; 2];
        r.ints(STATUS, &mut status)?;
        let [raw, cause] = status;
        Ok(State { raw: word(raw)?, cause: word(cause)?, registers })
    }
}
