//! Words that compiled code knows the addresses of: they never move.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

const CHUNK: usize = 1024;

/// Names a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u32);

/// The words of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Words {
    chunks: Vec<Box<[AtomicI64]>>,
    used: usize,
    free: Vec<Word>,
}

impl Words {
    /// A word that holds a value.
    pub(crate) fn take(&mut self, value: i64) -> Word {
        let word = self.free.pop().unwrap_or_else(|| {
            if self.used.is_multiple_of(CHUNK) {
                self.chunks.push((0..CHUNK).map(|_| AtomicI64::new(0)).collect());
            }
            self.used += 1;
            Word((self.used - 1) as u32)
        });
        self.set(word, value);
        word
    }

    /// Gives a word back. No code may know of it any more.
    pub(crate) fn give(&mut self, word: Word) {
        self.free.push(word);
    }

    fn at(&self, Word(at): Word) -> &AtomicI64 {
        &self.chunks[at as usize / CHUNK][at as usize % CHUNK]
    }

    pub(crate) fn get(&self, word: Word) -> i64 {
        self.at(word).load(Relaxed)
    }

    pub(crate) fn set(&self, word: Word, value: i64) {
        self.at(word).store(value, Relaxed);
    }

    /// Where it lies.
    pub(crate) fn address(&self, word: Word) -> usize {
        std::ptr::from_ref(self.at(word)) as usize
    }
}
