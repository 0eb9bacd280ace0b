//! Saved state of the watchdog. Numbers are never reused.

use super::State;
use hetemu_hw::{LoadError, Reader, Writer};

const REGISTERS: u16 = 1;

/// The clock's frequency; missing before a clock controller could say it.
pub(super) const HZ: u16 = 2;

/// The frequency in a state, or else that of the machine's text.
pub(super) fn hz(r: &Reader<'_>, clock_hz: u64) -> Result<u64, LoadError> {
    match r.int(HZ) {
        Ok(0) => Err(LoadError::Bad(HZ)),
        Err(LoadError::Missing(_)) => Ok(clock_hz),
        other => other,
    }
}

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        let words = [self.load, self.value, self.control].map(u64::from);
        let flags = [self.pending, self.fired, self.locked].map(u64::from);
        w.ints(REGISTERS, words.into_iter().chain(flags).chain([self.due]));
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let mut all = [0; 7];
        r.ints(REGISTERS, &mut all)?;
        let [load, value, control, pending, fired, locked, due] = all;
        let word = |n: u64| u32::try_from(n).map_err(|_| LoadError::Bad(REGISTERS));
        if control > 3 || pending > 1 || fired > 1 || locked > 1 {
            return Err(LoadError::Bad(REGISTERS));
        }
        Ok(State {
            load: word(load)?,
            value: word(value)?,
            control: word(control)?,
            pending: pending != 0,
            fired: fired != 0,
            locked: locked != 0,
            due,
        })
    }
}
