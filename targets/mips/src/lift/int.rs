//! Integer instructions of MIPS32 release 2. On 64-bit cores results are sign-extended.

use super::Lift;
use crate::cpu::cause;
use crate::regs;
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;

impl Lift<'_> {
    /// Lifts an instruction of this group; false if it is none.
    pub(crate) fn int(&mut self, i: &Insn) -> bool {
        if let Some((op, imm)) = word(i.op) {
            let a = self.w(i.rs);
            let b = if imm { self.b.iconst(Ty::I32, i.imm as u64) } else { self.w(i.rt) };
            let v = self.b.bin(op, a, b);
            if matches!(i.op, Op::Add | Op::Addi | Op::Sub) {
                self.overflow(op, a, b, v);
            }
            self.set_w(i.rd_or_rt(imm), v);
            return true;
        }
        if let Some((op, imm)) = logic(i.op) {
            let a = self.x(i.rs);
            let b = if imm { self.b.iconst(self.xt, i.imm as u32 as u64) } else { self.x(i.rt) };
            let v = self.b.bin(op, a, b);
            let v = if i.op == Op::Nor { self.b.un(Un::Not, v) } else { v };
            self.set_x(i.rd_or_rt(imm), v);
            return true;
        }
        if let Some((op, by)) = shift(i.op) {
            let a = self.w(i.rt);
            let b = if by { self.w(i.rs) } else { self.b.iconst(Ty::I32, i.imm as u64) };
            let v = self.b.bin(op, a, b);
            self.set_w(i.rd, v);
            return true;
        }
        match i.op {
            Op::Slt | Op::Sltu | Op::Slti | Op::Sltiu => {
                let imm = matches!(i.op, Op::Slti | Op::Sltiu);
                let signed = matches!(i.op, Op::Slt | Op::Slti);
                let a = self.x(i.rs);
                let b = if imm { self.imm(i.imm) } else { self.x(i.rt) };
                let v = self.b.cmp(if signed { Cmp::LtS } else { Cmp::LtU }, a, b);
                self.set_bool(i.rd_or_rt(imm), v);
            }
            Op::Lui => {
                let v = self.b.iconst(Ty::I32, (i.imm as u64) << 16);
                self.set_w(i.rt, v);
            }
            Op::Movz | Op::Movn => {
                let zero = self.b.iconst(self.xt, 0);
                let (c, a, old) = (self.x(i.rt), self.x(i.rs), self.x(i.rd));
                let op = if i.op == Op::Movz { Cmp::Eq } else { Cmp::Ne };
                let c = self.b.cmp(op, c, zero);
                let v = self.b.select(c, a, old);
                self.set_x(i.rd, v);
            }
            Op::Mfhi | Op::Mflo => {
                let slot = if i.op == Op::Mfhi { regs::HI } else { regs::LO };
                let v = self.b.get(self.xt, slot);
                self.set_x(i.rd, v);
            }
            Op::Mthi | Op::Mtlo => {
                let v = self.x(i.rs);
                self.b.put(if i.op == Op::Mthi { regs::HI } else { regs::LO }, v);
            }
            Op::Mult | Op::Multu => {
                let (a, b) = (self.w(i.rs), self.w(i.rt));
                let high = if i.op == Op::Mult { Bin::MulHS } else { Bin::MulHU };
                let (lo, hi) = (self.b.bin(Bin::Mul, a, b), self.b.bin(high, a, b));
                self.set_hi_lo(hi, lo);
            }
            Op::Div | Op::Divu => {
                let (a, b) = (self.w(i.rs), self.w(i.rt));
                let (lo, hi) = self.divide(i.op == Op::Div, a, b);
                self.set_hi_lo(hi, lo);
            }
            Op::Madd | Op::Maddu | Op::Msub | Op::Msubu => self.accumulate(i),
            Op::Mul => {
                let (a, b) = (self.w(i.rs), self.w(i.rt));
                let v = self.b.bin(Bin::Mul, a, b);
                self.set_w(i.rd, v);
            }
            Op::Clz | Op::Clo => {
                let a = self.w(i.rs);
                let a = if i.op == Op::Clo { self.b.un(Un::Not, a) } else { a };
                let v = self.b.un(Un::Clz, a);
                self.set_w(i.rd, v);
            }
            Op::Seb | Op::Seh => {
                let a = self.w(i.rt);
                let v = self.b.un(if i.op == Op::Seb { Un::Sext8 } else { Un::Sext16 }, a);
                self.set_w(i.rd, v);
            }
            Op::Wsbh => {
                let a = self.w(i.rt);
                let v = self.swap_pairs(a, 8, 0x00ff_00ff);
                self.set_w(i.rd, v);
            }
            Op::Ext => {
                let a = self.w(i.rs);
                let v = self.extract(a, i.imm, i.sel);
                self.set_w(i.rt, v);
            }
            Op::Ins => {
                let (a, old) = (self.w(i.rs), self.w(i.rt));
                let v = self.insert(old, a, i.imm, i.sel + 1 - i.imm);
                self.set_w(i.rt, v);
            }
            Op::Teq | Op::Tne | Op::Tge | Op::Tgeu | Op::Tlt | Op::Tltu => {
                let b = self.x(i.rt);
                self.trap_if(i, b);
            }
            Op::Teqi | Op::Tnei | Op::Tgei | Op::Tgeiu | Op::Tlti | Op::Tltiu => {
                let b = self.imm(i.imm);
                self.trap_if(i, b);
            }
            Op::Sync => self.b.fence(),
            Op::Pref | Op::Prefx => {}
            Op::Movf | Op::Movt => {
                let held = self.condition(i.sel);
                let (a, old) = (self.x(i.rs), self.x(i.rd));
                let v = match i.op {
                    Op::Movt => self.b.select(held, a, old),
                    _ => self.b.select(held, old, a),
                };
                self.set_x(i.rd, v);
            }
            _ => return false,
        }
        true
    }

    fn set_hi_lo(&mut self, hi: Val, lo: Val) {
        let hi = self.b.cast(Cast::Sext, self.xt, hi);
        let lo = self.b.cast(Cast::Sext, self.xt, lo);
        self.b.put(regs::HI, hi);
        self.b.put(regs::LO, lo);
    }

    /// Raises integer overflow if a sum or difference has another sign than it should.
    pub(super) fn overflow(&mut self, op: Bin, a: Val, b: Val, v: Val) {
        let ty = self.b.ty(v);
        let other = if op == Bin::Sub { v } else { a };
        let (x, y) = match op {
            // The operands' signs differ, and the result's is not the first's.
            Bin::Sub => (self.b.bin(Bin::Xor, a, b), self.b.bin(Bin::Xor, a, other)),
            _ => (self.b.bin(Bin::Xor, a, v), self.b.bin(Bin::Xor, b, v)),
        };
        let both = self.b.bin(Bin::And, x, y);
        let zero = self.b.iconst(ty, 0);
        let wrong = self.b.cmp(Cmp::LtS, both, zero);
        self.trap(wrong, cause::OVERFLOW);
    }

    /// Quotient and remainder. Division by zero is unpredictable: it divides by one here.
    pub(super) fn divide(&mut self, signed: bool, a: Val, b: Val) -> (Val, Val) {
        let ty = self.b.ty(a);
        let (zero, one) = (self.b.iconst(ty, 0), self.b.iconst(ty, 1));
        let none = self.b.cmp(Cmp::Eq, b, zero);
        let b = self.b.select(none, one, b);
        let (div, rem) = if signed { (Bin::DivS, Bin::RemS) } else { (Bin::DivU, Bin::RemU) };
        (self.b.bin(div, a, b), self.b.bin(rem, a, b))
    }

    fn accumulate(&mut self, i: &Insn) {
        let cast = if matches!(i.op, Op::Madd | Op::Msub) { Cast::Sext } else { Cast::Zext };
        let (a, b) = (self.w(i.rs), self.w(i.rt));
        let (a, b) = (self.b.cast(cast, Ty::I64, a), self.b.cast(cast, Ty::I64, b));
        let product = self.b.bin(Bin::Mul, a, b);
        let half = |lift: &mut Self, slot| {
            let v = lift.b.get(lift.xt, slot);
            let v = lift.b.cast(Cast::Trunc, Ty::I32, v);
            lift.b.cast(Cast::Zext, Ty::I64, v)
        };
        let (hi, lo) = (half(self, regs::HI), half(self, regs::LO));
        let hi = self.b.bin_imm(Bin::Shl, hi, 32);
        let sum = self.b.bin(Bin::Or, hi, lo);
        let op = if matches!(i.op, Op::Madd | Op::Maddu) { Bin::Add } else { Bin::Sub };
        let sum = self.b.bin(op, sum, product);
        let lo = self.b.cast(Cast::Trunc, Ty::I32, sum);
        let hi = self.b.bin_imm(Bin::ShrU, sum, 32);
        let hi = self.b.cast(Cast::Trunc, Ty::I32, hi);
        self.set_hi_lo(hi, lo);
    }

    /// Swaps neighbouring groups of so many bits; the mask has the lower ones.
    pub(super) fn swap_pairs(&mut self, a: Val, bits: u64, mask: u64) -> Val {
        let low = self.b.bin_imm(Bin::And, a, mask);
        let low = self.b.bin_imm(Bin::Shl, low, bits);
        let high = self.b.bin_imm(Bin::ShrU, a, bits);
        let high = self.b.bin_imm(Bin::And, high, mask);
        self.b.bin(Bin::Or, low, high)
    }

    /// A bit field, zero-extended.
    pub(super) fn extract(&mut self, a: Val, pos: i32, size: i32) -> Val {
        let v = self.b.bin_imm(Bin::ShrU, a, pos as u64);
        self.b.bin_imm(Bin::And, v, ones(size))
    }

    /// A bit field replaced. One of no bits (unpredictable) changes nothing.
    pub(super) fn insert(&mut self, old: Val, a: Val, pos: i32, size: i32) -> Val {
        let field = ones(size);
        let new = self.b.bin_imm(Bin::And, a, field);
        let new = self.b.bin_imm(Bin::Shl, new, pos as u64);
        let old = self.b.bin_imm(Bin::And, old, !(field << pos));
        self.b.bin(Bin::Or, old, new)
    }

    fn trap_if(&mut self, i: &Insn, b: Val) {
        let a = self.x(i.rs);
        let (op, a, b) = match i.op {
            Op::Teq | Op::Teqi => (Cmp::Eq, a, b),
            Op::Tne | Op::Tnei => (Cmp::Ne, a, b),
            Op::Tge | Op::Tgei => (Cmp::LeS, b, a),
            Op::Tgeu | Op::Tgeiu => (Cmp::LeU, b, a),
            Op::Tlt | Op::Tlti => (Cmp::LtS, a, b),
            _ => (Cmp::LtU, a, b),
        };
        let c = self.b.cmp(op, a, b);
        self.trap(c, cause::TRAP);
    }
}

