//! Zba, Zbb, Zbc and Zbs but for what is one IR operation (in `int`). Unprivileged ISA, chapter 30.

use super::{Flow, Lift};
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;

impl Lift<'_> {
    /// Lifts an instruction of bit manipulation.
    pub(crate) fn bit(&mut self, i: &Insn) -> Flow {
        let v = match i.op {
            Op::Sh1add => self.shift_add(i, 1, false),
            Op::Sh2add => self.shift_add(i, 2, false),
            Op::Sh3add => self.shift_add(i, 3, false),
            Op::AddUw => self.shift_add(i, 0, true),
            Op::Sh1addUw => self.shift_add(i, 1, true),
            Op::Sh2addUw => self.shift_add(i, 2, true),
            Op::Sh3addUw => self.shift_add(i, 3, true),
            Op::SlliUw => {
                let a = self.x(i.rs1);
                let a = self.b.un(Un::Zext32, a);
                self.b.bin_imm(Bin::Shl, a, i.imm as u64)
            }
            Op::Andn => self.inverted(Bin::And, i),
            Op::Orn => self.inverted(Bin::Or, i),
            Op::Xnor => self.inverted(Bin::Xor, i),
            Op::Clz => self.unary(Un::Clz, i),
            Op::Ctz => self.unary(Un::Ctz, i),
            Op::Cpop => self.unary(Un::Popcnt, i),
            Op::SextB => self.unary(Un::Sext8, i),
            Op::SextH => self.unary(Un::Sext16, i),
            Op::ZextH => self.unary(Un::Zext16, i),
            Op::Rev8 => self.unary(Un::Bswap, i),
            Op::Clzw => self.unary_word(Un::Clz, i),
            Op::Ctzw => self.unary_word(Un::Ctz, i),
            Op::Cpopw => self.unary_word(Un::Popcnt, i),
            Op::Max => self.choose(Cmp::LtS, true, i),
            Op::Maxu => self.choose(Cmp::LtU, true, i),
            Op::Min => self.choose(Cmp::LtS, false, i),
            Op::Minu => self.choose(Cmp::LtU, false, i),
            Op::OrcB => self.orc(i),
            Op::Clmulr => self.clmulr(i),
            op => self.single(op, i),
        };
        self.set_x(i.rd, v);
        Flow::Next
    }

    fn shift_add(&mut self, i: &Insn, by: u64, unsigned_word: bool) -> Val {
        let (mut a, b) = (self.x(i.rs1), self.x(i.rs2));
        if unsigned_word {
            a = self.b.un(Un::Zext32, a);
        }
        let a = self.b.bin_imm(Bin::Shl, a, by);
        self.b.bin(Bin::Add, a, b)
    }

    fn inverted(&mut self, op: Bin, i: &Insn) -> Val {
        let (a, b) = (self.x(i.rs1), self.x(i.rs2));
        let b = self.b.un(Un::Not, b);
        self.b.bin(op, a, b)
    }

    fn unary(&mut self, op: Un, i: &Insn) -> Val {
        let a = self.x(i.rs1);
        self.b.un(op, a)
    }

    fn unary_word(&mut self, op: Un, i: &Insn) -> Val {
        let a = self.w(i.rs1);
        let v = self.b.un(op, a);
        self.b.cast(Cast::Zext, self.xt, v)
    }

    fn choose(&mut self, op: Cmp, larger: bool, i: &Insn) -> Val {
        let (a, b) = (self.x(i.rs1), self.x(i.rs2));
        let less = self.b.cmp(op, a, b);
        if larger { self.b.select(less, b, a) } else { self.b.select(less, a, b) }
    }

    /// Each byte becomes all ones if any of its bits is set: the carry out of the low seven bits,
    /// or the eighth, is spread over the byte.
    fn orc(&mut self, i: &Insn) -> Val {
        let a = self.x(i.rs1);
        let low = self.b.bin_imm(Bin::And, a, 0x7f7f_7f7f_7f7f_7f7f);
        let carry = self.b.bin_imm(Bin::Add, low, 0x7f7f_7f7f_7f7f_7f7f);
        let any = self.b.bin(Bin::Or, carry, a);
        let tops = self.b.bin_imm(Bin::And, any, 0x8080_8080_8080_8080);
        let above = self.b.bin_imm(Bin::Shl, tops, 1);
        let below = self.b.bin_imm(Bin::ShrU, tops, 7);
        self.b.bin(Bin::Sub, above, below)
    }

    /// Bits 2w-2 to w-1 of the carry-less product.
    fn clmulr(&mut self, i: &Insn) -> Val {
        let (a, b) = (self.x(i.rs1), self.x(i.rs2));
        let high = self.b.bin(Bin::ClmulH, a, b);
        let low = self.b.bin(Bin::Clmul, a, b);
        let high = self.b.bin_imm(Bin::Shl, high, 1);
        let low = self.b.bin_imm(Bin::ShrU, low, u64::from(self.isa.bits) - 1);
        self.b.bin(Bin::Or, high, low)
    }

    /// Zbs: one bit, its number from a register or an immediate.
    fn single(&mut self, op: Op, i: &Insn) -> Val {
        let imm = matches!(op, Op::Bclri | Op::Bexti | Op::Binvi | Op::Bseti);
        let a = self.x(i.rs1);
        let n = if imm { self.imm(i.imm) } else { self.x(i.rs2) };
        if matches!(op, Op::Bext | Op::Bexti) {
            let v = self.b.bin(Bin::ShrU, a, n);
            return self.b.bin_imm(Bin::And, v, 1);
        }
        let one = self.b.iconst(self.xt, 1);
        let bit = self.b.bin(Bin::Shl, one, n);
        match op {
            Op::Bclr | Op::Bclri => {
                let keep = self.b.un(Un::Not, bit);
                self.b.bin(Bin::And, a, keep)
            }
            Op::Binv | Op::Binvi => self.b.bin(Bin::Xor, a, bit),
            _ => self.b.bin(Bin::Or, a, bit),
        }
    }
}
