//! Memory accesses that the soft TLB does not answer: translation, TLB fills, devices, misaligned
//! accesses, stores to pages with translated code; and the engine's side of [`Env`].

mod access;
mod device;
mod env;
mod fetch;
mod watch;

pub(crate) use env::Looking;
pub(crate) use fetch::CodePage;
pub(crate) use watch::Watch;

use crate::cache::Cache;
use crate::cluster::Stats;
use crate::ram::{CODE_PAGE_BITS, Listener};
use crate::space::Space;
use crate::system::System;
use crate::tlb::Tlb;
use hetemu_hw::time::Ps;
use hetemu_isa::{Access, Flush, Layout, Translation};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How a memory operation accesses, packed into an operand of an op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Acc(pub(crate) u16);

impl Acc {
    pub(crate) fn new(mem: hetemu_isa::ir::Mem, to32: bool) -> Acc {
        let big = mem.endian == hetemu_schema::Endian::Big;
        Acc(u16::from(mem.size)
            | u16::from(mem.signed) << 2
            | u16::from(big) << 3
            | u16::from(mem.aligned) << 4
            | u16::from(to32) << 5)
    }
    /// log2 of the bytes.
    #[inline(always)]
    pub(crate) fn size(self) -> u8 {
        self.0 as u8 & 3
    }
    pub(crate) fn bytes(self) -> u64 {
        1 << self.size()
    }
    pub(crate) fn signed(self) -> bool {
        self.0 & 4 != 0
    }
    pub(crate) fn big(self) -> bool {
        self.0 & 8 != 0
    }
    pub(crate) fn aligned(self) -> bool {
        self.0 & 16 != 0
    }
    /// From the bytes read, little-endian and zero-extended, to the value.
    pub(crate) fn extend(self, raw: u64) -> u64 {
        let raw = self.order(raw);
        let shift = 64 - 8 * self.bytes() as u32;
        let wide = if self.signed() { ((raw << shift) as i64 >> shift) as u64 } else { raw };
        if self.0 & 32 != 0 { wide & 0xffff_ffff } else { wide }
    }
    /// The bytes that a value is stored as.
    pub(crate) fn raw(self, value: u64) -> u64 {
        let bytes = self.bytes();
        self.order(if bytes < 8 { value & ((1 << (8 * bytes)) - 1) } else { value })
    }
    /// Between a value's low bytes and the same bytes little-endian.
    pub(crate) fn order(self, raw: u64) -> u64 {
        if self.big() { raw.swap_bytes() >> (64 - 8 * self.bytes()) } else { raw }
    }
}

/// Translations of one core.
#[derive(Debug)]
pub(crate) struct Mmu {
    /// The one of the regime in force, which has an empty one in its place below.
    current: Tlb,
    /// One a regime.
    data: Vec<Tlb>,
    /// One a regime.
    fetch: Vec<Vec<ExecEntry>>,
    /// Pages that are not memory: devices, mostly.
    other: [OtherEntry; OTHERS],
    /// The regime of loads and stores.
    regime: u8,
    page_bits: u32,
    /// Pages that code was fetched from since all was flushed, by a hash of their numbers.
    fetched: Box<[u64; FETCHED / 64]>,
    /// Ranges of addresses with translations larger than a page, first and last; a page flushed
    /// there flushes all.
    large: BTreeMap<u64, u64>,
    /// Every access is told to the machine: the TLB stays empty.
    watched: bool,
    /// The machine is told who accesses a device.
    watch_devices: bool,
}

/// A page that loads or stores are allowed to, and that the TLB does not hold.
#[derive(Debug, Clone, Copy)]
struct OtherEntry {
    page: u64,
    regime: u8,
    pa: u64,
    read: bool,
    write: bool,
}

const OTHERS: usize = 16;
const NO_OTHER: OtherEntry =
    OtherEntry { page: u64::MAX, regime: 0, pa: 0, read: false, write: false };

/// An identical translation of so many bytes is none: no table has pages of that size.
const UNTRANSLATED: u64 = 1 << 40;

