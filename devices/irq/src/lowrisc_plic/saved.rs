//! Saved state of the OpenTitan PLIC: fields 1 to 9 are the gateways', ours follow.

use super::{LowriscPlic, PRIO_MASK};
use hetemu_hw::{LoadError, Reader, Writer};

const MSIP: u16 = 10;

pub(super) fn save(plic: &LowriscPlic, w: &mut Writer) {
    w.int(MSIP, plic.msip.into());
}

pub(super) fn load(plic: &mut LowriscPlic, r: &Reader<'_>) -> Result<(), LoadError> {
    let msip = match r.int(MSIP)? {
        0 => false,
        1 => true,
        _ => return Err(LoadError::Bad(MSIP)),
    };
    plic.core.load(r, PRIO_MASK)?;
    plic.msip = msip;
    Ok(())
}
