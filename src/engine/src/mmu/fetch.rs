//! Where code is fetched from.

use super::{EXEC_BITS, ExecEntry, Outer};
use crate::ram::Ram;
use crate::space::Swap;
use hetemu_isa::{Access, Cpu, Exception};
use std::sync::Arc;

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
        self.mmu.note(va, &t, true);
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
