//! Saved state of the Stellaris timer. Numbers are never reused.

use super::{Half, State};
use hetemu_hw::{LoadError, Reader, Writer};

const COMMON: u16 = 1;
const HALVES: [u16; 2] = [2, 3];

/// The clock's frequency; missing before a clock controller could say it.
pub(super) const HZ: u16 = 4;

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
        w.ints(COMMON, [self.config, self.control, self.mask, self.raw].map(u64::from));
        for (id, h) in HALVES.into_iter().zip(&self.halves) {
            let words = [h.mode, h.load, h.compare, h.prescale, h.prescale_match, h.value];
            w.ints(id, words.map(u64::from).into_iter().chain([h.due]));
        }
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let word = |n: u64| u32::try_from(n).map_err(|_| LoadError::Bad(COMMON));
        let mut common = [0; 4];
        r.ints(COMMON, &mut common)?;
        let [config, control, mask, raw] = common;
        let mut s = State {
            config: word(config)?,
            control: word(control)?,
            mask: word(mask)?,
            raw: word(raw)?,
            ..State::default()
        };
        for (id, half) in HALVES.into_iter().zip(&mut s.halves) {
            let mut all = [0; 7];
            r.ints(id, &mut all)?;
            let [mode, load, compare, prescale, prescale_match, value, due] = all;
            *half = Half {
                mode: word(mode)?,
                load: word(load)?,
                compare: word(compare)?,
                prescale: word(prescale)?,
                prescale_match: word(prescale_match)?,
                value: word(value)?,
                due,
            };
            if half.prescale > 0xff {
                return Err(LoadError::Bad(id));
            }
        }
        Ok(s)
    }
}
