//! Exact soft float: the definition of every float operation of the IR.
//!
//! The interpreter runs it, and compiled code calls it where the host's unit cannot give the
//! result. Every operation computes with integers and rounds once, in `number`. A library was
//! measured against IEEE 754 first: `rustc_apfloat` has no square root, and decides tininess by the
//! rounded subnormal instead of by rounding with an unbounded exponent, which RISC-V and x86 ask
//! for.
//!
//! Operands and results are bit patterns, binary32 in the low half; `wide` means binary64.

pub mod bulk;
mod number;
#[cfg(test)]
mod tests;

use hetemu_isa::ir::{FBin, FCmp, Round};
use hetemu_isa::{FloatPolicy, NanToInt};
pub use number::{DIV_BY_ZERO, INEXACT, INVALID, OVERFLOW, UNDERFLOW};
use number::{Exact, Format, Kind, Number};

/// A core's float unit: the operations under its policy. Flags come as the constants of this
/// module.
#[derive(Debug, Clone)]
pub struct Unit {
    /// How the ISA wants NaNs, tininess and conversions.
    pub policy: FloatPolicy,
}

impl Unit {
    /// A unit of a policy.
    pub fn new(policy: FloatPolicy) -> Unit {
        Unit { policy }
    }

    /// Takes a bit pattern apart, with NaNs as the policy tells them apart.
    fn unpack(&self, f: Format, bits: u64) -> Number {
        let mut number = f.unpack(bits);
        if let (true, Kind::Nan(quiet)) = (self.policy.legacy_nan, &mut number.kind) {
            *quiet = !*quiet;
        }
        number
    }

    /// The ISA's bits of some flags.
    pub fn flag_bits(&self, flags: u8) -> u64 {
        let bits = self.policy.flag_bits.iter().enumerate();
        bits.filter(|(i, _)| flags >> i & 1 != 0).fold(0, |all, (_, bit)| all | 1 << bit)
    }

    /// Sum, difference, product, quotient, minimumNumber, maximumNumber.
    pub fn bin(&self, op: FBin, round: Round, wide: bool, a: u64, b: u64) -> (u64, u8) {
        let f = Format::of(wide);
        match op {
            FBin::Add => self.add(f, round, a, b),
            FBin::Sub if is_nan(self.unpack(f, b)) => self.add(f, round, a, b),
            FBin::Sub => self.add(f, round, a, b ^ f.sign_bit()),
            FBin::Mul => self.mul(f, round, a, b),
            FBin::Div => self.div(f, round, a, b),
            FBin::Min => self.pick(f, a, b, false),
            FBin::Max => self.pick(f, a, b, true),
        }
    }

    fn add(&self, f: Format, round: Round, a: u64, b: u64) -> (u64, u8) {
        let (x, y) = (self.unpack(f, a), self.unpack(f, b));
        match (x.kind, y.kind) {
            (Kind::Nan(_), _) | (_, Kind::Nan(_)) => self.nan(f, &[a, b]),
            (Kind::Infinite, Kind::Infinite) if x.negative != y.negative => self.invalid(f),
            (Kind::Infinite, _) => (a, 0),
            (_, Kind::Infinite) => (b, 0),
            (Kind::Zero, Kind::Zero) => (f.zero(zero_sign(round, x.negative, y.negative)), 0),
            (Kind::Zero, _) => (b, 0),
            (_, Kind::Zero) => (a, 0),
            (Kind::Finite(p), Kind::Finite(q)) => {
                self.sum(f, round, (x.negative, p), (y.negative, q))
            }
        }
    }

    fn sum(&self, f: Format, round: Round, a: (bool, Exact), b: (bool, Exact)) -> (u64, u8) {
        match a.1.plus(a.0, b.1, b.0) {
            Some((negative, sum)) => self.round(f, round, negative, sum),
            None => (f.zero(round == Round::Down), 0),
        }
    }

