//! Memory accesses that the soft TLB does not answer: translation, TLB fills, devices, misaligned
//! accesses, stores to pages with translated code; and the engine's side of [`Env`].

mod access;
mod device;
mod env;
mod fetch;
mod saved;
mod spaces;
mod watch;

pub use device::Port;
pub(crate) use env::Looking;
pub(crate) use fetch::CodePage;
pub(crate) use watch::Watch;

use crate::cache::Cache;
use crate::cluster::{Hit, Stats, Watched};
use crate::ram::{CODE_PAGE_BITS, Listener};
use crate::space::Space;
use crate::system::{DeviceRef, System};
use crate::tlb::Tlb;
use fetch::FetchTable;
use hetemu_hw::time::Ps;
use hetemu_isa::{Access, Flush, Layout, Mode, Translation};
use spaces::{Large, Pool, Table};
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
    /// The value is of 32 bits.
    pub(crate) fn to32(self) -> bool {
        self.0 & 32 != 0
    }
    /// From the bytes read, little-endian and zero-extended, to the value.
    pub(crate) fn extend(self, raw: u64) -> u64 {
        let raw = self.order(raw);
        let shift = 64 - 8 * self.bytes() as u32;
        let wide = if self.signed() { ((raw << shift) as i64 >> shift) as u64 } else { raw };
        if self.to32() { wide & 0xffff_ffff } else { wide }
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

/// Data translations of a regime, in one address space or all.
#[derive(Debug)]
struct DataTable {
    tlb: Tlb,
    large: Large,
}

impl Table for DataTable {
    fn flush(&mut self) {
        self.tlb.flush();
        self.large.clear();
    }

    fn flush_page(&mut self, va: u64) {
        if self.large.contains(va) {
            return self.flush();
        }
        self.tlb.flush_page(va);
    }
}

/// Translations of one core.
#[derive(Debug)]
pub(crate) struct Mmu {
    data: Pool<DataTable>,
    fetch: Pool<FetchTable>,
    /// Pages that are not memory: devices, mostly.
    other: [OtherEntry; OTHERS],
    /// Which entries of the space were asked for last, by low bits of the address: hints.
    ports: [u32; OTHERS],
    /// Device registers that compiled code accessed last, by low bits of the address.
    quick: [Option<QuickPort>; OTHERS],
    page_bits: u32,
    /// Bits of an address.
    bits: u8,
    /// Physical addresses of the core's own registers.
    own: Vec<(u64, u64)>,
    /// Every access is told to the machine: the TLB stays empty.
    watched: bool,
    /// Memory whose accesses stop the core.
    stops: Vec<Watched>,
    /// The machine is told who accesses a device.
    watch_devices: bool,
}

/// A page that loads or stores are allowed to, and that the TLB does not hold.
#[derive(Debug, Clone, Copy)]
struct OtherEntry {
    page: u64,
    regime: u8,
    /// None: in all of them.
    space: Option<u32>,
    pa: u64,
    read: bool,
    write: bool,
}

/// A device register that an access of compiled code leads to: all that was looked at stays so
/// until translations are flushed.
#[derive(Debug, Clone, Copy)]
struct QuickPort {
    va: u64,
    regime: u8,
    /// None: in all of them.
    space: Option<u32>,
    size: u8,
    store: bool,
    at: DeviceRef,
    /// Its bytes are reversed on the way.
    reverse: bool,
}

const OTHERS: usize = 16;
const NO_OTHER: OtherEntry =
    OtherEntry { page: u64::MAX, regime: 0, space: None, pa: 0, read: false, write: false };

/// An identical translation of so many bytes is none: no table has pages of that size.
const UNTRANSLATED: u64 = 1 << 40;

/// Tables of data, and of fetches, that a core has at most.
const MOST_DATA: u8 = 12;
const MOST_FETCH: u8 = 16;

impl Mmu {
    pub(crate) fn new(layout: &Layout, own: &[(u64, u64)]) -> Mmu {
        let regimes = layout.regimes;
        let page_bits = u32::from(layout.page_bits);
        let data = Self::data_table(page_bits, layout.bits);
        Mmu {
            data: Pool::new(MOST_DATA, regimes, data),
            fetch: Pool::new(MOST_FETCH, regimes, FetchTable::new(page_bits)),
            other: [NO_OTHER; OTHERS],
            ports: [0; OTHERS],
            quick: [None; OTHERS],
            page_bits,
            bits: layout.bits,
            own: own.to_vec(),
            watched: false,
            stops: Vec::new(),
            watch_devices: false,
        }
    }

    fn data_table(page_bits: u32, bits: u8) -> DataTable {
        DataTable { tlb: Tlb::new(page_bits as u8, bits), large: Large::default() }
    }

    /// Has the machine told who accesses a device, or not.
    pub(crate) fn watch_devices(&mut self, on: bool) {
        self.watch_devices = on;
        self.quick = [None; OTHERS];
    }

    /// Whether an address leads to the core's own registers.
    pub(crate) fn is_own(&self, pa: u64) -> bool {
        self.own.iter().any(|(first, last)| (*first..=*last).contains(&pa))
    }

    /// Whether accesses must not go past the TLB.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched || !self.stops.is_empty()
    }

    /// Has accesses to this memory stop the core. False if that is so already; else translations
    /// are forgotten.
    pub(crate) fn set_watched(&mut self, stops: &[Watched]) -> bool {
        let changed = self.stops != stops;
        if changed {
            self.stops = stops.to_vec();
            self.flush(Flush::All);
        }
        changed
    }

    /// Whether an access may stop the core.
    pub(crate) fn may_stop(&self, va: u64, bytes: u64) -> bool {
        !self.stops.is_empty() && self.stops.iter().any(|w| w.touched(va, bytes).is_some())
    }

    /// The distance of near pages of the data TLB in force, for compiled code that is about to run.
    pub(crate) fn distance(&mut self) -> usize {
        self.tlb_mut().distance()
    }

    /// Has every access come to the slow paths, or not.
    pub(crate) fn watch(&mut self, on: bool) {
        self.watched = on;
        self.flush(Flush::All);
    }

    /// Forgets translations. True if code may have been fetched by one of them where the core is
    /// now: what is known of where jumps lead does not hold any more.
    pub(crate) fn flush(&mut self, what: Flush) -> bool {
        self.data.flush(what);
        self.fetch.flush(what);
        // Those of one large page must go together, and all are few.
        self.other = [NO_OTHER; OTHERS];
        self.quick = [None; OTHERS];
        self.epoch() == 0
    }

    /// Names what is known of where jumps lead in the space and regime in force. 0: nothing is.
    pub(crate) fn epoch(&self) -> u64 {
        self.fetch.current.epoch
    }

    /// Gives it a name.
    pub(crate) fn set_epoch(&mut self, epoch: u64) {
        self.fetch.current.epoch = epoch;
    }

    /// Nothing that was known of where jumps lead holds any more.
    pub(crate) fn forget_epochs(&mut self) {
        self.fetch.tables().for_each(|t| t.epoch = 0);
    }

    /// Notes a translation of data.
    fn note(&mut self, va: u64, t: &Translation) {
        if !t.global {
            self.data.note_local();
        }
        if is_large(va, t, self.page_bits) {
            self.data.current.large.add(va, t.span);
        }
    }

    /// Where a page that is not memory is noted in the regime in force. A device is often used by
    /// more than one regime, in turn.
    fn other_at(&self, va: u64) -> usize {
        let regime = usize::from(self.data.regime());
        (va >> self.page_bits).wrapping_add(5 * regime as u64) as usize % OTHERS
    }

    /// Where an access is noted that leads to a device register.
    fn quick_at(va: u64, store: bool) -> usize {
        ((va ^ va >> 2) as usize & 7 | usize::from(store) << 3) % OTHERS
    }

    /// The register that an access leads to, if that is known, and whether bytes are reversed.
    fn quick(&self, va: u64, size: u8, store: bool) -> Option<(DeviceRef, bool)> {
        let quick = self.quick[Self::quick_at(va, store)].as_ref()?;
        let same = quick.va == va && quick.size == size && quick.store == store;
        let here = quick.regime == self.data.regime()
            && quick.space.is_none_or(|space| space == self.data.space());
        (same && here).then_some((quick.at, quick.reverse))
    }

    /// Notes which register an access leads to whose page is known.
    fn note_quick(&mut self, va: u64, size: u8, store: bool, (at, reverse): (DeviceRef, bool)) {
        let page = va >> self.page_bits << self.page_bits;
        let OtherEntry { page: known, regime, space, .. } = self.other[self.other_at(va)];
        if known == page && regime == self.data.regime() {
            let quick = QuickPort { va, regime, space, size, store, at, reverse };
            self.quick[Self::quick_at(va, store)] = Some(quick);
        }
    }

    /// A page that is not memory, if the access is known to be allowed.
    fn other(&self, va: u64, access: Access) -> Option<u64> {
        let page = va >> self.page_bits << self.page_bits;
        let entry = &self.other[self.other_at(va)];
        let allowed = if access == Access::Store { entry.write } else { entry.read };
        let here = entry.page == page
            && entry.regime == self.data.regime()
            && entry.space.is_none_or(|space| space == self.data.space());
        (here && allowed).then(|| entry.pa | (va - page))
    }

    /// The data TLB in force.
    #[inline(always)]
    pub(crate) fn tlb(&self) -> &Tlb {
        &self.data.current.tlb
    }

    fn tlb_mut(&mut self) -> &mut Tlb {
        &mut self.data.current.tlb
    }

    /// Puts a mode's regimes and address space in force.
    pub(crate) fn set_mode(&mut self, mode: Mode) {
        let (page_bits, bits) = (self.page_bits, self.bits);
        self.data.select(mode.data, mode.asid, || Self::data_table(page_bits, bits));
        self.fetch.select(mode.fetch, mode.asid, || FetchTable::new(page_bits));
    }

    /// Has stores to a range of the host looked at from now on.
    pub(crate) fn protect(&mut self, host: usize, len: usize) {
        self.data.tables().for_each(|t| t.tlb.protect(host, len));
    }
}

/// Whether a page flushed where this holds leaves more than that page to forget. A space that is
/// not translated is not flushed by pages.
fn is_large(va: u64, t: &Translation, page_bits: u32) -> bool {
    t.span >> page_bits > 1 && !(t.pa == va && t.span >= UNTRANSLATED)
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
    /// A debugger's stop that nobody has heard of.
    pub(crate) hit: Option<Hit>,
    /// Instructions retired before one whose watched accesses are let pass.
    pub(crate) passing: Option<u64>,
    /// No other core of the cluster waits for its turn.
    pub(crate) alone: bool,
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
            hit: None,
            passing: None,
            alone: false,
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
