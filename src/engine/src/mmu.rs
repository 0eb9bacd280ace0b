//! Memory accesses that the soft TLB does not answer: translation, TLB fills, devices, misaligned
//! accesses, stores to pages with translated code; and the engine's side of [`Env`].
#![allow(unsafe_code)]

use crate::cache::Cache;
use crate::cluster::Stats;
use crate::ram::{CODE_PAGE_BITS, CodeEvent, Listener, Ram};
use crate::space::{Kind, Space, Swap, Unmapped};
use crate::system::{DeviceRef, System, Unanswered, VirtMem};
use crate::tlb::Tlb;
use hetemu_hw::time::Ps;
use hetemu_isa::{Access, Cpu, Env, Exception, Flush, HostCall, Layout, Translation};
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
    /// Between a value's low bytes and the same bytes little-endian.
    pub(crate) fn order(self, raw: u64) -> u64 {
        if self.big() { raw.swap_bytes() >> (64 - 8 * self.bytes()) } else { raw }
    }
}

/// Translations of one core.
#[derive(Debug)]
pub(crate) struct Mmu {
    /// One a regime.
    pub(crate) data: Vec<Tlb>,
    /// One a regime.
    fetch: Vec<Vec<ExecEntry>>,
    /// Pages that are not memory: devices, mostly.
    other: [OtherEntry; OTHERS],
    /// The regime of loads and stores.
    pub(crate) regime: u8,
    page_bits: u32,
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
            data: (0..regimes).map(|_| Tlb::new(layout.page_bits)).collect(),
            fetch: vec![vec![NO_PAGE; 1 << EXEC_BITS]; regimes],
            other: [NO_OTHER; OTHERS],
            regime: 0,
            page_bits: u32::from(layout.page_bits),
        }
    }

    pub(crate) fn flush(&mut self, what: Flush) {
        for tlb in &mut self.data {
            match what {
                Flush::All => tlb.flush(),
                Flush::Page(va) => tlb.flush_page(va),
            }
        }
        self.other = [NO_OTHER; OTHERS];
        for fetch in &mut self.fetch {
            match what {
                Flush::All => fetch.fill(NO_PAGE),
                Flush::Page(va) => {
                    fetch[(va >> self.page_bits) as usize % (1 << EXEC_BITS)] = NO_PAGE
                }
            }
        }
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
        &self.data[usize::from(self.regime) % self.data.len()]
    }

    fn tlb_mut(&mut self) -> &mut Tlb {
        let at = usize::from(self.regime) % self.data.len();
        &mut self.data[at]
    }
}

/// What happened in slow paths that the run loop must see to.
#[derive(Debug)]
pub(crate) struct Events {
    /// The core must be looked at before its next instruction.
    pub(crate) leave: bool,
    /// Translations of addresses were dropped.
    pub(crate) flushed: bool,
    /// The core wants to wait.
    pub(crate) wait: bool,
    /// The reservation is to be dropped.
    pub(crate) unreserve: bool,
    /// Host ranges with translated code that were written.
    pub(crate) dirty: Vec<(usize, u64)>,
    /// Code that may use the host's float unit has run since compiled code did.
    pub(crate) host_floats: bool,
}

