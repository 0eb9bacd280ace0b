//! The memory map of the PLIC (specification 1.0.0, chapter 3).

use crate::gateway::Gateways;
use crate::schemas::riscv_plic_1::{
    CLAIM, ENABLE, PENDING, PENDING_COUNT, PRIORITY_COUNT, THRESHOLD, THRESHOLD_STRIDE,
};
use hetemu_hw::InspectValue;

pub(super) const MAX_SOURCES: u64 = PRIORITY_COUNT - 1;
pub(super) const MAX_TARGETS: u64 = 15_872;
/// Bytes of enable bits of a context.
const ENABLE_STRIDE: u64 = 0x80;
const CONTEXT: u64 = THRESHOLD;

/// A register by what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reg {
    /// Of a source.
    Priority(u64),
    /// 32 sources.
    Pending(u64),
    /// 32 sources of a context.
    Enable(usize, u64),
    /// Of a context.
    Threshold(usize),
    /// Of a context.
    Claim(usize),
}

impl Reg {
    pub(super) fn at(offset: u64) -> Option<Reg> {
        match offset {
            0..PENDING => Some(Reg::Priority(offset / 4)),
            PENDING..ENABLE => {
                let word = (offset - PENDING) / 4;
                (word < PENDING_COUNT).then_some(Reg::Pending(word))
            }
            ENABLE..CONTEXT => {
                let at = offset - ENABLE;
                let target = at / ENABLE_STRIDE;
                (target < MAX_TARGETS)
                    .then_some(Reg::Enable(target as usize, at % ENABLE_STRIDE / 4))
            }
            _ => {
                let at = offset - CONTEXT;
                let target = (at / THRESHOLD_STRIDE) as usize;
                match at % THRESHOLD_STRIDE {
                    0 => Some(Reg::Threshold(target)),
                    n if n == CLAIM - THRESHOLD => Some(Reg::Claim(target)),
                    _ => None,
                }
            }
        }
    }
}

/// The registers that this size of controller has, by name.
pub(super) fn inspect(core: &Gateways) -> Vec<InspectValue> {
    let mut values = Vec::new();
    let mut put = |name: String, value: u32| {
        values.push(InspectValue { name, value: value.into() });
    };
    for source in 1.. {
        let Some(priority) = core.priority(source) else { break };
        put(format!("PRIORITY[{source}]"), priority);
    }
    for word in 0..core.words() {
        put(format!("PENDING[{word}]"), core.pending(word));
    }
    for target in 0..core.targets() {
        for word in 0..core.words() {
            put(format!("ENABLE[{target}][{word}]"), core.enable(target, word).unwrap_or(0));
        }
        put(format!("THRESHOLD[{target}]"), core.threshold(target).unwrap_or(0));
    }
    values
}
