//! Registers and command words (8259A data sheet, "Programming the 8259A").

pub(super) use crate::schemas::i8259_1::{COMMAND, DATA};

/// ICW1: this is one; ICW4 follows; there is no other 8259A; inputs are level-triggered.
pub(super) const ICW1: u8 = 1 << 4;
pub(super) const ICW1_IC4: u8 = 1 << 0;
pub(super) const ICW1_SNGL: u8 = 1 << 1;
pub(super) const ICW1_LTIM: u8 = 1 << 3;
/// ICW4: interrupts end when they are acknowledged; special fully nested mode.
pub(super) const ICW4_AEOI: u8 = 1 << 1;
pub(super) const ICW4_SFNM: u8 = 1 << 4;
/// OCW3, told from OCW2 by this bit: which register COMMAND reads, poll, special mask.
pub(super) const OCW3: u8 = 1 << 3;
pub(super) const OCW3_RIS: u8 = 1 << 0;
pub(super) const OCW3_RR: u8 = 1 << 1;
pub(super) const OCW3_P: u8 = 1 << 2;
pub(super) const OCW3_SMM: u8 = 1 << 5;
pub(super) const OCW3_ESMM: u8 = 1 << 6;
/// The answer to a poll: there is an interrupt.
pub(super) const POLL_I: u8 = 1 << 7;
