//! Saved state of the PL011. Numbers are never reused.

use super::State;
use hetemu_hw::{LoadError, Reader, Writer};

const RX: u16 = 1;
const REGISTERS: u16 = 2;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        w.bytes(RX, &self.rx.iter().copied().collect::<Vec<_>>());
        let all = [
            self.errors,
            self.ilpr,
            self.ibrd,
            self.fbrd,
            self.lcr,
            self.cr,
            self.ifls,
            self.mask,
            self.raw,
            self.dma,
        ];
        w.ints(REGISTERS, all.map(u64::from));
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let mut all = [0; 10];
        r.ints(REGISTERS, &mut all)?;
        let [errors, ilpr, ibrd, fbrd, lcr, cr, ifls, mask, raw, dma] = all.map(|n| n as u32);
        let rx = r.bytes(RX)?.to_vec().into();
        let s = State { rx, errors, ilpr, ibrd, fbrd, lcr, cr, ifls, mask, raw, dma };
        if s.rx.len() > 16 || all.iter().any(|n| *n > 0xffff) {
            return Err(LoadError::Bad(RX));
        }
        Ok(s)
    }
}
