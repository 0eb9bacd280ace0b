//! Guest memory: anonymous pages of the host, shared by every view that maps them.
//!
//! Each 4 KiB page knows whether some cluster holds translated code of it. A write from outside
//! (DMA, loaders, debuggers, other clusters) to such a page is reported to the clusters, which drop
//! the translations before they run on.
//!
//! Clusters may run on threads of their own. Then one may store past the check until it has heard
//! that another translated code of the page; [`Notice`] says when it has.
#![allow(unsafe_code)]

mod pages;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};
use std::ffi::c_void;
use std::io;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering::SeqCst, fence};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// log2 of the bytes that one bit of the code map stands for.
pub(crate) const CODE_PAGE_BITS: u32 = 12;

/// A stretch of guest memory, all zeros at first.
#[derive(Debug)]
pub struct Ram {
    me: Weak<Ram>,
    base: NonNull<u8>,
    len: u64,
    /// One a code page: how many clusters have translations of it.
    code: Box<[AtomicU16]>,
    /// As `code`, of a code page and the next: what tells in one look whether a store of less than
    /// a page that begins there may hit translated code.
    guard: Box<[AtomicU16]>,
    listeners: Mutex<Vec<Weak<Listener>>>,
    /// Loads and fetches go to the bytes. While not, what stands behind the memory answers loads.
    direct: AtomicBool,
}

// SAFETY: the pages are plain bytes that any thread may read and write, through raw pointers only;
// the engine orders accesses between clusters by running them one at a time, or makes aligned ones
// single accesses of the host where they run at once: guests' races are guests' business.
unsafe impl Send for Ram {}
// SAFETY: as above; everything else in `Ram` is atomic or locked.
unsafe impl Sync for Ram {}

/// Where one cluster hears of writes to code.
#[derive(Debug, Default)]
pub(crate) struct Listener {
    pending: AtomicBool,
    events: Mutex<Vec<Told>>,
    /// Events so far, and how many of them the cluster has taken to heart.
    told: AtomicU64,
    heard: AtomicU64,
    /// Its core is running: only then it may store past a check that it has not heard of.
    running: AtomicBool,
}

/// An event that a cluster was told of.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    listener: Arc<Listener>,
    number: u64,
}

impl Notice {
    /// Whether the cluster stores nothing any more as if it had not heard.
    pub(crate) fn is_heard(&self) -> bool {
        self.listener.heard.load(SeqCst) >= self.number || !self.listener.running.load(SeqCst)
    }
}

/// What a cluster must know about a page with code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeEvent {
    /// Bytes were written: offset and length.
    Written(u64, u64),
    /// Another cluster translated code of the page at this offset: no write may go past the check.
    Translated(u64),
    /// Loads go elsewhere from now on: no TLB may lead to the memory as it did.
    Redirected,
}

/// Where something happened, and what.
type Told = (Weak<Ram>, CodeEvent);

impl Listener {
    /// What happened since the last call, and a number for [`Listener::heard`]. None if nothing.
    pub(crate) fn take(&self) -> Option<(Vec<Told>, u64)> {
        // A swap alone would cost as much as all the rest between two instructions.
        if !self.pending.load(SeqCst) || !self.pending.swap(false, SeqCst) {
            return None;
        }
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        Some((std::mem::take(&mut *events), self.told.load(SeqCst)))
    }

    /// All events up to this number were taken to heart.
    pub(crate) fn heard(&self, number: u64) {
        self.heard.store(number, SeqCst);
    }

    /// The cluster's core begins or ends to run; it must take events after it began.
    pub(crate) fn run(&self, running: bool) {
        self.running.store(running, SeqCst);
    }

