//! Guest memory: anonymous pages of the host, shared by every view that maps them.
//!
//! Each 4 KiB page knows whether some cluster holds translated code of it. A write from outside
//! (DMA, loaders, debuggers, other clusters) to such a page is reported to the clusters, which drop
//! the translations before they run on.
#![allow(unsafe_code)]

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::ffi::c_void;
use std::io;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// log2 of the bytes that one bit of the code map stands for.
pub(crate) const CODE_PAGE_BITS: u32 = 12;

/// A stretch of guest memory, all zeros at first.
#[derive(Debug)]
pub struct Ram {
    me: Weak<Ram>,
    base: NonNull<u8>,
    len: u64,
    /// One a code page: not 0 if some cluster has translations of it.
    code: Box<[AtomicU8]>,
    listeners: Mutex<Vec<Weak<Listener>>>,
}

// SAFETY: the pages are plain bytes that any thread may read and write; the engine orders accesses
// between clusters by running them one at a time, and guests' races are guests' business.
unsafe impl Send for Ram {}
// SAFETY: as above; everything else in `Ram` is atomic or locked.
unsafe impl Sync for Ram {}

/// Where one cluster hears of writes to code.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    pending: AtomicBool,
    events: Mutex<Vec<(Weak<Ram>, CodeEvent)>>,
}

/// What a cluster must know about a page with code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeEvent {
    /// Bytes were written: offset and length.
    Written(u64, u64),
    /// Another cluster translated code of the page at this offset: no write may go past the check.
    Translated(u64),
}

impl Listener {
    /// What happened since the last call.
    pub(crate) fn take(&self) -> Vec<(Weak<Ram>, CodeEvent)> {
        // A swap alone would cost as much as all the rest between two instructions.
        if !self.pending.load(Relaxed) || !self.pending.swap(false, Relaxed) {
            return Vec::new();
        }
        std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, ram: Weak<Ram>, event: CodeEvent) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push((ram, event));
        self.pending.store(true, Relaxed);
    }
}

impl Ram {
    /// Reserves memory; the host provides pages as they are touched.
    pub fn new(len: u64) -> io::Result<Arc<Ram>> {
        let size = usize::try_from(len.max(1)).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let size =
            size.checked_next_multiple_of(1 << CODE_PAGE_BITS).ok_or(io::ErrorKind::OutOfMemory)?;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice aliases nothing.
        let base =
            unsafe { mmap_anonymous(null_mut(), size, ProtFlags::READ | ProtFlags::WRITE, flags)? };
        let base = NonNull::new(base.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        let mut code = Vec::new();
        code.resize_with(size >> CODE_PAGE_BITS, AtomicU8::default);
        let code = code.into();
        Ok(Arc::new_cyclic(|me| Ram {
            me: me.clone(),
            base,
            len,
            code,
            listeners: Mutex::default(),
        }))
    }

    /// Bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads; false, and nothing read, if the range leaves the memory.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> bool {
        let Some(from) = self.host(offset, into.len() as u64) else { return false };
        // SAFETY: `host` checked that the range lies in the mapping; `into` is not guest memory.
        unsafe { std::ptr::copy_nonoverlapping(from, into.as_mut_ptr(), into.len()) };
        true
    }

