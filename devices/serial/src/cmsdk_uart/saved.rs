//! Saved state of the CMSDK UART. Numbers are never reused.

use super::State;
use hetemu_hw::{LoadError, Reader, Writer};

const REGISTERS: u16 = 1;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        let all = [self.rx.into(), self.status, self.ctrl, self.interrupts, self.divisor];
        w.ints(REGISTERS, all.map(u64::from));
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let mut all = [0; 5];
        r.ints(REGISTERS, &mut all)?;
        let [rx, status, ctrl, interrupts, divisor] = all;
        let fits = rx < 256 && status < 16 && ctrl < 128 && interrupts < 16 && divisor < 1 << 20;
        if !fits {
            return Err(LoadError::Bad(REGISTERS));
        }
        Ok(State {
            rx: rx as u8,
            status: status as u32,
            ctrl: ctrl as u32,
            interrupts: interrupts as u32,
            divisor: divisor as u32,
        })
    }
}
