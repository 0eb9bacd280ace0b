//! Saved state of the CMSDK timer. Numbers are never reused.

use super::State;
use hetemu_hw::{LoadError, Reader, Writer};

const REGISTERS: u16 = 1;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        let words = [self.control.into(), self.reload.into(), self.value.into(), self.zero];
        w.ints(REGISTERS, words.into_iter().chain([u64::from(self.pending)]));
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let mut all = [0; 5];
        r.ints(REGISTERS, &mut all)?;
        let [control, reload, value, zero, pending] = all;
        let word = |n: u64| u32::try_from(n).map_err(|_| LoadError::Bad(REGISTERS));
        if control > 15 || pending > 1 {
            return Err(LoadError::Bad(REGISTERS));
        }
        Ok(State {
            control: word(control)?,
            reload: word(reload)?,
            value: word(value)?,
            zero,
            pending: pending != 0,
        })
    }
}
