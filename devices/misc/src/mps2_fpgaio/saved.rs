//! Saved state of the block. Numbers are never reused.

use super::State;
use hetemu_hw::{LoadError, Reader, Writer};

const REGISTERS: u16 = 1;
const SINCE: u16 = 2;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        let pins = [self.leds, self.buttons, self.misc];
        let counters = [self.seconds, self.hundredths, self.counter, self.prescale, self.prescaler];
        w.ints(REGISTERS, pins.into_iter().chain(counters).map(u64::from));
        w.int(SINCE, self.since);
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let word = |n: u64| u32::try_from(n).map_err(|_| LoadError::Bad(REGISTERS));
        let mut all = [0; 8];
        r.ints(REGISTERS, &mut all)?;
        let [leds, buttons, misc, seconds, hundredths, counter, prescale, prescaler] = all;
        Ok(State {
            leds: word(leds)?,
            buttons: word(buttons)?,
            misc: word(misc)?,
            seconds: word(seconds)?,
            hundredths: word(hundredths)?,
            counter: word(counter)?,
            prescale: word(prescale)?,
            prescaler: word(prescaler)?,
            since: r.int(SINCE)?,
        })
    }
}
