//! Zfa. Unprivileged ISA, chapter "Zfa".

use super::Lift;
use crate::regs;
use crate::table::Insn;
use hetemu_isa::ir::*;

/// fli's constants but for the first three special ones: binary exponent and two bits of fraction.
const CONSTANTS: [(i32, u64); 32] = [
    (0, 0), // -1.0
    (0, 0), // the smallest normal number
    (-16, 0),
    (-15, 0),
    (-8, 0),
    (-7, 0),
    (-4, 0),
    (-3, 0),
    (-2, 0),
    (-2, 1),
    (-2, 2),
    (-2, 3),
    (-1, 0),
    (-1, 1),
    (-1, 2),
    (-1, 3),
    (0, 0),
    (0, 1),
    (0, 2),
    (0, 3),
    (1, 0),
    (1, 1),
    (1, 2),
    (2, 0),
    (3, 0),
    (4, 0),
    (7, 0),
    (8, 0),
    (15, 0),
    (16, 0),
    (0, 0), // infinity
    (0, 0), // the canonical NaN
];

/// The bits of a constant of fli in a format.
pub(crate) fn constant(n: i32, f: &Format) -> u64 {
    let n = n as usize & 31;
    let (exponent, quarters) = CONSTANTS[n];
    match n {
        0 => f.sign | f.one(),
        1 => 1 << f.fraction,
        30 => f.infinity(),
        31 => f.nan(),
        _ => ((f.bias + exponent) as u64) << f.fraction | quarters << (f.fraction - 2),
    }
}

/// A constant of fli as an assembler writes it.
pub(crate) fn constant_text(n: i32) -> String {
    match n & 31 {
        1 => "min".into(),
        30 => "inf".into(),
        31 => "nan".into(),
        n => format!("{:?}", f64::from_bits(constant(n, &Format::of(Ty::F64)))),
    }
}

/// A binary interchange format.
pub(crate) struct Format {
    int: Ty,
    bias: i32,
    /// Bits of the fraction.
    fraction: u32,
    sign: u64,
}

impl Format {
    pub(crate) const fn of(ty: Ty) -> Format {
        match ty {
            Ty::F32 => Format { int: Ty::I32, bias: 127, fraction: 23, sign: 1 << 31 },
            _ => Format { int: Ty::I64, bias: 1023, fraction: 52, sign: 1 << 63 },
        }
    }
    fn one(&self) -> u64 {
        (self.bias as u64) << self.fraction
    }
    fn infinity(&self) -> u64 {
        (2 * self.bias as u64 + 1) << self.fraction
    }
    fn nan(&self) -> u64 {
        self.infinity() | 1 << (self.fraction - 1)
    }
    /// The least number whose neighbours are one apart.
    fn integral(&self) -> u64 {
        ((self.bias as u64) + u64::from(self.fraction)) << self.fraction
    }
}

