//! Executable memory: one stretch, mapped twice, so that no page is ever writable and executable.
#![allow(unsafe_code)]

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::ffi::c_void;
use std::io;
use std::ptr::null_mut;

/// A stretch of code, filled from its beginning and emptied as a whole.
#[derive(Debug)]
pub(crate) struct Arena {
    write: *mut u8,
    exec: *const u8,
    len: usize,
    used: usize,
}

// SAFETY: the mappings belong to this value alone; nothing in them is tied to a thread.
unsafe impl Send for Arena {}

impl Arena {
    /// Reserves so many bytes; the host provides pages as they are filled.
    pub(crate) fn new(len: usize) -> io::Result<Arena> {
        let file = memfd_create("hetemu-code", MemfdFlags::CLOEXEC)?;
        ftruncate(&file, len as u64)?;
        let map = |prot| {
            // SAFETY: a new mapping of our own file at an address of the kernel's choice.
            unsafe { mmap(null_mut(), len, prot, MapFlags::SHARED, &file, 0) }
        };
        let write = map(ProtFlags::READ | ProtFlags::WRITE)?.cast::<u8>();
        match map(ProtFlags::READ | ProtFlags::EXEC) {
            Ok(exec) => Ok(Arena { write, exec: exec.cast::<u8>(), len, used: 0 }),
            Err(error) => {
                // SAFETY: mapped above, and nobody else knows of it.
                let _ = unsafe { munmap(write.cast::<c_void>(), len) };
                Err(error.into())
            }
        }
    }

    /// Puts code in; none if it is full.
    pub(crate) fn put(&mut self, code: &[u8]) -> Option<usize> {
        let at = self.used.next_multiple_of(32);
        if at.checked_add(code.len())? > self.len {
            return None;
        }
        // SAFETY: the range was checked to lie in the mapping, and holds no code that is in use.
        unsafe { std::ptr::copy_nonoverlapping(code.as_ptr(), self.write.add(at), code.len()) };
        self.used = at + code.len();
        Some(self.exec as usize + at)
    }

    /// Bytes in use.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// Drops everything after the first bytes. No code of it may run or be linked to.
    pub(crate) fn reset(&mut self, keep: usize) {
        self.used = keep;
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
