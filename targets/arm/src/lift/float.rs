//! Floating point: FPv4 and FPv5. Armv7-M ARM, sections A2.5 and A6.
//!
//! Double registers are pairs of single ones, which are integer slots: accesses and moves need no
//! conversion. Under a condition that fails, operands are 1: no operation raises anything then.
//! Flush-to-zero and default NaNs are done on operands and results.

use super::{Call, Compared, Flow, Lift};
use crate::regs;
use crate::table::{Insn, Op};
use hetemu_isa::ir::*;

/// Numbers of calls, from [`Call::Float`] on: the operand's bits and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum FloatCall {
    /// Conversions of binary16: 0 and 2 to binary32 and 64, 1 and 3 from them; the rounding.
    Half = Call::Float as u16,
    /// To an integral binary32, or 64 if bit 8 is set; the rounding below, inexact is told if bit 7
    /// is set.
    Integral,
    /// binary64 to an integer of 16 bits, 32 if bit 2 is set, unsigned if bit 0 is; sign-extended.
    Fixed,
}

/// A value of a double register, and those of its halves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    low: Val,
    high: Val,
    value: Val,
}

/// What a comparison found: less, equal, greater. The value in FPSCR stands for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    less: Val,
    equal: Val,
    more: Val,
    codes: Val,
}