impl Default for Events {
    fn default() -> Self {
        Events {
            leave: false,
            flushed: false,
            wait: false,
            unreserve: false,
            dirty: Vec::new(),
            host_floats: true,
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

impl Outer<'_> {
    fn unanswered(&mut self, access: Access, va: u64, pa: u64, size: u8) {
        let (core, pc) = (self.core, self.pc);
        self.system.unanswered(Unanswered { core, pc, access, va, pa, size });
    }

    /// Loads what the TLB did not answer; little-endian, zero-extended bytes.
    fn load_raw(&mut self, cpu: &mut dyn Cpu, va: u64, acc: Acc) -> Result<u64, Exception> {
        let bytes = acc.bytes();
        if va & (bytes - 1) != 0 {
            if acc.aligned() {
                return Err(cpu.misaligned(Access::Load, va));
            }
            if self.mmu.tlb().crosses(va, bytes) {
                return self.load_crossing(cpu, va, acc);
            }
        }
        if let Some(host) = self.mmu.tlb().readable_in_page(va, bytes) {
            return Ok(host.load(acc.size()));
        }
        let pa = self.translate(cpu, va, bytes, Access::Load)?;
        self.read_phys(cpu, va, pa, acc)
    }

    /// As the value that the operation gives.
    pub(crate) fn load(&mut self, cpu: &mut dyn Cpu, va: u64, acc: Acc) -> Result<u64, Exception> {
        self.load_raw(cpu, va, acc).map(|raw| acc.extend(raw))
    }

    fn load_crossing(&mut self, cpu: &mut dyn Cpu, va: u64, acc: Acc) -> Result<u64, Exception> {
        let bytes = acc.bytes() as usize;
        let (first, pa) = self.split(cpu, va, bytes, Access::Load)?;
        let mut raw = [0; 8];
        for (pa, part) in [(pa[0], 0..first), (pa[1], first..bytes)] {
            if !self.space.read_ram(pa, &mut raw[part]) {
                return Err(cpu.misaligned(Access::Load, va));
            }
        }
        Ok(u64::from_le_bytes(raw))
    }

    /// Translates an access that lies in two pages: bytes in the first, and where each part begins.
    fn split(
        &mut self,
        cpu: &mut dyn Cpu,
        va: u64,
        bytes: usize,
        access: Access,
    ) -> Result<(usize, [u64; 2]), Exception> {
        let page = 1u64 << self.mmu.page_bits;
        let first = (page - (va & (page - 1))) as usize;
        let mut next = va.wrapping_add(first as u64);
        if cpu.layout().bits < 64 {
            next &= (1 << cpu.layout().bits) - 1;
        }
        let a = self.translate(cpu, va, first as u64, access)?;
        let b = self.translate(cpu, next, (bytes - first) as u64, access)?;
        Ok((first, [a, b]))
    }

    /// Stores what the TLB did not answer; `value`'s low bytes.
    pub(crate) fn store(
        &mut self,
        cpu: &mut dyn Cpu,
        va: u64,
        acc: Acc,
        value: u64,
    ) -> Result<(), Exception> {
        let bytes = acc.bytes();
        let raw = acc.order(if bytes < 8 { value & ((1 << (8 * bytes)) - 1) } else { value });
        if va & (bytes - 1) != 0 {
            if acc.aligned() {
                return Err(cpu.misaligned(Access::Store, va));
            }
            if self.mmu.tlb().crosses(va, bytes) {
                return self.store_crossing(cpu, va, acc, raw);
            }
        }
        if let Some(host) = self.mmu.tlb().writable_in_page(va, bytes) {
            host.store(acc.size(), raw);
            return Ok(());
        }
        let pa = self.translate(cpu, va, bytes, Access::Store)?;
        self.write_phys(cpu, va, pa, acc, raw)
    }

    fn store_crossing(
        &mut self,
        cpu: &mut dyn Cpu,
        va: u64,
        acc: Acc,
        raw: u64,
    ) -> Result<(), Exception> {
        let bytes = acc.bytes() as usize;
        let (first, pa) = self.split(cpu, va, bytes, Access::Store)?;
        let raw = raw.to_le_bytes();
        let parts = [(pa[0], &raw[..first]), (pa[1], &raw[first..bytes])];
        for (pa, part) in parts {
            if !self.is_memory(pa, part.len()) {
                return Err(cpu.misaligned(Access::Store, va));
            }
        }
        for (pa, part) in parts {
            self.write_memory(pa, part);
        }
        Ok(())
    }

    /// Loads for compiled code: memory only. None leaves everything to the interpreter.
    pub(crate) fn quick_load(&mut self, cpu: &mut dyn Cpu, va: u64, acc: Acc) -> Option<u64> {
        let bytes = acc.bytes();
        if acc.aligned() && va & (bytes - 1) != 0 {
            return None;
        }
        if self.mmu.tlb().crosses(va, bytes) {
            return self.load_crossing(cpu, va, acc).ok().map(|raw| acc.extend(raw));
        }
        if let Some(host) = self.mmu.tlb().readable_in_page(va, bytes) {
            return Some(acc.extend(host.load(acc.size())));
        }
        if self.mmu.other(va, Access::Load).is_some() {
            return None;
        }
        let pa = self.translate(cpu, va, bytes, Access::Load).ok()?;
        let mut raw = [0; 8];
        let ok = self.space.read_ram(pa, &mut raw[..bytes as usize]);
        ok.then(|| acc.extend(u64::from_le_bytes(raw)))
    }

    /// Stores for compiled code: memory without translated code only.
    pub(crate) fn quick_store(
        &mut self,
        cpu: &mut dyn Cpu,
        va: u64,
        acc: Acc,
        value: u64,
    ) -> Option<()> {
        let bytes = acc.bytes();
        if va & (bytes - 1) != 0 && (acc.aligned() || self.mmu.tlb().crosses(va, bytes)) {
            return None;
        }
        let raw = acc.order(if bytes < 8 { value & ((1 << (8 * bytes)) - 1) } else { value });
        if let Some(host) = self.mmu.tlb().writable_in_page(va, bytes) {
            host.store(acc.size(), raw);
            return Some(());
        }
        if self.mmu.other(va, Access::Store).is_some() {
            return None;
        }
        let pa = self.translate(cpu, va, bytes, Access::Store).ok()?;
        let piece = self.space.piece(pa, bytes as usize)?;
        let plain = piece.writable && piece.swap == Swap::None && piece.len == bytes as usize;
        let host = piece.ram.host(piece.offset, bytes).filter(|_| plain)?;
        if piece.ram.has_code(piece.offset, bytes) {
            if self.cache.overlaps(host as usize, bytes) {
                return None;
            }
            piece.ram.tell(CodeEvent::Written(piece.offset, bytes), Some(self.listener));
        }
        piece.ram.write_quiet(piece.offset, &raw.to_le_bytes()[..bytes as usize]);
        Some(())
    }

    /// Whether a store of an atomic operation would be allowed, before anything is done.
    pub(crate) fn check_store(
        &mut self,
        cpu: &mut dyn Cpu,
        va: u64,
        acc: Acc,
    ) -> Result<(), Exception> {
        if acc.aligned() && va & (acc.bytes() - 1) != 0 {
            return Err(cpu.misaligned(Access::Store, va));
        }
        if self.mmu.tlb().writable_in_page(va, acc.bytes()).is_some() {
            return Ok(());
        }
        let pa = self.translate(cpu, va, acc.bytes(), Access::Store)?;
        match self.space.find(pa).map(|e| &e.kind) {
            Some(Kind::Ram { writable: true, .. } | Kind::Device { .. } | Kind::Hole(_)) => Ok(()),
            None if self.space.default_answer() != Unmapped::Fault => Ok(()),
            Some(Kind::Ram { .. }) if self.space.ignores_stores(pa) => Ok(()),
            _ => {
                self.unanswered(Access::Store, va, pa, acc.bytes() as u8);
                Err(cpu.bus_fault(Access::Store, va))
            }
        }
    }

    /// Translates, and enters the page into the TLB if it may be.
    pub(crate) fn translate(
        &mut self,
        cpu: &mut dyn Cpu,
        va: u64,
        bytes: u64,
        access: Access,
    ) -> Result<u64, Exception> {
        if let Some(pa) = self.mmu.other(va, access) {
            return Ok(pa);
        }
        let regime = self.mmu.regime;
        self.stats.tlb_misses += 1;
        let t = cpu.translate(regime, va, access, self)?;
        if t.span >> self.mmu.page_bits != 0 {
            self.enter(va, &t);
        } else if t.span != 0 && (va & (t.span - 1)) + bytes > t.span {
            // Protection regions smaller than a page: the last byte may fall into another one.
            cpu.translate(regime, va.wrapping_add(bytes - 1), access, self)?;
        }
        Ok(self.space.wrap(t.pa))
    }

    fn enter(&mut self, va: u64, t: &Translation) {
        let size = 1u64 << self.mmu.page_bits;
        let pa = self.space.wrap(t.pa) & !(size - 1);
        if let Some((host, writable)) = self.memory_page(pa, size) {
            // SAFETY: `host` is a whole page of a memory that the cluster's space keeps alive.
            unsafe { self.mmu.tlb_mut().fill(va, host, t.read, t.write && writable) };
        } else {
            let (page, regime) = (va & !(size - 1), self.mmu.regime);
            let at = (va >> self.mmu.page_bits) as usize % OTHERS;
            self.mmu.other[at] = OtherEntry { page, regime, pa, read: t.read, write: t.write };
        }
    }

    /// Where a page lies that is all memory, and whether stores need no look at it.
    fn memory_page(&self, pa: u64, size: u64) -> Option<(*mut u8, bool)> {
        let entry = self.space.find(pa)?;
        let Kind::Ram { ram, offset, writable, swap: Swap::None } = &entry.kind else {
            return None;
        };
        let at = offset + (pa - entry.start);
        let host = ram.host(at, size).filter(|_| entry.last - pa >= size - 1)?;
        Some((host, *writable && !ram.has_code(at, size)))
    }

    fn read_phys(
        &mut self,
        cpu: &mut dyn Cpu,
        va: u64,
        pa: u64,
        acc: Acc,
    ) -> Result<u64, Exception> {
        let bytes = acc.bytes() as usize;
        let answer = match self.space.find(pa).map(|e| (e.start, &e.kind)) {
            Some((_, Kind::Ram { .. })) => {
                let mut raw = [0; 8];
                if self.space.read_ram(pa, &mut raw[..bytes]) {
                    return Ok(u64::from_le_bytes(raw));
                }
                Unmapped::Fault
            }
            Some((start, &Kind::Device { at, widths, split, swap, big_endian })) => {
                let port = Port { at, widths, split, swap, big_endian };
                if va & (acc.bytes() - 1) != 0 {
                    return Err(cpu.misaligned(Access::Load, va));
                }
                if let Some(raw) = self.device_read(port, pa - start, acc.size()) {
                    return Ok(raw);
                }
                Unmapped::Fault
            }
            Some((_, Kind::Hole(answer))) => *answer,
            None => self.space.default_answer(),
        };
        self.unanswered(Access::Load, va, pa, bytes as u8);
        match answer {
            Unmapped::Fault => Err(cpu.bus_fault(Access::Load, va)),
            Unmapped::Zeros => Ok(0),
            Unmapped::Ones => Ok(u64::MAX >> (64 - 8 * bytes)),
        }
    }

    fn write_phys(
        &mut self,
        cpu: &mut dyn Cpu,
        va: u64,
        pa: u64,
        acc: Acc,
        raw: u64,
    ) -> Result<(), Exception> {
        let bytes = acc.bytes() as usize;
        let answer = match self.space.find(pa).map(|e| (e.start, &e.kind)) {
            Some((_, Kind::Ram { .. })) => {
                if self.is_memory(pa, bytes) {
                    self.write_memory(pa, &raw.to_le_bytes()[..bytes]);
                    return Ok(());
                }
                if self.space.ignores_stores(pa) {
                    return Ok(());
                }
                Unmapped::Fault
            }
            Some((start, &Kind::Device { at, widths, split, swap, big_endian })) => {
                let port = Port { at, widths, split, swap, big_endian };
                if va & (acc.bytes() - 1) != 0 {
                    return Err(cpu.misaligned(Access::Store, va));
                }
                if self.device_write(port, pa - start, acc.size(), raw).is_some() {
                    return Ok(());
                }
                Unmapped::Fault
            }
            Some((_, Kind::Hole(answer))) => *answer,
            None => self.space.default_answer(),
        };
        self.unanswered(Access::Store, va, pa, bytes as u8);
        match answer {
            Unmapped::Fault => Err(cpu.bus_fault(Access::Store, va)),
            Unmapped::Zeros | Unmapped::Ones => Ok(()),
        }
    }

    /// Whether a range can be stored to.
    fn is_memory(&self, pa: u64, len: usize) -> bool {
        match self.space.piece(pa, len) {
            Some(p) if p.len == len => p.writable,
            Some(p) => p.writable && self.is_memory(pa.wrapping_add(p.len as u64), len - p.len),
            None => false,
        }
    }

    /// Stores to memory, and notes translated code that it hits.
    fn write_memory(&mut self, pa: u64, bytes: &[u8]) {
        let (mut at, mut rest) = (pa, bytes);
        while !rest.is_empty() {
            let Some(piece) = self.space.piece(at, rest.len()) else { return };
            let (now, later) = rest.split_at(piece.len);
            if piece.swap == Swap::None {
                piece.ram.write_quiet(piece.offset, now);
                self.wrote(piece.ram, piece.offset, now.len() as u64);
            } else {
                let flip = piece.swap.lane() - 1;
                for (i, byte) in now.iter().enumerate() {
                    let offset = (piece.offset + i as u64) ^ flip;
                    piece.ram.write_quiet(offset, std::slice::from_ref(byte));
                    self.wrote(piece.ram, offset, 1);
                }
            }
            at = at.wrapping_add(now.len() as u64);
            rest = later;
        }
    }

    fn wrote(&mut self, ram: &Arc<Ram>, offset: u64, len: u64) {
        if !ram.has_code(offset, len) {
            return;
        }
        ram.tell(CodeEvent::Written(offset, len), Some(self.listener));
        if let Some(host) = ram.host(offset, len)
            && self.cache.overlaps(host as usize, len)
        {
            self.events.dirty.push((host as usize, len));
            self.events.leave = true;
        }
    }

    fn device_read(&mut self, port: Port, offset: u64, size: u8) -> Option<u64> {
        let mut raw = 0;
        let step = port.step(size)?;
        let now = self.now_ps();
        for i in 0..1u64 << (size - step) {
            let (at, reverse) = port.place(offset + (i << step), step);
            let value = self.system.device_read(now, at, 1 << step).ok()?;
            raw |= place_bytes(value, step, reverse) << ((i * 8) << step);
        }
        self.after_device();
        Some(raw)
    }

    fn device_write(&mut self, port: Port, offset: u64, size: u8, raw: u64) -> Option<()> {
        let step = port.step(size)?;
        let now = self.now_ps();
        for i in 0..1u64 << (size - step) {
            let (at, reverse) = port.place(offset + (i << step), step);
            let value = place_bytes(raw >> ((i * 8) << step), step, reverse);
            self.system.device_write(now, at, 1 << step, value).ok()?;
        }
        self.after_device();
        Some(())
    }

    fn after_device(&mut self) {
        self.stats.device_accesses += 1;
        self.events.host_floats = true;
        if self.system.must_stop() {
            self.events.leave = true;
        }
    }
}

/// Registers that an access hits.
#[derive(Clone, Copy)]
struct Port {
    at: DeviceRef,
    widths: u8,
    split: bool,
    swap: Swap,
    big_endian: bool,
}

impl Port {
    /// log2 of the bytes that each part of an access has; none if it is refused.
    fn step(&self, size: u8) -> Option<u8> {
        let allowed = |s: u8| self.widths >> s & 1 != 0;
        if allowed(size) {
            return Some(size);
        }
        (0..size).rev().find(|&s| self.split && allowed(s))
    }

    /// The register at an offset, and whether its bytes are reversed on the way.
    fn place(&self, offset: u64, size: u8) -> (DeviceRef, bool) {
        let (lane, bytes) = (self.swap.lane(), 1u64 << size);
        let flip = lane.saturating_sub(bytes);
        let mut at = self.at;
        at.offset = at.offset.wrapping_add(offset ^ flip);
        (at, self.big_endian != (self.swap != Swap::None && bytes <= lane && bytes > 1))
    }
}

/// The low bytes of a number, in order or reversed.
fn place_bytes(value: u64, size: u8, reverse: bool) -> u64 {
    let unused = 64 - (8u32 << size);
    if reverse { value.swap_bytes() >> unused } else { value << unused >> unused }
}

/// Where code lies in the host.
#[derive(Debug, Clone)]
pub(crate) struct CodePage {
    pub(crate) ram: Arc<Ram>,
    /// Offset of the address asked for.
    pub(crate) offset: u64,
    /// Its host address.
    pub(crate) host: usize,
}

impl Outer<'_> {
    /// The physical address that an instruction is fetched from.
    pub(crate) fn fetch_pa(
        &mut self,
        cpu: &mut dyn Cpu,
        regime: u8,
        va: u64,
    ) -> Result<u64, Exception> {
        let size = 1u64 << self.mmu.page_bits;
        let page = va & !(size - 1);
        let set = usize::from(regime) % self.mmu.fetch.len();
        let at = (va >> self.mmu.page_bits) as usize % (1 << EXEC_BITS);
        let entry = self.mmu.fetch[set][at];
        if entry.page == page {
            return Ok(entry.pa | (va & (size - 1)));
        }
        let t = cpu.translate(regime, va, Access::Fetch, self)?;
        let pa = self.space.wrap(t.pa);
        if t.span >= size {
            self.mmu.fetch[set][at] = ExecEntry { page, pa: pa & !(size - 1) };
        }
        Ok(pa)
    }

    /// The memory at a physical address, if code can be there.
    pub(crate) fn code_at(&self, pa: u64) -> Option<CodePage> {
        let piece = self.space.piece(pa, 2)?;
        if piece.len < 2 || piece.swap != Swap::None {
            return None;
        }
        let host = piece.ram.host(piece.offset, 2)? as usize;
        Some(CodePage { ram: piece.ram.clone(), offset: piece.offset, host })
    }

    /// An instruction cannot be fetched: nothing answers.
    pub(crate) fn fetch_fault(&mut self, cpu: &dyn Cpu, va: u64, pa: u64) -> Exception {
        self.unanswered(Access::Fetch, va, pa, 2);
        cpu.bus_fault(Access::Fetch, va)
    }
}

impl Env for Outer<'_> {
    fn now_ps(&self) -> u64 {
        self.start.saturating_add(self.done.saturating_mul(self.ps))
    }