impl Insn {
    /// The destination: rt of an immediate form, else rd.
    pub(crate) fn rd_or_rt(&self, imm: bool) -> i32 {
        if imm { self.rt } else { self.rd }
    }
}

fn ones(bits: i32) -> u64 {
    match bits {
        ..=0 => 0,
        64.. => u64::MAX,
        n => (1 << n) - 1,
    }
}

/// Sums and differences of 32 bits, and whether the second operand is an immediate.
fn word(op: Op) -> Option<(Bin, bool)> {
    Some(match op {
        Op::Add | Op::Addu => (Bin::Add, false),
        Op::Addi | Op::Addiu => (Bin::Add, true),
        Op::Sub | Op::Subu => (Bin::Sub, false),
        _ => return None,
    })
}

fn logic(op: Op) -> Option<(Bin, bool)> {
    Some(match op {
        Op::And => (Bin::And, false),
        Op::Or | Op::Nor => (Bin::Or, false),
        Op::Xor => (Bin::Xor, false),
        Op::Andi => (Bin::And, true),
        Op::Ori => (Bin::Or, true),
        Op::Xori => (Bin::Xor, true),
        _ => return None,
    })
}

/// Shifts of 32 bits, and whether a register says how far.
fn shift(op: Op) -> Option<(Bin, bool)> {
    Some(match op {
        Op::Sll => (Bin::Shl, false),
        Op::Srl => (Bin::ShrU, false),
        Op::Sra => (Bin::ShrS, false),
        Op::Rotr => (Bin::Rotr, false),
        Op::Sllv => (Bin::Shl, true),
        Op::Srlv => (Bin::ShrU, true),
        Op::Srav => (Bin::ShrS, true),
        Op::Rotrv => (Bin::Rotr, true),
        _ => return None,
    })
}
