//! The soft TLB: what makes a guest access a compare and a host access.
//!
//! Direct mapped, one a translation regime. An entry exists only for a page that lies wholly in
//! memory; devices never enter it. The write tag is absent while the page holds translated code. A
//! tag compare includes the low address bits of the access's size, so a misaligned access misses.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::SeqCst};

/// log2 of the entries.
pub(crate) const TLB_BITS: u32 = 10;

/// No page: no address under a mask has these low bits.
const NONE: u64 = u64::MAX;

/// One page.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct TlbEntry {
    /// Virtual page that loads are allowed from.
    pub(crate) read: u64,
    /// Virtual page that stores are allowed to.
    pub(crate) write: u64,
    /// Host address minus virtual address.
    pub(crate) addend: usize,
    /// Host address of the page.
    pub(crate) host: usize,
}

const EMPTY: TlbEntry = TlbEntry { read: NONE, write: NONE, addend: 0, host: 0 };

/// A TLB of one regime.
#[derive(Debug)]
pub(crate) struct Tlb {
    entries: Box<[TlbEntry; 1 << TLB_BITS]>,
    /// Indexes that may be filled, to clear few quickly.
    filled: Vec<u16>,
    page_bits: u32,
}

impl Tlb {
    pub(crate) fn new(page_bits: u8) -> Tlb {
        Tlb {
            entries: Box::new([EMPTY; 1 << TLB_BITS]),
            filled: Vec::with_capacity(256),
            page_bits: u32::from(page_bits),
        }
    }

    #[inline(always)]
    fn index(&self, va: u64) -> usize {
        (va >> self.page_bits) as usize & ((1 << TLB_BITS) - 1)
    }

    /// Where compiled code probes.
    pub(crate) fn base(&self) -> *const TlbEntry {
        self.entries.as_ptr()
    }

    #[inline(always)]
    fn page_mask(&self) -> u64 {
        !0 << self.page_bits
    }

    /// Enters a page. `host` is where it lies; the caller vouches that it stays mapped.
    ///
    /// # Safety
    /// `host` must point to a page that can be read (and written, if `write`) until the entry is
    /// flushed or the TLB is dropped.
    pub(crate) unsafe fn fill(&mut self, va: u64, host: *mut u8, read: bool, write: bool) {
        let page = va & self.page_mask();
        let at = self.index(va);
        let host = host as usize;
        let old = &mut self.entries[at];
        if old.read == NONE && old.write == NONE {
            self.filled.push(at as u16);
        }
        *old = TlbEntry {
            read: if read { page } else { NONE },
            write: if write { page } else { NONE },
            addend: host.wrapping_sub(page as usize),
            host,
        };
    }

    /// Forgets everything.
    pub(crate) fn flush(&mut self) {
        if self.filled.len() > 300 {
            self.entries.fill(EMPTY);
            self.filled.clear();
        } else {
            for at in self.filled.drain(..) {
                self.entries[usize::from(at)] = EMPTY;
            }
        }
    }

    /// Forgets one page.
    pub(crate) fn flush_page(&mut self, va: u64) {
        let page = va & self.page_mask();
        let entry = &mut self.entries[self.index(va)];
        if entry.read == page || entry.write == page {
            entry.read = NONE;
            entry.write = NONE;
        }
    }

    /// Takes the right to store past the check from pages that overlap a range of the host.
    pub(crate) fn protect(&mut self, host: usize, len: usize) {
        let size = 1usize << self.page_bits;
        for &at in &self.filled {
            let entry = &mut self.entries[usize::from(at)];
            if entry.write != NONE && entry.host < host + len && host < entry.host + size {
                entry.write = NONE;
            }
        }
    }

    /// The host address for a load, if the page is entered and the address fits `low` (size - 1).
    #[inline(always)]
    pub(crate) fn readable(&self, va: u64, low: u64) -> Option<HostAddr> {
        let entry = &self.entries[self.index(va)];
        (va & (self.page_mask() | low) == entry.read)
            .then(|| HostAddr(entry.addend.wrapping_add(va as usize)))
    }

    /// The host address for a store.
    #[inline(always)]
    pub(crate) fn writable(&self, va: u64, low: u64) -> Option<HostAddr> {
        let entry = &self.entries[self.index(va)];
        (va & (self.page_mask() | low) == entry.write)
            .then(|| HostAddr(entry.addend.wrapping_add(va as usize)))
    }

    /// As `readable`, for any alignment inside the page.
    pub(crate) fn readable_in_page(&self, va: u64, bytes: u64) -> Option<HostAddr> {
        (!self.crosses(va, bytes)).then(|| self.readable(va, 0)).flatten()
    }

    /// As `writable`, for any alignment inside the page.
    pub(crate) fn writable_in_page(&self, va: u64, bytes: u64) -> Option<HostAddr> {
        (!self.crosses(va, bytes)).then(|| self.writable(va, 0)).flatten()
    }

    /// Whether an access leaves its page.
    pub(crate) fn crosses(&self, va: u64, bytes: u64) -> bool {
        (va & !self.page_mask()) + bytes > 1 << self.page_bits
    }
}

/// A host address that a probe gave for an access that lies in its page.
#[derive(Clone, Copy)]
pub(crate) struct HostAddr(usize);

