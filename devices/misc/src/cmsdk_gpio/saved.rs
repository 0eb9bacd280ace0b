//! Saved state of the GPIO. Numbers are never reused.

use super::State;
use hetemu_hw::{LoadError, Reader, Writer};

const REGISTERS: u16 = 1;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        let all = [
            self.input,
            self.data_out,
            self.out_enable,
            self.alternate,
            self.int_enable,
            self.int_type,
            self.int_polarity,
            self.status,
        ];
        w.ints(REGISTERS, all.map(u64::from));
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let half = |n: u64| u16::try_from(n).map_err(|_| LoadError::Bad(REGISTERS));
        let mut all = [0; 8];
        r.ints(REGISTERS, &mut all)?;
        let [input, data_out, out_enable, alternate, enable, int_type, polarity, status] = all;
        Ok(State {
            input: half(input)?,
            data_out: half(data_out)?,
            out_enable: half(out_enable)?,
            alternate: half(alternate)?,
            int_enable: half(enable)?,
            int_type: half(int_type)?,
            int_polarity: half(polarity)?,
            status: half(status)?,
        })
    }
}
