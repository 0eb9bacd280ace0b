//! Saved state of the CLINT. Numbers are never reused.

use super::RiscvClint;
use hetemu_hw::{LoadError, Reader, Writer};

const MSIP: u16 = 1;
const MTIMECMP: u16 = 2;
const MTIME_OFFSET: u16 = 3;

pub(super) fn save(clint: &RiscvClint, w: &mut Writer) {
    w.ints(MSIP, clint.msip.iter().map(|b| u64::from(*b)));
    w.ints(MTIMECMP, clint.mtimecmp.iter().copied());
    w.int(MTIME_OFFSET, clint.mtime_offset);
}

pub(super) fn load(clint: &mut RiscvClint, r: &Reader<'_>) -> Result<(), LoadError> {
    let mut msip = vec![0; clint.msip.len()];
    let mut mtimecmp = vec![0; clint.mtimecmp.len()];
    r.ints(MSIP, &mut msip)?;
    r.ints(MTIMECMP, &mut mtimecmp)?;
    clint.mtime_offset = r.int(MTIME_OFFSET)?;
    clint.msip = msip.iter().map(|b| *b != 0).collect();
    clint.mtimecmp = mtimecmp;
    Ok(())
}
