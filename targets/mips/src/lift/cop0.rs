//! Which instructions are helpers, what changes control state, and the instructions of coprocessor
//! 0 and of hardware registers that do not.

use super::{Key, Lift, calls, float};
use crate::isa::Isa;
use crate::regs;
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;

/// Helpers of this target. Their arguments are the instruction's bits, and for [`Call::Slot`] the
/// register that the branch links to and the address that it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Call {
    /// An instruction that changes control state.
    System,
    /// A branch whose delay slot the helper runs.
    Slot,
    /// There is no such instruction.
    Reserved,
}

impl Call {
    /// From the number in the IR.
    pub(crate) fn from_id(id: u16) -> Call {
        match id {
            0 => Call::System,
            1 => Call::Slot,
            _ => Call::Reserved,
        }
    }
}

/// Registers of CP0 as register number and select field.
pub(crate) mod cp0 {
    pub(crate) const INDEX: (u8, u8) = (0, 0);
    pub(crate) const RANDOM: (u8, u8) = (1, 0);
    pub(crate) const ENTRY_LO0: (u8, u8) = (2, 0);
    pub(crate) const ENTRY_LO1: (u8, u8) = (3, 0);
    pub(crate) const CONTEXT: (u8, u8) = (4, 0);
    pub(crate) const USER_LOCAL: (u8, u8) = (4, 2);
    pub(crate) const PAGE_MASK: (u8, u8) = (5, 0);
    pub(crate) const WIRED: (u8, u8) = (6, 0);
    pub(crate) const HWRENA: (u8, u8) = (7, 0);
    pub(crate) const BAD_VADDR: (u8, u8) = (8, 0);
    pub(crate) const COUNT: (u8, u8) = (9, 0);
    pub(crate) const ENTRY_HI: (u8, u8) = (10, 0);
    pub(crate) const COMPARE: (u8, u8) = (11, 0);
    pub(crate) const STATUS: (u8, u8) = (12, 0);
    pub(crate) const INTCTL: (u8, u8) = (12, 1);
    pub(crate) const SRSCTL: (u8, u8) = (12, 2);
    pub(crate) const CAUSE: (u8, u8) = (13, 0);
    pub(crate) const EPC: (u8, u8) = (14, 0);
    pub(crate) const PRID: (u8, u8) = (15, 0);
    pub(crate) const EBASE: (u8, u8) = (15, 1);
    pub(crate) const CONFIG: (u8, u8) = (16, 0);
    pub(crate) const CONFIG1: (u8, u8) = (16, 1);
    pub(crate) const CONFIG2: (u8, u8) = (16, 2);
    pub(crate) const CONFIG3: (u8, u8) = (16, 3);
    pub(crate) const LLADDR: (u8, u8) = (17, 0);
    pub(crate) const WATCH_LO: (u8, u8) = (18, 0);
    pub(crate) const WATCH_HI: (u8, u8) = (19, 0);
    pub(crate) const XCONTEXT: (u8, u8) = (20, 0);
    pub(crate) const DEBUG: (u8, u8) = (23, 0);
    pub(crate) const DEPC: (u8, u8) = (24, 0);
    pub(crate) const TAG_LO: (u8, u8) = (28, 0);
    pub(crate) const DATA_LO: (u8, u8) = (28, 1);
    pub(crate) const TAG_HI: (u8, u8) = (29, 0);
    pub(crate) const DATA_HI: (u8, u8) = (29, 1);
    pub(crate) const ERROR_EPC: (u8, u8) = (30, 0);
    pub(crate) const DESAVE: (u8, u8) = (31, 0);
}

/// The register that an instruction names.
fn named(i: &Insn) -> (u8, u8) {
    (i.rd as u8 & 31, i.sel as u8 & 7)
}

/// Whether mode, translation or pending interrupts depend on a register.
fn control(register: (u8, u8)) -> bool {
    use cp0::*;
    matches!(register, HWRENA | COUNT | ENTRY_HI | COMPARE | STATUS | CAUSE | DEBUG)
}

