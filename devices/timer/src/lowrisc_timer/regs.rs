//! Registers of rv_timer (OpenTitan book, IP block rv_timer, "Registers").

pub(super) use crate::schemas::lowrisc_timer_1::{
    ALERT_TEST, CFG0, COMPARE_LOWER0_0, COMPARE_UPPER0_0, CTRL, INTR_ENABLE0, INTR_STATE0,
    INTR_TEST0, TIMER_V_LOWER0, TIMER_V_UPPER0,
};

pub(super) const CTRL_ACTIVE: u32 = 1;
pub(super) const CFG0_PRESCALE: u32 = 0xfff;
pub(super) const CFG0_STEP: u32 = 0xff << CFG0_STEP_LSB;
pub(super) const CFG0_STEP_LSB: u32 = 16;
pub(super) const CFG0_MASK: u32 = CFG0_PRESCALE | CFG0_STEP;
/// Step 1, no prescaling.
pub(super) const CFG0_RESET: u32 = 1 << CFG0_STEP_LSB;