/// Bits of the map of pages that were fetched from.
const FETCHED: usize = 1 << 14;

/// A page that fetches are allowed from.
#[derive(Debug, Clone, Copy)]
struct ExecEntry {
    page: u64,
    pa: u64,
}

const EXEC_BITS: u32 = 7;
const NO_PAGE: ExecEntry = ExecEntry { page: u64::MAX, pa: 0 };

impl Mmu {
    pub(crate) fn new(layout: &Layout) -> Mmu {
        let regimes = usize::from(layout.regimes.max(1));
        Mmu {
            current: Tlb::new(layout.page_bits),
            data: (0..regimes).map(|_| Tlb::new(layout.page_bits)).collect(),
            fetch: vec![vec![NO_PAGE; 1 << EXEC_BITS]; regimes],
            other: [NO_OTHER; OTHERS],
            regime: 0,
            page_bits: u32::from(layout.page_bits),
            fetched: Box::new([0; FETCHED / 64]),
            large: BTreeMap::new(),
            watched: false,
            watch_devices: false,
        }
    }

    /// Has the machine told who accesses a device, or not.
    pub(crate) fn watch_devices(&mut self, on: bool) {
        self.watch_devices = on;
    }

    /// Whether every access comes to the slow paths.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched
    }

    /// The distance of near pages of the data TLB in force, for compiled code that is about to run.
    pub(crate) fn distance(&mut self) -> usize {
        self.current.distance()
    }

    /// Has every access come to the slow paths, or not.
    pub(crate) fn watch(&mut self, on: bool) {
        self.watched = on;
        self.flush(Flush::All);
    }

    /// Forgets translations. True if code may have been fetched by one of them: what is known of
    /// where jumps lead does not hold any more.
    pub(crate) fn flush(&mut self, what: Flush) -> bool {
        match what {
            Flush::Page(va) if !self.is_large(va) => self.flush_page(va),
            _ => {
                self.flush_all();
                true
            }
        }
    }

    fn flush_all(&mut self) {
        for tlb in self.data.iter_mut().chain([&mut self.current]) {
            tlb.flush();
        }
        self.other = [NO_OTHER; OTHERS];
        for fetch in &mut self.fetch {
            fetch.fill(NO_PAGE);
        }
        self.fetched.fill(0);
        self.large.clear();
    }

    fn flush_page(&mut self, va: u64) -> bool {
        for tlb in self.data.iter_mut().chain([&mut self.current]) {
            tlb.flush_page(va);
        }
        self.other[(va >> self.page_bits) as usize % OTHERS] = NO_OTHER;
        let (word, bit) = self.fetched_at(va);
        let fetched = self.fetched[word] & bit != 0;
        if fetched {
            for fetch in &mut self.fetch {
                fetch[(va >> self.page_bits) as usize % (1 << EXEC_BITS)] = NO_PAGE;
            }
        }
        fetched
    }

    fn fetched_at(&self, va: u64) -> (usize, u64) {
        let hash = (va >> self.page_bits).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let at = hash as usize % FETCHED;
        (at / 64, 1 << (at % 64))
    }

    fn is_large(&self, va: u64) -> bool {
        self.large.range(..=va).next_back().is_some_and(|(_, last)| va <= *last)
    }

    /// Notes a translation, that of a fetch or of data.
    fn note(&mut self, va: u64, t: &Translation, fetch: bool) {
        if fetch {
            let (word, bit) = self.fetched_at(va);
            self.fetched[word] |= bit;
        }
        let span = t.span;
        // A space that is not translated is not flushed by pages.
        let untranslated = t.pa == va && span >= UNTRANSLATED;
        if span >> self.page_bits <= 1 || untranslated || self.is_large(va) {
            return;
        }
        let (mut first, mut last) = (va & !(span - 1), va | (span - 1));
        if let Some((&before, &end)) = self.large.range(..first).next_back()
            && end.wrapping_add(1) == first
        {
            self.large.remove(&before);
            first = before;
        }
        if let Some(end) = last.checked_add(1).and_then(|next| self.large.remove(&next)) {
            last = end;
        }
        self.large.insert(first, last);
    }

    /// A page that is not memory, if the access is known to be allowed.
    fn other(&self, va: u64, access: Access) -> Option<u64> {
        let page = va >> self.page_bits << self.page_bits;
        let entry = &self.other[(va >> self.page_bits) as usize % OTHERS];
        let allowed = if access == Access::Store { entry.write } else { entry.read };
        (entry.page == page && entry.regime == self.regime && allowed)
            .then(|| entry.pa | (va - page))
    }

    /// The data TLB in force.
    #[inline(always)]
    pub(crate) fn tlb(&self) -> &Tlb {
        &self.current
    }

    fn tlb_mut(&mut self) -> &mut Tlb {
        &mut self.current
    }

    /// Puts another regime in force.
    pub(crate) fn set_regime(&mut self, regime: u8) {
        let place = |r: u8, n: usize| usize::from(r).min(n - 1);
        let n = self.data.len();
        std::mem::swap(&mut self.current, &mut self.data[place(self.regime, n)]);
        std::mem::swap(&mut self.current, &mut self.data[place(regime, n)]);
        self.regime = regime;
    }

    /// Has stores to a range of the host looked at from now on.
    pub(crate) fn protect(&mut self, host: usize, len: usize) {
        for tlb in self.data.iter_mut().chain([&mut self.current]) {
            tlb.protect(host, len);
        }
    }
}

