//! Saved state of the 16550A. Numbers are never reused.

use super::State;
use super::regs::{FCR_KEPT, IER_MASK, LSR_OE, MCR_MASK};
use hetemu_hw::{LoadError, Reader, Writer};

const DIVISOR: u16 = 1;
const IER: u16 = 2;
const FCR: u16 = 3;
const LCR: u16 = 4;
const MCR: u16 = 5;
const ERRORS: u16 = 6;
const MSR: u16 = 7;
const SCR: u16 = 8;
const RX: u16 = 9;
const THRE_PENDING: u16 = 10;
const TIMED_OUT: u16 = 11;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        w.int(DIVISOR, self.divisor.into());
        w.int(IER, self.ier.into());
        w.int(FCR, self.fcr.into());
        w.int(LCR, self.lcr.into());
        w.int(MCR, self.mcr.into());
        w.int(ERRORS, self.errors.into());
        w.int(MSR, self.msr.into());
        w.int(SCR, self.scr.into());
        w.bytes(RX, &self.rx.iter().copied().collect::<Vec<_>>());
        w.int(THRE_PENDING, self.thre_pending.into());
        w.int(TIMED_OUT, self.timed_out.into());
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let byte = |field, mask: u8| {
            let value = u8::try_from(r.int(field)?).map_err(|_| LoadError::Bad(field))?;
            if value & !mask == 0 { Ok(value) } else { Err(LoadError::Bad(field)) }
        };
        let state = State {
            divisor: u16::try_from(r.int(DIVISOR)?).map_err(|_| LoadError::Bad(DIVISOR))?,
            ier: byte(IER, IER_MASK)?,
            fcr: byte(FCR, FCR_KEPT)?,
            lcr: byte(LCR, 0xff)?,
            mcr: byte(MCR, MCR_MASK)?,
            errors: byte(ERRORS, LSR_OE)?,
            msr: byte(MSR, 0xff)?,
            scr: byte(SCR, 0xff)?,
            rx: r.bytes(RX)?.to_vec().into(),
            thre_pending: byte(THRE_PENDING, 1)? != 0,
            timed_out: byte(TIMED_OUT, 1)? != 0,
        };
        if state.rx.len() > state.depth() {
            return Err(LoadError::Bad(RX));
        }
        Ok(state)
    }
}
