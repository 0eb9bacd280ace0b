//! Saved state of the SPI host. Numbers are never reused.

use super::regs::*;
use super::{CMD_DEPTH, RX_DEPTH, State, TX_DEPTH};
use hetemu_hw::{LoadError, Reader, Writer};
use std::collections::VecDeque;

const F_INTR_ERROR: u16 = 1;
const F_INTR_TEST: u16 = 2;
const F_INTR_ENABLE: u16 = 3;
const F_CONTROL: u16 = 4;
const F_CONFIGOPTS: u16 = 5;
const F_CSID: u16 = 6;
const F_ERROR_ENABLE: u16 = 7;
const F_ERROR_STATUS: u16 = 8;
const F_EVENT_ENABLE: u16 = 9;
const F_TX: u16 = 10;
const F_RX: u16 = 11;
const F_COMMANDS: u16 = 12;
const F_LEFT: u16 = 13;
const F_DIRECTION: u16 = 14;
const F_PARTIAL: u16 = 15;

fn words(list: &VecDeque<u32>) -> Vec<u8> {
    list.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn read_words(r: &Reader<'_>, field: u16, depth: usize) -> Result<VecDeque<u32>, LoadError> {
    let (each, rest) = r.bytes(field)?.as_chunks::<4>();
    if !rest.is_empty() || each.len() > depth {
        return Err(LoadError::Bad(field));
    }
    Ok(each.iter().map(|b| u32::from_le_bytes(*b)).collect())
}

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        w.int(F_INTR_ERROR, self.intr_error.into());
        w.int(F_INTR_TEST, self.intr_test.into());
        w.int(F_INTR_ENABLE, self.intr_enable.into());
        w.int(F_CONTROL, self.control.into());
        w.int(F_CONFIGOPTS, self.configopts.into());
        w.int(F_CSID, self.csid.into());
        w.int(F_ERROR_ENABLE, self.error_enable.into());
        w.int(F_ERROR_STATUS, self.error_status.into());
        w.int(F_EVENT_ENABLE, self.event_enable.into());
        w.bytes(F_TX, &self.tx.iter().copied().collect::<Vec<_>>());
        w.bytes(F_RX, &words(&self.rx));
        w.bytes(F_COMMANDS, &words(&self.commands));
        w.int(F_LEFT, self.left.into());
        w.int(F_DIRECTION, self.direction.into());
        w.int(F_PARTIAL, self.partial.into());
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let bits = |field, mask: u32| {
            let value = u32::try_from(r.int(field)?).map_err(|_| LoadError::Bad(field))?;
            if value & !mask == 0 { Ok(value) } else { Err(LoadError::Bad(field)) }
        };
        let below = |field, end: u32| {
            let value = bits(field, u32::MAX)?;
            if value < end { Ok(value) } else { Err(LoadError::Bad(field)) }
        };
        let tx = r.bytes(F_TX)?;
        if tx.len() > TX_DEPTH || tx.iter().any(|n| !(1..=4).contains(n)) {
            return Err(LoadError::Bad(F_TX));
        }
        Ok(State {
            intr_error: bits(F_INTR_ERROR, 1)? != 0,
            intr_test: bits(F_INTR_TEST, INTR_SPI_EVENT)?,
            intr_enable: bits(F_INTR_ENABLE, INTR_ERROR | INTR_SPI_EVENT)?,
            control: bits(F_CONTROL, CONTROL_MASK)?,
            configopts: bits(F_CONFIGOPTS, CONFIGOPTS_MASK)?,
            csid: bits(F_CSID, u32::MAX)?,
            error_enable: bits(F_ERROR_ENABLE, ERROR_ENABLE_MASK)?,
            error_status: bits(F_ERROR_STATUS, ERROR_STATUS_MASK)?,
            event_enable: bits(F_EVENT_ENABLE, EVENT_MASK)?,
            tx: tx.to_vec().into(),
            rx: read_words(r, F_RX, RX_DEPTH)?,
            commands: read_words(r, F_COMMANDS, CMD_DEPTH)?,
            left: below(F_LEFT, COMMAND_LEN + 2)?,
            direction: bits(F_DIRECTION, DIRECTION_RX | DIRECTION_TX)?,
            partial: below(F_PARTIAL, 4)?,
        })
    }
}
