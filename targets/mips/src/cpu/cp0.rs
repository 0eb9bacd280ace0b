//! Registers of coprocessor 0. Volume III, chapter 9.

use super::{Core, cause_reg, status};
use crate::isa::Mmu;
use crate::lift::cp0 as reg;
use hetemu_isa::Env;

impl Core {
    /// What Status takes.
    fn status_mask(&self) -> u64 {
        use status::*;
        // RP, RE and BEV to NMI beside what has names.
        let mut mask = IE | EXL | ERL | KSU | IM | NMI | BEV | CU0 | 3 << 20 | 1 << 27;
        if self.isa.fir != 0 {
            mask |= CU1 | FR;
        }
        if self.isa.wide() {
            mask |= UX | SX | KX | PX;
        }
        mask
    }

    /// What an EntryLo takes.
    fn entry_lo_mask(&self) -> u64 {
        (1 << (self.isa.phys_bits.min(36) - 12 + 6)) - 1
    }

    /// What an EntryHi takes.
    fn entry_hi_mask(&self) -> u64 {
        if self.isa.wide() { self.isa.address_bits() & !0x1f00 } else { 0xffff_e0ff }
    }

    fn config1(&self) -> u64 {
        // Two caches of 16 KiB: 4 ways of 128 lines of 32 bytes. A way is a page: no aliases.
        let caches = 1 << 22 | 4 << 19 | 3 << 16 | 1 << 13 | 4 << 10 | 3 << 7;
        let tlb = (self.tlb.len() as u64).saturating_sub(1) << 25;
        1 << 31 | tlb | caches | u64::from(self.isa.fir != 0)
    }

    fn config(&self) -> u64 {
        let translation = if self.isa.mmu == Mmu::Fixed { 3 } else { 1 };
        let word = if self.isa.wide() { 2 } else { 0 };
        1 << 31
            | u64::from(self.isa.big_endian) << 15
            | word << 13
            | 1 << 10
            | translation << 7
            | self.s.config & 7
    }

    /// Cause as it reads.
    pub(crate) fn cause(&self) -> u64 {
        let timer = if self.s.timer != 0 { cause_reg::TI } else { 0 };
        self.s.cause | self.pending() | timer
    }

    /// A register as it reads when Count is `count`. Registers that are not there read 0.
    pub(crate) fn register(&self, n: u8, sel: u8, count: u64) -> u64 {
        let s = &self.s;
        match (n, sel) {
            reg::INDEX => s.index,
            reg::RANDOM => self.random(),
            reg::ENTRY_LO0 => s.entry_lo[0],
            reg::ENTRY_LO1 => s.entry_lo[1],
            reg::CONTEXT => s.context,
            reg::PAGE_MASK => s.page_mask,
            reg::WIRED => s.wired,
            reg::HWRENA => s.hwrena,
            reg::BAD_VADDR => s.bad_vaddr,
            reg::COUNT => count,
            reg::ENTRY_HI => s.entry_hi,
            reg::COMPARE => s.compare,
            reg::STATUS => s.status,
            // The timer's interrupt is number 7.
            reg::INTCTL => s.intctl | 7 << 29,
            reg::SRSCTL => 0,
            reg::CAUSE => self.cause(),
            reg::EPC => s.epc,
            reg::PRID => self.isa.prid.into(),
            reg::EBASE => s.ebase,
            reg::CONFIG => self.config(),
            reg::CONFIG1 => self.config1(),
            reg::CONFIG2 => 1 << 31,
            // UserLocal, and spaced vectors.
            reg::CONFIG3 => 1 << 13 | u64::from(self.isa.vint) << 5,
            // There are no watchpoints, and the link of LL is not shown.
            reg::LLADDR | reg::WATCH_LO | reg::WATCH_HI => 0,
            reg::XCONTEXT if self.isa.wide() => s.xcontext,
            reg::DEPC => s.depc,
            reg::TAG_LO => s.tag[0],
            reg::DATA_LO => s.tag[1],
            reg::TAG_HI => s.tag[2],
            reg::DATA_HI => s.tag[3],
            reg::ERROR_EPC => s.error_epc,
            reg::DESAVE => s.desave,
            (31, n @ 2..=7) => s.scratch[usize::from(n - 2)],
            _ => 0,
        }
    }

