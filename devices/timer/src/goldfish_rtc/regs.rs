//! Registers of the Goldfish real-time clock.

pub(super) use crate::schemas::goldfish_rtc_1::{
    ALARM_HIGH, ALARM_LOW, ALARM_STATUS, CLEAR_ALARM, CLEAR_INTERRUPT, IRQ_ENABLED, TIME_HIGH,
    TIME_LOW,
};
