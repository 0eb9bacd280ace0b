//! Saved state of the timer. Numbers are never reused.

use super::State;
use super::regs::{CFG0_MASK, CTRL_ACTIVE};
use hetemu_hw::{LoadError, Reader, Writer};

const CTRL: u16 = 1;
const INTR_ENABLE: u16 = 2;
const INTR_STATE: u16 = 3;
const CFG0: u16 = 4;
const COMPARE: u16 = 5;
const VALUE: u16 = 6;
const SINCE: u16 = 7;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        w.int(CTRL, self.ctrl.into());
        w.int(INTR_ENABLE, self.intr_enable.into());
        w.int(INTR_STATE, self.intr_state.into());
        w.int(CFG0, self.cfg0.into());
        w.int(COMPARE, self.compare);
        w.int(VALUE, self.value);
        w.int(SINCE, self.since);
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let word = |field, mask: u32| {
            let value = u32::try_from(r.int(field)?).map_err(|_| LoadError::Bad(field))?;
            if value & !mask == 0 { Ok(value) } else { Err(LoadError::Bad(field)) }
        };
        Ok(State {
            ctrl: word(CTRL, CTRL_ACTIVE)?,
            intr_enable: word(INTR_ENABLE, 1)?,
            intr_state: word(INTR_STATE, 1)?,
            cfg0: word(CFG0, CFG0_MASK)?,
            compare: r.int(COMPARE)?,
            value: r.int(VALUE)?,
            since: r.int(SINCE)?,
        })
    }
}