macro_rules! access {
    ($load:ident, $store:ident, $ty:ty) => {
        #[inline(always)]
        pub(crate) fn $load(self) -> $ty {
            // SAFETY: only a probe makes a `HostAddr`, for an access inside a page that `fill`'s
            // caller vouched for; it is used before anything can flush the entry.
            <$ty>::from_le(unsafe { (self.0 as *const $ty).read_unaligned() })
        }
        #[inline(always)]
        pub(crate) fn $store(self, value: $ty) {
            // SAFETY: as above, by a probe for a store.
            unsafe { (self.0 as *mut $ty).write_unaligned(value.to_le()) }
        }
    };
}

impl HostAddr {
    access!(load8, store8, u8);
    access!(load16, store16, u16);
    access!(load32, store32, u32);
    access!(load64, store64, u64);

    /// Stores `new` if `old` is there, at once for every thread: little-endian bytes, aligned. Gives
    /// what was there.
    pub(crate) fn swap_if(self, size: u8, old: u64, new: u64) -> u64 {
        macro_rules! swap {
            ($ty:ty, $atomic:ty) => {{
                // SAFETY: by a probe for a store, as above, and aligned.
                let cell = unsafe { <$atomic>::from_ptr(self.0 as *mut $ty) };
                let (old, new) = ((old as $ty).to_le(), (new as $ty).to_le());
                let seen = cell.compare_exchange(old, new, SeqCst, SeqCst);
                u64::from(<$ty>::from_le(seen.unwrap_or_else(|seen| seen)))
            }};
        }
        if self.0 & ((1 << size) - 1) != 0 {
            // Whoever asks for this has refused it already: nothing is stored.
            return !old;
        }
        match size {
            0 => swap!(u8, AtomicU8),
            1 => swap!(u16, AtomicU16),
            2 => swap!(u32, AtomicU32),
            _ => swap!(u64, AtomicU64),
        }
    }

    /// An address of memory that the caller vouches for.
    ///
    /// # Safety
    /// As many bytes as will be accessed can be read and written there for as long as this is used.
    pub(crate) unsafe fn new(host: *mut u8) -> HostAddr {
        HostAddr(host as usize)
    }

    /// The address.
    pub(crate) fn addr(self) -> usize {
        self.0
    }

    /// Loads bytes.
    #[inline(always)]
    pub(crate) fn load_bytes(self, into: &mut [u8]) {
        // SAFETY: as above, by a probe for so many bytes of one page. Guest memory is never
        // borrowed by Rust, and `into` is not guest memory.
        unsafe {
            std::ptr::copy_nonoverlapping(self.0 as *const u8, into.as_mut_ptr(), into.len());
        }
    }

    /// Stores bytes.
    #[inline(always)]
    pub(crate) fn store_bytes(self, bytes: &[u8]) {
        // SAFETY: as above, by a probe for a store of so many bytes of one page.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.0 as *mut u8, bytes.len());
        }
    }

    /// Loads 1, 2, 4 or 8 bytes, little-endian.
    pub(crate) fn load(self, size: u8) -> u64 {
        match size {
            0 => u64::from(self.load8()),
            1 => u64::from(self.load16()),
            2 => u64::from(self.load32()),
            _ => self.load64(),
        }
    }

    /// Stores 1, 2, 4 or 8 bytes, little-endian.
    pub(crate) fn store(self, size: u8, value: u64) {
        match size {
            0 => self.store8(value as u8),
            1 => self.store16(value as u16),
            2 => self.store32(value as u32),
            _ => self.store64(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_answer_for_their_page_and_alignment() {
        let mut page = vec![0u8; 8192];
        let mut tlb = Tlb::new(12);
        assert!(tlb.readable(0x1000, 7).is_none());
        // SAFETY: the page outlives the TLB's use.
        unsafe { tlb.fill(0x1008, page.as_mut_ptr(), true, false) };
        tlb.readable(0x1ff8, 7).unwrap();
        assert!(tlb.readable(0x1ff9, 7).is_none());
        assert!(tlb.readable_in_page(0x1ff9, 7).is_some());
        assert!(tlb.readable_in_page(0x1ff9, 8).is_none());
        assert!(tlb.writable(0x1000, 0).is_none());
        // SAFETY: as above.
        unsafe { tlb.fill(0x1008, page.as_mut_ptr(), true, true) };
        tlb.writable(0x1010, 7).unwrap().store64(0x0102);
        assert_eq!(page[0x10], 2);
        assert!(tlb.readable(0x1000 + (1 << 22), 0).is_none(), "same index, other page");
        tlb.protect(page.as_ptr() as usize + 4, 1);
        assert!(tlb.writable(0x1000, 0).is_none());
        assert!(tlb.readable(0x1000, 0).is_some());
        tlb.flush_page(0x1fff);
        assert!(tlb.readable(0x1000, 0).is_none());
        // SAFETY: as above.
        unsafe { tlb.fill(u64::MAX, page.as_mut_ptr(), true, true) };
        assert!(tlb.readable(!7, 7).is_some());
        tlb.flush();
        assert!(tlb.readable(!7, 7).is_none());
    }
}
