//! Saved state of the system control. Numbers are never reused.

use super::{FLASH, State, WRITABLE};
use hetemu_hw::{LoadError, Reader, Writer};

const STATUS: u16 = 1;
const REGISTERS: u16 = 2;
/// USECRL and the flash's; missing in version 1.
const FLASH_FIELD: u16 = 3;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        w.ints(STATUS, [self.raw, self.cause].map(u64::from));
        w.ints(REGISTERS, self.registers.map(u64::from));
        w.ints(FLASH_FIELD, std::iter::once(self.usecrl).chain(self.flash).map(u64::from));
    }

    /// Reads; `flash`: what that holds if the state does not say.
    pub(super) fn load(r: &Reader<'_>, flash: [u32; FLASH.len()]) -> Result<State, LoadError> {
        let mut s = State::with(flash);
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
        (s.raw, s.cause, s.registers) = (word(raw)?, word(cause)?, registers);
        let mut more = [0; FLASH.len() + 1];
        match r.ints(FLASH_FIELD, &mut more) {
            Err(LoadError::Missing(_)) => return Ok(s),
            other => other?,
        };
        let [usecrl, flash @ ..] = more;
        s.usecrl = word(usecrl)?;
        for (to, from) in s.flash.iter_mut().zip(flash) {
            *to = word(from)?;
        }
        Ok(s)
    }
}
