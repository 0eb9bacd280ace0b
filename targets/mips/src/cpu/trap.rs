//! Exceptions and interrupts. Volume III, chapter 6.

use super::{Core, cause, cause_reg, status};
use crate::lift::is_branch;
use crate::regs;
use hetemu_isa::{Access, Cx, Env, Exception};

/// Offsets of vectors.
const REFILL: u64 = 0x000;
const REFILL_WIDE: u64 = 0x080;
const GENERAL: u64 = 0x180;
const INTERRUPT: u64 = 0x200;

impl Core {
    /// Cause.IP with what inputs and the timer drive, at its place.
    pub(crate) fn pending(&self) -> u64 {
        let timer = if self.s.timer != 0 { 1 << 15 } else { 0 };
        self.s.cause & cause_reg::IP_SOFT | self.s.lines | timer
    }

    /// The address of the branch whose delay slot an exception is of, if it is of one.
    fn branch_of(&mut self, e: &Exception, pc: u64, cx: &mut Cx<'_>) -> Option<u64> {
        if regs::is_slot(pc) {
            return Some(pc & !3);
        }
        let slot = if e.cause & cause::FETCH != 0 {
            // The slot lies in the next page.
            e.value != pc
        } else if e.cause & (cause::ALONE | cause::SLOT) != 0 {
            e.cause & cause::SLOT != 0
        } else {
            // Branches raise nothing else themselves.
            self.code(pc, cx.env).is_some_and(|word| is_branch(&self.isa, word))
        };
        slot.then_some(pc)
    }

    /// An instruction word of the running program.
    fn code(&mut self, va: u64, env: &mut dyn Env) -> Option<u32> {
        let pa = self.translate_in(self.regime(), va, Access::Fetch).ok()?.pa;
        let word = env.phys_read(pa, 4)? as u32;
        Some(if self.isa.big_endian { word.swap_bytes() } else { word })
    }

    pub(crate) fn take_exception(&mut self, e: Exception, pc: u64, cx: &mut Cx<'_>) {
        let branch = self.branch_of(&e, pc, cx);
        let code = e.cause & cause::CODE;
        match code {
            cause::MODIFIED | cause::TLB_LOAD | cause::TLB_STORE => self.note_page(e.value),
            cause::ADDRESS_LOAD | cause::ADDRESS_STORE => self.s.bad_vaddr = e.value,
            _ => {}
        }
        let refill = e.cause & cause::REFILL != 0 && self.s.status & status::EXL == 0;
        let offset = match (refill, e.cause & cause::WIDE != 0) {
            (true, true) => REFILL_WIDE,
            (true, false) => REFILL,
            _ => GENERAL,
        };
        self.s.cause &= !cause_reg::CE;
        self.s.cause |= u64::from(e.cause >> cause::CE & 3) << 28;
        self.enter(code.into(), branch, pc, offset, cx);
    }

    /// BadVAddr, Context, XContext and EntryHi after an exception of the TLB.
    fn note_page(&mut self, va: u64) {
        self.s.bad_vaddr = va;
        self.s.context = self.s.context & !0x7f_ffff | va >> 9 & 0x7f_fff0;
        let asid = self.s.entry_hi & 0xff;
        if self.isa.wide() {
            let seg = self.isa.seg_bits;
            let page = va >> 13 & ((1 << (seg - 13)) - 1);
            let low = (1u64 << (seg - 13 + 4)) - 1;
            let base = self.s.xcontext & !(low | 3 << (seg - 9));
            self.s.xcontext = base | (va >> 62) << (seg - 9) | page << 4;
            self.s.entry_hi = va & self.isa.address_bits() & !0x1fff | asid;
        } else {
            self.s.entry_hi = va & 0xffff_e000 | asid;
        }
    }

    /// Enters a handler.
    fn enter(&mut self, code: u64, branch: Option<u64>, pc: u64, offset: u64, cx: &mut Cx<'_>) {
        if self.s.status & status::EXL == 0 {
            self.s.epc = branch.unwrap_or(pc);
            self.s.cause &= !cause_reg::BD;
            self.s.cause |= if branch.is_some() { cause_reg::BD } else { 0 };
            self.s.status |= status::EXL;
        }
        self.s.cause = self.s.cause & !cause_reg::CODE | code << 2;
        let base = match self.s.status & status::BEV != 0 {
            true => self.isa.extend(0xbfc0_0200),
            false => self.s.ebase & !0xfff,
        };
        self.go(base.wrapping_add(offset) & self.mask(), cx);
    }

    fn go(&mut self, to: u64, cx: &mut Cx<'_>) {
        cx.regs.set(regs::PC, to);
        self.handler = Some(to);
    }

    /// Takes the interrupt that is pending and enabled. One that comes between a branch-likely and
    /// its slot is taken before the branch, which has done nothing that cannot be done again.
    pub(crate) fn take_interrupt(&mut self, cx: &mut Cx<'_>) -> bool {
        let pc = cx.regs.get(regs::PC);
        let pc = if regs::is_slot(pc) { pc & !3 } else { pc };
        if self.s.nmi_edge != 0 {
            self.s.nmi_edge = 0;
            self.s.error_epc = pc;
            self.s.status |= status::ERL | status::BEV | status::NMI;
            self.go(self.isa.extend(0xbfc0_0000), cx);
            return true;
        }
        let status = self.s.status;
        let pending = self.pending() & status & status::IM;
        let masked = status & (status::IE | status::EXL | status::ERL) != status::IE;
        if pending == 0 || masked {
            return false;
        }
        let spacing = self.s.intctl & 0x3e0;
        let offset = match self.s.cause & cause_reg::IV != 0 {
            false => GENERAL,
            true if spacing == 0 || status & status::BEV != 0 || !self.isa.vint => INTERRUPT,
            true => {
                let highest = u64::from((pending >> 8).checked_ilog2().unwrap_or(0));
                INTERRUPT + highest * spacing
            }
        };
        self.enter(0, None, pc, offset, cx);
        true
    }

    /// ERET: where it goes on.
    pub(crate) fn eret(&mut self) -> u64 {
        if self.s.status & status::ERL != 0 {
            self.s.status &= !status::ERL;
            return self.s.error_epc;
        }
        self.s.status &= !status::EXL;
        self.s.epc
    }

    /// An address to go on at that software has given: never one that stands for a slot.
    pub(crate) fn plain(&self, pc: u64) -> u64 {
        pc | pc >> 1 & 1
    }
}