/// The answer of a device to an access that compiled code has made, and whose instruction the
/// interpreter must finish, because the core must be looked at after it. None is a bus error.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answered {
    Load(Option<u64>),
    Store(Option<()>),
}

/// What happened in slow paths that the run loop must see to.
#[derive(Debug)]
pub(crate) struct Events {
    /// The core must be looked at before its next instruction.
    pub(crate) leave: bool,
    /// What the next instruction's access has given already.
    pub(crate) answered: Option<Answered>,
    /// Translations of addresses were dropped.
    pub(crate) flushed: bool,
    /// The core wants to wait.
    pub(crate) wait: bool,
    /// The core spins: others shall go on before it does.
    pub(crate) pause: bool,
    /// The reservation is to be dropped.
    pub(crate) unreserve: bool,
    /// Translations must be compared with the code: other threads may have written it.
    pub(crate) refetch: bool,
    /// Host ranges with translated code that were written.
    pub(crate) dirty: Vec<(usize, u64)>,
    /// Code that may use the host's float unit has run since compiled code did.
    pub(crate) host_floats: bool,
    /// A call runs from compiled code: what must be seen at its instruction is refused.
    pub(crate) compiled: bool,
}

impl Default for Events {
    fn default() -> Self {
        Events {
            leave: false,
            answered: None,
            flushed: false,
            wait: false,
            pause: false,
            unreserve: false,
            refetch: false,
            dirty: Vec::new(),
            host_floats: true,
            compiled: false,
        }
    }
}

/// The world around one core while it runs.
pub(crate) struct Outer<'a> {
    pub(crate) core: usize,
    pub(crate) mmu: &'a mut Mmu,
    pub(crate) space: &'a Space,
    pub(crate) system: &'a mut dyn System,
    pub(crate) cache: &'a Cache,
    pub(crate) listener: &'a Arc<Listener>,
    pub(crate) events: &'a mut Events,
    pub(crate) stats: &'a mut Stats,
    /// What other cores of the cluster have reserved.
    pub(crate) watch: &'a mut Watch,
    /// Other cores run at the same time.
    pub(crate) parallel: bool,
    /// Virtual time at the start of the run.
    pub(crate) start: Ps,
    /// Of an instruction.
    pub(crate) ps: u64,
    /// Steps of this run before the current instruction.
    pub(crate) done: u64,
    /// Retired instructions minus steps of this run.
    pub(crate) base: u64,
    /// Address of the current instruction.
    pub(crate) pc: u64,
}

/// Bytes of a page of the code map.
pub(crate) const CODE_PAGE: u64 = 1 << CODE_PAGE_BITS;
