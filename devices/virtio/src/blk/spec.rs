//! Numbers of the disk's interface (Virtio 1.2, section 5.2).

/// Feature bits (5.2.3).
pub(super) const F_SEG_MAX: u64 = 1 << 2;
pub(super) const F_RO: u64 = 1 << 5;
pub(super) const F_BLK_SIZE: u64 = 1 << 6;
pub(super) const F_FLUSH: u64 = 1 << 9;
pub(super) const F_TOPOLOGY: u64 = 1 << 10;
pub(super) const F_CONFIG_WCE: u64 = 1 << 11;
pub(super) const F_MQ: u64 = 1 << 12;
pub(super) const F_DISCARD: u64 = 1 << 13;
pub(super) const F_WRITE_ZEROES: u64 = 1 << 14;

/// Request types (5.2.6).
pub(super) const T_IN: u32 = 0;
pub(super) const T_OUT: u32 = 1;
pub(super) const T_FLUSH: u32 = 4;
pub(super) const T_GET_ID: u32 = 8;
pub(super) const T_DISCARD: u32 = 11;
pub(super) const T_WRITE_ZEROES: u32 = 13;

/// Status byte at a request's end.
pub(super) const S_OK: u8 = 0;
pub(super) const S_IOERR: u8 = 1;
pub(super) const S_UNSUPP: u8 = 2;

/// Bytes of a request's head, of an ID, and of one range of a discard.
pub(super) const HEAD: u64 = 16;
pub(super) const ID: usize = 20;
pub(super) const RANGE: u64 = 16;
/// Flag of a range: the device may give the room back.
pub(super) const UNMAP: u32 = 1;

/// Offset of `writeback` in the configuration (5.2.4).
pub(super) const WRITEBACK: u64 = 32;

/// Length of the queues; a chain takes a head, a status and up to two less than this of data.
pub(super) const QUEUE: u16 = 256;
/// Most ranges of one discard, and most sectors of one range.
pub(super) const MOST_RANGES: u32 = 64;
pub(super) const MOST_SECTORS: u32 = 1 << 22;