    fn retired(&self) -> u64 {
        self.base.wrapping_add(self.done)
    }

    fn phys_read(&mut self, pa: u64, size: u8) -> Option<u64> {
        let mut raw = [0; 8];
        let part = raw.get_mut(..usize::from(size))?;
        self.space.read_ram(pa, part).then(|| u64::from_le_bytes(raw))
    }

    fn phys_write(&mut self, pa: u64, size: u8, value: u64) -> Option<()> {
        let raw = value.to_le_bytes();
        let part = raw.get(..usize::from(size))?;
        self.is_memory(pa, part.len()).then(|| self.write_memory(pa, part))
    }

    fn flush_tlb(&mut self, what: Flush) {
        self.mmu.flush(what);
        self.events.flushed = true;
        self.events.leave = true;
    }

    fn flush_code(&mut self) {
        // Every write to translated code has dropped it already.
    }

    fn wait(&mut self) {
        self.events.wait = true;
        self.events.leave = true;
    }

    fn wake_at(&mut self, ps: u64) {
        self.system.wake_at(self.core, ps);
        self.events.leave = true;
    }

    fn host_call(&mut self, call: HostCall) -> Option<u64> {
        let mut mem = CoreMem { mmu: self.mmu, space: self.space, wrote: Vec::new() };
        let answer = self.system.host_call(self.core, call, &mut mem);
        for (host, len) in mem.wrote {
            if self.cache.overlaps(host, len) {
                self.events.dirty.push((host, len));
            }
        }
        self.events.leave = true;
        answer
    }

