//! Zicond, Zimop, hints, cbo.zero and Zacas. Unprivileged ISA, chapters of those names.

use super::mem::plain;
use super::{Flow, Lift};
use crate::table::{Insn, Op};
use hetemu_isa::Exit;
use hetemu_isa::ir::*;

impl Lift<'_> {
    /// Lifts an instruction of these extensions; `None` if it is none.
    pub(crate) fn extra(&mut self, i: &Insn) -> Option<Flow> {
        match i.op {
            Op::CzeroEqz => self.zero_if(Cmp::Eq, i),
            Op::CzeroNez => self.zero_if(Cmp::Ne, i),
            Op::MopR | Op::MopRr => {
                let zero = self.imm(0);
                self.set_x(i.rd, zero);
            }
            Op::NtlP1 | Op::NtlPall | Op::NtlS1 | Op::NtlAll => {}
            Op::PrefetchI | Op::PrefetchR | Op::PrefetchW => {}
            Op::CboZero => self.zero_block(i),
            Op::AmocasW | Op::AmocasD => return Some(self.compare_and_swap(i)),
            _ => return None,
        }
        Some(Flow::Next)
    }

    fn zero_if(&mut self, op: Cmp, i: &Insn) {
        let (a, b, zero) = (self.x(i.rs1), self.x(i.rs2), self.imm(0));
        let c = self.b.cmp(op, b, zero);
        let v = self.b.select(c, zero, a);
        self.set_x(i.rd, v);
    }

    /// The first byte that is stored is the one at the address itself, which a fault reports.
    fn zero_block(&mut self, i: &Insn) {
        let a = self.x(i.rs1);
        let zero = self.b.iconst(Ty::I64, 0);
        self.b.store(plain(0, false), a, 0, zero);
        let block = self.b.bin_imm(Bin::And, a, !(self.isa.cache_block - 1));
        for offset in (0..self.isa.cache_block as i32).step_by(8) {
            self.b.store(plain(3, false), block, offset, zero);
        }
    }

    /// The first access faults as an atomic does and changes nothing. Should another core come
    /// between the other two, the instruction runs again.
    fn compare_and_swap(&mut self, i: &Insn) -> Flow {
        let word = i.op == Op::AmocasW;
        let mem = Mem { aligned: true, ..plain(if word { 2 } else { 3 }, false) };
        let ty = if word { Ty::I32 } else { Ty::I64 };
        let a = self.x(i.rs1);
        let (want, new) =
            if word { (self.w(i.rd), self.w(i.rs2)) } else { (self.x(i.rd), self.x(i.rs2)) };
        let zero = self.b.iconst(ty, 0);
        self.b.rmw(Rmw::Or, mem, a, zero);
        let old = self.b.load_reserve(ty, mem, a);
        let equal = self.b.cmp(Cmp::Eq, old, want);
        let value = self.b.select(equal, new, old);
        let stored = self.b.store_cond(mem, a, value);
        let old = if word { self.b.cast(Cast::Sext, self.xt, old) } else { old };
        let before = self.x(i.rd);
        let after = self.b.select(stored, old, before);
        self.set_x(i.rd, after);
        Flow::End(Exit::Branch(stored, self.next, self.pc))
    }
}