/// The helper that an instruction needs, if it needs one.
pub(crate) fn call(isa: &Isa, key: Key, insn: Option<&Insn>) -> Option<Call> {
    use Op::*;
    let Some(i) = insn else { return Some(Call::Reserved) };
    let system = match i.op {
        Syscall | Break | Sdbbp | Synci | Di | Ei | Tlbr | Tlbwi | Tlbwr | Tlbp | Eret | Deret
        | Wait => true,
        Mtc0 | Dmtc0 => !key.cop0 || control(named(i)),
        Mfc0 | Dmfc0 | Cache | Rdpgpr | Wrpgpr => !key.cop0,
        Rdhwr => i.rd == 29 && !key.user_local,
        Cfc1 | Ctc1 => true,
        op if float::is_float(op) => !key.float || float::is_illegal(isa, key, i),
        _ => false,
    };
    system.then_some(Call::System)
}

impl Lift<'_> {
    /// Lifts an instruction of this group; false if it is none.
    pub(crate) fn cop0(&mut self, i: &Insn) -> bool {
        match i.op {
            Op::Mfc0 | Op::Dmfc0 if named(i) == cp0::USER_LOCAL => {
                let v = self.b.get(self.xt, regs::USER_LOCAL);
                let v = if i.op == Op::Mfc0 { self.b.cast(Cast::Trunc, Ty::I32, v) } else { v };
                self.set_w_or_x(i, v);
            }
            Op::Mtc0 | Op::Dmtc0 if named(i) == cp0::USER_LOCAL => {
                let v = self.x(i.rt);
                self.b.put(regs::USER_LOCAL, v);
            }
            Op::Mfc0 | Op::Dmfc0 => {
                let (n, sel) = named(i);
                let wide = u64::from(i.op == Op::Dmfc0);
                let [n, sel, wide] =
                    [n.into(), sel.into(), wide].map(|n| self.b.iconst(Ty::I64, n));
                let v = self.b.call(calls::READ, [n, sel, wide]);
                let v = if i.op == Op::Mfc0 { self.b.cast(Cast::Trunc, Ty::I32, v) } else { v };
                self.set_w_or_x(i, v);
            }
            Op::Mtc0 | Op::Dmtc0 => {
                let (n, sel) = named(i);
                let wide = u64::from(i.op == Op::Dmtc0);
                let what = u64::from(n) | u64::from(sel) << 8 | wide << 16;
                let what = self.b.iconst(Ty::I64, what);
                let v = self.x(i.rt);
                self.b.call(calls::WRITE, [what, v, v]);
            }
            // There is one set of shadow registers.
            Op::Rdpgpr | Op::Wrpgpr => {
                let v = self.x(i.rt);
                self.set_x(i.rd, v);
            }
            // There is no cache.
            Op::Cache => {}
            Op::Rdhwr if i.rd == 29 => {
                let v = self.b.get(self.xt, regs::USER_LOCAL);
                let v = self.b.cast(Cast::Trunc, Ty::I32, v);
                if self.isa.wide() && self.key.wide {
                    let v = self.b.get(self.xt, regs::USER_LOCAL);
                    self.set_x(i.rt, v);
                } else {
                    self.set_w(i.rt, v);
                }
            }
            Op::Rdhwr => {
                let n = self.b.iconst(Ty::I64, i.rd as u64);
                let v = self.b.call(calls::HWR, [n, n, n]);
                let v = self.b.cast(Cast::Trunc, Ty::I32, v);
                self.set_w(i.rt, v);
            }
            _ => return false,
        }
        true
    }

    fn set_w_or_x(&mut self, i: &Insn, v: Val) {
        if self.b.ty(v) == Ty::I32 { self.set_w(i.rt, v) } else { self.set_x(i.rt, v) }
    }
}
