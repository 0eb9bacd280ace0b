//! Saved state of the UART. Numbers are never reused.

use super::regs::{ctrl, intr, ovrd, timeout_ctrl};
use super::{State, Variant};
use hetemu_hw::{LoadError, Reader, Writer};

const EVENTS: u16 = 1;
const TEST: u16 = 2;
const ENABLE: u16 = 3;
const CTRL: u16 = 4;
const FIFO_CTRL: u16 = 5;
const OVRD: u16 = 6;
const TIMEOUT_CTRL: u16 = 7;
const VAL: u16 = 8;
const TX: u16 = 9;
const UNSENT: u16 = 10;
const SHIFT: u16 = 11;
const RX: u16 = 12;
const WATERMARKS: u16 = 13;

/// What SHIFT holds while the transmitter is idle.
const IDLE: u64 = 0x100;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        w.int(EVENTS, self.events.into());
        w.int(TEST, self.test.into());
        w.int(ENABLE, self.enable.into());
        w.int(CTRL, self.ctrl.into());
        w.int(FIFO_CTRL, self.fifo_ctrl.into());
        w.int(OVRD, self.ovrd.into());
        w.int(TIMEOUT_CTRL, self.timeout_ctrl.into());
        w.int(VAL, self.val.into());
        w.bytes(TX, &self.tx.iter().copied().collect::<Vec<_>>());
        w.int(UNSENT, self.unsent as u64);
        w.int(SHIFT, self.shift.map_or(IDLE, u64::from));
        w.bytes(RX, &self.rx.iter().copied().collect::<Vec<_>>());
        w.int(WATERMARKS, self.watermarks.into());
    }

    pub(super) fn load(
        r: &Reader<'_>,
        tx_depth: usize,
        rx_depth: usize,
    ) -> Result<Self, LoadError> {
        let word = |field| u32::try_from(r.int(field)?).map_err(|_| LoadError::Bad(field));
        let fifo = |field, depth| {
            let bytes = r.bytes(field)?;
            if bytes.len() > depth { Err(LoadError::Bad(field)) } else { Ok(bytes.to_vec()) }
        };
        let tx = fifo(TX, tx_depth)?;
        let unsent = r.int(UNSENT)? as usize;
        if unsent > tx.len() {
            return Err(LoadError::Bad(UNSENT));
        }
        Ok(State {
            events: word(EVENTS)?,
            test: word(TEST)?,
            enable: word(ENABLE)?,
            ctrl: word(CTRL)?,
            fifo_ctrl: word(FIFO_CTRL)?,
            ovrd: word(OVRD)?,
            timeout_ctrl: word(TIMEOUT_CTRL)?,
            val: word(VAL)?,
            tx: tx.into(),
            unsent,
            shift: u8::try_from(r.int(SHIFT)?).ok(),
            rx: fifo(RX, rx_depth)?.into(),
            watermarks: word(WATERMARKS)?,
        })
    }

    /// Version 1 had `tx_empty` at bit 2, latched; version 2 has it at bit 8 as a level.
    pub(super) fn convert_version_1(&mut self) {
        let empty = self.enable & intr::TX_DONE != 0;
        self.enable &= !intr::TX_DONE;
        self.enable |= if empty { intr::TX_EMPTY } else { 0 };
        self.events &= !intr::TX_DONE;
    }

    /// Drops bits that a register of this version does not have.
    pub(super) fn mask(&mut self, v: &Variant) {
        self.events &= v.interrupts & !v.status;
        self.test &= v.status;
        self.enable &= v.interrupts;
        self.ctrl &= ctrl::MASK;
        self.fifo_ctrl &= v.levels;
        self.ovrd &= ovrd::MASK;
        self.timeout_ctrl &= timeout_ctrl::MASK;
        self.val &= 0xffff;
    }
}
