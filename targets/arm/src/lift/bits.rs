//! Multiplication, division, extension, bit fields, saturation. Armv7-M ARM, sections A5.3.3,
//! A5.3.12 to A5.3.17.

use super::{Flow, Lift};
use crate::regs;
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;

impl Lift<'_> {
    /// Lifts an operation.
    pub(crate) fn bits(&mut self, i: &Insn) -> Flow {
        let v = match i.op {
            Op::Mul => {
                let (a, b) = (self.r(i.rn), self.r(i.rm));
                let v = self.b.bin(Bin::Mul, a, b);
                if self.sets(i) {
                    self.set_nz(v);
                }
                v
            }
            Op::Mla => {
                let (a, b, c) = (self.r(i.rn), self.r(i.rm), self.r(i.ra));
                let v = self.b.bin(Bin::Mul, a, b);
                self.b.bin(if i.k == 0 { Bin::Add } else { Bin::Sub }, c, v)
            }
            Op::Mull => {
                let signed = i.k & 1 == 0;
                let cast = if signed { Cast::Sext } else { Cast::Zext };
                let (a, b) = (self.r(i.rn), self.r(i.rm));
                let (a, b) = (self.b.cast(cast, Ty::I64, a), self.b.cast(cast, Ty::I64, b));
                let mut v = self.b.bin(Bin::Mul, a, b);
                if i.k >= 2 {
                    let sum = self.pair(i.ra, i.rd);
                    v = self.b.bin(Bin::Add, v, sum);
                }
                self.set_pair(i.ra, i.rd, v);
                return Flow::Next;
            }
            Op::Div => self.divide(i),
            Op::Ext => {
                let v = self.r(i.rm);
                let v = self.b.bin_imm(Bin::Rotr, v, 8 * (i.sa as u64 & 3));
                let v = match i.k {
                    0 => self.b.un(Un::Sext16, v),
                    1 => self.b.un(Un::Zext16, v),
                    2 => self.b.un(Un::Sext8, v),
                    3 => self.b.un(Un::Zext8, v),
                    k => return self.extend_pairs(i, k == 4, v),
                };
                if i.rn == 15 {
                    v
                } else {
                    let a = self.r(i.rn);
                    self.b.bin(Bin::Add, a, v)
                }
            }
            Op::Rev => {
                let v = self.r(i.rm);
                match i.k {
                    0 => self.b.un(Un::Bswap, v),
                    1 => {
                        let v = self.b.un(Un::Bswap, v);
                        self.b.bin_imm(Bin::Rotr, v, 16)
                    }
                    2 => self.b.un(Un::Bitrev, v),
                    _ => {
                        let v = self.b.un(Un::Bswap, v);
                        self.b.bin_imm(Bin::ShrS, v, 16)
                    }
                }
            }
            Op::Clz => {
                let v = self.r(i.rm);
                self.b.un(Un::Clz, v)
            }
            Op::Bfx => {
                let v = self.r(i.rn);
                let (lsb, width) = (i.sa as u64 & 31, i.imm as u64 + 1);
                let left = 32u64.saturating_sub(lsb + width);
                let v = self.b.bin_imm(Bin::Shl, v, left);
                let op = if i.k == 0 { Bin::ShrS } else { Bin::ShrU };
                self.b.bin_imm(op, v, left + lsb)
            }
            Op::Bfi => {
                let (lsb, msb) = (i.sa as u64 & 31, i.imm as u64 & 31);
                let width = msb.saturating_sub(lsb) + 1;
                let mask = ((1u64 << width) - 1) << lsb & 0xffff_ffff;
                let old = self.r(i.rd);
                let old = self.b.bin_imm(Bin::And, old, !mask & 0xffff_ffff);
                if i.rn == 15 {
                    old
                } else {
                    let v = self.r(i.rn);
                    let v = self.b.bin_imm(Bin::Shl, v, lsb);
                    let v = self.b.bin_imm(Bin::And, v, mask);
                    self.b.bin(Bin::Or, old, v)
                }
            }
            _ => {
                let v = self.r(i.rn);
                let v = self.shifted(v, i.st * 2, i.sa);
                self.saturate(v, i.imm as u32, i.k == 0)
            }
        };
        self.set_r(i.rd, v);
        Flow::Next
    }

    /// A 64-bit number from two registers.
    pub(crate) fn pair(&mut self, low: i32, high: i32) -> Val {
        let (low, high) = (self.r(low), self.r(high));
        let low = self.b.cast(Cast::Zext, Ty::I64, low);
        let high = self.b.cast(Cast::Zext, Ty::I64, high);
        let high = self.b.bin_imm(Bin::Shl, high, 32);
        self.b.bin(Bin::Or, low, high)
    }

    /// Sets two registers to a 64-bit number.
    pub(crate) fn set_pair(&mut self, low: i32, high: i32, v: Val) {
        let l = self.b.cast(Cast::Trunc, Ty::I32, v);
        let h = self.b.bin_imm(Bin::ShrU, v, 32);
        let h = self.b.cast(Cast::Trunc, Ty::I32, h);
        self.set_r(low, l);
        self.set_r(high, h);
    }

    /// A quotient: 0 for a division by zero.
    fn divide(&mut self, i: &Insn) -> Val {
        let (a, b) = (self.r(i.rn), self.r(i.rm));
        let zero = self.imm(0);
        let none = self.b.cmp(Cmp::Eq, b, zero);
        let v = self.b.bin(if i.k == 0 { Bin::DivS } else { Bin::DivU }, a, b);
        self.b.select(none, zero, v)
    }

    /// The two bytes of each half, extended to 16 bits and added.
    fn extend_pairs(&mut self, i: &Insn, signed: bool, v: Val) -> Flow {
        let op = if signed { Un::Sext8 } else { Un::Zext8 };
        let high = self.b.bin_imm(Bin::ShrU, v, 16);
        let (low, high) = (self.b.un(op, v), self.b.un(op, high));
        let v = if i.rn == 15 {
            self.join(low, high)
        } else {
            let a = self.r(i.rn);
            let top = self.b.bin_imm(Bin::ShrU, a, 16);
            let (low, high) = (self.b.bin(Bin::Add, a, low), self.b.bin(Bin::Add, top, high));
            self.join(low, high)
        };
        self.set_r(i.rd, v);
        Flow::Next
    }

    /// Two halves as one word.
    pub(crate) fn join(&mut self, low: Val, high: Val) -> Val {
        let low = self.b.un(Un::Zext16, low);
        let high = self.b.bin_imm(Bin::Shl, high, 16);
        self.b.bin(Bin::Or, low, high)
    }

    /// Saturates a signed number: to `n + 1` bits signed, or to `n` bits unsigned. Sets Q.
    pub(crate) fn saturate(&mut self, v: Val, n: u32, signed: bool) -> Val {
        let n = n & 31;
        let (least, most) = if signed {
            ((-1i64 << n) as u32, ((1u64 << n) - 1) as u32)
        } else {
            (0, ((1u64 << n) - 1) as u32)
        };
        let (least, most) = (self.imm(least), self.imm(most));
        let below = self.b.cmp(Cmp::LtS, v, least);
        let above = self.b.cmp(Cmp::LtS, most, v);
        let out = self.b.select(below, least, v);
        let out = self.b.select(above, most, out);
        self.set_q(out, v);
        out
    }

    /// Q, if two numbers differ.
    pub(crate) fn set_q(&mut self, a: Val, b: Val) {
        let c = self.b.cmp(Cmp::Ne, a, b);
        let ty = Ty::I32;
        let c = self.b.cast(Cast::Zext, ty, c);
        let old = self.b.get(ty, regs::QF);
        let v = self.b.bin(Bin::Or, old, c);
        self.set_slot(regs::QF, v);
    }
}
