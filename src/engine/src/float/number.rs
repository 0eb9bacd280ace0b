//! Binary floating-point numbers taken apart, and rounding: the one place where a result loses
//! bits.
//!
//! Source: IEEE 754-2019, sections 3.4, 4.3, 7.4 to 7.6.

use hetemu_isa::ir::Round;

/// An invalid operation.
pub const INVALID: u8 = 1;
/// Division of a finite number by zero.
pub const DIV_BY_ZERO: u8 = 2;
/// The rounded result is too large.
pub const OVERFLOW: u8 = 4;
/// The result is tiny and inexact.
pub const UNDERFLOW: u8 = 8;
/// The result is not the exact one.
pub const INEXACT: u8 = 16;

/// A binary interchange format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format {
    /// Bits of the significand without the hidden one.
    pub(crate) fraction: u32,
    /// Bits of the exponent.
    pub(crate) exponent: u32,
}

pub(crate) const BINARY32: Format = Format { fraction: 23, exponent: 8 };
pub(crate) const BINARY64: Format = Format { fraction: 52, exponent: 11 };

/// What a bit pattern stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Zero,
    /// `significand * 2^exponent`, the significand not 0.
    Finite(Exact),
    Infinite,
    /// Whether it is quiet.
    Nan(bool),
}

/// A positive number `significand * 2^exponent`. The lowest bit may be sticky: set if anything not
/// 0 was cut off below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exact {
    pub(crate) significand: u128,
    pub(crate) exponent: i32,
}

/// A bit pattern taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) negative: bool,
    pub(crate) kind: Kind,
}

/// The highest bit of a significand prepared for addition: one bit is left for the carry.
const TOP: u32 = 125;

impl Format {
    pub(crate) fn of(wide: bool) -> Format {
        if wide { BINARY64 } else { BINARY32 }
    }

    fn bias(self) -> i32 {
        (1 << (self.exponent - 1)) - 1
    }

    fn fraction_mask(self) -> u64 {
        (1 << self.fraction) - 1
    }

    fn exponent_mask(self) -> u64 {
        (1 << self.exponent) - 1
    }

    /// The smallest exponent of a normal number.
    fn smallest(self) -> i32 {
        1 - self.bias()
    }

    pub(crate) fn sign_bit(self) -> u64 {
        1 << (self.fraction + self.exponent)
    }

    pub(crate) fn quiet_bit(self) -> u64 {
        1 << (self.fraction - 1)
    }

    pub(crate) fn zero(self, negative: bool) -> u64 {
        if negative { self.sign_bit() } else { 0 }
    }

    pub(crate) fn infinity(self, negative: bool) -> u64 {
        self.zero(negative) | self.exponent_mask() << self.fraction
    }

    fn largest(self, negative: bool) -> u64 {
        self.infinity(negative) - 1
    }

    /// Takes a bit pattern apart.
    pub(crate) fn unpack(self, bits: u64) -> Number {
        let fraction = bits & self.fraction_mask();
        let biased = bits >> self.fraction & self.exponent_mask();
        let scale = self.smallest() - self.fraction as i32;
        let kind = if biased == self.exponent_mask() {
            if fraction == 0 { Kind::Infinite } else { Kind::Nan(bits & self.quiet_bit() != 0) }
        } else if biased == 0 {
            if fraction == 0 {
                Kind::Zero
            } else {
                Kind::Finite(Exact { significand: fraction.into(), exponent: scale })
            }
        } else {
            let significand = u128::from(fraction | 1 << self.fraction);
            Kind::Finite(Exact { significand, exponent: scale + biased as i32 - 1 })
        };
        Number { negative: bits & self.sign_bit() != 0, kind }
    }

    /// Rounds a number to this format: bits and flags.
    pub(crate) fn round(
        self,
        round: Round,
        tiny_before: bool,
        negative: bool,
        x: Exact,
    ) -> (u64, u8) {
        let e = x.top();
        let p = self.fraction as i32;
        let subnormal = e < self.smallest();
        let unit = e.max(self.smallest()) - p;
        let (m, inexact) = x.to_multiple_of(unit, round, negative);
        // A carry out of the significand, or from subnormal to normal, carries into the exponent.
        let biased = if subnormal { 0 } else { (e + self.bias() - 1) as u64 };
        let magnitude = (biased << self.fraction) + m as u64;
        if magnitude >= self.infinity(false) {
            return (self.overflow(round, negative), OVERFLOW | INEXACT);
        }
        let mut flags = 0;
        if inexact {
            flags = INEXACT;
            let tiny = subnormal
                && (tiny_before || e + 1 < self.smallest() || {
                    // Would it reach the smallest normal number with an unbounded exponent?
                    let (m, _) = x.to_multiple_of(e - p, round, negative);
                    m >> (self.fraction + 1) == 0
                });
            if tiny {
                flags |= UNDERFLOW;
            }
        }
        (self.zero(negative) | magnitude, flags)
    }

