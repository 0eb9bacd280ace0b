//! Loads and stores that the soft TLB does not answer.
#![allow(unsafe_code)]

use super::device::Port;
use super::{Acc, OtherEntry, Outer};
use crate::cluster::{Hit, STOP};
use crate::ram::{CodeEvent, Ram};
use crate::space::{Kind, Swap, Unmapped};
use crate::system::{Accessed, Unanswered};
use crate::tlb::HostAddr;
use hetemu_isa::{Access, Cpu, Env, Exception, Translation};
use std::sync::Arc;
use std::sync::atomic::{Ordering::SeqCst, fence};

/// Memory that other threads may access now.
pub(crate) struct Shared {
    pub(crate) host: HostAddr,
    /// Where it is, if stores must be told of.
    at: Option<(Arc<Ram>, u64)>,
}

impl Outer<'_> {
    pub(super) fn unanswered(&mut self, access: Access, va: u64, pa: u64, size: u8) {
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
        self.stop_before(false, va, acc)?;
        self.load_on(cpu, va, acc)
    }

    /// As [`Outer::load`], where no debugger stops.
    pub(crate) fn load_on(
        &mut self,
        cpu: &mut dyn Cpu,
        va: u64,
        acc: Acc,
    ) -> Result<u64, Exception> {
        let raw = self.load_raw(cpu, va, acc)?;
        self.accessed(false, va, acc, raw);
        Ok(acc.extend(raw))
    }

    /// Whether a debugger has the core stop at an access. It does so once: the instruction is begun
    /// again when the core goes on.
    fn stops_at(&mut self, store: bool, va: u64, acc: Acc) -> bool {
        if self.mmu.stops.is_empty() || self.events.hit.is_some() {
            return false;
        }
        let bytes = acc.bytes();
        let stops = self.mmu.stops.iter().filter(|w| if store { w.write } else { w.read });
        let Some(addr) = stops.filter_map(|w| w.touched(va, bytes)).min() else { return false };
        let now = self.base.wrapping_add(self.done);
        if self.events.passing.replace(now) == Some(now) {
            return false;
        }
        self.events.hit = Some(Hit::Watch { addr, write: store });
        self.events.leave = true;
        true
    }

    /// Leaves the instruction before an access at which the core stops.
    fn stop_before(&mut self, store: bool, va: u64, acc: Acc) -> Result<(), Exception> {
        match self.stops_at(store, va, acc) {
            true => Err(Exception { cause: STOP, value: va }),
            false => Ok(()),
        }
    }

    /// As [`Outer::load`], for targets, whose work is not done in pieces: the core stops after it.
    pub(super) fn target_load(
        &mut self,
        cpu: &mut dyn Cpu,
        va: u64,
        acc: Acc,
    ) -> Result<u64, Exception> {
        let value = self.load_on(cpu, va, acc)?;
        self.stops_at(false, va, acc);
        Ok(value)
    }

    /// As [`Outer::target_load`], stores.
    pub(super) fn target_store(
        &mut self,
        cpu: &mut dyn Cpu,
        va: u64,
        acc: Acc,
        value: u64,
    ) -> Result<(), Exception> {
        self.store_on(cpu, va, acc, value)?;
        self.stops_at(true, va, acc);
        Ok(())
    }

    /// Tells the machine of an access, if it watches.
    fn accessed(&mut self, store: bool, va: u64, acc: Acc, raw: u64) {
        if self.mmu.watched {
            let (value, size) = (acc.order(raw), acc.bytes() as u8);
            let what = Accessed { core: self.core, pc: self.pc, store, va, size, value };
            self.system.accessed(self.now_ps(), what);
        }
    }

    fn load_crossing(&mut self, cpu: &mut dyn Cpu, va: u64, acc: Acc) -> Result<u64, Exception> {
        let bytes = acc.bytes() as usize;
        let (first, pa) = self.split(cpu, va, bytes, Access::Load)?;
        let mut raw = [0; 8];
        for (pa, part) in [(pa[0], 0..first), (pa[1], first..bytes)] {
            if !self.space.load_ram(pa, &mut raw[part]) {
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
        let next = va.wrapping_add(first as u64) & cpu.layout().mask();
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
        self.stop_before(true, va, acc)?;
        self.store_on(cpu, va, acc, value)
    }

    /// As [`Outer::store`], where no debugger stops.
    pub(crate) fn store_on(
        &mut self,
        cpu: &mut dyn Cpu,
        va: u64,
        acc: Acc,
        value: u64,
    ) -> Result<(), Exception> {
        let bytes = acc.bytes();
        let raw = acc.raw(value);
        if va & (bytes - 1) != 0 {
            if acc.aligned() {
                return Err(cpu.misaligned(Access::Store, va));
            }
            if self.mmu.tlb().crosses(va, bytes) {
                self.store_crossing(cpu, va, acc, raw)?;
                self.accessed(true, va, acc, raw);
                return Ok(());
            }
        }
        if let Some(host) = self.mmu.tlb().writable_in_page(va, bytes) {
            host.store(acc.size(), raw);
            return Ok(());
        }
        let pa = self.translate(cpu, va, bytes, Access::Store)?;
        self.write_phys(cpu, va, pa, acc, raw)?;
        self.accessed(true, va, acc, raw);
        Ok(())
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
        if let Some(answer) = self.known_read(va, acc) {
            return answer.map(|raw| acc.extend(raw));
        }
        let bytes = acc.bytes();
        if acc.aligned() && va & (bytes - 1) != 0 || self.mmu.may_stop(va, bytes) {
            return None;
        }
        if self.mmu.tlb().crosses(va, bytes) {
            return self.load_crossing(cpu, va, acc).ok().map(|raw| acc.extend(raw));
        }
        if let Some(host) = self.mmu.tlb().readable_in_page(va, bytes) {
            return Some(acc.extend(host.load(acc.size())));
        }
        if let Some(pa) = self.mmu.other(va, Access::Load) {
            return self.quick_device_read(va, pa, acc).map(|raw| acc.extend(raw));
        }
        let pa = self.translate_anew(cpu, va, bytes, Access::Load).ok()?;
        if let Some(host) = self.mmu.tlb().readable_in_page(va, bytes) {
            return Some(acc.extend(host.load(acc.size())));
        }
        let mut raw = [0; 8];
        let ok = !self.mmu.is_own(pa) && self.space.load_ram(pa, &mut raw[..bytes as usize]);
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
        if let Some(answer) = self.known_write(va, acc, acc.raw(value)) {
            return answer;
        }
        let bytes = acc.bytes();
        let odd = va & (bytes - 1) != 0;
        if odd && (acc.aligned() || self.mmu.tlb().crosses(va, bytes))
            || self.mmu.may_stop(va, bytes)
        {
            return None;
        }
        let raw = acc.raw(value);
        if let Some(host) = self.mmu.tlb().writable_in_page(va, bytes) {
            host.store(acc.size(), raw);
            return Some(());
        }
        if let Some(pa) = self.mmu.other(va, Access::Store) {
            return self.quick_device_write(va, pa, acc, raw);
        }
        let pa = self.translate_anew(cpu, va, bytes, Access::Store).ok()?;
        if let Some(host) = self.mmu.tlb().writable_in_page(va, bytes) {
            host.store(acc.size(), raw);
            return Some(());
        }
        if self.mmu.is_own(pa) {
            return None;
        }
        let piece = self.space.piece(pa, bytes as usize)?;
        let plain = piece.writable && piece.swap == Swap::None && piece.len == bytes as usize;
        let host = piece.ram.host(piece.offset, bytes).filter(|_| plain)?;
        if piece.ram.has_code(piece.offset, bytes) && self.cache.overlaps(host as usize, bytes) {
            return None;
        }
        piece.ram.write_quiet(piece.offset, &raw.to_le_bytes()[..bytes as usize]);
        self.wrote(piece.ram, piece.offset, bytes);
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
        self.stop_before(true, va, acc)?;
        if self.mmu.tlb().writable_in_page(va, acc.bytes()).is_some() {
            return Ok(());
        }
        let pa = self.translate(cpu, va, acc.bytes(), Access::Store)?;
        match self.space.find(pa).map(|e| &e.kind) {
            Some(Kind::Ram { writable: true, .. } | Kind::Device { .. } | Kind::Hole(_)) => Ok(()),
            None if self.space.default_answer() != Unmapped::Fault => Ok(()),
            Some(Kind::Ram { .. }) if self.space.ignores_stores(pa) => Ok(()),
            Some(Kind::Ram { .. }) if self.space.find_behind(pa).is_some() => Ok(()),
            _ => {
                self.unanswered(Access::Store, va, pa, acc.bytes() as u8);
                Err(cpu.bus_fault(Access::Store, va))
            }
        }
    }

    /// Memory for an operation that no other thread may come between; `check_store` has passed.
    /// None if it is no plain memory. After the store, [`Outer::stored`] must be called.
    pub(crate) fn shared_memory(
        &mut self,
        cpu: &mut dyn Cpu,
        va: u64,
        acc: Acc,
    ) -> Result<Option<Shared>, Exception> {
        let bytes = acc.bytes();
        if va & (bytes - 1) != 0 {
            return Ok(None);
        }
        if let Some(host) = self.mmu.tlb().writable_in_page(va, bytes) {
            return Ok(Some(Shared { host, at: None }));
        }
        let pa = self.translate(cpu, va, bytes, Access::Store)?;
        let piece = self
            .space
            .piece(pa, bytes as usize)
            .filter(|p| p.writable && p.swap == Swap::None && p.len == bytes as usize);
        let Some(piece) = piece else { return Ok(None) };
        let Some(host) = piece.ram.host(piece.offset, bytes) else { return Ok(None) };
        // SAFETY: a range of a memory that the cluster's space keeps alive.
        let host = unsafe { HostAddr::new(host) };
        Ok(Some(Shared { host, at: Some((piece.ram.clone(), piece.offset)) }))
    }

    /// A store to [`Outer::shared_memory`] is done.
    pub(crate) fn stored(&mut self, shared: &Shared, acc: Acc) {
        if let Some((ram, offset)) = &shared.at {
            self.wrote(ram, *offset, acc.bytes());
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
        match self.mmu.other(va, access) {
            Some(pa) => Ok(pa),
            None => self.translate_anew(cpu, va, bytes, access),
        }
    }

    /// As [`Outer::translate`], where nothing is known.
    fn translate_anew(
        &mut self,
        cpu: &mut dyn Cpu,
        va: u64,
        bytes: u64,
        access: Access,
    ) -> Result<u64, Exception> {
        let regime = self.mmu.data.regime();
        self.stats.tlb_misses += 1;
        let t = cpu.translate(regime, va, access, self)?;
        if t.span >> self.mmu.page_bits != 0 {
            self.enter(va, &t);
        } else if t.span != 0 && (va & (t.span - 1)) + bytes > t.span {
            // Protection regions smaller than a page. An aligned access must lie in one; another
            // one is done in pieces, and its last byte may fall into the next.
            if va & (bytes - 1) == 0 {
                return Err(cpu.bus_fault(access, va));
            }
            cpu.translate(regime, va.wrapping_add(bytes - 1), access, self)?;
        }
        Ok(self.space.wrap(t.pa))
    }

    fn enter(&mut self, va: u64, t: &Translation) {
        self.mmu.note(va, t);
        if self.mmu.watched {
            return;
        }
        let size = 1u64 << self.mmu.page_bits;
        if self.mmu.may_stop(va & !(size - 1), size) {
            return;
        }
        let pa = self.space.wrap(t.pa) & !(size - 1);
        if let Some((host, writable)) = self.memory_page(pa, size) {
            // SAFETY: `host` is a whole page of a memory that the cluster's space keeps alive.
            unsafe { self.mmu.tlb_mut().fill(va, host, t.read, t.write && writable) };
        } else {
            let (page, regime) = (va & !(size - 1), self.mmu.data.regime());
            let space = (!t.global).then_some(self.mmu.data.space());
            let (read, write) = (t.read, t.write);
            let at = self.mmu.other_at(va);
            self.mmu.other[at] = OtherEntry { page, regime, space, pa, read, write };
        }
    }

    /// Where a page lies that is all memory, and whether stores need no look at it.
    fn memory_page(&self, pa: u64, size: u64) -> Option<(*mut u8, bool)> {
        if self.mmu.is_own(pa) {
            return None;
        }
        if let Some(host) = self.space.main_data(pa, size) {
            let free = !self.watch.touches(host.addr(), size);
            return Some((host.addr() as *mut u8, free));
        }
        let entry = self.space.find(pa)?;
        let Kind::Ram { ram, offset, writable, swap: Swap::None } = &entry.kind else {
            return None;
        };
        let at = offset + (pa - entry.start);
        let host = ram.host(at, size).filter(|_| entry.last - pa >= size - 1)?;
        let free = !ram.has_code(at, size) && !self.watch.touches(host as usize, size);
        Some((host, *writable && free))
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
            _ if self.mmu.is_own(pa) => {
                if va & (acc.bytes() - 1) != 0 {
                    return Err(cpu.misaligned(Access::Load, va));
                }
                self.events.leave = true;
                if let Some(raw) = cpu.own_read(pa, bytes as u8, self) {
                    return Ok(raw);
                }
                Unmapped::Fault
            }
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
        let entry = self.space.find_behind(pa).or_else(|| self.space.find(pa));
        let answer = match entry.map(|e| (e.start, &e.kind)) {
            _ if self.mmu.is_own(pa) => {
                if va & (acc.bytes() - 1) != 0 {
                    return Err(cpu.misaligned(Access::Store, va));
                }
                self.events.leave = true;
                if cpu.own_write(pa, bytes as u8, raw, self).is_some() {
                    return Ok(());
                }
                Unmapped::Fault
            }
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
    pub(super) fn is_memory(&self, pa: u64, len: usize) -> bool {
        match self.space.piece(pa, len) {
            Some(p) if p.len == len => p.writable,
            Some(p) => p.writable && self.is_memory(pa.wrapping_add(p.len as u64), len - p.len),
            None => false,
        }
    }

    /// Stores to memory, and notes translated code that it hits.
    pub(super) fn write_memory(&mut self, pa: u64, bytes: &[u8]) {
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

    /// After a store: ends reservations, and tells whoever has translated the bytes.
    pub(super) fn wrote(&mut self, ram: &Arc<Ram>, offset: u64, len: u64) {
        let Some(host) = ram.host(offset, len) else { return };
        self.watch.stored(host as usize, len);
        if self.parallel {
            // A cluster that translates marks the page before it looks at the bytes again.
            fence(SeqCst);
        }
        if !ram.has_code(offset, len) {
            return;
        }
        ram.tell(CodeEvent::Written(offset, len), Some(self.listener));
        if self.cache.overlaps(host as usize, len) {
            self.events.dirty.push((host as usize, len));
            self.events.leave = true;
        }
    }
}
