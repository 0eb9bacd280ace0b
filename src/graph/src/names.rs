//! How facts are written: addresses, sizes, frequencies, ports, the places of initiators.
//!
//! One spelling for every output, the one that the formatter of the language uses too: hexadecimal
//! digits in groups of four, padded to the width of the bus.

use crate::model::*;
use hetemu_schema::{PropType, Signal};
use std::fmt::Write;

/// An address of a bus with so many address bits: `0x0C00_0000`.
pub fn address(value: u64, bits: u8) -> String {
    let digits = usize::from(bits.max(1)).div_ceil(4);
    grouped(&format!("{value:0digits$X}"))
}

/// A number in hexadecimal as short as it is: `0x10`, `0x4000_0000`.
pub fn hex(value: u64) -> String {
    grouped(&format!("{value:X}"))
}

fn grouped(digits: &str) -> String {
    let mut out = String::from("0x");
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 4 == 0 {
            out.push('_');
        }
        out.push(c);
    }
    out
}

/// A length in bytes: `64 KiB`, `6 B`.
pub fn size(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let fits = |shift: &u32| bytes >> shift != 0 && bytes & ((1 << shift) - 1) == 0;
    match UNITS.iter().find(|(_, shift)| fits(shift)) {
        Some((unit, shift)) => format!("{} {unit}", bytes >> shift),
        None => format!("{bytes} B"),
    }
}

/// A frequency: `24 MHz`, `1.193182 MHz`, `32768 Hz`.
pub fn frequency(hz: u64) -> String {
    scaled(hz, &[("GHz", 9), ("MHz", 6), ("kHz", 3)], "Hz")
}

/// A duration given in nanoseconds: `50 us`.
pub fn duration(ns: u64) -> String {
    scaled(ns, &[("s", 9), ("ms", 6), ("us", 3)], "ns")
}

/// The largest unit that is not above the value, exactly.
fn scaled(value: u64, units: &[(&str, u32)], base: &str) -> String {
    let Some((unit, power)) = units.iter().find(|(_, p)| value >= 10u64.pow(*p)) else {
        return format!("{value} {base}");
    };
    let (whole, rest) = (value / 10u64.pow(*power), value % 10u64.pow(*power));
    let digits = format!("{rest:0width$}", width = *power as usize);
    match digits.trim_end_matches('0') {
        "" => format!("{whole} {unit}"),
        digits => format!("{whole}.{digits} {unit}"),
    }
}

/// A property's value as the text would say it.
pub fn value(v: &Value, ty: Option<PropType>) -> String {
    match (v, ty) {
        (Value::Int(n), Some(PropType::Size)) => size(*n),
        (Value::Int(n), Some(PropType::Address)) => hex(*n),
        (Value::Int(n), Some(PropType::Frequency)) => frequency(*n),
        (Value::Int(n), Some(PropType::Duration)) => duration(*n),
        (Value::Int(n), _) => n.to_string(),
        (Value::Bool(b), _) => b.to_string(),
        (Value::Str(s), Some(PropType::String)) => format!("{s:?}"),
        (Value::Str(s), _) => s.clone(),
        (Value::List(list), _) => {
            let items: Vec<_> = list.iter().map(|v| value(v, ty)).collect();
            format!("[{}]", items.join(", "))
        }
    }
}

/// A signal port: `uart.irq`, `plic[3]`, `rv[1].meip`, `mbox.irq[0]`.
pub fn port(g: &Graph, port: Port, input: bool) -> String {
    let part = g.part(port.part);
    let list = if input { part.ty.inputs } else { part.ty.outputs };
    let Some(signal) = list.get(port.port as usize) else { return part.name.clone() };
    let mut out = part.name.clone();
    if !(input && signal.name == Signal::DEFAULT && signal.width.is_some()) {
        _ = write!(out, ".{}", signal.name);
    }
    if signal.width.is_some() {
        _ = write!(out, "[{}]", port.index);
    }
    out
}

