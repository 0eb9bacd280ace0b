//! Registers of a channel; channels follow each other.

pub(super) use crate::schemas::hm_mailbox_1::{CH_ENABLE, CH_RECEIVE, CH_SEND, CH_STATUS};
use crate::schemas::hm_mailbox_1::{CH_STATUS_COUNT, CH_STATUS_STRIDE};

pub(super) const CHANNELS: u64 = CH_STATUS_COUNT;

pub(super) const STATUS_READY: u32 = 1 << 0;
pub(super) const STATUS_FULL: u32 = 1 << 1;
pub(super) const STATUS_LOST: u32 = 1 << 2;
pub(super) const STATUS_LEVEL_LSB: u32 = 8;

/// The register of channel 0 and the channel at an offset.
pub(super) fn place(offset: u64) -> (u64, usize) {
    (offset % CH_STATUS_STRIDE, (offset / CH_STATUS_STRIDE) as usize)
}