    fn mul(&self, f: Format, round: Round, a: u64, b: u64) -> (u64, u8) {
        let (x, y) = (self.unpack(f, a), self.unpack(f, b));
        let negative = x.negative != y.negative;
        match (x.kind, y.kind) {
            (Kind::Nan(_), _) | (_, Kind::Nan(_)) => self.nan(f, &[a, b]),
            (Kind::Infinite, Kind::Zero) | (Kind::Zero, Kind::Infinite) => self.invalid(f),
            (Kind::Infinite, _) | (_, Kind::Infinite) => (f.infinity(negative), 0),
            (Kind::Zero, _) | (_, Kind::Zero) => (f.zero(negative), 0),
            (Kind::Finite(p), Kind::Finite(q)) => self.round(f, round, negative, p.times(q)),
        }
    }

    fn div(&self, f: Format, round: Round, a: u64, b: u64) -> (u64, u8) {
        let (x, y) = (self.unpack(f, a), self.unpack(f, b));
        let negative = x.negative != y.negative;
        match (x.kind, y.kind) {
            (Kind::Nan(_), _) | (_, Kind::Nan(_)) => self.nan(f, &[a, b]),
            (Kind::Infinite, Kind::Infinite) | (Kind::Zero, Kind::Zero) => self.invalid(f),
            (Kind::Infinite, _) => (f.infinity(negative), 0),
            (_, Kind::Infinite) | (Kind::Zero, _) => (f.zero(negative), 0),
            (_, Kind::Zero) => (f.infinity(negative), DIV_BY_ZERO),
            (Kind::Finite(p), Kind::Finite(q)) => self.round(f, round, negative, p.over(q)),
        }
    }

    /// Square root.
    pub fn sqrt(&self, round: Round, wide: bool, a: u64) -> (u64, u8) {
        let f = Format::of(wide);
        let x = self.unpack(f, a);
        match x.kind {
            Kind::Nan(_) => self.nan(f, &[a]),
            Kind::Zero => (a, 0),
            _ if x.negative => self.invalid(f),
            Kind::Infinite => (a, 0),
            Kind::Finite(p) => self.round(f, round, false, p.root()),
        }
    }

    /// `± (a * b) ± c`, rounded once. Infinity times zero is invalid even where c is a NaN.
    pub fn fma(
        &self,
        round: Round,
        wide: bool,
        [a, b, c]: [u64; 3],
        neg_product: bool,
        neg_addend: bool,
    ) -> (u64, u8) {
        let f = Format::of(wide);
        let (x, y, z) = (self.unpack(f, a), self.unpack(f, b), self.unpack(f, c));
        let product_sign = (x.negative != y.negative) != neg_product;
        let addend_sign = z.negative != neg_addend;
        let undefined =
            matches!((x.kind, y.kind), (Kind::Infinite, Kind::Zero) | (Kind::Zero, Kind::Infinite));
        if is_nan(x) || is_nan(y) || is_nan(z) {
            if !self.policy.signalling_first() {
                let (bits, flags) = self.nan(f, &[a, b, c]);
                return (bits, flags | if undefined { INVALID } else { 0 });
            }
            if undefined && z.kind == Kind::Nan(true) {
                return self.invalid(f);
            }
            let (bits, flags) = self.nan(f, &[c, a, b]);
            return (bits, flags | if undefined { INVALID } else { 0 });
        }
        if undefined {
            return self.invalid(f);
        }
        match (x.kind, y.kind, z.kind) {
            (Kind::Infinite, ..) | (_, Kind::Infinite, _) => {
                if z.kind == Kind::Infinite && addend_sign != product_sign {
                    self.invalid(f)
                } else {
                    (f.infinity(product_sign), 0)
                }
            }
            (_, _, Kind::Infinite) => (f.infinity(addend_sign), 0),
            (Kind::Finite(p), Kind::Finite(q), Kind::Finite(r)) => {
                self.sum(f, round, (product_sign, p.times(q)), (addend_sign, r))
            }
            (Kind::Finite(p), Kind::Finite(q), _) => self.round(f, round, product_sign, p.times(q)),
            (_, _, Kind::Finite(r)) => self.round(f, round, addend_sign, r),
            _ => (f.zero(zero_sign(round, product_sign, addend_sign)), 0),
        }
    }