    fn clear_reservation(&mut self) {
        self.events.unreserve = true;
    }
}

/// A core's memory during a host call: by what the TLB knows, else untranslated, as the ABIs of
/// semihosting ask.
struct CoreMem<'a> {
    mmu: &'a Mmu,
    space: &'a Space,
    wrote: Vec<(usize, u64)>,
}

impl VirtMem for CoreMem<'_> {
    fn read(&mut self, va: u64, into: &mut [u8]) -> bool {
        into.iter_mut().zip(0..).all(|(byte, i)| {
            let va = va.wrapping_add(i);
            match self.mmu.tlb().readable(va, 0) {
                Some(host) => {
                    *byte = host.load8();
                    true
                }
                None => self.space.read_ram(va, std::slice::from_mut(byte)),
            }
        })
    }

    fn write(&mut self, va: u64, bytes: &[u8]) -> bool {
        bytes.iter().zip(0..).all(|(byte, i)| {
            let va = va.wrapping_add(i);
            match self.mmu.tlb().writable(va, 0) {
                Some(host) => {
                    host.store8(*byte);
                    true
                }
                // The outside path tells every cluster, this one too.
                None => self.space.write_ram(va, std::slice::from_ref(byte)),
            }
        })
    }
}

/// Bytes of a page of the code map.
pub(crate) const CODE_PAGE: u64 = 1 << CODE_PAGE_BITS;
