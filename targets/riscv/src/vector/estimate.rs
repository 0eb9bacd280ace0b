//! The estimates vfrsqrt7 and vfrec7 (sections 30.13.9 and 30.13.10), and vfclass.
//!
//! The specification prints tables of seven bits. Each entry is the exact function at the middle
//! of its interval, rounded to nearest, and is computed so here.

use super::float::{DIV_BY_ZERO, INEXACT, INVALID, OVERFLOW};
use hetemu_isa::ir::Round;

/// A binary interchange format.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    /// Bits of the fraction.
    fraction: u32,
    /// Bits of the exponent.
    exponent: u32,
}

impl Format {
    /// binary64 or binary32.
    pub(super) fn of(wide: bool) -> Format {
        if wide {
            Format { fraction: 52, exponent: 11 }
        } else {
            Format { fraction: 23, exponent: 8 }
        }
    }

    fn infinity(self) -> u64 {
        ((1 << self.exponent) - 1) << self.fraction
    }

    fn sign(self, a: u64) -> u64 {
        a & 1 << (self.fraction + self.exponent)
    }

    fn nan(self) -> u64 {
        self.infinity() | 1 << (self.fraction - 1)
    }

    fn bias(self) -> i64 {
        (1 << (self.exponent - 1)) - 1
    }

    /// Biased exponent and fraction of a finite number that is not 0, as if its exponent had no
    /// lower end.
    fn normal(self, a: u64) -> (i64, u64) {
        let mask = (1 << self.fraction) - 1;
        let (exponent, fraction) = ((a & self.infinity()) >> self.fraction, a & mask);
        if exponent != 0 {
            return (exponent as i64, fraction);
        }
        let shift = fraction.leading_zeros() - (63 - self.fraction);
        (1 - i64::from(shift), fraction << shift & mask)
    }

    /// Bit number of the class: -inf, -normal, -subnormal, -0, +0, +subnormal, +normal, +inf,
    /// sNaN, qNaN.
    fn kind(self, a: u64) -> u32 {
        let negative = self.sign(a) != 0;
        let rest = a & !(self.sign(!0));
        let smallest = 1 << self.fraction;
        let size = match rest {
            0 => 0,
            n if n < smallest => 1,
            n if n < self.infinity() => 2,
            n if n == self.infinity() => 3,
            n => return if n & 1 << (self.fraction - 1) == 0 { 8 } else { 9 },
        };
        if negative { 3 - size } else { 4 + size }
    }

    /// vfclass.
    pub(super) fn class(self, a: u64) -> u64 {
        1 << self.kind(a)
    }

    /// vfrsqrt7.
    pub(super) fn reciprocal_root(self, a: u64) -> (u64, u8) {
        match self.kind(a) {
            0..=2 | 8 => return (self.nan(), INVALID),
            3 | 4 => return (self.sign(a) | self.infinity(), DIV_BY_ZERO),
            7 => return (0, 0),
            9 => return (self.nan(), 0),
            _ => {}
        }
        let (exponent, fraction) = self.normal(a);
        // The root of an even exponent's significand, or of twice that: the bias is odd.
        let middle = 129 + 2 * (fraction >> (self.fraction - 6));
        let square = if exponent & 1 == 0 { 2 * middle } else { middle };
        let twice = (4u64 * 65536 * 128 / square).isqrt();
        let digits = twice.div_ceil(2) - 128;
        let exponent = (3 * self.bias() - 1 - exponent) / 2;
        ((exponent as u64) << self.fraction | digits << (self.fraction - 7), 0)
    }

    /// vfrec7.
    pub(super) fn reciprocal(self, a: u64, round: Round) -> (u64, u8) {
        let sign = self.sign(a);
        match self.kind(a) {
            0 | 7 => return (sign, 0),
            3 | 4 => return (sign | self.infinity(), DIV_BY_ZERO),
            8 => return (self.nan(), INVALID),
            9 => return (self.nan(), 0),
            _ => {}
        }
        let (exponent, fraction) = self.normal(a);
        if exponent < -1 {
            let finite = match round {
                Round::Near | Round::NearMax => false,
                Round::Zero => true,
                Round::Down => sign == 0,
                Round::Up => sign != 0,
            };
            let value = self.infinity() - u64::from(finite);
            return (sign | value, OVERFLOW | INEXACT);
        }
        let middle = 257 + 2 * (fraction >> (self.fraction - 7));
        let digits = (2 * 65536 + middle) / (2 * middle) - 128;
        let digits = digits << (self.fraction - 7);
        let exponent = 2 * self.bias() - 1 - exponent;
        if exponent > 0 {
            return (sign | (exponent as u64) << self.fraction | digits, 0);
        }
        // Subnormal: the hidden bit appears.
        let shown = (digits | 1 << self.fraction) >> (1 - exponent);
        (sign | shown, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries at the ends and in the middle of the printed tables.
    #[test]
    fn tables() {
        let f = Format::of(false);
        let digits = |bits: u64| bits >> 16 & 127;
        for (i, want) in [(0, 127), (5, 117), (64, 42), (67, 40), (127, 0)] {
            assert_eq!(digits(f.reciprocal(127 << 23 | i << 16, Round::Near).0), want, "{i}");
        }
        for (i, want) in [(0, 52), (19, 30), (63, 0), (64, 127), (70, 116), (127, 53)] {
            let number = (126 + (i >> 6)) << 23 | (i & 63) << 17;
            assert_eq!(digits(f.reciprocal_root(number).0), want, "{i}");
        }
    }
}