impl Lift<'_> {
    /// Lifts an instruction that the core may execute now.
    pub(crate) fn float(&mut self, i: &Insn) -> Flow {
        let wide = i.x != 0;
        let ty = if wide { Ty::F64 } else { Ty::F32 };
        match i.op {
            Op::Vldr | Op::Vstr => self.float_access(i, wide),
            Op::Vldm | Op::Vstm => self.float_many(i, wide),
            Op::Vop => self.operation(i, ty),
            Op::Vun => self.unary(i, ty),
            Op::Vmovi => {
                let v = self.constant(ty, i.imm as u64);
                self.set_bits_of(ty, i.rd, v);
            }
            Op::Vcmp => self.compare(i, ty),
            Op::Vrint => {
                let how = match i.k {
                    8 => self.key.round.into(),
                    9 => 3,
                    10 => u64::from(self.key.round) | 1 << 7,
                    // A, N, P, M.
                    n => [4, 0, 1, 2][n as usize & 3],
                };
                let how = how | u64::from(wide) << 8;
                let a = self.bits_of(ty, i.rm);
                let v = self.float_call(FloatCall::Integral, a, how);
                self.set_bits_of(ty, i.rd, v);
            }
            Op::Vitof => {
                let a = self.single_operand(i.rm);
                let round = self.rounding();
                let v = self.b.itof(round, ty, i.s != 0, a);
                self.set_f(ty, i.rd, v);
            }
            Op::Vftoi => {
                let round = match (i.sa, i.k) {
                    (0, 0) => self.rounding(),
                    (0, _) => Round::Zero,
                    (_, n) => [Round::NearMax, Round::Near, Round::Up, Round::Down][n as usize & 3],
                };
                let a = self.f(ty, i.rm);
                let v = self.b.ftoi(round, Ty::I32, i.s != 0, a);
                self.set_slot(regs::s(i.rd), v);
            }
            Op::Vfix => self.fixed(i, ty),
            Op::Vsel => {
                let c = self.condition([0, 6, 10, 12][i.k as usize & 3]);
                let (a, b) = (self.bits_of(ty, i.rn), self.bits_of(ty, i.rm));
                let v = self.b.select(c, a, b);
                self.set_bits_of(ty, i.rd, v);
            }
            Op::Vmaxnm => {
                let (a, b) = (self.f(ty, i.rn), self.f(ty, i.rm));
                let op = if i.k == 0 { FBin::Max } else { FBin::Min };
                let v = self.b.fbin(op, Round::Near, a, b);
                // A signalling NaN wins, quieted, as in a sum; other sums are of ones.
                let (s, t) = (self.signalling(ty, a), self.signalling(ty, b));
                let any = self.b.bin(Bin::Or, s, t);
                let zero = self.imm(0);
                let any = self.b.cmp(Cmp::Ne, any, zero);
                let one = self.b.iconst(int(ty), if wide { 0x3ff << 52 } else { 0x3f80_0000 });
                let one = self.b.cast(Cast::Bits, ty, one);
                let (a, b) = (self.b.select(any, a, one), self.b.select(any, b, one));
                let nan = self.b.fbin(FBin::Add, Round::Near, a, b);
                let v = self.b.select(any, nan, v);
                self.set_f(ty, i.rd, v);
            }
            Op::Vhalf => self.half_precision(i),
            Op::Vcvt => {
                let (from, to) = if i.k == 1 { (Ty::F32, Ty::F64) } else { (Ty::F64, Ty::F32) };
                let a = self.f(from, i.rm);
                let round = self.rounding();
                let v = self.b.fcvt(round, to, a);
                self.set_f(to, i.rd, v);
            }
            Op::Vmovc if i.k == 0 => {
                let v = self.r(i.rd);
                self.set_slot(regs::s(i.rn), v);
            }
            Op::Vmovc => {
                let v = self.single(i.rn);
                self.set_r(i.rd, v);
            }
            Op::Vmovh => {
                let n = 2 * i.rn + i.k;
                if i.s == 0 {
                    let v = self.r(i.rd);
                    self.set_slot(regs::s(n), v);
                } else {
                    let v = self.single(n);
                    self.set_r(i.rd, v);
                }
            }
            Op::Vmov2 => {
                let n = if i.x != 0 { 2 * i.rm } else { i.rm };
                if i.k == 0 {
                    let (a, b) = (self.r(i.rd), self.r(i.ra));
                    self.set_slot(regs::s(n), a);
                    self.set_slot(regs::s(n + 1), b);
                } else {
                    let (a, b) = (self.single(n), self.single(n + 1));
                    self.set_r(i.rd, a);
                    self.set_r(i.ra, b);
                }
            }
            _ => self.flags_of_float(),
        }
        Flow::Next
    }

    /// `vmrs apsr_nzcv, fpscr`.
    fn flags_of_float(&mut self) {
        let v = self.b.get(Ty::I32, regs::FCC);
        let known = self.order.filter(|o| o.codes == v && self.pred.is_none());
        self.compared = known.map(Compared::Float);
        let n = self.b.bin_imm(Bin::And, v, 1 << 31);
        let z = self.b.bin_imm(Bin::ShrU, v, 30);
        let z = self.b.bin_imm(Bin::And, z, 1);
        let z = self.b.bin_imm(Bin::Xor, z, 1);
        let c = self.b.bin_imm(Bin::ShrU, v, 29);
        let c = self.b.bin_imm(Bin::And, c, 1);
        let o = self.b.bin_imm(Bin::Shl, v, 3);
        for (slot, v) in [(regs::NF, n), (regs::ZF, z), (regs::CF, c), (regs::VF, o)] {
            self.set_slot(slot, v);
        }
    }

    fn rounding(&self) -> Round {
        match self.key.round {
            0 => Round::Near,
            1 => Round::Up,
            2 => Round::Down,
            _ => Round::Zero,
        }
    }

    /// The bits of a register.
    fn bits_of(&mut self, ty: Ty, n: i32) -> Val {
        if ty == Ty::F32 {
            return self.single(n);
        }
        let (low, high) = (self.single(2 * n), self.single(2 * n + 1));
        let place = n as usize & 15;
        if let Some(p) = self.pairs[place].filter(|p| (p.low, p.high) == (low, high)) {
            return p.value;
        }
        let first = self.b.cast(Cast::Zext, Ty::I64, low);
        let second = self.b.cast(Cast::Zext, Ty::I64, high);
        let second = self.b.bin_imm(Bin::Shl, second, 32);
        let value = self.b.bin(Bin::Or, first, second);
        self.pairs[place] = Some(Pair { low, high, value });
        value
    }

    fn set_bits_of(&mut self, ty: Ty, n: i32, v: Val) {
        if ty == Ty::F32 {
            return self.set_slot(regs::s(n), v);
        }
        let low = self.b.cast(Cast::Trunc, Ty::I32, v);
        let high = self.b.bin_imm(Bin::ShrU, v, 32);
        let high = self.b.cast(Cast::Trunc, Ty::I32, high);
        self.set_slot(regs::s(2 * n), low);
        self.set_slot(regs::s(2 * n + 1), high);
        if self.pred.is_none() {
            self.pairs[n as usize & 15] = Some(Pair { low, high, value: v });
        }
    }

    fn single_operand(&mut self, n: i32) -> Val {
        let v = self.single(n);
        match self.pred {
            Some(c) => {
                let one = self.imm(1);
                self.b.select(c, v, one)
            }
            None => v,
        }
    }

    /// An operand.
    fn f(&mut self, ty: Ty, n: i32) -> Val {
        let int = int(ty);
        let mut v = self.bits_of(ty, n);
        if self.key.flush {
            v = self.flushed(ty, v);
        }
        if let Some(c) = self.pred {
            let one = self.b.iconst(int, if ty == Ty::F32 { 0x3f80_0000 } else { 0x3ff << 52 });
            v = self.b.select(c, v, one);
        }
        self.b.cast(Cast::Bits, ty, v)
    }

    /// Zero of the same sign for a subnormal number.
    fn flushed(&mut self, ty: Ty, v: Val) -> Val {
        let (exponent, sign) = masks(ty);
        let e = self.b.bin_imm(Bin::And, v, exponent);
        let zero = self.b.iconst(int(ty), 0);
        let small = self.b.cmp(Cmp::Eq, e, zero);
        let z = self.b.bin_imm(Bin::And, v, sign);
        self.b.select(small, z, v)
    }

    /// Sets a register to a result.
    fn set_f(&mut self, ty: Ty, n: i32, v: Val) {
        let mut bits = self.b.cast(Cast::Bits, int(ty), v);
        if self.key.flush {
            bits = self.flushed(ty, bits);
        }
        if self.key.default_nan {
            let number = self.b.fcmp(FCmp::Eq, v, v);
            let (exponent, _) = masks(ty);
            let quiet = if ty == Ty::F32 { 1 << 22 } else { 1 << 51 };
            let nan = self.b.iconst(int(ty), exponent | quiet);
            bits = self.b.select(number, bits, nan);
        }
        self.set_bits_of(ty, n, bits);
    }

    /// Whether an operand is a signalling NaN: 0 or 1.
    fn signalling(&mut self, ty: Ty, v: Val) -> Val {
        let (exponent, sign) = masks(ty);
        let quiet: u64 = if ty == Ty::F32 { 1 << 22 } else { 1 << 51 };
        let bits = self.b.cast(Cast::Bits, int(ty), v);
        // Without its sign and with the quiet bit inverted it lies above all others.
        let bits = self.b.bin_imm(Bin::And, bits, sign - 1);
        let bits = self.b.bin_imm(Bin::Xor, bits, quiet);
        let limit = self.b.iconst(int(ty), exponent | quiet);
        let c = self.b.cmp(Cmp::LtU, limit, bits);
        self.b.cast(Cast::Zext, Ty::I32, c)
    }

    fn negate(&mut self, ty: Ty, v: Val) -> Val {
        let bits = self.b.cast(Cast::Bits, int(ty), v);
        let bits = self.b.bin_imm(Bin::Xor, bits, masks(ty).1);
        self.b.cast(Cast::Bits, ty, bits)
    }

    fn operation(&mut self, i: &Insn, ty: Ty) {
        let (a, b) = (self.f(ty, i.rn), self.f(ty, i.rm));
        let round = self.rounding();
        let v = match i.k {
            0..=3 => {
                // Two roundings.
                let mut product = self.b.fbin(FBin::Mul, round, a, b);
                let mut d = self.f(ty, i.rd);
                if i.k & 1 != 0 {
                    product = self.negate(ty, product);
                }
                if i.k & 2 != 0 {
                    d = self.negate(ty, d);
                }
                self.b.fbin(FBin::Add, round, d, product)
            }
            4 | 5 => {
                let v = self.b.fbin(FBin::Mul, round, a, b);
                if i.k == 5 { self.negate(ty, v) } else { v }
            }
            6 => self.b.fbin(FBin::Add, round, a, b),
            7 => self.b.fbin(FBin::Sub, round, a, b),
            8 => self.b.fbin(FBin::Div, round, a, b),
            k => {
                // The signs of NaNs change with their operands'.
                let d = self.f(ty, i.rd);
                let a = if matches!(k, 10 | 12) { self.negate(ty, a) } else { a };
                let d = if matches!(k, 11 | 12) { self.negate(ty, d) } else { d };
                self.b.fma(round, false, false, [a, b, d])
            }
        };
        self.set_f(ty, i.rd, v);
    }

    fn unary(&mut self, i: &Insn, ty: Ty) {
        if i.k == 3 {
            let a = self.f(ty, i.rm);
            let round = self.rounding();
            let v = self.b.fsqrt(round, a);
            return self.set_f(ty, i.rd, v);
        }
        let v = self.bits_of(ty, i.rm);
        let sign = masks(ty).1;
        let v = match i.k {
            0 => v,
            1 => self.b.bin_imm(Bin::And, v, sign - 1),
            _ => self.b.bin_imm(Bin::Xor, v, sign),
        };
        self.set_bits_of(ty, i.rd, v);
    }

    /// A constant of eight bits.
    fn constant(&mut self, ty: Ty, imm: u64) -> Val {
        let (bits, fraction) = if ty == Ty::F32 { (8, 23) } else { (11, 52) };
        let sign = imm >> 7 & 1;
        let ones = if imm & 0x40 != 0 { (1 << (bits - 3)) - 1 } else { 0 };
        let top = (imm >> 6 & 1) ^ 1;
        let exponent = top << (bits - 1) | ones << 2 | (imm >> 4 & 3);
        let n = sign << (bits + fraction) | exponent << fraction | (imm & 15) << (fraction - 4);
        self.b.iconst(int(ty), n)
    }

    fn compare(&mut self, i: &Insn, ty: Ty) {
        let a = self.f(ty, i.rd);
        let b = if i.k == 0 {
            self.f(ty, i.rm)
        } else {
            let zero = self.b.iconst(int(ty), 0);
            self.b.cast(Cast::Bits, ty, zero)
        };
        let op = if i.s != 0 { FCmp::Lt } else { FCmp::LtQ };
        let less = self.b.fcmp(op, a, b);
        let equal = self.b.fcmp(FCmp::Eq, a, b);
        let more = self.b.fcmp(FCmp::LtQ, b, a);
        let [l, e, g, u] = [8u32, 6, 2, 3].map(|n| self.imm(n << 28));
        let v = self.b.select(more, g, u);
        let v = self.b.select(equal, e, v);
        let v = self.b.select(less, l, v);
        self.set_slot(regs::FCC, v);
        self.order = Some(Order { less, equal, more, codes: v });
    }

    /// Whether a condition holds after a comparison.
    pub(crate) fn ordered(&mut self, cc: i32, o: Order) -> Option<Val> {
        let (first, second) = match cc & !1 {
            0 => (o.equal, None),
            // Not less: as carry, and as the sign.
            2 | 4 => (o.less, None),
            // Greater or unordered, which is not less or equal.
            8 => (o.less, Some(o.equal)),
            10 => (o.more, Some(o.equal)),
            12 => (o.more, None),
            _ => return None,
        };
        let v = match second {
            None => first,
            Some(second) => {
                let (a, b) = (
                    self.b.cast(Cast::Zext, Ty::I32, first),
                    self.b.cast(Cast::Zext, Ty::I32, second),
                );
                let v = self.b.bin(Bin::Or, a, b);
                let zero = self.imm(0);
                self.b.cmp(Cmp::Ne, v, zero)
            }
        };
        // Carry and "higher" hold where this does not; the others where it does.
        let inverse = matches!(cc & !1, 2 | 8) != (cc & 1 != 0);
        Some(if inverse { self.b.un(Un::Not, v) } else { v })
    }

    /// Between floats and fixed-point numbers. `k`: 4 for 32 bits, 2 to fixed, 1 unsigned.
    fn fixed(&mut self, i: &Insn, ty: Ty) {
        let wide = i.k & 4 != 0;
        let unsigned = i.k & 1 != 0;
        let fraction = if wide { 32 } else { 16 } - i.imm;
        let scale = |l: &mut Self, n: i32| {
            let bits = l.b.iconst(Ty::I64, ((1023 + n) as u64 & 0x7ff) << 52);
            l.b.cast(Cast::Bits, Ty::F64, bits)
        };
        let half = |l: &mut Self, v| l.b.un(if unsigned { Un::Zext16 } else { Un::Sext16 }, v);
        if i.k & 2 != 0 {
            let mut v = self.f(ty, i.rd);
            if ty == Ty::F32 {
                v = self.b.fcvt(Round::Near, Ty::F64, v);
            }
            let s = scale(self, fraction);
            let v = self.b.fbin(FBin::Mul, Round::Near, v, s);
            let v = self.b.cast(Cast::Bits, Ty::I64, v);
            let v = self.float_call(FloatCall::Fixed, v, i.k as u64 & 5);
            let v = self.b.cast(Cast::Trunc, Ty::I32, v);
            if ty == Ty::F32 {
                return self.set_slot(regs::s(i.rd), v);
            }
            let cast = if unsigned { Cast::Zext } else { Cast::Sext };
            let v = self.b.cast(cast, Ty::I64, v);
            return self.set_bits_of(ty, i.rd, v);
        }
        let n = if ty == Ty::F32 { i.rd } else { 2 * i.rd };
        let mut v = self.single_operand(n);
        if !wide {
            v = half(self, v);
        }
        let v = self.b.itof(Round::Near, Ty::F64, !unsigned, v);
        let s = scale(self, -fraction);
        let mut v = self.b.fbin(FBin::Mul, Round::Near, v, s);
        if ty == Ty::F32 {
            v = self.b.fcvt(Round::Near, Ty::F32, v);
        }
        self.set_f(ty, i.rd, v);
    }

    fn float_call(&mut self, call: FloatCall, a: Val, how: u64) -> Val {
        let ty = self.b.ty(a);
        let a = self.b.cast(Cast::Zext, Ty::I64, a);
        let a = match self.pred {
            Some(c) => {
                let zero = self.b.iconst(Ty::I64, 0);
                self.b.select(c, a, zero)
            }
            None => a,
        };
        let how = self.b.iconst(Ty::I64, how);
        let zero = self.b.iconst(Ty::I64, 0);
        let v = self.b.call(call as u16, [a, how, zero]);
        self.b.cast(Cast::Trunc, ty, v)
    }

    /// Conversions of binary16, in the low or (`s`) the high half of a single register.
    fn half_precision(&mut self, i: &Insn) {
        let high = i.s != 0;
        let how = i.k as u64 | u64::from(self.key.round) << 4;
        if i.k & 1 == 0 {
            let v = self.single(i.rm);
            let v = self.b.bin_imm(Bin::ShrU, v, if high { 16 } else { 0 });
            let v = self.b.un(Un::Zext16, v);
            let v = self.b.cast(Cast::Zext, Ty::I64, v);
            let v = self.float_call(FloatCall::Half, v, how);
            if i.k == 2 {
                return self.set_bits_of(Ty::F64, i.rd, v);
            }
            let v = self.b.cast(Cast::Trunc, Ty::I32, v);
            return self.set_slot(regs::s(i.rd), v);
        }
        let ty = if i.k == 3 { Ty::F64 } else { Ty::F32 };
        let a = self.bits_of(ty, i.rm);
        let a = self.b.cast(Cast::Zext, Ty::I64, a);
        let v = self.float_call(FloatCall::Half, a, how);
        let v = self.b.cast(Cast::Trunc, Ty::I32, v);
        let old = self.single(i.rd);
        let (kept, v) = if high {
            (self.b.bin_imm(Bin::And, old, 0xffff), self.b.bin_imm(Bin::Shl, v, 16))
        } else {
            (self.b.bin_imm(Bin::And, old, 0xffff_0000), v)
        };
        let v = self.b.bin(Bin::Or, kept, v);
        self.set_slot(regs::s(i.rd), v);
    }

    fn float_access(&mut self, i: &Insn, wide: bool) {
        let base = if i.rn == 15 { self.imm(self.aligned_pc()) } else { self.r(i.rn) };
        let offset = if i.k != 0 { i.imm } else { -i.imm };
        let first = if wide { 2 * i.rd } else { i.rd };
        let count = if wide { 2 } else { 1 };
        if i.op == Op::Vldr {
            let all: Vec<Val> =
                (0..count).map(|n| self.load(0, base, offset + 4 * n, true)).collect();
            for (n, v) in (0..).zip(all) {
                self.set_slot(regs::s(first + n), v);
            }
        } else {
            for n in 0..count {
                let v = self.single(first + n);
                self.store(0, base, offset + 4 * n, v, true);
            }
        }
    }

    /// Several registers. `k` holds P, U and W.
    fn float_many(&mut self, i: &Insn, wide: bool) {
        let (first, count) = if wide { (2 * i.rd, i.imm & !1) } else { (i.rd, i.imm) };
        let count = count.min(32 - first.min(32));
        let down = i.k & 2 == 0;
        let base = if i.rn == 15 { self.imm(self.aligned_pc()) } else { self.r(i.rn) };
        let start = if down { -4 * i.imm } else { 0 };
        self.check_write_back(i.k & 1 != 0, i.rn, base, start);
        if i.op == Op::Vldm {
            let all: Vec<Val> =
                (0..count).map(|n| self.load(0, base, start + 4 * n, true)).collect();
            for (n, v) in (0..).zip(all) {
                self.set_slot(regs::s(first + n), v);
            }
        } else {
            for n in 0..count {
                let v = self.single(first + n);
                self.store(0, base, start + 4 * n, v, true);
            }
        }
        if i.k & 1 != 0 {
            let offset = if down { -4 * i.imm } else { 4 * i.imm };
            let v = self.b.bin_imm(Bin::Add, base, offset as u32 as u64);
            self.set_r(i.rn, v);
        }
    }
}

fn int(ty: Ty) -> Ty {
    if ty == Ty::F32 { Ty::I32 } else { Ty::I64 }
}

/// The exponent and the sign.
fn masks(ty: Ty) -> (u64, u64) {
    if ty == Ty::F32 { (0x7f80_0000, 1 << 31) } else { (0x7ff << 52, 1 << 63) }
}
