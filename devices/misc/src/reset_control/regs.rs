//! Registers of the reset controller.

pub(super) use crate::schemas::hm_reset_control_1::{HOLD, LINES, RESET};
