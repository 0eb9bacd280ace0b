//! Numbers with units, and counts that scale with a property.

use super::node::keep;
use crate::types::{Count, PropType};

/// Which units a number may bear. Values are kept in the base unit: B, Hz, ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// No unit, or a size.
    Any,
    /// Bytes.
    Size,
    /// Hertz.
    Frequency,
    /// Nanoseconds.
    Duration,
    /// No unit at all.
    Plain,
}

impl Unit {
    /// The units of a property type, `None` if its values are no numbers.
    pub(super) fn of(ty: PropType) -> Option<Unit> {
        Some(match ty {
            PropType::Size | PropType::Address => Unit::Size,
            PropType::Frequency => Unit::Frequency,
            PropType::Duration => Unit::Duration,
            PropType::Count => Unit::Plain,
            PropType::Bool | PropType::String | PropType::Enum(_) | PropType::Part => return None,
        })
    }

    fn table(self) -> &'static [(&'static str, u64)] {
        const SIZES: &[(&str, u64)] = &[
            ("", 1),
            ("B", 1),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
            ("TiB", 1 << 40),
        ];
        match self {
            Unit::Any | Unit::Size => SIZES,
            Unit::Frequency => {
                &[("Hz", 1), ("kHz", 1_000), ("MHz", 1_000_000), ("GHz", 1_000_000_000)]
            }
            Unit::Duration => &[("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)],
            Unit::Plain => &[("", 1)],
        }
    }
}

/// A number with a unit, exact: `64KiB`, `3.6864MHz`, `0x80`.
pub(super) fn quantity(text: &str, unit: Unit) -> Result<u64, String> {
    let text = text.trim();
    let bad = || format!("`{text}` is not a number with a unit that fits here");
    let hex = text.starts_with("0x");
    let digits = if hex {
        2 + text
            .get(2..)
            .unwrap_or("")
            .find(|c: char| !c.is_ascii_hexdigit() && c != '_')
            .unwrap_or(text.len() - 2)
    } else {
        text.find(|c: char| !c.is_ascii_digit() && c != '_' && c != '.').unwrap_or(text.len())
    };
    let (number, suffix) = text.split_at_checked(digits).ok_or_else(bad)?;
    let suffix = suffix.trim();
    let scale = unit.table().iter().find(|(u, _)| *u == suffix).ok_or_else(bad)?.1;
    let clean: String = number.chars().filter(|c| *c != '_').collect();
    let (whole, fraction) = clean.split_once('.').unwrap_or((&clean, ""));
    let parsed = match clean.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => whole.parse::<u64>(),
    };
    let whole = parsed.map_err(|_| bad())?.checked_mul(scale).ok_or_else(bad)?;
    if fraction.is_empty() {
        return if clean.ends_with('.') { Err(bad()) } else { Ok(whole) };
    }
    let power = u32::try_from(fraction.len()).ok().and_then(|n| 10u64.checked_pow(n));
    let product = fraction.parse::<u64>().ok().and_then(|n| n.checked_mul(scale));
    match (power, product) {
        (Some(power), Some(n)) if n % power == 0 => whole.checked_add(n / power).ok_or_else(bad),
        _ => Err(format!("`{text}` is not a whole number of the base unit")),
    }
}

/// A count: `targets`, `2*harts`, `harts*2+1`, `harts+1`, `4KiB`, `7`.
pub(super) fn count(text: &str) -> Result<Count, String> {
    let bad = || format!("`{text}` is no count: write a number, a property, or `2*prop+1`");
    let mut count = Count::fixed(0);
    for term in text.split('+') {
        let factors: Vec<&str> = term.split('*').map(str::trim).collect();
        let (mut prop, mut factor) = (None, 1u64);
        for f in factors {
            if f.starts_with(|c: char| c.is_ascii_digit()) {
                factor = factor.checked_mul(quantity(f, Unit::Size)?).ok_or_else(bad)?;
            } else if prop.is_none() && is_ident(f) {
                prop = Some(f);
            } else {
                return Err(bad());
            }
        }
        match prop {
            None => count.add = count.add.checked_add(factor).ok_or_else(bad)?,
            Some(p) if count.prop.is_none() => (count.prop, count.mul) = (Some(keep(p)), factor),
            Some(_) => return Err(bad()),
        }
    }
    Ok(count)
}

fn is_ident(s: &str) -> bool {
    s.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && s.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Where values of a type come from and go to in the text: its word.
pub(super) fn prop_type(word: &str, values: &'static [&'static str]) -> Option<PropType> {
    Some(match word {
        "size" => PropType::Size,
        "address" => PropType::Address,
        "frequency" => PropType::Frequency,
        "duration" => PropType::Duration,
        "count" => PropType::Count,
        "bool" => PropType::Bool,
        "string" => PropType::String,
        "enum" => PropType::Enum(values),
        "part" => PropType::Part,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        for (text, unit, want) in [
            ("64KiB", Unit::Size, Some(65536)),
            ("64 KiB", Unit::Any, Some(65536)),
            ("0x1_0000", Unit::Any, Some(65536)),
            ("3.6864MHz", Unit::Frequency, Some(3_686_400)),
            ("0.5Hz", Unit::Frequency, None),
            ("50us", Unit::Duration, Some(50_000)),
            ("50us", Unit::Frequency, None),
            ("10", Unit::Frequency, None),
            ("64KB", Unit::Size, None),
            ("4KiB", Unit::Plain, None),
            ("99999999999TiB", Unit::Size, None),
            ("1.", Unit::Size, None),
            ("1.1.1", Unit::Size, None),
            ("0x", Unit::Size, None),
            ("", Unit::Size, None),
            ("é", Unit::Size, None),
        ] {
            assert_eq!(quantity(text, unit).ok(), want, "{text}");
        }
    }

    #[test]
    fn counts() {
        let c = |prop, mul, add| Some(Count { prop, mul, add });
        for (text, want) in [
            ("7", c(None, 0, 7)),
            ("4KiB", c(None, 0, 4096)),
            ("targets", c(Some("targets"), 1, 0)),
            ("2*harts+1", c(Some("harts"), 2, 1)),
            ("harts * 2 + 0x10", c(Some("harts"), 2, 16)),
            ("1+harts", c(Some("harts"), 1, 1)),
            ("a+b", None),
            ("a*b", None),
            ("a-1", None),
            ("", None),
            ("2*", None),
            ("18446744073709551615+1", None),
        ] {
            assert_eq!(count(text).ok(), want, "{text}");
        }
    }
}
