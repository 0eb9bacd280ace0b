//! A disk in memory that the test keeps a hand on.

use crate::block::{Block, BlockError, BlockInfo};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What lies on a [`RamDisk`], and what was done to it.
#[derive(Debug, Default)]
pub struct Platter {
    /// Content.
    pub bytes: Vec<u8>,
    /// Calls of flush.
    pub flushes: u32,
    /// Ranges discarded.
    pub discarded: Vec<(u64, u64)>,
    /// Every call fails.
    pub broken: bool,
}

/// A disk in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct RamDisk {
    platter: Arc<Mutex<Platter>>,
    /// Writes are refused.
    pub read_only: bool,
}

impl RamDisk {
    /// A disk with a content, whose length is a multiple of 512.
    pub fn new(bytes: Vec<u8>) -> RamDisk {
        let platter = Platter { bytes, ..Platter::default() };
        RamDisk { platter: Arc::new(Mutex::new(platter)), read_only: false }
    }

    /// The content and what was done to it.
    pub fn look(&self) -> MutexGuard<'_, Platter> {
        self.platter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<R>(
        &self,
        at: u64,
        len: u64,
        change: bool,
        call: impl FnOnce(&mut [u8]) -> R,
    ) -> Result<R, BlockError> {
        let mut platter = self.look();
        if platter.broken || change && self.read_only {
            return Err(BlockError);
        }
        let end = at.checked_add(len).ok_or(BlockError)?;
        platter.bytes.get_mut(at as usize..end as usize).map(call).ok_or(BlockError)
    }
}

impl Block for RamDisk {
    fn info(&self) -> BlockInfo {
        let bytes = self.look().bytes.len() as u64;
        BlockInfo { bytes, read_only: self.read_only, cluster: 0 }
    }
    fn read(&mut self, at: u64, into: &mut [u8]) -> Result<(), BlockError> {
        self.with(at, into.len() as u64, false, |from| into.copy_from_slice(from))
    }
    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), BlockError> {
        self.with(at, bytes.len() as u64, true, |to| to.copy_from_slice(bytes))
    }
    fn flush(&mut self) -> Result<(), BlockError> {
        let mut platter = self.look();
        platter.flushes += 1;
        if platter.broken { Err(BlockError) } else { Ok(()) }
    }
    fn zero(&mut self, at: u64, len: u64, _: bool) -> Result<(), BlockError> {
        self.with(at, len, true, |to| to.fill(0))
    }
    fn discard(&mut self, at: u64, len: u64) -> Result<(), BlockError> {
        self.with(at, len, true, |_| ())?;
        self.look().discarded.push((at, len));
        Ok(())
    }
}
