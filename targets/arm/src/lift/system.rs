//! Which instructions are calls of the core: what changes control state, traps, or cannot be had;
//! and which encodings of the table a core refuses.

use super::{Flow, Lift};
use crate::table::{Insn, Op};

/// Helpers of this target. Their arguments are the instruction's bits, its length in bytes, and
/// whether its condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
#[repr(u16)]
pub(crate) enum Help {
    Undefined,
    Svc,
    Bkpt,
    Msr,
    Mrs,
    Cps,
    Wfi,
    Wfe,
    Sev,
    Isb,
    /// A division where CCR traps those by zero.
    Div,
    /// Floating point is not in use, or not allowed.
    Float,
    /// FPSCR.
    Vmsr,
    Vmrs,
    Tt,
    Sg,
    /// A branch to the other security state.
    Bxns,
    /// The lazy saves of secure callers.
    Vlstm,
    Vlldm,
    Clrex,
}

impl Help {
    /// From the number in the IR.
    pub(crate) fn from_id(id: u16) -> Help {
        use Help::*;
        let all = [
            Undefined, Svc, Bkpt, Msr, Mrs, Cps, Wfi, Wfe, Sev, Isb, Div, Float, Vmsr, Vmrs, Tt,
            Sg, Bxns, Vlstm, Vlldm, Clrex,
        ];
        all.get(id as usize).copied().unwrap_or(Undefined)
    }
}

/// Whether an instruction is of the floating-point extension.
pub(crate) fn is_float(op: Op) -> bool {
    use Op::*;
    matches!(
        op,
        Vldr | Vstr
            | Vldm
            | Vstm
            | Vop
            | Vmovi
            | Vun
            | Vcmp
            | Vrint
            | Vitof
            | Vftoi
            | Vfix
            | Vsel
            | Vmaxnm
            | Vhalf
            | Vcvt
            | Vmovc
            | Vmovh
            | Vmov2
            | Vmsr
            | Vmrs
    )
}

impl Lift<'_> {
    /// Whether an encoding of the table is an instruction at this place.
    pub(crate) fn allowed(&self, i: &Insn) -> bool {
        match i.op {
            Op::It => i.imm & 15 != 0 && self.it == 0,
            // Of the 16 registers of double precision.
            Op::Vop | Op::Vsel | Op::Vmaxnm if i.x != 0 => (i.rd | i.rn | i.rm) & 16 == 0,
            _ => true,
        }
    }

    /// The helper that an instruction needs, if it does.
    pub(crate) fn help(&self, i: &Insn) -> Option<Help> {
        use Op::*;
        Some(match i.op {
            Undefined => Help::Undefined,
            Svc => Help::Svc,
            Bkpt => Help::Bkpt,
            Msr => Help::Msr,
            Mrs => Help::Mrs,
            Cps => Help::Cps,
            Isb => Help::Isb,
            Hint => match i.k {
                2 => Help::Wfe,
                3 => Help::Wfi,
                4 => Help::Sev,
                _ => return None,
            },
            Div if self.key.div0 => Help::Div,
            Clrex => Help::Clrex,
            Tt => Help::Tt,
            Sg => Help::Sg,
            Bx if i.x != 0 => Help::Bxns,
            Vlstm => Help::Vlstm,
            Vlldm => Help::Vlldm,
            op if is_float(op) && !self.key.float => Help::Float,
            Vmsr => Help::Vmsr,
            Vmrs if i.rd != 15 => Help::Vmrs,
            _ => return None,
        })
    }

    /// Barriers and hints that need no helper.
    pub(crate) fn hint(&mut self, i: &Insn) -> Flow {
        if matches!(i.op, Op::Dmb | Op::Dsb) {
            self.b.fence();
        }
        Flow::Next
    }
}
