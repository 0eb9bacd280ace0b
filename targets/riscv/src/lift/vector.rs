//! V: every vector instruction is a call of the hart inside its block, with its scalar operands;
//! what it gives goes to its scalar destination. Unprivileged ISA, chapter 30.

use super::{Flow, Lift};
use crate::regs;
use crate::table::Insn;
use hetemu_isa::ir::*;

/// What lifted code asks the hart for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Call {
    /// Run the instruction: its bits, the value of rs1, the value of rs2.
    Run,
    /// Read vl, vtype or vlenb: the instruction's bits, the register's number.
    Csr,
}

/// OPFVV and OPFVF, which need float state.
pub(crate) fn is_float(word: u32) -> bool {
    word & 0x7f == 0x57 && matches!(word >> 12 & 7, 1 | 5)
}

/// Whether a CSRRS only reads vl, vtype or vlenb, which loops do.
pub(crate) fn reads(i: &Insn) -> bool {
    (0xc20..=0xc22).contains(&i.csr) && i.rs1 == 0
}

impl Lift<'_> {
    pub(crate) fn vector_csr(&mut self, i: &Insn) -> Flow {
        let [what, csr, zero] = [i.word.into(), i.csr as u64, 0].map(|n| self.b.iconst(Ty::I64, n));
        let value = self.b.call(Call::Csr as u16, [what, csr, zero]);
        let value = self.b.cast(Cast::Trunc, self.xt, value);
        self.set_x(i.rd, value);
        Flow::Next
    }

    pub(crate) fn vector(&mut self, i: &Insn) -> Flow {
        let word = i.word;
        let field = |at: u32| (word >> at & 31) as i32;
        let (rd, rs1, rs2) = (field(7), field(15), field(20));
        let (opcode, funct3, funct6) = (word & 0x7f, word >> 12 & 7, word >> 26);
        let memory = opcode != 0x57;
        let what = self.b.iconst(Ty::I64, word.into());
        let zero = self.b.iconst(Ty::I64, 0);
        let x = match funct3 {
            _ if memory => self.signed(rs1),
            4 | 6 => self.signed(rs1),
            // vsetivli has an immediate there.
            7 if word >> 30 != 3 => self.signed(rs1),
            5 => {
                let f = self.b.get(Ty::F64, regs::f(rs1));
                self.b.cast(Cast::Bits, Ty::I64, f)
            }
            _ => zero,
        };
        let strided = memory && word >> 26 & 3 == 2;
        let vsetvl = !memory && funct3 == 7 && word >> 25 == 0x40;
        let y = if strided || vsetvl { self.signed(rs2) } else { zero };
        let value = self.b.call(Call::Run as u16, [what, x, y]);
        match (funct3, funct6) {
            _ if memory => {}
            (7, _) | (2, 0x10) => {
                let value = self.b.cast(Cast::Trunc, self.xt, value);
                self.set_x(rd, value);
            }
            (1, 0x10) => {
                let value = self.b.cast(Cast::Bits, Ty::F64, value);
                self.b.put(regs::f(rd), value);
                self.dirty();
            }
            (1 | 5, _) => self.dirty(),
            _ => {}
        }
        Flow::Next
    }

    /// An integer register, sign-extended.
    fn signed(&mut self, n: i32) -> Val {
        let value = self.x(n);
        self.b.cast(Cast::Sext, Ty::I64, value)
    }
}
