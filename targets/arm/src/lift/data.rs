//! Data processing: operations on registers and immediates, with their flags. Armv7-M ARM,
//! sections A5.2.1, A5.3.1 and A5.3.11; A7.4 for shifts.

use super::{Compared, Flow, Lift};
use crate::regs;
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;

/// An operand that a shift has made, and the carry that came of it.
struct Shifted {
    value: Val,
    /// None: the flag stays.
    carry: Option<Val>,
}

impl Lift<'_> {
    /// Lifts an operation.
    pub(crate) fn data(&mut self, i: &Insn) -> Flow {
        let b = match i.op {
            Op::Adr => {
                let offset = if i.x != 0 { i.imm as u32 } else { (i.imm as u32).wrapping_neg() };
                let v = self.imm(self.aligned_pc().wrapping_add(offset));
                self.set_r(i.rd, v);
                return Flow::Next;
            }
            Op::Movt => {
                let old = self.r(i.rd);
                let low = self.b.bin_imm(Bin::And, old, 0xffff);
                let v = self.b.bin_imm(Bin::Or, low, (i.imm as u64) << 16);
                self.set_r(i.rd, v);
                return Flow::Next;
            }
            Op::Shr => {
                let s = self.shift_by_register(i);
                self.result(i, s.value, s.carry);
                return Flow::Next;
            }
            Op::Dpi => Shifted { value: self.imm(i.imm as u32), carry: None },
            Op::Dpm => {
                let (n, carry) = modified(i.imm as u32);
                let value = self.imm(n);
                let carry = carry.map(|c| self.imm(c));
                Shifted { value, carry }
            }
            _ => {
                let wants = self.sets(i) && !matches!(i.k, 8 | 10 | 11 | 13 | 14);
                let v = self.r(i.rm);
                self.shift(v, i.st, i.sa, wants)
            }
        };
        self.operate(i, b)
    }

    /// Whether the flags are set.
    pub(crate) fn sets(&self, i: &Insn) -> bool {
        i.s == 1 || i.s == 2 && self.it == 0
    }

    fn operate(&mut self, i: &Insn, b: Shifted) -> Flow {
        let Shifted { value: b, carry } = b;
        let logical = |l: &mut Self, op| {
            let a = l.r(i.rn);
            l.b.bin(op, a, b)
        };
        let v = match i.k {
            0 => logical(self, Bin::And),
            1 => {
                let b = self.b.un(Un::Not, b);
                let a = self.r(i.rn);
                self.b.bin(Bin::And, a, b)
            }
            2 => logical(self, Bin::Or),
            3 => {
                let b = self.b.un(Un::Not, b);
                let a = self.r(i.rn);
                self.b.bin(Bin::Or, a, b)
            }
            4 => logical(self, Bin::Xor),
            16 => b,
            17 => self.b.un(Un::Not, b),
            k => return self.arithmetic(i, k, b),
        };
        if i.rd == 15 {
            // Only `mov pc, rm`: no change of state.
            let v = self.b.bin_imm(Bin::And, v, 0xffff_fffe);
            let hint = if i.rm == 14 { Hint::Return } else { Hint::None };
            return self.go(v, hint);
        }
        self.result(i, v, carry);
        Flow::Next
    }

    /// A result with its N and Z, and the carry if it is known.
    fn result(&mut self, i: &Insn, v: Val, carry: Option<Val>) {
        if self.sets(i) {
            self.set_nz(v);
            if let Some(c) = carry {
                self.set_slot(regs::CF, c);
            }
        }
        if i.rd != 16 {
            self.set_r(i.rd, v);
        }
    }

    /// N and Z of a result.
    pub(crate) fn set_nz(&mut self, v: Val) {
        self.compared = None;
        self.set_slot(regs::NF, v);
        self.set_slot(regs::ZF, v);
    }

    fn arithmetic(&mut self, i: &Insn, k: i32, b: Val) -> Flow {
        let a = self.r(i.rn);
        let sets = self.sets(i);
        let (mut carry, mut overflow, mut compared) = (None, None, None);
        let v = match k {
            8 => {
                let v = self.b.bin(Bin::Add, a, b);
                if sets {
                    let c = self.b.cmp(Cmp::LtU, v, a);
                    carry = Some(self.b.cast(Cast::Zext, Ty::I32, c));
                    overflow = Some(self.overflow(a, b, v, false));
                }
                v
            }
            13 | 14 => {
                let (x, y) = if k == 13 { (a, b) } else { (b, a) };
                let v = self.b.bin(Bin::Sub, x, y);
                if sets {
                    let c = self.b.cmp(Cmp::LeU, y, x);
                    carry = Some(self.b.cast(Cast::Zext, Ty::I32, c));
                    overflow = Some(self.overflow(x, y, v, true));
                    compared = Some((x, y));
                }
                v
            }
            _ => {
                // With carry: subtraction adds the complement.
                let y = if k == 11 { self.b.un(Un::Not, b) } else { b };
                let c = self.b.get(Ty::I32, regs::CF);
                let wide = |l: &mut Self, v| l.b.cast(Cast::Zext, Ty::I64, v);
                let (wa, wy, wc) = (wide(self, a), wide(self, y), wide(self, c));
                let sum = self.b.bin(Bin::Add, wa, wy);
                let sum = self.b.bin(Bin::Add, sum, wc);
                let v = self.b.cast(Cast::Trunc, Ty::I32, sum);
                if sets {
                    let c = self.b.bin_imm(Bin::ShrU, sum, 32);
                    carry = Some(self.b.cast(Cast::Trunc, Ty::I32, c));
                    overflow = Some(self.overflow(a, y, v, false));
                }
                v
            }
        };
        if i.rd == 15 {
            // Only `add pc, rm`.
            let v = self.b.bin_imm(Bin::And, v, 0xffff_fffe);
            return self.go(v, Hint::None);
        }
        if let (Some(c), Some(o)) = (carry, overflow) {
            self.set_nz(v);
            self.set_slot(regs::CF, c);
            self.set_slot(regs::VF, o);
            // Under a condition the flags may be of something else.
            let compared = compared.filter(|_| self.pred.is_none());
            self.compared = compared.map(|(a, b)| Compared::Int(a, b));
        }
        if i.rd != 16 {
            self.set_r(i.rd, v);
        }
        Flow::Next
    }

    /// A number whose sign is the overflow of a sum or difference.
    fn overflow(&mut self, a: Val, b: Val, v: Val, sub: bool) -> Val {
        let x = self.b.bin(Bin::Xor, a, v);
        let y = self.b.bin(Bin::Xor, if sub { a } else { v }, b);
        self.b.bin(Bin::And, x, y)
    }

    /// A shift by an immediate as the encodings have it: a right shift by 0 is one by 32, a
    /// rotation by 0 goes through the carry.
    fn shift(&mut self, v: Val, kind: i32, amount: i32, carry: bool) -> Shifted {
        let n = amount as u64 & 31;
        let bit = |l: &mut Self, at: u64| {
            let c = l.b.bin_imm(Bin::ShrU, v, at);
            l.b.bin_imm(Bin::And, c, 1)
        };
        let mut out = None;
        let value = match (kind, n) {
            (0, 0) => v,
            (0, n) => {
                out = carry.then(|| bit(self, 32 - n));
                self.b.bin_imm(Bin::Shl, v, n)
            }
            (1, 0) => {
                out = carry.then(|| bit(self, 31));
                self.imm(0)
            }
            (1, n) => {
                out = carry.then(|| bit(self, n - 1));
                self.b.bin_imm(Bin::ShrU, v, n)
            }
            (2, 0) => {
                out = carry.then(|| bit(self, 31));
                self.b.bin_imm(Bin::ShrS, v, 31)
            }
            (2, n) => {
                out = carry.then(|| bit(self, n - 1));
                self.b.bin_imm(Bin::ShrS, v, n)
            }
            (_, 0) => {
                out = carry.then(|| bit(self, 0));
                let c = self.b.get(Ty::I32, regs::CF);
                let c = self.b.bin_imm(Bin::Shl, c, 31);
                let v = self.b.bin_imm(Bin::ShrU, v, 1);
                self.b.bin(Bin::Or, v, c)
            }
            (_, n) => {
                out = carry.then(|| bit(self, n - 1));
                self.b.bin_imm(Bin::Rotr, v, n)
            }
        };
        Shifted { value, carry: out }
    }

    /// The value of a register shifted as the low bits of the encoding say, without its carry.
    pub(crate) fn shifted(&mut self, v: Val, kind: i32, amount: i32) -> Val {
        self.shift(v, kind, amount, false).value
    }

    /// A shift by the low byte of a register. A shift in 64 bits has the carry beside the result.
    fn shift_by_register(&mut self, i: &Insn) -> Shifted {
        let (v, by) = (self.r(i.rn), self.r(i.rm));
        let by = self.b.bin_imm(Bin::And, by, 0xff);
        let old = self.b.get(Ty::I32, regs::CF);
        let zero = self.imm(0);
        let none = self.b.cmp(Cmp::Eq, by, zero);
        if i.k == 3 {
            let value = self.b.bin(Bin::Rotr, v, by);
            let c = self.b.bin_imm(Bin::ShrU, value, 31);
            let carry = self.b.select(none, old, c);
            return Shifted { value, carry: Some(carry) };
        }
        let most = self.imm(63);
        let far = self.b.cmp(Cmp::LtU, most, by);
        let by = self.b.select(far, most, by);
        let by = self.b.cast(Cast::Zext, Ty::I64, by);
        let wide = self.b.cast(Cast::Zext, Ty::I64, v);
        let (value, carry) = if i.k == 0 {
            let w = self.b.bin(Bin::Shl, wide, by);
            (w, self.b.bin_imm(Bin::ShrU, w, 32))
        } else {
            let w = self.b.bin_imm(Bin::Shl, wide, 32);
            let w = self.b.bin(if i.k == 1 { Bin::ShrU } else { Bin::ShrS }, w, by);
            (self.b.bin_imm(Bin::ShrU, w, 32), self.b.bin_imm(Bin::ShrU, w, 31))
        };
        let value = self.b.cast(Cast::Trunc, Ty::I32, value);
        let carry = self.b.cast(Cast::Trunc, Ty::I32, carry);
        let carry = self.b.bin_imm(Bin::And, carry, 1);
        let carry = self.b.select(none, old, carry);
        Shifted { value, carry: Some(carry) }
    }
}

/// A modified immediate (section A5.3.2), and the carry that it sets.
pub(crate) fn modified(imm: u32) -> (u32, Option<u32>) {
    let byte = imm & 0xff;
    match imm >> 8 & 15 {
        0 => (byte, None),
        1 => (byte | byte << 16, None),
        2 => (byte << 8 | byte << 24, None),
        3 => (byte * 0x0101_0101, None),
        _ => {
            let n = (imm & 0x7f | 0x80).rotate_right(imm >> 7 & 31);
            (n, Some(n >> 31))
        }
    }
}
