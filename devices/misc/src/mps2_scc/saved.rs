//! Saved state of the controller. Numbers are never reused.

use super::State;
use hetemu_hw::{LoadError, Reader, Writer};

const REGISTERS: u16 = 1;
const OSCILLATORS: u16 = 2;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        let pins = [self.leds, self.switches].map(u64::from);
        let words = [self.cfg0, self.data_in, self.data_out, self.control, self.status];
        w.ints(REGISTERS, pins.into_iter().chain(words.map(u64::from)));
        w.ints(OSCILLATORS, self.oscillators.map(u64::from));
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let word = |n: u64| u32::try_from(n).map_err(|_| LoadError::Bad(REGISTERS));
        let byte = |n: u64| u8::try_from(n).map_err(|_| LoadError::Bad(REGISTERS));
        let mut all = [0; 7];
        r.ints(REGISTERS, &mut all)?;
        let [leds, switches, cfg0, data_in, data_out, control, status] = all;
        let mut oscillators = [0; 3];
        r.ints(OSCILLATORS, &mut oscillators)?;
        let [first, second, third] = oscillators;
        Ok(State {
            leds: byte(leds)?,
            switches: byte(switches)?,
            cfg0: word(cfg0)?,
            data_in: word(data_in)?,
            data_out: word(data_out)?,
            control: word(control)?,
            status: word(status)?,
            oscillators: [word(first)?, word(second)?, word(third)?],
        })
    }
}