    /// MFC0 and DMFC0.
    pub(crate) fn read(&self, n: u8, sel: u8, wide: bool, env: &dyn Env) -> u64 {
        let count = if (n, sel) == reg::COUNT { self.count(env.now_ps()) } else { 0 };
        let value = self.register(n, sel, count);
        if wide { value } else { self.isa.extend(value) }
    }

    /// MTC0 and DMTC0 of a register on which only readers depend.
    pub(crate) fn write(&mut self, n: u8, sel: u8, wide: bool, value: u64) {
        let lo = self.entry_lo_mask();
        // MTC0 writes the sign extension of 32 bits.
        let value = if wide { value } else { self.isa.extend(value) };
        let s = &mut self.s;
        match (n, sel) {
            reg::INDEX => s.index = s.index & 1 << 31 | value & 63,
            reg::ENTRY_LO0 => s.entry_lo[0] = value & lo,
            reg::ENTRY_LO1 => s.entry_lo[1] = value & lo,
            reg::CONTEXT => s.context = value & !0x7f_ffff | s.context & 0x7f_fff0,
            reg::PAGE_MASK => s.page_mask = value & 0x1fff_e000,
            reg::WIRED => {
                s.wired = (value & 63).min((self.tlb.len() as u64).saturating_sub(1));
            }
            reg::INTCTL => s.intctl = value & 0x3e0,
            reg::EPC => s.epc = value,
            reg::EBASE => {
                s.ebase = self.isa.extend(0x8000_0000 | value & 0x3fff_f000);
            }
            reg::CONFIG => s.config = value & 7,
            reg::XCONTEXT => {
                let low = (1u64 << (self.isa.seg_bits.max(13) - 7)) - 1;
                s.xcontext = value & !low | s.xcontext & low;
            }
            reg::DEPC => s.depc = value,
            reg::TAG_LO => s.tag[0] = value & 0xffff_ffff,
            reg::DATA_LO => s.tag[1] = value & 0xffff_ffff,
            reg::TAG_HI => s.tag[2] = value & 0xffff_ffff,
            reg::DATA_HI => s.tag[3] = value & 0xffff_ffff,
            reg::ERROR_EPC => s.error_epc = value,
            reg::DESAVE => s.desave = value,
            (31, n @ 2..=7) => s.scratch[usize::from(n - 2)] = value,
            _ => {}
        }
    }

    /// MTC0 and DMTC0 of the others.
    pub(crate) fn write_control(
        &mut self,
        n: u8,
        sel: u8,
        wide: bool,
        value: u64,
        env: &mut dyn Env,
    ) {
        let value = if wide { value } else { self.isa.extend(value) };
        match (n, sel) {
            reg::HWRENA => self.s.hwrena = value & 0x2000_000f,
            reg::COUNT => self.set_count(value, env),
            reg::ENTRY_HI => self.s.entry_hi = value & self.entry_hi_mask(),
            reg::COMPARE => self.set_compare(value, env),
            reg::STATUS => self.set_status(value),
            reg::CAUSE => self.set_cause(value, env),
            _ => {}
        }
    }

    pub(crate) fn set_status(&mut self, value: u64) {
        let mask = self.status_mask();
        self.s.status = self.s.status & !mask & 0xffff_ffff | value & mask;
    }

    /// RDHWR of registers other than UserLocal: none if HWREna does not allow it.
    pub(crate) fn hardware_register(&self, n: u64, env: &dyn Env) -> Option<u64> {
        let allowed = self.is_kernel()
            || self.s.status & status::CU0 != 0
            || n < 32 && self.s.hwrena >> n & 1 != 0;
        let value = match n {
            0 => self.s.ebase & 0x3ff,
            // Bytes that SYNCI acts on.
            1 => 32,
            2 => self.count(env.now_ps()),
            // Cycles of a step of Count.
            3 => 2,
            _ => return None,
        };
        allowed.then_some(self.isa.extend(value))
    }
}