    fn overflow(self, round: Round, negative: bool) -> u64 {
        let finite = match round {
            Round::Near | Round::NearMax => false,
            Round::Zero => true,
            Round::Down => !negative,
            Round::Up => negative,
        };
        if finite { self.largest(negative) } else { self.infinity(negative) }
    }
}

impl Exact {
    /// The exponent of the highest bit.
    fn top(self) -> i32 {
        self.exponent + 127 - self.significand.leading_zeros() as i32
    }

    /// The same number with its highest bit at [`TOP`].
    fn aligned(self) -> Exact {
        let shift = self.significand.leading_zeros() as i32 - (127 - TOP as i32);
        if shift >= 0 {
            Exact { significand: self.significand << shift, exponent: self.exponent - shift }
        } else {
            Exact {
                significand: shift_right_sticky(self.significand, (-shift) as u32),
                exponent: self.exponent - shift,
            }
        }
    }

    /// The number as a multiple of `2^unit`, rounded, and whether that was inexact.
    pub(crate) fn to_multiple_of(self, unit: i32, round: Round, negative: bool) -> (u128, bool) {
        let shift = unit - self.exponent;
        if shift <= 0 {
            return (self.significand.checked_shl(-shift as u32).unwrap_or(0), false);
        }
        let shift = shift.min(127) as u32;
        let kept = self.significand >> shift;
        let cut = self.significand & ((1 << shift) - 1);
        let half = 1 << (shift - 1);
        let up = match round {
            Round::Near => cut > half || cut == half && kept & 1 == 1,
            Round::NearMax => cut >= half,
            Round::Zero => false,
            Round::Down => negative && cut != 0,
            Round::Up => !negative && cut != 0,
        };
        (kept + u128::from(up), cut != 0)
    }

    /// The product; exact while both significands are below 2^64.
    pub(crate) fn times(self, other: Exact) -> Exact {
        Exact {
            significand: self.significand * other.significand,
            exponent: self.exponent + other.exponent,
        }
    }

    /// The quotient, at least 64 bits of it; the significands are below 2^54.
    pub(crate) fn over(self, other: Exact) -> Exact {
        // A subnormal dividend is brought up first, so that the quotient keeps its length.
        let lift = self.significand.leading_zeros() - 4;
        let dividend = self.significand << lift;
        let quotient = dividend / other.significand;
        let sticky = u128::from(!dividend.is_multiple_of(other.significand));
        Exact {
            significand: quotient << 1 | sticky,
            exponent: self.exponent - lift as i32 - other.exponent - 1,
        }
    }

    /// The square root, at least 61 bits of it.
    pub(crate) fn root(self) -> Exact {
        let mut lift = self.significand.leading_zeros() - 2;
        if (self.exponent - lift as i32) % 2 != 0 {
            lift -= 1;
        }
        let radicand = self.significand << lift;
        let root = radicand.isqrt();
        let sticky = u128::from(root * root != radicand);
        Exact { significand: root << 1 | sticky, exponent: (self.exponent - lift as i32) / 2 - 1 }
    }

    /// The sum of two signed numbers: sign and magnitude, `None` if it is exactly zero.
    pub(crate) fn plus(self, negative: bool, other: Exact, minus: bool) -> Option<(bool, Exact)> {
        let (mut a, mut b) = (self.aligned(), other.aligned());
        let (mut sign, mut other_sign) = (negative, minus);
        if (a.exponent, a.significand) < (b.exponent, b.significand) {
            (a, b) = (b, a);
            (sign, other_sign) = (other_sign, sign);
        }
        let small = shift_right_sticky(b.significand, (a.exponent - b.exponent) as u32);
        let significand =
            if sign == other_sign { a.significand + small } else { a.significand - small };
        (significand != 0).then_some((sign, Exact { significand, exponent: a.exponent }))
    }
}

/// Shifts right; the lowest bit is set if any bit was cut off.
fn shift_right_sticky(x: u128, by: u32) -> u128 {
    if by == 0 {
        x
    } else if by > 127 {
        u128::from(x != 0)
    } else {
        x >> by | u128::from(x << (128 - by) != 0)
    }
}