    /// Writes; false, and nothing written, if the range leaves the memory. Translations of the
    /// bytes are dropped in every cluster before it runs on.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> bool {
        if !self.write_quiet(offset, bytes) {
            return false;
        }
        if self.has_code(offset, bytes.len() as u64) {
            self.tell(CodeEvent::Written(offset, bytes.len() as u64), None);
        }
        true
    }

    /// Writes without a look at translations.
    pub(crate) fn write_quiet(&self, offset: u64, bytes: &[u8]) -> bool {
        let Some(to) = self.host(offset, bytes.len() as u64) else { return false };
        // SAFETY: `host` checked that the range lies in the mapping; `bytes` is not guest memory.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        true
    }

    /// The host address of a range that lies wholly in the memory.
    pub(crate) fn host(&self, offset: u64, len: u64) -> Option<*mut u8> {
        let end = offset.checked_add(len)?;
        // SAFETY: the offset is at most the length of the mapping.
        (end <= self.len).then(|| unsafe { self.base.as_ptr().add(offset as usize) })
    }

    /// Whether a cluster has translations of a page that the range touches.
    pub(crate) fn has_code(&self, offset: u64, len: u64) -> bool {
        let last = offset.saturating_add(len.max(1) - 1) >> CODE_PAGE_BITS;
        (offset >> CODE_PAGE_BITS..=last)
            .any(|page| self.code.get(page as usize).is_some_and(|c| c.load(Relaxed) != 0))
    }

    /// Notes that the listener has translations of the page; true if no cluster had any before.
    pub(crate) fn mark_code(&self, offset: u64, who: &Arc<Listener>) -> bool {
        let Some(page) = self.code.get((offset >> CODE_PAGE_BITS) as usize) else { return false };
        let first = page.swap(1, Relaxed) == 0;
        if first {
            self.tell(CodeEvent::Translated(offset), Some(who));
        }
        first
    }

    /// Notes that the cluster has no translation of the page left. With several clusters the mark
    /// stays: another one may have some.
    pub(crate) fn unmark_code(&self, offset: u64) {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        if listeners.len() <= 1
            && let Some(page) = self.code.get((offset >> CODE_PAGE_BITS) as usize)
        {
            page.store(0, Relaxed);
        }
    }

    /// Has a cluster hear of writes to code.
    pub(crate) fn listen(&self, who: &Arc<Listener>) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|l| l.strong_count() > 0);
        if !listeners.iter().any(|l| std::ptr::eq(l.as_ptr(), Arc::as_ptr(who))) {
            listeners.push(Arc::downgrade(who));
        }
    }

    /// Tells every cluster but one.
    pub(crate) fn tell(&self, event: CodeEvent, but: Option<&Arc<Listener>>) {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        for l in listeners.iter().filter_map(Weak::upgrade) {
            if !but.is_some_and(|b| Arc::ptr_eq(b, &l)) {
                l.push(self.me.clone(), event);
            }
        }
    }
}

impl Drop for Ram {
    fn drop(&mut self) {
        let size = self.code.len() << CODE_PAGE_BITS;
        // SAFETY: the mapping was made in `new` with this size and nothing refers to it any more:
        // every holder of a host address keeps the `Arc`.
        let _ = unsafe { munmap(self.base.as_ptr().cast::<c_void>(), size) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked() {
        let ram = Ram::new(0x1800).unwrap();
        assert!(ram.write(0x17fe, &[1, 2]));
        assert!(!ram.write(0x17ff, &[1, 2]));
        assert!(!ram.write(u64::MAX, &[1, 2]));
        let mut two = [0; 2];
        assert!(ram.read(0x17fe, &mut two));
        assert_eq!(two, [1, 2]);
        assert!(!ram.read(0x1800, &mut two));
        assert!(ram.read(0x1800, &mut []));
    }

    #[test]
    fn writes_to_code_are_told() {
        let ram = Ram::new(0x4000).unwrap();
        let (a, b) = (Arc::new(Listener::default()), Arc::new(Listener::default()));
        ram.listen(&a);
        ram.listen(&b);
        assert!(ram.write(0x1000, &[1]));
        assert!(a.take().is_empty());
        assert!(ram.mark_code(0x1000, &a));
        assert!(!ram.mark_code(0x1ffc, &a));
        let told = |l: &Listener| l.take().into_iter().map(|e| e.1).collect::<Vec<_>>();
        assert_eq!(told(&b), [CodeEvent::Translated(0x1000)]);
        assert!(ram.write(0xfff, &[1, 2]));
        assert_eq!(told(&a), [CodeEvent::Written(0xfff, 2)]);
        assert_eq!(told(&b), [CodeEvent::Written(0xfff, 2)]);
        assert!(a.take().is_empty());
    }
}