    fn pick(&self, f: Format, a: u64, b: u64, larger: bool) -> (u64, u8) {
        let (x, y) = (self.unpack(f, a), self.unpack(f, b));
        let signalling = x.kind == Kind::Nan(false) || y.kind == Kind::Nan(false);
        let flags = if signalling { INVALID } else { 0 };
        match (is_nan(x), is_nan(y)) {
            (true, true) => (self.nan(f, &[a, b]).0, flags),
            (true, false) => (b, flags),
            (false, true) => (a, flags),
            // The order of the bit patterns with the sign taken out: -0 is below +0.
            (false, false) => {
                let first = ordered(f, a) < ordered(f, b);
                (if first != larger { a } else { b }, flags)
            }
        }
    }

    /// Comparison; a NaN compares false.
    pub fn cmp(&self, op: FCmp, wide: bool, a: u64, b: u64) -> (bool, u8) {
        let f = Format::of(wide);
        let (x, y) = (self.unpack(f, a), self.unpack(f, b));
        if is_nan(x) || is_nan(y) {
            let signalling = x.kind == Kind::Nan(false) || y.kind == Kind::Nan(false);
            let invalid = signalling || matches!(op, FCmp::Lt | FCmp::Le);
            return (false, if invalid { INVALID } else { 0 });
        }
        let zeros = x.kind == Kind::Zero && y.kind == Kind::Zero;
        let (p, q) = (ordered(f, a), ordered(f, b));
        let holds = match op {
            FCmp::Eq => zeros || p == q,
            FCmp::Lt | FCmp::LtQ => !zeros && p < q,
            FCmp::Le | FCmp::LeQ => zeros || p <= q,
        };
        (holds, 0)
    }

    /// Between binary32 and binary64.
    pub fn convert(&self, round: Round, from: bool, to: bool, a: u64) -> (u64, u8) {
        let (from, to) = (Format::of(from), Format::of(to));
        let x = self.unpack(from, a);
        match x.kind {
            Kind::Nan(quiet) => {
                let flags = if quiet { 0 } else { INVALID };
                let legacy = self.policy.legacy_nan;
                if self.policy.default_nan || legacy && !quiet {
                    return (self.default_nan(to), flags);
                }
                let payload = a & (from.quiet_bit() - 1);
                let payload = if to.fraction > from.fraction {
                    payload << (to.fraction - from.fraction)
                } else {
                    payload >> (from.fraction - to.fraction)
                };
                match (legacy, payload) {
                    (false, _) => (to.infinity(x.negative) | to.quiet_bit() | payload, flags),
                    // What is left would be an infinity.
                    (true, 0) => (self.default_nan(to), flags),
                    (true, _) => (to.infinity(x.negative) | payload, flags),
                }
            }
            Kind::Infinite => (to.infinity(x.negative), 0),
            Kind::Zero => (to.zero(x.negative), 0),
            Kind::Finite(p) => self.round(to, round, x.negative, p),
        }
    }

    /// To an integer of 32 or 64 bits, zero-extended. What does not fit is invalid and saturates, a
    /// NaN becomes what the policy says.
    pub fn to_int(&self, round: Round, wide: bool, to64: bool, signed: bool, a: u64) -> (u64, u8) {
        let bits = if to64 { 64 } else { 32 };
        let mask = u64::MAX >> (64 - bits);
        let smallest = if signed { 1 << (bits - 1) } else { 0 };
        let largest = if signed { mask >> 1 } else { mask };
        let indefinite = if signed { smallest } else { mask };
        let x = self.unpack(Format::of(wide), a);
        let too_far = match self.policy.nan_to_int {
            NanToInt::Min => indefinite,
            NanToInt::Largest => largest,
            _ if x.negative => smallest,
            _ => largest,
        };
        let number = match x.kind {
            Kind::Zero => return (0, 0),
            Kind::Nan(_) => {
                let value = match self.policy.nan_to_int {
                    NanToInt::Max | NanToInt::Largest => largest,
                    NanToInt::Zero => 0,
                    NanToInt::Min => indefinite,
                };
                return (value, INVALID);
            }
            Kind::Infinite => return (too_far, INVALID),
            Kind::Finite(p) => p,
        };
        // Beyond 2^65 nothing fits, and the shift would lose bits.
        if number.exponent > 64 {
            return (too_far, INVALID);
        }
        let (magnitude, inexact) = number.to_multiple_of(0, round, x.negative);
        let limit = match (signed, x.negative) {
            (true, true) => u128::from(largest) + 1,
            (false, true) => 0,
            (_, false) => u128::from(largest),
        };
        if magnitude > limit {
            return (too_far, INVALID);
        }
        let value = magnitude as u64;
        let value = if x.negative { value.wrapping_neg() & mask } else { value };
        (value, if inexact { INEXACT } else { 0 })
    }

