//! Executable memory: one stretch, mapped twice, so that no page is ever writable and executable.
//! Pieces are given back one by one.
#![allow(unsafe_code)]

use rustix::mm::{
    Advice, MapFlags, MprotectFlags, MremapFlags, ProtFlags, madvise, mmap_anonymous, mprotect,
    mremap, munmap,
};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::io;
use std::ptr::null_mut;

/// Pieces begin at multiples of this.
const ALIGN: usize = 32;

/// Bytes that are written before the pages of that mapping are let go.
const KEPT: usize = 1 << 20;

/// A stretch of code.
#[derive(Debug)]
pub(crate) struct Arena {
    write: *mut u8,
    exec: *const u8,
    len: usize,
    /// Free stretches: offset and bytes. Neighbours are merged.
    free: BTreeMap<usize, usize>,
    used: usize,
    /// Bytes written since the pages were let go.
    written: usize,
}

/// A piece of the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Where it is run.
    pub(crate) code: usize,
    /// Bytes.
    pub(crate) len: usize,
}

// SAFETY: the mappings belong to this value alone; nothing in them is tied to a thread.
unsafe impl Send for Arena {}

impl Arena {
    /// Reserves so many bytes; the host provides pages as they are filled.
    pub(crate) fn new(len: usize) -> io::Result<Arena> {
        let rw = ProtFlags::READ | ProtFlags::WRITE;
        // Shared memory without a name, not a memfd: only there `perf` looks into its map of names.
        // SAFETY: a new mapping at an address of the kernel's choice.
        let write = unsafe { mmap_anonymous(null_mut(), len, rw, MapFlags::SHARED)? };
        let view = || {
            // SAFETY: from a shared mapping, an old length of 0 makes a second one of the same
            // pages (mremap(2)) at an address of the kernel's choice; the first one stays.
            let exec = unsafe { mremap(write, 0, len, MremapFlags::MAYMOVE)? };
            // SAFETY: just mapped, and nobody knows of it.
            let done = unsafe { mprotect(exec, len, MprotectFlags::READ | MprotectFlags::EXEC) };
            if done.is_err() {
                // SAFETY: as above.
                let _ = unsafe { munmap(exec, len) };
            }
            done.map(|()| exec)
        };
        let write = write.cast::<u8>();
        match view() {
            Ok(exec) => {
                let free = BTreeMap::from([(0, len)]);
                Ok(Arena { write, exec: exec.cast::<u8>(), len, free, used: 0, written: 0 })
            }
            Err(error) => {
                // SAFETY: mapped above, and nobody else knows of it.
                let _ = unsafe { munmap(write.cast::<c_void>(), len) };
                Err(error.into())
            }
        }
    }

    /// Puts code in; none if there is no stretch of free memory that it fits in.
    pub(crate) fn put(&mut self, code: &[u8]) -> Option<Piece> {
        let len = code.len().max(1).checked_next_multiple_of(ALIGN)?;
        let (&at, &room) = self.free.iter().find(|(_, room)| **room >= len)?;
        self.free.remove(&at);
        if room > len {
            self.free.insert(at + len, room - len);
        }
        self.used += len;
        // SAFETY: the range was free: it lies in the mapping and holds no code that is in use.
        unsafe { std::ptr::copy_nonoverlapping(code.as_ptr(), self.write.add(at), code.len()) };
        self.written += len;
        if self.written >= KEPT {
            self.written = 0;
            // Nobody reads there: what is there stays in the other mapping, and need not count
            // twice as memory of the process.
            // SAFETY: a mapping of our own, shared, so that its pages keep what they hold.
            let _ = unsafe { madvise(self.write.cast(), self.len, Advice::LinuxDontNeed) };
        }
        Some(Piece { code: self.exec as usize + at, len })
    }

    /// Gives a piece back. Nothing may run it or lead to it any more.
    pub(crate) fn take(&mut self, piece: Piece) {
        let mut at = piece.code - self.exec as usize;
        let mut len = piece.len;
        self.used -= len;
        if let Some((&before, &room)) = self.free.range(..at).next_back()
            && before + room == at
        {
            self.free.remove(&before);
            (at, len) = (before, len + room);
        }
        if let Some(room) = self.free.remove(&(at + len)) {
            len += room;
        }
        self.free.insert(at, len);
    }

    /// Whether a good part of it is free.
    pub(crate) fn has_room(&self) -> bool {
        self.used + (self.len >> 3) < self.len
    }

    /// Bytes in use.
    pub(crate) fn used(&self) -> usize {
        self.used
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: both mappings were made in `new` and no code runs any more.
        unsafe {
            let _ = munmap(self.write.cast::<c_void>(), self.len);
            let _ = munmap(self.exec.cast_mut().cast::<c_void>(), self.len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_back() {
        let mut arena = Arena::new(4096).unwrap();
        let a = arena.put(&[1; 1000]).unwrap();
        let b = arena.put(&[2; 1000]).unwrap();
        let c = arena.put(&[3; 2000]).unwrap();
        assert!(arena.put(&[4; 100]).is_none());
        arena.take(a);
        arena.take(b);
        assert_eq!(arena.used(), 2016);
        let d = arena.put(&[5; 2000]).unwrap();
        assert_eq!(d.code, a.code, "neighbours are merged");
        arena.take(c);
        arena.take(d);
        assert_eq!(arena.used(), 0);
        assert!(arena.put(&[6; 4096]).is_some());
    }
}
