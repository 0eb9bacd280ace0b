//! What jumps between regions go through: a word an address, which holds where its code is, or the
//! exit stub as long as there is none. No code is ever patched.

use crate::cache::{AddressMap, BlockKey};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const CHUNK: usize = 1024;

/// The words of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Links {
    index: AddressMap<BlockKey, usize>,
    /// They never move: compiled code knows their addresses.
    chunks: Vec<Box<[AtomicUsize]>>,
    used: usize,
}

impl Links {
    /// The address of the word for an address, which holds `stub` if it is new.
    pub(crate) fn slot(&mut self, key: BlockKey, stub: usize) -> usize {
        let at = *self.index.entry(key).or_insert_with(|| {
            if self.used.is_multiple_of(CHUNK) {
                self.chunks.push((0..CHUNK).map(|_| AtomicUsize::new(stub)).collect());
            }
            self.used += 1;
            self.used - 1
        });
        std::ptr::from_ref(&self.chunks[at / CHUNK][at % CHUNK]) as usize
    }

    /// Has jumps to an address lead to `code`; if it is the stub only if anybody jumps there.
    pub(crate) fn set(&mut self, key: BlockKey, code: usize, stub: usize) {
        if code != stub {
            self.slot(key, stub);
        }
        if let Some(&at) = self.index.get(&key) {
            self.chunks[at / CHUNK][at % CHUNK].store(code, Relaxed);
        }
    }

    /// Forgets all. No code may be left that jumps.
    pub(crate) fn clear(&mut self) {
        *self = Links::default();
    }
}
