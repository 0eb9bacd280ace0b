//! Saved state of the 8259A. Numbers are never reused.

use super::State;
use hetemu_hw::{LoadError, Reader, Writer};

const BYTES: u16 = 0;
const LEVELS: u16 = 1;

/// In this order, one byte each.
const LEN: usize = 10;

impl State {
    pub(super) fn save(&self, w: &mut Writer) {
        let flags = [
            self.level,
            self.single,
            self.auto_end,
            self.nested,
            self.rotates,
            self.read_isr,
            self.poll,
            self.special_mask,
            self.wants_icw4,
        ];
        let flags = flags.iter().rev().fold(0u16, |all, f| all << 1 | u16::from(*f));
        let [low, high] = flags.to_le_bytes();
        let bytes: [u8; LEN] = [
            self.lines,
            self.irr,
            self.isr,
            self.imr,
            self.base,
            self.cascade,
            self.lowest,
            self.word,
            low,
            high,
        ];
        w.bytes(BYTES, &bytes);
        w.bytes(LEVELS, &[self.levels]);
    }

    pub(super) fn load(r: &Reader<'_>) -> Result<State, LoadError> {
        let bytes: &[u8; LEN] = r.bytes(BYTES)?.try_into().map_err(|_| LoadError::Bad(BYTES))?;
        let [lines, irr, isr, imr, base, cascade, lowest, word, low, high] = *bytes;
        if lowest > 7 || word > 4 || high > 1 {
            return Err(LoadError::Bad(BYTES));
        }
        // States of before there were such inputs have none.
        let levels = match r.bytes(LEVELS) {
            Ok(&[levels]) => levels,
            Err(LoadError::Missing(_)) => 0,
            _ => return Err(LoadError::Bad(LEVELS)),
        };
        let flags = u16::from_le_bytes([low, high]);
        let flag = |bit: u32| flags >> bit & 1 != 0;
        Ok(State {
            lines,
            irr,
            isr,
            imr,
            levels,
            base,
            cascade,
            lowest,
            word,
            level: flag(0),
            single: flag(1),
            auto_end: flag(2),
            nested: flag(3),
            rotates: flag(4),
            read_isr: flag(5),
            poll: flag(6),
            special_mask: flag(7),
            wants_icw4: flag(8),
        })
    }
}
