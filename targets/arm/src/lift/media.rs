//! The DSP extension. Armv7-M ARM, sections A5.3.13 to A5.3.17.

use super::{Flow, Lift};
use crate::regs;
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;

impl Lift<'_> {
    /// Lifts an operation.
    pub(crate) fn media(&mut self, i: &Insn) -> Flow {
        let v = match i.op {
            Op::Pkh => {
                let (a, b) = (self.r(i.rn), self.r(i.rm));
                let b = self.shifted(b, 2 * i.k, i.sa);
                let (low, high) = if i.k == 0 { (a, b) } else { (b, a) };
                let high = self.b.bin_imm(Bin::And, high, 0xffff_0000);
                let low = self.b.un(Un::Zext16, low);
                self.b.bin(Bin::Or, low, high)
            }
            Op::Sat16 => {
                let v = self.r(i.rn);
                let (low, high) = (self.half(v, 0, true), self.half(v, 1, true));
                let low = self.saturate(low, i.imm as u32, i.k == 0);
                let high = self.saturate(high, i.imm as u32, i.k == 0);
                self.join(low, high)
            }
            Op::Par => self.parallel(i),
            Op::Qadd => {
                let (m, n) = (self.wide(i.rm), self.wide(i.rn));
                let n = if i.k & 1 != 0 {
                    let twice = self.b.bin(Bin::Add, n, n);
                    let v = self.narrow(twice);
                    self.b.cast(Cast::Sext, Ty::I64, v)
                } else {
                    n
                };
                let v = self.b.bin(if i.k & 2 == 0 { Bin::Add } else { Bin::Sub }, m, n);
                self.narrow(v)
            }
            Op::Sel => {
                let (a, b) = (self.r(i.rn), self.r(i.rm));
                let ge = self.b.get(Ty::I32, regs::GE);
                // A byte of ones for each bit.
                let mut mask = self.imm(0);
                for n in 0..4 {
                    let bit = self.b.bin_imm(Bin::ShrU, ge, n);
                    let bit = self.b.bin_imm(Bin::And, bit, 1);
                    let byte = self.b.bin_imm(Bin::Mul, bit, 0xff << (8 * n));
                    mask = self.b.bin(Bin::Or, mask, byte);
                }
                let a = self.b.bin(Bin::And, a, mask);
                let mask = self.b.un(Un::Not, mask);
                let b = self.b.bin(Bin::And, b, mask);
                self.b.bin(Bin::Or, a, b)
            }
            Op::Smulh => {
                let (a, b) = (self.r(i.rn), self.r(i.rm));
                let (a, b) = (self.half(a, i.st >> 1, true), self.half(b, i.st & 1, true));
                let v = self.b.bin(Bin::Mul, a, b);
                self.accumulate(i, v)
            }
            Op::Smlaw => {
                let a = self.wide(i.rn);
                let b = self.r(i.rm);
                let b = self.half(b, i.st, true);
                let b = self.b.cast(Cast::Sext, Ty::I64, b);
                let v = self.b.bin(Bin::Mul, a, b);
                let v = self.b.bin_imm(Bin::ShrS, v, 16);
                let v = self.b.cast(Cast::Trunc, Ty::I32, v);
                self.accumulate(i, v)
            }
            Op::Smlad => {
                let (p, q) = self.products(i);
                let mut v = self.b.bin(if i.k == 0 { Bin::Add } else { Bin::Sub }, p, q);
                if i.ra != 15 {
                    let a = self.wide(i.ra);
                    v = self.b.bin(Bin::Add, v, a);
                }
                self.flagged(v)
            }
            Op::Smmul => {
                let (a, b) = (self.wide(i.rn), self.wide(i.rm));
                let mut v = self.b.bin(Bin::Mul, a, b);
                if i.ra != 15 {
                    let a = self.wide(i.ra);
                    let a = self.b.bin_imm(Bin::Shl, a, 32);
                    v = self.b.bin(if i.k == 0 { Bin::Add } else { Bin::Sub }, a, v);
                }
                if i.st != 0 {
                    v = self.b.bin_imm(Bin::Add, v, 1 << 31);
                }
                let v = self.b.bin_imm(Bin::ShrU, v, 32);
                self.b.cast(Cast::Trunc, Ty::I32, v)
            }
            Op::Usad => {
                let (a, b) = (self.r(i.rn), self.r(i.rm));
                let mut sum = if i.ra == 15 { self.imm(0) } else { self.r(i.ra) };
                for n in 0..4 {
                    let (x, y) = (self.byte(a, n, false), self.byte(b, n, false));
                    let less = self.b.cmp(Cmp::LtU, x, y);
                    let (p, q) = (self.b.bin(Bin::Sub, x, y), self.b.bin(Bin::Sub, y, x));
                    let d = self.b.select(less, q, p);
                    sum = self.b.bin(Bin::Add, sum, d);
                }
                sum
            }
            Op::Smlalh => {
                let (a, b) = (self.r(i.rn), self.r(i.rm));
                let (a, b) = (self.half(a, i.st >> 1, true), self.half(b, i.st & 1, true));
                let v = self.b.bin(Bin::Mul, a, b);
                let v = self.b.cast(Cast::Sext, Ty::I64, v);
                return self.accumulate_long(i, v);
            }
            Op::Smlald => {
                let (p, q) = self.products(i);
                let v = self.b.bin(if i.k == 0 { Bin::Add } else { Bin::Sub }, p, q);
                return self.accumulate_long(i, v);
            }
            _ => {
                let wide = |l: &mut Self, n| {
                    let v = l.r(n);
                    l.b.cast(Cast::Zext, Ty::I64, v)
                };
                let (a, b) = (wide(self, i.rn), wide(self, i.rm));
                let (c, d) = (wide(self, i.ra), wide(self, i.rd));
                let v = self.b.bin(Bin::Mul, a, b);
                let v = self.b.bin(Bin::Add, v, c);
                let v = self.b.bin(Bin::Add, v, d);
                self.set_pair(i.ra, i.rd, v);
                return Flow::Next;
            }
        };
        self.set_r(i.rd, v);
        Flow::Next
    }

    fn wide(&mut self, n: i32) -> Val {
        let v = self.r(n);
        self.b.cast(Cast::Sext, Ty::I64, v)
    }

    /// A half of a word, extended.
    fn half(&mut self, v: Val, n: i32, signed: bool) -> Val {
        let v = self.b.bin_imm(Bin::ShrU, v, 16 * (n as u64 & 1));
        self.b.un(if signed { Un::Sext16 } else { Un::Zext16 }, v)
    }

    /// A byte of a word, extended.
    fn byte(&mut self, v: Val, n: u64, signed: bool) -> Val {
        let v = self.b.bin_imm(Bin::ShrU, v, 8 * n);
        self.b.un(if signed { Un::Sext8 } else { Un::Zext8 }, v)
    }

    /// A 64-bit number as 32 bits, saturated, with Q.
    fn narrow(&mut self, v: Val) -> Val {
        let least = self.b.iconst(Ty::I64, i64::from(i32::MIN) as u64);
        let most = self.b.iconst(Ty::I64, i32::MAX as u64);
        let below = self.b.cmp(Cmp::LtS, v, least);
        let above = self.b.cmp(Cmp::LtS, most, v);
        let out = self.b.select(below, least, v);
        let out = self.b.select(above, most, out);
        self.set_q(out, v);
        self.b.cast(Cast::Trunc, Ty::I32, out)
    }

    /// A 64-bit number as 32 bits, with Q if it does not fit.
    fn flagged(&mut self, v: Val) -> Val {
        let out = self.b.cast(Cast::Trunc, Ty::I32, v);
        let back = self.b.cast(Cast::Sext, Ty::I64, out);
        self.set_q(back, v);
        out
    }

    /// Adds a product to `ra`, with Q if that overflows.
    fn accumulate(&mut self, i: &Insn, v: Val) -> Val {
        if i.ra == 15 {
            return v;
        }
        let (v, a) = (self.b.cast(Cast::Sext, Ty::I64, v), self.wide(i.ra));
        let sum = self.b.bin(Bin::Add, v, a);
        self.flagged(sum)
    }

    fn accumulate_long(&mut self, i: &Insn, v: Val) -> Flow {
        let sum = self.pair(i.ra, i.rd);
        let v = self.b.bin(Bin::Add, sum, v);
        self.set_pair(i.ra, i.rd, v);
        Flow::Next
    }

    /// The products of low and of high halves, `rm`'s swapped if `st` says so, in 64 bits.
    fn products(&mut self, i: &Insn) -> (Val, Val) {
        let (a, mut b) = (self.r(i.rn), self.r(i.rm));
        if i.st != 0 {
            b = self.b.bin_imm(Bin::Rotr, b, 16);
        }
        let mut product = |n| {
            let (x, y) = (self.half(a, n, true), self.half(b, n, true));
            let v = self.b.bin(Bin::Mul, x, y);
            self.b.cast(Cast::Sext, Ty::I64, v)
        };
        (product(0), product(1))
    }

    /// Parallel addition and subtraction: `k` is the operation; `x` is plain signed, saturating,
    /// halving, then the same unsigned from 4 on.
    fn parallel(&mut self, i: &Insn) -> Val {
        let (a, b) = (self.r(i.rn), self.r(i.rm));
        let unsigned = i.x & 4 != 0;
        let bytes = i.k & 3 == 0;
        let lanes: u64 = if bytes { 4 } else { 2 };
        let width = 32 / lanes;
        let mut out = self.imm(0);
        let mut ge = self.imm(0);
        for n in 0..lanes {
            // ASX and SAX cross the halves of `rm`: one adds in the high lane, the other in the
            // low one.
            let crossed = matches!(i.k, 2 | 6);
            let m = if crossed { 1 - n } else { n };
            let sub = match i.k {
                0 | 1 => false,
                4 | 5 => true,
                2 => n == 0,
                _ => n == 1,
            };
            let (x, y) = if bytes {
                (self.byte(a, n, !unsigned), self.byte(b, m, !unsigned))
            } else {
                (self.half(a, n as i32, !unsigned), self.half(b, m as i32, !unsigned))
            };
            let v = self.b.bin(if sub { Bin::Sub } else { Bin::Add }, x, y);
            let v = match i.x & 3 {
                0 => {
                    let mut bit = if unsigned && !sub {
                        self.b.bin_imm(Bin::ShrU, v, width)
                    } else {
                        let v = self.b.bin_imm(Bin::ShrU, v, 31);
                        self.b.bin_imm(Bin::Xor, v, 1)
                    };
                    if !bytes {
                        bit = self.b.bin_imm(Bin::Mul, bit, 3);
                    }
                    let bit = self.b.bin_imm(Bin::Shl, bit, n * 4 / lanes);
                    ge = self.b.bin(Bin::Or, ge, bit);
                    v
                }
                1 => self.clamp(v, width, unsigned),
                _ => self.b.bin_imm(Bin::ShrS, v, 1),
            };
            let v = self.b.bin_imm(Bin::And, v, (1 << width) - 1);
            let v = self.b.bin_imm(Bin::Shl, v, n * width);
            out = self.b.bin(Bin::Or, out, v);
        }
        if i.x & 3 == 0 {
            self.set_slot(regs::GE, ge);
        }
        out
    }

    /// Saturates to a lane, without Q.
    fn clamp(&mut self, v: Val, width: u64, unsigned: bool) -> Val {
        let (least, most) = if unsigned {
            (0, (1u32 << width) - 1)
        } else {
            ((-1i32 << (width - 1)) as u32, (1u32 << (width - 1)) - 1)
        };
        let (least, most) = (self.imm(least), self.imm(most));
        let below = self.b.cmp(Cmp::LtS, v, least);
        let above = self.b.cmp(Cmp::LtS, most, v);
        let v = self.b.select(below, least, v);
        self.b.select(above, most, v)
    }
}
