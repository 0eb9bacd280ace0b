//! Registers and the control word (8254 data sheet, "Control Word Format").

pub(super) use crate::schemas::i8254_1::CONTROL;

/// SC = 3: the read-back command, which latches counts and status unless these bits are set.
pub(super) const READ_BACK: u8 = 3;
pub(super) const NO_COUNT: u8 = 1 << 5;
pub(super) const NO_STATUS: u8 = 1 << 4;
pub(super) const BCD: u8 = 1 << 0;
