//! The soft TLB: what makes a guest access a compare and a host access.
//!
//! Direct mapped, one a translation regime and address space in use (`mmu::spaces`). An entry
//! exists only for a page that lies wholly in memory; devices never enter it. The write tag is
//! absent while the page holds translated code. A tag compare includes the low address bits of the
//! access's size, so a misaligned access misses.
//!
//! Most cores map most of their memory so that host and virtual addresses differ by one number: all
//! of it where addresses are physical, a kernel's linear map elsewhere. Pages for which that holds
//! are near: compiled code adds a number that it has had since it was entered, and so need not wait
//! for the entry, which only tells whether it was right to.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::SeqCst};

/// log2 of the entries.
pub(crate) const TLB_BITS: u32 = 12;

const ENTRIES: usize = 1 << TLB_BITS;

/// Pages that must agree before others' distance is taken for that of near ones.
const ENOUGH: u32 = 2;

/// No page: no address under a mask has these low bits.
const NONE: u64 = u64::MAX;

/// Indexes that one word says of whether they are filled.
const WORD: usize = 64;

/// The tags of a page that is near.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Near {
    /// Virtual page that loads are allowed from.
    pub(crate) read: u64,
    /// Virtual page that stores are allowed to.
    pub(crate) write: u64,
}

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
const FAR: Near = Near { read: NONE, write: NONE };

/// What compiled code probes.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) near: [Near; ENTRIES],
    pub(crate) entries: [TlbEntry; ENTRIES],
}

/// A table of zeros.
fn zeroed() -> Box<Table> {
    // SAFETY: the table is all integers, whose zeros are values.
    unsafe { Box::<Table>::new_zeroed().assume_init() }
}

/// The indexes of bits that are set in a word.
fn indexes(word: usize, mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = bits.trailing_zeros() as usize;
        bits &= bits.wrapping_sub(1);
        (bit < WORD).then_some(word * WORD + bit)
    })
}

/// A TLB of one regime, and of one address space or all.
#[derive(Debug)]
pub(crate) struct Tlb {
    table: Box<Table>,
    /// One bit an index: it may be filled. To clear few quickly.
    filled: Box<[u64; ENTRIES / WORD]>,
    /// How many were filled since the last flush, at most.
    fills: usize,
    page_bits: u32,
    /// The addend of near pages. Compiled code holds a copy, so this changes between its runs only.
    distance: usize,
    /// The addend that most pages lately had, and how many more than others.
    usual: usize,
    votes: u32,
}

impl Tlb {
    /// For pages of so many bits, and addresses of so many.
    pub(crate) fn new(page_bits: u8, bits: u8) -> Tlb {
        let page_bits = u32::from(page_bits);
        // The host gives memory for what is touched only. A tag of zeros is that of the first page:
        // it is wrong in the row of that, and in the one of the last page, whose accesses may end
        // in the first.
        let mut table = zeroed();
        let top = u64::MAX >> (64 - u32::from(bits.clamp(1, 64))) >> page_bits;
        for at in [0, top as usize & (ENTRIES - 1)] {
            (table.near[at], table.entries[at]) = (FAR, EMPTY);
        }
        Tlb {
            table,
            filled: Box::new([0; ENTRIES / WORD]),
            fills: 0,
            page_bits,
            distance: 0,
            usual: 0,
            votes: 0,
        }
    }

    /// The addend of near pages, for compiled code that is about to run.
    pub(crate) fn distance(&mut self) -> usize {
        if self.distance != self.usual && self.votes >= ENOUGH {
            self.distance = self.usual;
            for word in 0..self.filled.len() {
                for at in indexes(word, self.filled[word]) {
                    self.set_near(at);
                }
            }
        }
        self.distance
    }

    /// Whether most pages are near.
    pub(crate) fn is_near(&self) -> bool {
        self.votes >= ENOUGH
    }

    fn set_near(&mut self, at: usize) {
        let entry = &self.table.entries[at];
        self.table.near[at] = match entry.addend == self.distance {
            true => Near { read: entry.read, write: entry.write },
            false => FAR,
        };
    }

