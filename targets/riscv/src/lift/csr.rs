//! Control registers that do not end a block: those that only hold a value (what a trap saves, and
//! scratch space), on which nothing depends but instructions that read them, and clocks, which are
//! only read.

use super::{Flow, Lift};
use crate::isa::Isa;
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;

/// The call ([`hetemu_isa::Cpu::call`]) that reads and changes such a register: its arguments are
/// [`Access`] as bits, the operand, and the instruction.
pub(crate) const CALL: u16 = 0x100;

/// The call of an instruction that says that the hart waits in a loop. It ends no block: a kernel
/// that waits for a device does little else.
pub(crate) const PAUSE: u16 = 0x101;

/// What is done to a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    /// The register's number.
    pub(crate) csr: u16,
    /// It is written, and by which operation: 1 swaps, 2 sets bits, 3 clears bits. 0: only read.
    pub(crate) how: u8,
}

impl Access {
    /// Of an instruction of Zicsr on a register that only holds a value.
    pub(crate) fn of(isa: &Isa, i: &Insn) -> Option<Access> {
        let csr = i.csr as u16 & 0xfff;
        let known = match csr {
            // sscratch, sepc, scause, stval
            0x140..=0x143 => isa.supervisor,
            // mscratch, mepc, mcause, mtval
            0x340..=0x343 => true,
            // cycle, time, instret and their high halves
            0xc00..=0xc02 => true,
            0xc80..=0xc82 => isa.bits == 32,
            _ => false,
        };
        // Set and clear do not write if the field (not the value) is zero.
        let writes = i.word >> 15 & 31 != 0;
        let how = match i.op {
            Op::Csrrw | Op::Csrrwi => 1,
            Op::Csrrs | Op::Csrrsi if writes => 2,
            Op::Csrrc | Op::Csrrci if writes => 3,
            _ => 0,
        };
        // Writing a clock is illegal.
        (known && (csr < 0xc00 || how == 0)).then_some(Access { csr, how })
    }

    fn bits(self) -> u64 {
        u64::from(self.csr) | u64::from(self.how) << 16
    }

    /// From a call's argument.
    pub(crate) fn from_bits(bits: u64) -> Access {
        Access { csr: bits as u16, how: (bits >> 16) as u8 }
    }
}

impl Lift<'_> {
    /// Waiting for a store may end for any reason, and soon: it is a pause.
    pub(crate) fn pause(&mut self) -> Flow {
        let nothing = self.b.iconst(Ty::I64, 0);
        self.b.call(PAUSE, [nothing; 3]);
        Flow::Next
    }

    pub(crate) fn csr(&mut self, access: Access, i: &Insn) -> Flow {
        let operand = match i.op {
            Op::Csrrwi | Op::Csrrsi | Op::Csrrci => self.b.iconst(Ty::I64, i.imm as u64),
            _ => {
                let x = self.x(i.rs1);
                if self.xt == Ty::I64 { x } else { self.b.cast(Cast::Zext, Ty::I64, x) }
            }
        };
        let what = self.b.iconst(Ty::I64, access.bits());
        let word = self.b.iconst(Ty::I64, i.word.into());
        let old = self.b.call(CALL, [what, operand, word]);
        let old = if self.xt == Ty::I64 { old } else { self.b.cast(Cast::Trunc, Ty::I32, old) };
        self.set_x(i.rd, old);
        Flow::Next
    }
}
