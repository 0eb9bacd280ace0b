//! The memory map of the CLINT, in words of 64 bits.

use crate::schemas::riscv_clint_1::{MSIP_COUNT, MTIME, MTIMECMP, MTIMECMP_COUNT};

pub(super) const MAX_HARTS: u64 = MSIP_COUNT;

/// What lies at 8 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// MSIP of this hart and of the next.
    Msip(usize),
    /// Of a hart.
    Mtimecmp(usize),
    Mtime,
}

impl Word {
    pub(super) fn at(offset: u64) -> Option<Word> {
        match offset & !7 {
            MTIME => Some(Word::Mtime),
            at @ 0..MTIMECMP => Some(Word::Msip((at / 4) as usize)),
            at => {
                let hart = (at - MTIMECMP) / 8;
                (hart < MTIMECMP_COUNT).then_some(Word::Mtimecmp(hart as usize))
            }
        }
    }
}
