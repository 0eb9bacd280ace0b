//! Saved state of the memory protection controller. Numbers are never reused.

use super::{CTRL, State};
use hetemu_hw::{LoadError, Reader, Writer};

const REGISTERS: u16 = 1;
const TABLE: u16 = 2;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        let all = [self.ctrl, self.index, self.status, self.enable];
        w.ints(REGISTERS, all.map(u64::from));
        w.ints(TABLE, self.table.iter().map(|n| u64::from(*n)));
    }

    pub(super) fn load(r: &Reader<'_>, words: usize) -> Result<State, LoadError> {
        let mut all = [0; 4];
        r.ints(REGISTERS, &mut all)?;
        let [ctrl, index, status, enable] = all;
        let fits = ctrl & !u64::from(CTRL) == 0 && index < words as u64;
        if !fits || status > 1 || enable > 1 {
            return Err(LoadError::Bad(REGISTERS));
        }
        let mut table = vec![0; words];
        r.ints(TABLE, &mut table)?;
        let word = |n: u64| u32::try_from(n).map_err(|_| LoadError::Bad(TABLE));
        Ok(State {
            ctrl: ctrl as u32,
            index: index as u32,
            status: status as u32,
            enable: enable as u32,
            table: table.into_iter().map(word).collect::<Result<_, _>>()?,
        })
    }
}