    /// From an integer of 32 or 64 bits.
    pub fn from_int(
        &self,
        round: Round,
        wide: bool,
        from64: bool,
        signed: bool,
        a: u64,
    ) -> (u64, u8) {
        let f = Format::of(wide);
        let value = if from64 { a as i64 } else { i64::from(a as u32 as i32) };
        let negative = signed && value < 0;
        let magnitude = match (negative, from64) {
            (true, _) => value.unsigned_abs(),
            (false, true) => a,
            (false, false) => u64::from(a as u32),
        };
        if magnitude == 0 {
            return (0, 0);
        }
        let exact = Exact { significand: magnitude.into(), exponent: 0 };
        self.round(f, round, negative, exact)
    }

    /// The class, as [`hetemu_isa::Inst::FClass`] counts the bits.
    pub fn class(&self, wide: bool, a: u64) -> u32 {
        let f = Format::of(wide);
        let x = self.unpack(f, a);
        let subnormal = a & (f.infinity(false)) == 0;
        let bit = match (x.kind, x.negative) {
            (Kind::Infinite, true) => 0,
            (Kind::Finite(_), true) => 1 + u32::from(subnormal),
            (Kind::Zero, true) => 3,
            (Kind::Zero, false) => 4,
            (Kind::Finite(_), false) => 6 - u32::from(subnormal),
            (Kind::Infinite, false) => 7,
            (Kind::Nan(quiet), _) => 8 + u32::from(quiet),
        };
        1 << bit
    }

    /// The binary32 in a 64-bit register: the default NaN unless the high half is all ones.
    pub fn unbox(&self, a: u64) -> u64 {
        if a >> 32 == 0xffff_ffff { a & 0xffff_ffff } else { u64::from(self.policy.nan32) }
    }

    fn round(&self, f: Format, round: Round, negative: bool, x: Exact) -> (u64, u8) {
        f.round(round, self.policy.tiny_before, negative, x)
    }

    fn default_nan(&self, f: Format) -> u64 {
        if f.fraction == 52 { self.policy.nan64 } else { u64::from(self.policy.nan32) }
    }

    fn invalid(&self, f: Format) -> (u64, u8) {
        (self.default_nan(f), INVALID)
    }

    /// The result of an operation one of whose operands is a NaN; the first NaN's payload is kept.
    fn nan(&self, f: Format, operands: &[u64]) -> (u64, u8) {
        let kinds = operands.iter().map(|x| self.unpack(f, *x).kind);
        let flags = if kinds.into_iter().any(|k| k == Kind::Nan(false)) { INVALID } else { 0 };
        let signalling = |x: &&u64| self.unpack(f, **x).kind == Kind::Nan(false);
        let before = operands.iter().find(|x| self.policy.signalling_first() && signalling(x));
        let first = before.or_else(|| operands.iter().find(|x| is_nan(self.unpack(f, **x))));
        match first {
            Some(_) if self.policy.legacy_nan && flags != 0 => (self.default_nan(f), flags),
            Some(x) if self.policy.legacy_nan => (*x, flags),
            Some(x) if !self.policy.default_nan => (x | f.quiet_bit(), flags),
            _ => (self.default_nan(f), flags),
        }
    }
}

fn is_nan(x: Number) -> bool {
    matches!(x.kind, Kind::Nan(_))
}

/// The sign of a zero sum of zeros.
fn zero_sign(round: Round, a: bool, b: bool) -> bool {
    if a == b { a } else { round == Round::Down }
}

/// Numbers in order as integers, -0 right below +0. Not for NaNs.
fn ordered(f: Format, bits: u64) -> i64 {
    if bits & f.sign_bit() != 0 { !((bits & !f.sign_bit()) as i64) } else { bits as i64 }
}
