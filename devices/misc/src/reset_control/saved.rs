//! Saved state of the reset controller. Numbers are never reused.

use hetemu_hw::{LoadError, Reader, Writer};

const HOLD: u16 = 0;

pub(super) fn save(hold: u32, w: &mut Writer) {
    w.int(HOLD, hold.into());
}

pub(super) fn load(r: &Reader<'_>, all: u32) -> Result<u32, LoadError> {
    let hold = u32::try_from(r.int(HOLD)?).map_err(|_| LoadError::Bad(HOLD))?;
    if hold & !all == 0 { Ok(hold) } else { Err(LoadError::Bad(HOLD)) }
}
