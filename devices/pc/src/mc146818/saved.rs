//! Saved state of the clock. Numbers are never reused.

use super::State;
use super::regs::CELLS;
use hetemu_hw::{LoadError, Reader, Writer};

const INDEX: u16 = 0;
const CELL: u16 = 1;
const OFFSET: u16 = 2;
const SEEN_SECOND: u16 = 3;
const SEEN_PERIOD: u16 = 4;
const FLAGS: u16 = 5;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        w.int(INDEX, self.index.into());
        w.bytes(CELL, &self.cells);
        w.int(OFFSET, self.offset as u64);
        w.int(SEEN_SECOND, self.seen_second as u64);
        w.int(SEEN_PERIOD, self.seen_period);
        w.int(FLAGS, self.flags.into());
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let byte = |field| u8::try_from(r.int(field)?).map_err(|_| LoadError::Bad(field));
        let cells: &[u8; CELLS] = r.bytes(CELL)?.try_into().map_err(|_| LoadError::Bad(CELL))?;
        Ok(State {
            index: byte(INDEX)?,
            cells: *cells,
            offset: r.int(OFFSET)? as i64,
            seen_second: r.int(SEEN_SECOND)? as i64,
            seen_period: r.int(SEEN_PERIOD)?,
            flags: byte(FLAGS)?,
        })
    }
}
