//! Saved state of the port. Numbers are never reused.

use super::{DEPTH, State};
use hetemu_hw::{LoadError, Reader, Writer};
use std::collections::VecDeque;

const REGISTERS: u16 = 1;
const TX: u16 = 2;
const RX: u16 = 3;
/// Missing while the wire is idle.
const SHIFTING: u16 = 4;
const TIMES: u16 = 5;

/// The clock's frequency; missing before a clock controller could say it.
pub(super) const HZ: u16 = 6;

/// The frequency in a state, or else that of the machine's text.
pub(super) fn hz(r: &Reader<'_>, clock_hz: u64) -> Result<u64, LoadError> {
    match r.int(HZ) {
        Ok(0) => Err(LoadError::Bad(HZ)),
        Err(LoadError::Missing(_)) => Ok(clock_hz),
        other => other,
    }
}

fn fifo(r: &Reader<'_>, field: u16) -> Result<VecDeque<u16>, LoadError> {
    match r.bytes(field)?.as_chunks() {
        (frames, []) if frames.len() <= DEPTH => {
            Ok(frames.iter().map(|f| u16::from_le_bytes(*f)).collect())
        }
        _ => Err(LoadError::Bad(field)),
    }
}

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        let words = [self.cr0, self.cr1, self.divisor, self.mask, self.dma, self.latched];
        w.ints(REGISTERS, words.map(u64::from));
        for (field, fifo) in [(TX, &self.tx), (RX, &self.rx)] {
            let bytes: Vec<u8> = fifo.iter().flat_map(|f| f.to_le_bytes()).collect();
            w.bytes(field, &bytes);
        }
        if let Some(frame) = self.shifting {
            w.int(SHIFTING, frame.into());
        }
        w.ints(TIMES, [self.due, self.quiet]);
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let mut all = [0; 6];
        r.ints(REGISTERS, &mut all)?;
        let limits = [0xffff, 15, 0xfe, 15, 3, 3];
        if all.iter().zip(limits).any(|(value, limit)| *value > limit) {
            return Err(LoadError::Bad(REGISTERS));
        }
        let [cr0, cr1, divisor, mask, dma, latched] = all.map(|n| n as u32);
        let shifting = match r.int(SHIFTING) {
            Ok(n) => Some(u16::try_from(n).map_err(|_| LoadError::Bad(SHIFTING))?),
            Err(LoadError::Missing(_)) => None,
            Err(e) => return Err(e),
        };
        let mut times = [0; 2];
        r.ints(TIMES, &mut times)?;
        let [due, quiet] = times;
        let (tx, rx) = (fifo(r, TX)?, fifo(r, RX)?);
        Ok(State { cr0, cr1, divisor, mask, dma, latched, tx, rx, shifting, due, quiet })
    }
}
