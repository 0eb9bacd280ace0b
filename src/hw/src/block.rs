//! Disks: what a device may ask of the host's end of a block plug.
//!
//! A disk is a row of bytes whose length is a multiple of [`SECTOR`] and does not change. Calls
//! return when the host has done them: in virtual time they take no time.

/// Bytes of a sector, the unit of a disk's length.
pub const SECTOR: u64 = 512;

/// What is known of a disk before anything runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlockInfo {
    /// Bytes; a multiple of [`SECTOR`].
    pub bytes: u64,
    /// Writes are refused.
    pub read_only: bool,
    /// Bytes that the host's end likes to be asked for at once, a power of two; 0: any number.
    pub cluster: u64,
}

/// The host could not do it: an unreadable file, a full file system, a damaged image, a write to a
/// disk that is read only, a range beyond the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the disk failed")]
pub struct BlockError;

/// The host's end of a block plug. Offsets and lengths are bytes, and need no alignment.
pub trait Block: Send {
    /// Length and kind.
    fn info(&self) -> BlockInfo;
    /// Reads.
    fn read(&mut self, at: u64, into: &mut [u8]) -> Result<(), BlockError>;
    /// Writes; a later [`Block::flush`] makes it durable.
    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), BlockError>;
    /// What was written before stays, whatever happens to the host.
    fn flush(&mut self) -> Result<(), BlockError>;
    /// Makes a range read as zeros; with `free` the host may give the room back.
    fn zero(&mut self, at: u64, len: u64, free: bool) -> Result<(), BlockError>;
    /// Nobody needs the content of a range any more. It may stay, or become zeros.
    fn discard(&mut self, at: u64, len: u64) -> Result<(), BlockError>;
}
