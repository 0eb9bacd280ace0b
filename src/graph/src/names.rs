//! How facts are written: addresses, sizes, frequencies, ports, the places of initiators.
//!
//! One spelling for every output, the one that the formatter of the language uses too: hexadecimal
//! digits in groups of four, padded to the width of the bus.

use crate::model::*;
pub use hetemu_schema::units::{address, duration, frequency, hex, size};
use hetemu_schema::{PropType, Signal};
use std::fmt::Write;

/// An address of a bus, padded like all of its rows: to 32 bits on a wide bus that maps nothing
/// above.
pub fn at(bus: &Bus, value: u64) -> String {
    let last = bus.rows.iter().map(|r| r.base.saturating_add(r.size.saturating_sub(1)));
    let used = 64 - last.max().unwrap_or(0).leading_zeros();
    address(value, (used as u8).max(bus.addr_bits.min(32)))
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
    fn arrays_collapse() {
        let names: Vec<String> =
            ["rv[0].a", "rv[1].a", "rv[0].b", "m4", "x[3]", "x[5]"].map(String::from).into();
        assert_eq!(collapse(&names), "rv[0..1].a, rv[0].b, m4, x[3], x[5]");
    }
}
