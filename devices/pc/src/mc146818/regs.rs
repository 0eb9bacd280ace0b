//! Registers behind INDEX and DATA (MC146818A data sheet, "Address Map" and "Registers").

pub(super) use crate::schemas::mc146818_1::INDEX;

/// Time, alarm and calendar bytes.
pub(super) const SECONDS: u8 = 0;
pub(super) const SECONDS_ALARM: u8 = 1;
pub(super) const MINUTES: u8 = 2;
pub(super) const MINUTES_ALARM: u8 = 3;
pub(super) const HOURS: u8 = 4;
pub(super) const HOURS_ALARM: u8 = 5;
pub(super) const WEEKDAY: u8 = 6;
pub(super) const DAY: u8 = 7;
pub(super) const MONTH: u8 = 8;
pub(super) const YEAR: u8 = 9;
/// The century, where PCs keep it (ACPI FADT, CENTURY).
pub(super) const CENTURY: u8 = 0x32;

pub(super) const A: u8 = 10;
pub(super) const A_UIP: u8 = 1 << 7;
pub(super) const B: u8 = 11;
pub(super) const B_SET: u8 = 1 << 7;
pub(super) const B_PIE: u8 = 1 << 6;
pub(super) const B_AIE: u8 = 1 << 5;
pub(super) const B_UIE: u8 = 1 << 4;
pub(super) const B_SQWE: u8 = 1 << 3;
pub(super) const B_DM: u8 = 1 << 2;
pub(super) const B_24: u8 = 1 << 1;
pub(super) const C: u8 = 12;
pub(super) const C_IRQF: u8 = 1 << 7;
pub(super) const C_PF: u8 = 1 << 6;
pub(super) const C_AF: u8 = 1 << 5;
pub(super) const C_UF: u8 = 1 << 4;
pub(super) const D: u8 = 13;
pub(super) const D_VRT: u8 = 1 << 7;

pub(super) const CELLS: usize = 128;
