//! Where code is fetched from.

use super::spaces::{Large, Table};
use super::{Outer, is_large};
use crate::ram::Ram;
use crate::space::Swap;
use hetemu_isa::{Access, Cpu, Exception};
use std::sync::Arc;

/// Bits of the map of pages that were fetched from.
const FETCHED: usize = 1 << 12;

/// A page that fetches are allowed from.
#[derive(Debug, Clone, Copy)]
struct ExecEntry {
    page: u64,
    pa: u64,
}

const EXEC_BITS: u32 = 7;
const NO_PAGE: ExecEntry = ExecEntry { page: u64::MAX, pa: 0 };

/// Fetches of a regime, in one address space or all.
#[derive(Debug)]
pub(super) struct FetchTable {
    entries: Box<[ExecEntry; 1 << EXEC_BITS]>,
    /// Pages that code was fetched from since all was flushed, by a hash of their numbers.
    fetched: Box<[u64; FETCHED / 64]>,
    large: Large,
    page_bits: u32,
    /// Names what is known of where jumps lead, all of which is gone when this is 0.
    pub(super) epoch: u64,
    /// Anything is entered.
    filled: bool,
}

impl FetchTable {
    pub(super) fn new(page_bits: u32) -> FetchTable {
        FetchTable {
            entries: Box::new([NO_PAGE; 1 << EXEC_BITS]),
            fetched: Box::new([0; FETCHED / 64]),
            large: Large::default(),
            page_bits,
            epoch: 0,
            filled: false,
        }
    }

    fn index(&self, va: u64) -> usize {
        (va >> self.page_bits) as usize % (1 << EXEC_BITS)
    }

    fn fetched_at(&self, va: u64) -> (usize, u64) {
        let hash = (va >> self.page_bits).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let at = hash as usize % FETCHED;
        (at / 64, 1 << (at % 64))
    }
}

impl Table for FetchTable {
    fn flush(&mut self) {
        self.epoch = 0;
        if std::mem::take(&mut self.filled) {
            self.entries.fill(NO_PAGE);
            self.fetched.fill(0);
            self.large.clear();
        }
    }

    fn flush_page(&mut self, va: u64) {
        if self.large.contains(va) {
            return self.flush();
        }
        let (word, bit) = self.fetched_at(va);
        if self.fetched[word] & bit != 0 {
            self.epoch = 0;
            let at = self.index(va);
            self.entries[at] = NO_PAGE;
        }
    }
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
    /// The physical address that an instruction is fetched from, in the regime in force.
    pub(crate) fn fetch_pa(
        &mut self,
        cpu: &mut dyn Cpu,
        regime: u8,
        va: u64,
    ) -> Result<u64, Exception> {
        let size = 1u64 << self.mmu.page_bits;
        let page = va & !(size - 1);
        let table = &self.mmu.fetch.current;
        let entry = table.entries[table.index(va)];
        if entry.page == page {
            return Ok(entry.pa | (va & (size - 1)));
        }
        let t = cpu.translate(regime, va, Access::Fetch, self)?;
        let pa = self.space.wrap(t.pa);
        if !t.global {
            self.mmu.fetch.note_local();
        }
        let table = &mut self.mmu.fetch.current;
        table.filled = true;
        let (word, bit) = table.fetched_at(va);
        table.fetched[word] |= bit;
        if is_large(va, &t, table.page_bits) {
            table.large.add(va, t.span);
        }
        if t.span >= size {
            let at = table.index(va);
            table.entries[at] = ExecEntry { page, pa: pa & !(size - 1) };
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