    fn push(self: &Arc<Listener>, ram: Weak<Ram>, event: CodeEvent) -> Notice {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever fills a page stores word by word.
        match (events.last_mut(), event) {
            (Some((r, CodeEvent::Written(at, len))), CodeEvent::Written(to, more))
                if r.ptr_eq(&ram) && *at + *len == to =>
            {
                *len += more;
            }
            _ => events.push((ram, event)),
        }
        let number = self.told.fetch_add(1, SeqCst) + 1;
        self.pending.store(true, SeqCst);
        Notice { listener: self.clone(), number }
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
        // Random access to much memory is bound by the host's TLB. A host without huge pages says
        // so, and all is as well.
        // SAFETY: advice about a mapping of our own, which changes nothing that can be seen of it.
        let _ = unsafe { madvise(base, size, Advice::LinuxHugepage) };
        let base = NonNull::new(base.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        let counts = || {
            let mut counts = Vec::new();
            let pages = size >> CODE_PAGE_BITS;
            counts.try_reserve_exact(pages).map_err(|_| io::ErrorKind::OutOfMemory)?;
            counts.resize_with(pages, AtomicU16::default);
            Ok::<Box<[AtomicU16]>, io::Error>(counts.into())
        };
        let (code, guard) = (counts()?, counts()?);
        Ok(Arc::new_cyclic(|me| Ram {
            me: me.clone(),
            base,
            len,
            code,
            guard,
            listeners: Mutex::default(),
            direct: AtomicBool::new(true),
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

    /// Whether loads go to the bytes: so it is at first.
    pub fn is_direct(&self) -> bool {
        self.direct.load(SeqCst)
    }

    /// Has loads go to the bytes, or to the registers that stand behind the memory in a view
    /// ([`crate::SpaceBuilder::behind`]). Cores hear of it before their next instruction, if they
    /// are made to stop there.
    pub fn set_direct(&self, direct: bool) {
        if self.direct.swap(direct, SeqCst) != direct {
            self.tell(CodeEvent::Redirected, None);
        }
    }

    /// Reads; false, and nothing read, if the range leaves the memory.
    pub fn read(&self, offset: u64, into: &mut [u8]) -> bool {
        let Some(from) = self.host(offset, into.len() as u64) else { return false };
        // SAFETY: `host` checked that the range lies in the mapping; `into` is not guest memory.
        unsafe { copy(from, into.as_mut_ptr(), into.len()) };
        true
    }

    /// Writes; false, and nothing written, if the range leaves the memory. Translations of the
    /// bytes are dropped in every cluster before it runs on.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> bool {
        if !self.write_quiet(offset, bytes) {
            return false;
        }
        // A cluster that translates marks the page before it looks at the bytes again.
        fence(SeqCst);
        if self.has_code(offset, bytes.len() as u64) {
            self.tell(CodeEvent::Written(offset, bytes.len() as u64), None);
        }
        true
    }

    /// Writes without a look at translations.
    pub(crate) fn write_quiet(&self, offset: u64, bytes: &[u8]) -> bool {
        let Some(to) = self.host(offset, bytes.len() as u64) else { return false };
        // SAFETY: `host` checked that the range lies in the mapping; `bytes` is not guest memory.
        unsafe { copy(bytes.as_ptr(), to, bytes.len()) };
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
            .any(|page| self.code.get(page as usize).is_some_and(|c| c.load(SeqCst) != 0))
    }

    /// Notes that a cluster has translations of the page now, which had none. The others are told.
    pub(crate) fn mark_code(&self, offset: u64, who: &Arc<Listener>) -> Vec<Notice> {
        let Some(page) = self.code.get((offset >> CODE_PAGE_BITS) as usize) else {
            return Vec::new();
        };
        page.fetch_add(1, SeqCst);
        self.guards(offset).for_each(|guard| {
            guard.fetch_add(1, SeqCst);
        });
        self.tell(CodeEvent::Translated(offset), Some(who))
    }

    /// Notes that a cluster has no translation of the page left.
    pub(crate) fn unmark_code(&self, offset: u64) {
        if let Some(page) = self.code.get((offset >> CODE_PAGE_BITS) as usize) {
            page.fetch_sub(1, SeqCst);
            self.guards(offset).for_each(|guard| {
                guard.fetch_sub(1, SeqCst);
            });
        }
    }

    fn guards(&self, offset: u64) -> impl Iterator<Item = &AtomicU16> {
        let page = (offset >> CODE_PAGE_BITS) as usize;
        self.guard.get(page.saturating_sub(1)..=page).into_iter().flatten()
    }

    /// Where it is counted, in 16 bits a code page from this offset's on, how much there is that a
    /// store must not hit unseen. It lies there as long as the memory.
    pub(crate) fn guard(&self, offset: u64) -> Option<usize> {
        let guard = self.guard.get((offset >> CODE_PAGE_BITS) as usize)?;
        Some(std::ptr::from_ref(guard) as usize)
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
    pub(crate) fn tell(&self, event: CodeEvent, but: Option<&Arc<Listener>>) -> Vec<Notice> {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        let others = listeners.iter().filter_map(Weak::upgrade);
        others
            .filter(|l| !but.is_some_and(|b| Arc::ptr_eq(b, l)))
            .map(|l| l.push(self.me.clone(), event))
            .collect()
    }
}

/// Copies; 2, 4 or 8 aligned bytes in one access, so that another thread sees all or nothing.
///
/// # Safety
/// As [`std::ptr::copy_nonoverlapping`].
unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
    macro_rules! whole {
        ($ty:ty) => {
            // SAFETY: so many bytes can be read and written, says the caller; volatile accesses
            // are not split.
            unsafe {
                let both = from.addr() | to.addr();
                if both % align_of::<$ty>() == 0 {
                    to.cast::<$ty>().write_volatile(from.cast::<$ty>().read_volatile());
                } else if from.addr() % align_of::<$ty>() == 0 {
                    to.cast::<$ty>().write_unaligned(from.cast::<$ty>().read_volatile());
                } else if to.addr() % align_of::<$ty>() == 0 {
                    to.cast::<$ty>().write_volatile(from.cast::<$ty>().read_unaligned());
                } else {
                    std::ptr::copy_nonoverlapping(from, to, len);
                }
            }
        };
    }
    match len {
        2 => whole!(u16),
        4 => whole!(u32),
        8 => whole!(u64),
        // SAFETY: the caller's.
        _ => unsafe { std::ptr::copy_nonoverlapping(from, to, len) },
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
        assert!(a.take().is_none());
        a.run(true);
        b.run(true);
        let notices = ram.mark_code(0x1000, &a);
        let told = |l: &Listener| -> Vec<CodeEvent> {
            let Some((events, number)) = l.take() else { return Vec::new() };
            l.heard(number);
            events.into_iter().map(|e| e.1).collect()
        };
        assert_eq!(notices.iter().map(Notice::is_heard).collect::<Vec<_>>(), [false]);
        assert_eq!(told(&b), [CodeEvent::Translated(0x1000)]);
        assert!(notices[0].is_heard());
        assert!(ram.write(0xfff, &[1, 2]));
        assert_eq!(told(&a), [CodeEvent::Written(0xfff, 2)]);
        assert_eq!(told(&b), [CodeEvent::Written(0xfff, 2)]);
        assert!(a.take().is_none());
        assert!(ram.write(0x1000, &[1, 2]) && ram.write(0x1002, &[3]));
        assert_eq!(told(&a), [CodeEvent::Written(0x1000, 3)], "what adjoins is told once");
        ram.unmark_code(0x1000);
        assert!(ram.write(0x1000, &[1]) && a.take().is_none());
        let notices = ram.mark_code(0x2000, &a);
        b.run(false);
        assert!(notices[0].is_heard(), "a core that stands hears before it runs");
    }
}