impl Lift<'_> {
    pub(crate) fn fli(&mut self, ty: Ty, i: &Insn) {
        let f = Format::of(ty);
        let v = self.b.iconst(f.int, constant(i.imm, &f));
        let v = self.b.cast(Cast::Bits, ty, v);
        self.set_f(ty, i.rd, v);
    }

    /// Minimum or maximum where a NaN wins.
    pub(crate) fn minmax(&mut self, ty: Ty, op: FBin, i: &Insn) {
        let (a, b) = (self.f(ty, i.rs1), self.f(ty, i.rs2));
        let v = self.b.fbin(op, Round::Near, a, b);
        let (a, b) = (self.b.fcmp(FCmp::Eq, a, a), self.b.fcmp(FCmp::Eq, b, b));
        let nan = self.canonical_nan(ty);
        let v = self.b.select(a, v, nan);
        let v = self.b.select(b, v, nan);
        self.set_f(ty, i.rd, v);
    }

    fn canonical_nan(&mut self, ty: Ty) -> Val {
        let f = Format::of(ty);
        let nan = self.b.iconst(f.int, f.nan());
        self.b.cast(Cast::Bits, ty, nan)
    }

    /// Rounds to an integer that stays a float. Only the form that tells of it is inexact, and
    /// converts there and back for that; the other one is done on the bits.
    pub(crate) fn fround(&mut self, ty: Ty, inexact: bool, round: Round, i: &Insn) {
        let f = Format::of(ty);
        let a = self.f(ty, i.rs1);
        // Invalid if it is a signalling NaN.
        let number = self.b.fcmp(FCmp::Eq, a, a);
        let bits = self.b.cast(Cast::Bits, f.int, a);
        let sign = self.b.bin_imm(Bin::And, bits, f.sign);
        let magnitude = self.b.bin_imm(Bin::And, bits, f.sign - 1);
        let limit = self.b.iconst(f.int, f.integral());
        let large = self.b.cmp(Cmp::LeU, limit, magnitude);
        let rounded = if inexact {
            let zero = self.b.iconst(f.int, 0);
            let small = self.b.select(large, zero, bits);
            let small = self.b.cast(Cast::Bits, ty, small);
            let n = self.b.ftoi(round, Ty::I64, true, small);
            let v = self.b.itof(round, ty, true, n);
            self.b.cast(Cast::Bits, f.int, v)
        } else {
            self.round_bits(&f, round, sign, magnitude)
        };
        let rounded = self.b.bin(Bin::Or, rounded, sign);
        let v = self.b.select(large, bits, rounded);
        let nan = self.b.iconst(f.int, f.nan());
        let v = self.b.select(number, v, nan);
        let v = self.b.cast(Cast::Bits, ty, v);
        self.set_f(ty, i.rd, v);
    }

    /// The magnitude of a number, below the limit where all are integers, rounded to one.
    fn round_bits(&mut self, f: &Format, round: Round, sign: Val, magnitude: Val) -> Val {
        let ty = f.int;
        let zero = self.b.iconst(ty, 0);
        let one = self.b.iconst(ty, 1);
        let negative = self.b.cmp(Cmp::Ne, sign, zero);
        // 1 and above: what is added before the fraction of the number is cut off.
        let exponent = self.b.bin_imm(Bin::ShrU, magnitude, f.fraction.into());
        let limit = self.b.iconst(ty, f.integral() >> f.fraction);
        let shift = self.b.bin(Bin::Sub, limit, exponent);
        let unit = self.b.bin(Bin::Shl, one, shift);
        let below = self.b.bin(Bin::Sub, unit, one);
        let half = self.b.iconst(ty, f.one() - (1 << f.fraction));
        let (added, up) = match round {
            Round::Near => {
                let odd = self.b.bin(Bin::ShrU, magnitude, shift);
                let odd = self.b.bin_imm(Bin::And, odd, 1);
                let v = self.b.bin_imm(Bin::ShrU, below, 1);
                (self.b.bin(Bin::Add, v, odd), self.b.cmp(Cmp::LtU, half, magnitude))
            }
            Round::NearMax => {
                let v = self.b.bin_imm(Bin::ShrU, unit, 1);
                (v, self.b.cmp(Cmp::LeU, half, magnitude))
            }
            Round::Zero => (zero, self.b.cmp(Cmp::Ne, zero, zero)),
            Round::Down | Round::Up => {
                let (yes, no) = if round == Round::Down { (below, zero) } else { (zero, below) };
                let v = self.b.select(negative, yes, no);
                let some = self.b.cmp(Cmp::Ne, magnitude, zero);
                let some = self.b.cast(Cast::Zext, ty, some);
                let (yes, no) = if round == Round::Down { (some, zero) } else { (zero, some) };
                let up = self.b.select(negative, yes, no);
                (v, self.b.cmp(Cmp::Ne, up, zero))
            }
        };
        let v = self.b.bin(Bin::Add, magnitude, added);
        let keep = self.b.un(Un::Not, below);
        let v = self.b.bin(Bin::And, v, keep);
        // Below 1: 0 or 1.
        let whole = self.b.iconst(ty, f.one());
        let small = self.b.select(up, whole, zero);
        let is_small = self.b.cmp(Cmp::LtU, magnitude, whole);
        self.b.select(is_small, small, v)
    }

    /// The integer part modulo 2^32; the flags are those of fcvt.w.d.
    pub(crate) fn fcvtmod(&mut self, i: &Insn) {
        let f = Format::of(Ty::F64);
        let a = self.f(Ty::F64, i.rs1);
        let near = self.b.ftoi(Round::Zero, Ty::I32, true, a);
        let bits = self.b.cast(Cast::Bits, Ty::I64, a);
        let magnitude = self.b.bin_imm(Bin::And, bits, f.sign - 1);
        let exponent = self.b.bin_imm(Bin::ShrU, magnitude, f.fraction.into());
        let whole = self.b.bin_imm(Bin::And, bits, (1 << f.fraction) - 1);
        let whole = self.b.bin_imm(Bin::Or, whole, 1 << f.fraction);
        let limit = f.integral() >> f.fraction;
        // Numbers below 2^31 come from the conversion above.
        let right = self.b.iconst(Ty::I64, limit);
        let right = self.b.bin(Bin::Sub, right, exponent);
        let down = self.b.bin(Bin::ShrU, whole, right);
        let left = self.b.bin_imm(Bin::Add, exponent, limit.wrapping_neg());
        let up = self.b.bin(Bin::Shl, whole, left);
        let is = |l: &mut Self, n: u64| {
            let n = l.b.iconst(Ty::I64, n);
            l.b.cmp(Cmp::LtU, exponent, n)
        };
        let zero = self.b.iconst(Ty::I64, 0);
        let (fraction, in_reach) = (is(self, limit), is(self, limit + 32));
        let far = self.b.select(in_reach, up, zero);
        let far = self.b.select(fraction, down, far);
        let far = self.b.cast(Cast::Trunc, Ty::I32, far);
        let minus = self.b.un(Un::Neg, far);
        let negative = self.b.cmp(Cmp::LtS, bits, zero);
        let far = self.b.select(negative, minus, far);
        let is_near = is(self, f.bias as u64 + 31);
        let v = self.b.select(is_near, near, far);
        self.set_w(i.rd, v);
        self.dirty();
    }

    /// RV32: the high half of a float register.
    pub(crate) fn high_half(&mut self, i: &Insn) {
        let v = self.b.get(Ty::F64, regs::f(i.rs1));
        let v = self.b.cast(Cast::Bits, Ty::I64, v);
        let v = self.b.bin_imm(Bin::ShrU, v, 32);
        let v = self.b.cast(Cast::Trunc, Ty::I32, v);
        self.set_w(i.rd, v);
    }

    /// RV32: a float register from two halves.
    pub(crate) fn join_halves(&mut self, i: &Insn) {
        let (low, high) = (self.x(i.rs1), self.x(i.rs2));
        let (low, high) =
            (self.b.cast(Cast::Zext, Ty::I64, low), self.b.cast(Cast::Zext, Ty::I64, high));
        let high = self.b.bin_imm(Bin::Shl, high, 32);
        let v = self.b.bin(Bin::Or, low, high);
        let v = self.b.cast(Cast::Bits, Ty::F64, v);
        self.set_f64(i.rd, v);
    }
}
