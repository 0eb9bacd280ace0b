//! What jumps between compiled code go through: a word an address, which holds where its code is,
//! or the exit stub as long as there is none. No code is ever patched.

use super::words::{Word, Words};
use crate::cache::{AddressMap, BlockKey};

/// The links of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Links {
    index: AddressMap<BlockKey, Word>,
    words: Words,
}

impl Links {
    /// The address of the word for an address, which holds `stub` if it is new.
    pub(crate) fn slot(&mut self, key: BlockKey, stub: usize) -> usize {
        let word = *self.index.entry(key).or_insert_with(|| self.words.take(stub as i64));
        self.words.address(word)
    }

    /// Has jumps to an address lead to `code`; if it is the stub only if anybody jumps there.
    pub(crate) fn set(&mut self, key: BlockKey, code: usize, stub: usize) {
        if code != stub {
            self.slot(key, stub);
        }
        if let Some(&word) = self.index.get(&key) {
            self.words.set(word, code as i64);
        }
    }

    /// Forgets all. No code may be left that jumps.
    pub(crate) fn clear(&mut self) {
        *self = Links::default();
    }
}
