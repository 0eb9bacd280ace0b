//! Values of expressions: exact fractions with what they measure, and their arithmetic.

use crate::expr::{Dim, Function, Op};
use crate::source::Span;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Val {
    Num(Num),
    Bool(bool),
    Str(String),
    /// A name that is nothing of the machine: an enum's word.
    Word(String),
    List(Vec<(Val, Span)>),
    /// Reported already.
    Unknown,
}

impl Val {
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Val::Num(n) => n.dim.words(),
            Val::Bool(_) => "a truth value",
            Val::Str(_) => "text",
            Val::Word(_) => "a word",
            Val::List(_) => "a list",
            Val::Unknown => "unknown",
        }
    }
}

/// A fraction in the base unit of what it measures; the denominator is positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Num {
    pub(crate) n: i128,
    pub(crate) d: i128,
    pub(crate) dim: Dim,
}

impl Num {
    pub(crate) fn new(n: i128, d: i128, dim: Dim) -> Num {
        if d == 1 {
            return Num { n, d, dim };
        }
        let g = gcd(n.unsigned_abs(), d.unsigned_abs()).max(1) as i128;
        Num { n: n / g, d: d / g, dim }
    }

    /// The period of a frequency, or the frequency of a period.
    pub(crate) fn inverse(self, to: Dim) -> Option<Num> {
        let picos = Num::new(1_000_000_000_000, 1, Dim::One);
        let inverse = binary(Op::Div, picos, Num { dim: Dim::One, ..self }).ok()?;
        Some(Num { dim: to, ..inverse })
    }

    pub(crate) fn one(n: impl Into<i128>) -> Num {
        Num { n: n.into(), d: 1, dim: Dim::One }
    }

    /// The whole number that it is, if it is one and fits.
    pub(crate) fn whole(self) -> Option<u64> {
        (self.d == 1).then(|| u64::try_from(self.n).ok()).flatten()
    }

