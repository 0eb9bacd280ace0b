//! Saved state of the interface. Numbers are never reused.

use super::State;
use hetemu_hw::{LoadError, Reader, Writer};

const MASTER: u16 = 1;
const SLAVE: u16 = 2;
const DUE: u16 = 3;

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
        let master = [
            self.address,
            self.data,
            self.period,
            self.mask,
            self.raw,
            self.config,
            self.status,
            self.command,
        ];
        w.ints(MASTER, master.map(u64::from));
        let words = [self.own, self.slave, self.received, self.slave_mask, self.slave_raw];
        let flags = [self.addressed, self.active].map(u64::from);
        w.ints(SLAVE, words.map(u64::from).into_iter().chain(flags));
        w.int(DUE, self.due);
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let mut all = [0; 8];
        r.ints(MASTER, &mut all)?;
        let limits = [0xff, 0xff, 0xff, 1, 1, 0x31, 0x4e, 15];
        if all.iter().zip(limits).any(|(value, limit)| *value > limit) {
            return Err(LoadError::Bad(MASTER));
        }
        let [address, data, period, mask, raw, config, status, command] = all.map(|n| n as u32);
        let mut all = [0; 7];
        r.ints(SLAVE, &mut all)?;
        let limits = [0x7f, 7, 0xff, 1, 1, 1, 1];
        if all.iter().zip(limits).any(|(value, limit)| *value > limit) {
            return Err(LoadError::Bad(SLAVE));
        }
        let [own, slave, received, slave_mask, slave_raw, addressed, active] =
            all.map(|n| n as u32);
        Ok(State {
            address,
            data,
            period,
            mask,
            raw,
            config,
            status,
            command,
            due: r.int(DUE)?,
            addressed: addressed != 0,
            own,
            active: active != 0,
            slave,
            received,
            slave_mask,
            slave_raw,
        })
    }
}