/// A region: the part's name, with the region's where there are several.
pub fn region(g: &Graph, part: PartId, region: u32) -> String {
    let part = g.part(part);
    match part.ty.regions.get(region as usize) {
        Some(r) if part.ty.regions.len() > 1 => format!("{}.{}", part.name, r.name),
        _ => part.name.clone(),
    }
}

/// The name under which a part stands among initiators: its cluster's, or its own.
pub fn initiator(g: &Graph, part: PartId) -> &str {
    let cluster = g.clusters.iter().find(|c| c.cores.contains(&part));
    cluster.map_or(&g.part(part).name, |c| &c.name)
}

/// Consecutive elements of arrays in one: `rv[0..3].meip, rv[0..3].seip`.
pub fn collapse(names: &[String]) -> String {
    let mut out: Vec<(String, u64, u64, String)> = Vec::new();
    for name in names {
        let split = name.split_once('[').and_then(|(head, rest)| {
            let (index, tail) = rest.split_once(']')?;
            Some((head, index.parse::<u64>().ok()?, tail))
        });
        match split {
            None => out.push((name.clone(), 1, 0, String::new())),
            Some((head, i, tail)) => {
                let run = out
                    .iter_mut()
                    .find(|(h, lo, hi, t)| h == head && t == tail && lo <= hi && *hi + 1 == i);
                match run {
                    Some((_, _, hi, _)) => *hi = i,
                    None => out.push((head.into(), i, i, tail.into())),
                }
            }
        }
    }
    let text = |(head, lo, hi, tail): &(String, u64, u64, String)| match lo.cmp(hi) {
        std::cmp::Ordering::Greater => head.clone(),
        std::cmp::Ordering::Equal => format!("{head}[{lo}]{tail}"),
        std::cmp::Ordering::Less => format!("{head}[{lo}..{hi}]{tail}"),
    };
    out.iter().map(text).collect::<Vec<_>>().join(", ")
}

impl RowAccess {
    /// The word in the text, empty for the usual case.
    pub fn word(self) -> &'static str {
        match self {
            RowAccess::Rw => "",
            RowAccess::Ro => "ro",
            RowAccess::Wo => "wo",
        }
    }
}

impl Lanes {
    /// The word in the text, empty for the usual case.
    pub fn word(self) -> &'static str {
        match self {
            Lanes::Same => "",
            Lanes::Bytes => "bytes",
            Lanes::Swap16 => "swap16",
            Lanes::Swap32 => "swap32",
            Lanes::Swap64 => "swap64",
        }
    }
}

impl Unmapped {
    /// The word in the text.
    pub fn word(self) -> &'static str {
        match self {
            Unmapped::Fault => "fault",
            Unmapped::Zeros => "zeros",
            Unmapped::Ones => "ones",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_data_sheets_write_them() {
        assert_eq!(address(0x3F8, 16), "0x03F8");
        assert_eq!(address(0xC00_0000, 32), "0x0C00_0000");
        assert_eq!(address(0x1_0000_0000, 36), "0x1_0000_0000");
        assert_eq!(hex(0x10), "0x10");
        assert_eq!(hex(0x1_0000), "0x1_0000");
        assert_eq!(
            (size(65536), size(0x18000), size(6)),
            ("64 KiB".into(), "96 KiB".into(), "6 B".into())
        );
        assert_eq!((size(0), size(3 << 40)), ("0 B".into(), "3 TiB".into()));
        assert_eq!(frequency(1_193_182), "1.193182 MHz");
        assert_eq!(frequency(1_200_000_000), "1.2 GHz");
        assert_eq!(frequency(999), "999 Hz");
        assert_eq!(duration(50_000), "50 us");
    }

    #[test]
    fn arrays_collapse() {
        let names: Vec<String> =
            ["rv[0].a", "rv[1].a", "rv[0].b", "m4", "x[3]", "x[5]"].map(String::from).into();
        assert_eq!(collapse(&names), "rv[0..1].a, rv[0].b, m4, x[3], x[5]");
    }
}
