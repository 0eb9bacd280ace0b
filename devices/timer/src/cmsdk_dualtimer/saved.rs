//! Saved state of the dual timer. Numbers are never reused.

use super::State;
use super::counter::Counter;
use hetemu_hw::{LoadError, Reader, Writer};

const COUNTERS: [u16; 2] = [1, 2];
const TEST: u16 = 3;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        for (id, c) in COUNTERS.into_iter().zip(&self.counters) {
            let words = [c.load, c.control, c.value, c.top].map(u64::from);
            let flags = [c.pending, c.halted].map(u64::from);
            w.ints(id, words.into_iter().chain(flags).chain([c.zero]));
        }
        w.ints(TEST, [u64::from(self.test), self.test_out.into()]);
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let mut s = State::default();
        for (id, c) in COUNTERS.into_iter().zip(&mut s.counters) {
            let mut all = [0; 7];
            r.ints(id, &mut all)?;
            let [load, control, value, top, pending, halted, zero] = all;
            let word = |n: u64| u32::try_from(n).map_err(|_| LoadError::Bad(id));
            if control > 0xff || pending > 1 || halted > 1 {
                return Err(LoadError::Bad(id));
            }
            *c = Counter {
                load: word(load)?,
                control: word(control)?,
                value: word(value)?,
                top: word(top)?,
                pending: pending != 0,
                halted: halted != 0,
                zero,
            };
        }
        let mut test = [0; 2];
        r.ints(TEST, &mut test)?;
        let [on, out] = test;
        if on > 1 || out > 3 {
            return Err(LoadError::Bad(TEST));
        }
        (s.test, s.test_out) = (on != 0, out as u8);
        Ok(s)
    }
}
