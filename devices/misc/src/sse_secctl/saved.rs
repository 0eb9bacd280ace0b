//! Saved state of the security control. Numbers are never reused.

use super::{State, WRITABLE};
use hetemu_hw::{LoadError, Reader, Writer};

const MPC: u16 = 1;
const REGISTERS: u16 = 2;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        let mut all = self.registers.clone();
        all.resize(WRITABLE.len(), 0);
        w.int(MPC, self.mpc.into());
        w.ints(REGISTERS, all.into_iter().map(u64::from));
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let mut all = [0; WRITABLE.len()];
        r.ints(REGISTERS, &mut all)?;
        let mut registers = Vec::with_capacity(all.len());
        for (value, (.., mask)) in all.into_iter().zip(WRITABLE) {
            if value & !u64::from(mask) != 0 {
                return Err(LoadError::Bad(REGISTERS));
            }
            registers.push(value as u32);
        }
        let mpc = u32::try_from(r.int(MPC)?).map_err(|_| LoadError::Bad(MPC))?;
        Ok(State { mpc, registers })
    }
}
