//! Operations of floating point that lifted code calls for: integral values and binary16.

use super::*;
use crate::lift::FloatCall;
use hetemu_isa::ir::{FloatOp, Round};

const INVALID: u8 = 1;
const INEXACT: u8 = 16;
const OVERFLOW: u8 = 4;
const UNDERFLOW: u8 = 8;

fn rounding(n: u64) -> Round {
    match n & 7 {
        0 => Round::Near,
        1 => Round::Up,
        2 => Round::Down,
        3 => Round::Zero,
        _ => Round::NearMax,
    }
}

impl Core {
    /// Runs a call of [`FloatCall`].
    pub(super) fn float_call(
        &mut self,
        id: u16,
        args: [u64; 3],
        env: &mut dyn Env,
    ) -> Result<(u64, u8), Halt> {
        let [a, how, _] = args;
        if id == FloatCall::Integral as u16 {
            return Ok(self.integral(a, how, env));
        }
        if id == FloatCall::Fixed as u16 {
            return Ok(fixed(f64::from_bits(a), how & 4 != 0, how & 1 != 0));
        }
        Ok(match how & 3 {
            0 | 2 => from_half(a as u16, how & 2 != 0),
            n => to_half(a, n == 3, rounding(how >> 4)),
        })
    }

    /// A float as an integral float.
    fn integral(&self, a: u64, how: u64, env: &mut dyn Env) -> (u64, u8) {
        let wide = how >> 8 & 1 != 0;
        let (fraction, bias, sign) = if wide { (52, 1023, 63) } else { (23, 127, 31) };
        let exponent = (a >> fraction) & ((1 << (sign - fraction)) - 1);
        let all_ones = (1u64 << (sign - fraction)) - 1;
        let low = a & ((1 << fraction) - 1);
        if exponent == all_ones && low != 0 {
            let quiet = 1 << (fraction - 1);
            let flags = if a & quiet == 0 { INVALID } else { 0 };
            return (a | quiet, flags);
        }
        if exponent >= bias + fraction || a << (64 - sign) == 0 {
            return (a, 0);
        }
        let bytes = a.to_le_bytes();
        let len = if wide { 8 } else { 4 };
        let (mut n, mut out) = ([0; 8], [0; 8]);
        let policy = &self.layout.float;
        let round = rounding(how);
        let to = FloatOp::ToInt(true, true);
        let flags = env.floats(policy, to, round, wide, [&bytes[..len], &[], &[]], &mut n);
        let from = FloatOp::FromInt(true, true);
        env.floats(policy, from, round, wide, [&n, &[], &[]], &mut out[..len]);
        let value = u64::from_le_bytes(out) & !(1 << sign) | a & 1 << sign;
        (value, if how >> 7 & 1 != 0 { flags & INEXACT } else { 0 })
    }
}

/// To an integer, toward zero; what does not fit saturates.
fn fixed(v: f64, wide: bool, unsigned: bool) -> (u64, u8) {
    let bits = if wide { 32 } else { 16 };
    let (least, most) = match unsigned {
        true => (0, (1i64 << bits) - 1),
        false => (-1i64 << (bits - 1), (1i64 << (bits - 1)) - 1),
    };
    let t = v.trunc();
    let (n, flags) = if v.is_nan() {
        (0, INVALID)
    } else if t > most as f64 {
        (most, INVALID)
    } else if t < least as f64 {
        (least, INVALID)
    } else {
        (t as i64, if t == v { 0 } else { INEXACT })
    };
    (n as u64, flags)
}

/// binary16 to binary32 or 64: always exact.
fn from_half(a: u16, wide: bool) -> (u64, u8) {
    let (fraction, bias, sign, top) =
        if wide { (52, 1023, 63, 0x7ff) } else { (23, 127, 31, 0xff) };
    let negative = u64::from(a >> 15) << sign;
    let (exponent, low) = (u64::from(a >> 10 & 31), u64::from(a & 0x3ff));
    let (value, flags) = match (exponent, low) {
        (0, 0) => (0, 0),
        (31, 0) => (top << fraction, 0),
        (31, low) => {
            let quiet = 1 << (fraction - 1);
            let flags = if low & 0x200 == 0 { INVALID } else { 0 };
            (top << fraction | quiet | low << (fraction - 10), flags)
        }
        (0, low) => {
            let shift = u64::from(low.leading_zeros()) - 53;
            let low = low << shift & 0x3ff;
            ((bias - 14 - shift) << fraction | low << (fraction - 10), 0)
        }
        (e, low) => ((e + bias - 15) << fraction | low << (fraction - 10), 0),
    };
    (negative | value, flags)
}

/// binary32 or 64 to binary16.
fn to_half(a: u64, wide: bool, round: Round) -> (u64, u8) {
    let (fraction, bias, sign, top) =
        if wide { (52, 1023, 63, 0x7ff) } else { (23, 127, 31, 0xff) };
    let negative = a >> sign & 1 != 0;
    let s = u64::from(negative) << 15;
    let (exponent, low) = ((a >> fraction) & top, a & ((1 << fraction) - 1));
    if exponent == top {
        if low == 0 {
            return (s | 0x7c00, 0);
        }
        let flags = if low >> (fraction - 1) == 0 { INVALID } else { 0 };
        return (s | 0x7e00 | low >> (fraction - 10), flags);
    }
    if exponent == 0 && low == 0 {
        return (s, 0);
    }
    let significand = if exponent == 0 { low } else { low | 1 << fraction };
    let e = exponent.max(1) as i64 - bias;
    // Bits of the significand that go: more where the result is subnormal.
    let tiny = e < -14;
    let drop = (fraction as i64 - 10 + if tiny { -14 - e } else { 0 }).min(62) as u32;
    let (kept, rest) = (significand >> drop, significand & ((1 << drop) - 1));
    let half = 1u64 << (drop - 1);
    let up = match round {
        Round::Near => rest > half || rest == half && kept & 1 != 0,
        Round::NearMax => rest >= half,
        Round::Up => rest != 0 && !negative,
        Round::Down => rest != 0 && negative,
        Round::Zero => false,
    };
    let base = if tiny { 0 } else { ((e + 14) as u64) << 10 };
    let value = if e > 15 { 0x7c00 } else { base + kept + u64::from(up) };
    if value >= 0x7c00 {
        let most = match round {
            Round::Zero => true,
            Round::Up => negative,
            Round::Down => !negative,
            _ => false,
        };
        return (s | if most { 0x7bff } else { 0x7c00 }, OVERFLOW | INEXACT);
    }
    let flags = match (rest != 0, tiny) {
        (false, _) => 0,
        (true, true) => INEXACT | UNDERFLOW,
        (true, false) => INEXACT,
    };
    (s | value, flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every number of binary16 goes there and back.
    #[test]
    fn half_precision() {
        for n in 0..=u16::MAX {
            for wide in [false, true] {
                let (v, _) = from_half(n, wide);
                let nan = n & 0x7c00 == 0x7c00 && n & 0x3ff != 0;
                let want = if nan { n | 0x200 } else { n };
                assert_eq!(to_half(v, wide, Round::Near).0, want.into(), "{n:#x}");
            }
        }
        assert_eq!(from_half(0x3c00, false).0, 0x3f80_0000);
        assert_eq!(to_half(0x4780_0000, false, Round::Near), (0x7c00, OVERFLOW | INEXACT));
        assert_eq!(to_half(1, false, Round::Up), (1, UNDERFLOW | INEXACT));
    }
}
