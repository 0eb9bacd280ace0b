//! Which instructions are calls of the core: what changes control state, traps, or cannot be had.

use super::{Key, csr, float, vector};
use crate::isa::Isa;
use crate::table::{Insn, Op, ext};

/// Helpers of this target. Their arguments are the instruction's bits and its length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
#[repr(u16)]
pub(crate) enum Call {
    Illegal,
    Ecall,
    Ebreak,
    Mret,
    Sret,
    Wfi,
    FenceI,
    SfenceVma,
    Csr,
    /// A jump or branch whose target may be misaligned (cores without C).
    Jump,
    /// cbo.inval, cbo.clean, cbo.flush.
    Cbo,
    /// A fence of Svinval that orders only.
    InvalFence,
    /// Compare and swap of a pair of registers.
    CasPair,
}

impl Call {
    /// From the number in the IR.
    pub(crate) fn from_id(id: u16) -> Call {
        use Call::*;
        let all = [
            Illegal, Ecall, Ebreak, Mret, Sret, Wfi, FenceI, SfenceVma, Csr, Jump, Cbo, InvalFence,
            CasPair,
        ];
        all.get(id as usize).copied().unwrap_or(Illegal)
    }
}

/// The call that an instruction at an address is, if it is one.
pub(crate) fn call(isa: &Isa, key: Key, pc: u64, i: &Insn) -> Option<Call> {
    use Op::*;
    match i.op {
        Ecall => Some(Call::Ecall),
        Ebreak => Some(Call::Ebreak),
        Mret => Some(Call::Mret),
        Sret => Some(Call::Sret),
        Wfi => Some(Call::Wfi),
        FenceI => Some(Call::FenceI),
        SfenceVma | SinvalVma => Some(Call::SfenceVma),
        SfenceWInval | SfenceInvalIr => Some(Call::InvalFence),
        CboInval | CboClean | CboFlush => Some(Call::Cbo),
        CboZero => (!key.cbze).then_some(Call::Illegal),
        AmocasD if isa.bits == 64 => None,
        AmocasD | AmocasQ if (i.rd | i.rs2) & 1 != 0 => Some(Call::Illegal),
        AmocasD | AmocasQ => Some(Call::CasPair),
        Csrrs if isa.has(ext::V) && vector::reads(i) => None,
        Csrrw | Csrrs | Csrrc | Csrrwi | Csrrsi | Csrrci => {
            csr::Access::of(isa, i).is_none().then_some(Call::Csr)
        }
        Jalr if !isa.has(ext::ZCA) => Some(Call::Jump),
        Jal | Beq | Bne | Blt | Bge | Bltu | Bgeu => {
            let misaligned = !isa.has(ext::ZCA) && pc.wrapping_add(i.imm as u64) & 2 != 0;
            misaligned.then_some(Call::Jump)
        }
        Flw | Fld | Fsw | Fsd => (!key.float).then_some(Call::Illegal),
        Vector if vector::is_float(i.word) => {
            (!key.float || float::round(key, 7).is_none()).then_some(Call::Illegal)
        }
        op if float::is_float(op) => {
            let bad = !key.float || float::rounds(op) && float::round(key, i.rm).is_none();
            bad.then_some(Call::Illegal)
        }
        _ => None,
    }
}
