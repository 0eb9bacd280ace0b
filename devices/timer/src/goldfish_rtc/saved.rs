//! Saved state of the clock. Numbers are never reused.

use super::State;
use hetemu_hw::{LoadError, Reader, Writer};

const OFFSET: u16 = 1;
const HIGH: u16 = 2;
const ALARM: u16 = 3;
const ARMED: u16 = 4;
const IRQ_ENABLED: u16 = 5;
const PENDING: u16 = 6;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        w.int(OFFSET, self.offset);
        w.int(HIGH, self.high.into());
        w.int(ALARM, self.alarm);
        w.int(ARMED, self.armed.into());
        w.int(IRQ_ENABLED, self.irq_enabled.into());
        w.int(PENDING, self.pending.into());
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let flag = |field| match r.int(field)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(LoadError::Bad(field)),
        };
        Ok(State {
            offset: r.int(OFFSET)?,
            high: u32::try_from(r.int(HIGH)?).map_err(|_| LoadError::Bad(HIGH))?,
            alarm: r.int(ALARM)?,
            armed: flag(ARMED)?,
            irq_enabled: flag(IRQ_ENABLED)?,
            pending: flag(PENDING)?,
        })
    }
}