    #[inline(always)]
    fn index(&self, va: u64) -> usize {
        (va >> self.page_bits) as usize & (ENTRIES - 1)
    }

    /// Where compiled code probes.
    pub(crate) fn base(&self) -> *const Table {
        std::ptr::from_ref(&*self.table)
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
        self.filled[at / WORD] |= 1 << (at % WORD);
        self.fills += 1;
        let old = &mut self.table.entries[at];
        *old = TlbEntry {
            read: if read { page } else { NONE },
            write: if write { page } else { NONE },
            addend: host.wrapping_sub(page as usize),
            host,
        };
        let addend = old.addend;
        self.set_near(at);
        // The majority of the pages entered, if there is one.
        if addend == self.usual {
            self.votes = (self.votes + 1).min(64);
        } else if self.votes == 0 {
            (self.usual, self.votes) = (addend, 1);
        } else {
            self.votes -= 1;
        }
    }

    /// Every page that is entered: where loads and stores are allowed, and its host address.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (Option<u64>, Option<u64>, usize)> {
        let words = self.filled.iter().enumerate();
        words.flat_map(|(word, bits)| indexes(word, *bits)).filter_map(|at| {
            let entry = &self.table.entries[at];
            let page = |tag: u64| (tag != NONE).then_some(tag);
            let (read, write) = (page(entry.read), page(entry.write));
            read.or(write).map(|_| (read, write, entry.host))
        })
    }

    /// Bytes of a page.
    pub(crate) fn page_size(&self) -> u64 {
        1 << self.page_bits
    }

    /// Forgets everything.
    pub(crate) fn flush(&mut self) {
        if self.fills == 0 {
            return;
        }
        for (word, bits) in self.filled.iter_mut().enumerate().filter(|(_, bits)| **bits != 0) {
            for at in indexes(word, std::mem::take(bits)) {
                self.table.entries[at] = EMPTY;
                self.table.near[at] = FAR;
            }
        }
        self.fills = 0;
    }

    /// Forgets one page.
    pub(crate) fn flush_page(&mut self, va: u64) {
        let page = va & self.page_mask();
        let at = self.index(va);
        let entry = &mut self.table.entries[at];
        if entry.read == page || entry.write == page {
            entry.read = NONE;
            entry.write = NONE;
            self.table.near[at] = FAR;
        }
    }

    /// Takes the right to store past the check from pages that overlap a range of the host.
    pub(crate) fn protect(&mut self, host: usize, len: usize) {
        let size = 1usize << self.page_bits;
        if self.fills == 0 {
            return;
        }
        for (word, bits) in self.filled.iter().enumerate().filter(|(_, bits)| **bits != 0) {
            for at in indexes(word, *bits) {
                let entry = &mut self.table.entries[at];
                if entry.write != NONE && entry.host < host + len && host < entry.host + size {
                    entry.write = NONE;
                    self.table.near[at].write = NONE;
                }
            }
        }
    }

    /// The host address for a load, if the page is entered and the address fits `low` (size - 1).
    #[inline(always)]
    pub(crate) fn readable(&self, va: u64, low: u64) -> Option<HostAddr> {
        let entry = &self.table.entries[self.index(va)];
        (va & (self.page_mask() | low) == entry.read)
            .then(|| HostAddr(entry.addend.wrapping_add(va as usize)))
    }

    /// The host address for a store.
    #[inline(always)]
    pub(crate) fn writable(&self, va: u64, low: u64) -> Option<HostAddr> {
        let entry = &self.table.entries[self.index(va)];
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
#[derive(Debug, Clone, Copy)]
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

    /// Stores `new` if `old` is there, at once for every thread: little-endian bytes, aligned.
    /// Gives what was there.
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

    /// So many bytes further, of the same memory.
    pub(crate) fn skip(self, bytes: u64) -> HostAddr {
        HostAddr(self.0.wrapping_add(bytes as usize))
    }

    /// Loads an aligned word whole, whoever else stores there; little-endian.
    pub(crate) fn load_whole(self, bytes: u8) -> Option<u64> {
        macro_rules! whole {
            ($ty:ty) => {{
                let from = self.0 as *const $ty;
                // SAFETY: as above, and aligned; volatile accesses are not split.
                from.is_aligned().then(|| <$ty>::from_le(unsafe { from.read_volatile() }).into())
            }};
        }
        match bytes {
            1 => Some(self.load8().into()),
            2 => whole!(u16),
            4 => whole!(u32),
            8 => whole!(u64),
            _ => None,
        }
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
        let mut tlb = Tlb::new(12, 64);
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
        let other = 0x1000 + (1 << (12 + TLB_BITS));
        assert!(tlb.readable(other, 0).is_none(), "same index, other page");
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

    #[test]
    fn an_empty_tlb_answers_for_no_page() {
        for (page_bits, bits) in [(12, 64), (12, 32), (10, 16), (14, 40)] {
            let tlb = Tlb::new(page_bits, bits);
            let (page, last) = (1u64 << page_bits, u64::MAX >> (64 - u32::from(bits)));
            for va in (0..ENTRIES as u64 * 2).map(|n| n << page_bits & last).chain([last]) {
                assert!(tlb.readable(va, 0).is_none() && tlb.writable(va, 0).is_none());
                // As compiled code looks: the row of the first byte, the tag of the last.
                let tag = tlb.table.entries[tlb.index(va | (page - 1))].read;
                let near = tlb.table.near[tlb.index(va | (page - 1))].read;
                let next = (va | (page - 1)).wrapping_add(8) & last & !(page - 1);
                assert!(tag != next && near != next, "{va:x}");
            }
        }
    }

    #[test]
    fn pages_of_the_usual_distance_are_near() {
        let mut pages = vec![0u8; 8 * 4096];
        let base = pages.as_mut_ptr();
        let mut tlb = Tlb::new(12, 64);
        let fill = |tlb: &mut Tlb, va: u64, page: usize, write: bool| {
            // SAFETY: the pages outlive the TLB's use.
            unsafe { tlb.fill(va, base.add(page * 4096), true, write) }
        };
        let near = |tlb: &Tlb, va: u64| {
            let near = tlb.table.near[tlb.index(va)];
            (near.read == va, near.write == va)
        };
        fill(&mut tlb, 0x10000, 0, true);
        assert!(!tlb.is_near());
        fill(&mut tlb, 0x11000, 1, true);
        fill(&mut tlb, 0x40000, 2, true);
        fill(&mut tlb, 0x13000, 3, false);
        // Only between runs of compiled code, which has a copy.
        assert_eq!(near(&tlb, 0x11000), (false, false));
        assert_eq!(tlb.distance(), (base as usize).wrapping_sub(0x10000));
        assert!(tlb.is_near());
        assert_eq!(near(&tlb, 0x11000), (true, true));
        assert_eq!(near(&tlb, 0x40000), (false, false));
        assert_eq!(near(&tlb, 0x13000), (true, false));
        tlb.protect(base as usize + 4096 + 8, 1);
        assert_eq!(near(&tlb, 0x11000), (true, false));
        // An entry's place is taken by a page that is not near.
        fill(&mut tlb, 0x10000 + (1 << (12 + TLB_BITS)), 5, true);
        assert_eq!(near(&tlb, 0x10000), (false, false));
        tlb.flush_page(0x13008);
        assert_eq!(near(&tlb, 0x13000), (false, false));
        fill(&mut tlb, 0x14000, 4, true);
        assert_eq!(near(&tlb, 0x14000), (true, true));
        tlb.flush();
        assert_eq!(near(&tlb, 0x14000), (false, false));
        // Pages anywhere have no majority.
        for i in 0..8 {
            fill(&mut tlb, 0x100_0000 + (i << 13), 7 - i as usize, true);
        }
        assert!(!tlb.is_near());
    }
}