    /// As a person writes it, with the largest unit that leaves it whole.
    pub(crate) fn show(self) -> String {
        let steps: &[(&str, i128)] = match self.dim {
            Dim::One => &[("", 1)],
            Dim::Size => {
                &[("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)]
            }
            Dim::Frequency => {
                &[("GHz", 1_000_000_000), ("MHz", 1_000_000), ("kHz", 1_000), ("Hz", 1)]
            }
            Dim::Duration => &[
                ("s", 1_000_000_000_000),
                ("ms", 1_000_000_000),
                ("us", 1_000_000),
                ("ns", 1_000),
                ("ps", 1),
            ],
        };
        let fits = |f: i128| self.d == 1 && self.n % f == 0 && self.n != 0;
        let (unit, factor) = steps.iter().find(|(_, f)| fits(*f)).copied().unwrap_or(("", 1));
        match (self.d, unit) {
            (1, "") => format!("{}", self.n),
            (1, _) => format!("{} {unit}", self.n / factor),
            _ => format!("{}/{}", self.n, self.d),
        }
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// A size as people write it.
pub(crate) fn size(bytes: u64) -> String {
    Num { n: bytes.into(), d: 1, dim: Dim::Size }.show()
}

/// An address with its digits in groups of four: 0x1_4000_0000.
pub(crate) fn hex(address: u64) -> String {
    let digits = format!("{address:X}");
    let digits = format!("{:0>width$}", digits, width = digits.len().div_ceil(4).max(1) * 4);
    let groups: Vec<&str> = (0..digits.len() / 4).map(|i| &digits[i * 4..i * 4 + 4]).collect();
    let joined = groups.join("_");
    let bare = joined.trim_start_matches('0');
    // A number of up to 32 bits keeps its leading zeros, a longer one does not.
    if groups.len() > 2 { format!("0x{bare}") } else { format!("0x{joined}") }
}

/// Applies an operator; an error is what to tell the reader.
pub(crate) fn binary(op: Op, a: Num, b: Num) -> Result<Num, String> {
    let over = || "the result is larger than any value here".to_string();
    let dim = match op {
        Op::Add | Op::Sub => match (a.dim, b.dim) {
            (x, y) if x == y => x,
            // Addresses are plain numbers: 0x1000 + 4 KiB.
            (Dim::Size, Dim::One) | (Dim::One, Dim::Size) => Dim::Size,
            (x, y) => return Err(format!("{} and {} cannot be added", x.words(), y.words())),
        },
        Op::Mul => match (a.dim, b.dim) {
            (x, Dim::One) | (Dim::One, x) => x,
            (x, y) => return Err(format!("{} times {} is nothing here", x.words(), y.words())),
        },
        Op::Div => match (a.dim, b.dim) {
            (x, Dim::One) => x,
            (x, y) if x == y => Dim::One,
            (x, y) => {
                return Err(format!("{} divided by {} is nothing here", x.words(), y.words()));
            }
        },
    };
    let cross = |x: i128, y: i128| x.checked_mul(y);
    let (n, d) = match op {
        Op::Add | Op::Sub => {
            let l = cross(a.n, b.d).ok_or_else(over)?;
            let r = cross(b.n, a.d).ok_or_else(over)?;
            let n = if op == Op::Add { l.checked_add(r) } else { l.checked_sub(r) };
            (n.ok_or_else(over)?, cross(a.d, b.d).ok_or_else(over)?)
        }
        Op::Mul => (cross(a.n, b.n).ok_or_else(over)?, cross(a.d, b.d).ok_or_else(over)?),
        Op::Div => {
            if b.n == 0 {
                return Err("the divisor is 0".into());
            }
            let sign = b.n.signum();
            let d = b.n.checked_abs().ok_or_else(over)?;
            let n = cross(a.n, b.d).and_then(|n| n.checked_mul(sign)).ok_or_else(over)?;
            (n, cross(a.d, d).ok_or_else(over)?)
        }
    };
    Ok(Num::new(n, d, dim))
}

/// Applies a function.
pub(crate) fn call(f: Function, args: &[Num]) -> Result<Num, String> {
    let Some((first, rest)) = args.split_first() else { return Err("no operands".into()) };
    if f == Function::Align {
        let [to] = rest else { return Err("`align` takes an address and a multiple".into()) };
        let (Some(a), Some(n)) = (first.whole(), to.whole().filter(|n| *n > 0)) else {
            return Err("`align` takes an address and a multiple above 0".into());
        };
        let up = (a.div_ceil(n) as i128) * (n as i128);
        return Ok(Num { n: up, d: 1, dim: first.dim });
    }
    let mut best = *first;
    for x in rest {
        let less = compare(*x, best)? == std::cmp::Ordering::Less;
        if less == (f == Function::Min) {
            best = *x;
        }
    }
    Ok(best)
}

/// Orders two numbers of one kind.
pub(crate) fn compare(a: Num, b: Num) -> Result<std::cmp::Ordering, String> {
    let plain = |x: Dim, y: Dim| matches!((x, y), (Dim::One, Dim::Size) | (Dim::Size, Dim::One));
    if a.dim != b.dim && !plain(a.dim, b.dim) {
        return Err(format!("{} and {} cannot be compared", a.dim.words(), b.dim.words()));
    }
    let over = || "the numbers are too large to compare".to_string();
    let l = a.n.checked_mul(b.d).ok_or_else(over)?;
    let r = b.n.checked_mul(a.d).ok_or_else(over)?;
    Ok(l.cmp(&r))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_in_the_units_of_the_language() {
        assert_eq!(size(24 << 10), "24 KiB");
        assert_eq!(size(4097), "4097 B");
        let f = Num::new(20_000, 1, Dim::Frequency);
        assert_eq!(f.show(), "20 kHz");
        assert_eq!(hex(0x9000), "0x9000");
        assert_eq!(hex(0x4000_0002), "0x4000_0002");
        assert_eq!(hex(0x1_4000_0000), "0x1_4000_0000");
        assert_eq!(hex(0), "0x0000");
    }

    #[test]
    fn arithmetic_is_exact_and_never_overflows_silently() {
        let mhz = |n: i128| Num::new(n * 1_000_000, 1, Dim::Frequency);
        let third = binary(Op::Div, mhz(10), Num::one(3)).unwrap();
        assert_eq!(binary(Op::Mul, third, Num::one(3)).unwrap(), mhz(10));
        assert!(binary(Op::Div, mhz(1), Num::one(0)).is_err());
        assert!(binary(Op::Mul, Num::one(i128::MAX), Num::one(2)).is_err());
        assert!(binary(Op::Add, mhz(1), Num::one(1)).is_err());
        let aligned = call(Function::Align, &[Num::one(0x1001), Num::one(0x1000)]).unwrap();
        assert_eq!(aligned, Num::one(0x2000));
    }
}
