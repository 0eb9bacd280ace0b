//! Explains one fact of a machine: who answers an address, or what a name stands for.
//!
//! The graph knows the place of every fact as bytes of a file; the caller turns that into lines,
//! for only it has the texts.

use crate::model::*;
use crate::names;
use crate::show::views_of;
use crate::view::{Flat, Range, flatten};
use hetemu_schema::{RegionKind, Register, Signal};
use std::fmt::Write;

/// Turns a place into `file:line`; `None` where the text does not say (defaults).
pub type Locate<'a> = &'a dyn Fn(Span) -> Option<String>;

/// A register that an offset falls into: its name with the element of an array, the byte within.
pub fn register_at(
    regs: &'static [Register],
    offset: u64,
) -> Option<(&'static Register, String, u64)> {
    // One address may be two registers, one read and one written: the one that is read comes first.
    regs.iter().find_map(|r| {
        let bytes = u64::from(r.bits / 8);
        let rel = offset.checked_sub(r.offset)?;
        let i = if r.count > 1 { rel.checked_div(u64::from(r.stride))? } else { 0 };
        let within = rel - i * u64::from(r.stride) * u64::from(r.count > 1);
        if i >= u64::from(r.count) || within >= bytes {
            return None;
        }
        let name = if r.count > 1 { format!("{}[{i}]", r.name) } else { r.name.to_string() };
        Some((r, name, within))
    })
}

/// Who answers an access of an initiator (see [`views_of`]) at an address, and how it is decoded.
/// `None` if nothing has this name.
pub fn explain_address(g: &Graph, initiator: &str, at: u64, locate: Locate<'_>) -> Option<String> {
    let views = views_of(g, initiator);
    if views.is_empty() {
        return None;
    }
    let mut out = String::new();
    for (title, _, bus) in views {
        let view = flatten(g, bus);
        match view.iter().find(|r| r.start <= at && at <= r.last) {
            Some(r) => {
                out.push_str(&answer(g, r, at, bus, locate));
                path(&mut out, g, &title, r, at, bus);
            }
            None => nothing(&mut out, g, &title, &view, at, bus),
        }
    }
    Some(out)
}

fn answer(g: &Graph, r: &Range, at: u64, bus: BusId, locate: Locate<'_>) -> String {
    let skip = at - r.start;
    let decider = r.via.last().map_or(bus, |(b, _)| *b);
    let decider = format!("bus {}", g.bus(decider).name);
    let row = match locate(r.span) {
        Some(place) => format!("{decider} row {place}"),
        None => decider,
    };
    let Flat::Region { part, region, offset } = r.to else {
        let Flat::Hole(kind) = r.to else { return String::new() };
        return format!("nothing answers: {}   {row}\n", unmapped(kind));
    };
    let (p, offset) = (g.part(part), offset + skip);
    let Some(reg) = p.ty.regions.get(region as usize) else { return String::new() };
    let mut out = format!("{}.{} + {}", p.name, reg.name, names::hex(offset));
    let schema = p.ty.full_name();
    if matches!(reg.kind, RegionKind::Ram | RegionKind::Rom) {
        let size = names::size(p.region_size(region).unwrap_or(0));
        _ = writeln!(out, " of {size}   {row}; schema {schema}");
        return out;
    }
    let Some((register, name, within)) = register_at(reg.regs, offset) else {
        _ = writeln!(out, "   no register is documented here   {row}; schema {schema}");
        return out;
    };
    let byte = if within > 0 { format!(", byte {within}") } else { String::new() };
    _ = writeln!(
        out,
        " = {name} ({}, {}{byte})   {row}; schema {schema}",
        register.access.word(),
        register.bits
    );
    details(&mut out, register);
    let other = reg.regs.iter().find(|o| o.offset == register.offset && o.name != register.name);
    if let Some(other) = other {
        _ = writeln!(out, "  {}: {}   {}", other.access.word(), other.name, other.doc);
        details(&mut out, other);
    }
    out
}

fn details(out: &mut String, r: &Register) {
    if !r.doc.is_empty() {
        _ = writeln!(out, "  {}", r.doc);
    }
    if let Some(reset) = r.reset {
        _ = writeln!(out, "  reset {}", names::hex(reset));
    }
    for f in r.fields {
        let bits = match f.lsb == f.msb {
            true => f.lsb.to_string(),
            false => format!("{}..{}", f.lsb, f.msb),
        };
        let access = f.access.map_or("", |a| a.word());
        let line = format!("  bit {bits:<7} {:<16} {access}", f.name);
        _ = writeln!(out, "{}", line.trim_end());
    }
}

/// `m4 -> mcu 0x7000_0000 -> soc 0x1000_0000 -> uart0.regs + 0x0`.
fn path(out: &mut String, g: &Graph, title: &str, r: &Range, at: u64, bus: BusId) {
    let skip = at - r.start;
    let hop = |b: BusId, at: u64| {
        let b = g.bus(b);
        format!("{} {}", b.name, names::at(b, at))
    };
    let mut hops = vec![title.to_string(), hop(bus, at)];
    hops.extend(r.via.iter().map(|(b, there)| hop(*b, there + skip)));
    if let Flat::Region { part, region, offset } = r.to {
        let p = g.part(part);
        let region = p.ty.regions.get(region as usize).map_or("", |r| r.name);
        hops.push(format!("{}.{region} + {}", p.name, names::hex(offset + skip)));
    }
    _ = write!(out, "  path: {}", hops.join(" -> "));
    for word in [r.lanes.word(), r.access.word(), if r.split { "split" } else { "" }] {
        if !word.is_empty() {
            _ = write!(out, ", {word}");
        }
    }
    out.push('\n');
}

fn unmapped(kind: Unmapped) -> &'static str {
    match kind {
        Unmapped::Fault => "a bus error",
        Unmapped::Zeros => "reads give 0, writes vanish",
        Unmapped::Ones => "reads give all ones, writes vanish",
    }
}

fn nothing(out: &mut String, g: &Graph, title: &str, view: &[Range], at: u64, bus: BusId) {
    let b = g.bus(bus);
    let here = names::at(b, at);
    let kind = unmapped(b.unmapped);
    _ = writeln!(out, "{title} sees nothing at {here}: {kind}   bus {}", b.name);
    let below = view.iter().rev().find(|r| r.last < at);
    let above = view.iter().find(|r| r.start > at);
    for (word, r) in [("below", below), ("above", above)] {
        if let Some(r) = r
            && let Flat::Region { part, region, .. } = r.to
        {
            let span = |a| names::at(b, a);
            let name = names::region(g, part, region);
            _ = writeln!(out, "  next {word}: {} .. {}   {name}", span(r.start), span(r.last));
        }
    }
}

/// What a name of the machine stands for: `uart`, `uart.irq`, `plic[3]`, `ram.size`, `uart.clk`,
/// `main`.
/// `None` if the machine has no such name.
pub fn explain_name(g: &Graph, name: &str, locate: Locate<'_>) -> Option<String> {
    let place = |span| locate(span).map_or(String::new(), |p| format!("   {p}"));
    if let Some(id) = g.find_part(name) {
        return Some(part_text(g, id, locate));
    }
    if let Some(bus) = g.buses.iter().find(|b| b.name == name) {
        let endian = crate::json::endian_word(bus.endian);
        return Some(format!(
            "bus {name}: {} address bits, {} data bits, {endian}-endian, unmapped = {}, {} rows{}\n",
            bus.addr_bits,
            bus.width,
            bus.unmapped.word(),
            bus.rows.len(),
            place(bus.span)
        ));
    }
    if let Some(c) = g.clocks.iter().find(|c| c.name == name) {
        return Some(format!("clock {name} = {}{}\n", names::frequency(c.hz), place(c.span)));
    }
    if let Some(p) = g.find_plug(name) {
        let value = p.value.as_deref().unwrap_or("none");
        return Some(format!("plug {name} : {} = {value}{}\n", p.kind.word(), place(p.span)));
    }
    if let Some(c) = g.clusters.iter().find(|c| c.name == name) {
        let cores: Vec<String> = c.cores.iter().map(|id| g.part(*id).name.clone()).collect();
        return Some(format!("cluster {name}: {}\n", names::collapse(&cores)));
    }
    // The longest part name that the text begins with: `rv[1].meip` is of `rv[1]`.
    let (id, rest) = g
        .parts()
        .filter_map(|(id, p)| Some((id, name.strip_prefix(p.name.as_str())?)))
        .filter(|(_, rest)| rest.starts_with(['.', '[']))
        .max_by_key(|(id, _)| g.part(*id).name.len())?;
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let facts = port_text(g, id, rest, locate) + &setting_text(g, id, rest, locate);
    (!facts.is_empty()).then_some(facts)
}

fn part_text(g: &Graph, id: PartId, locate: Locate<'_>) -> String {
    let p = g.part(id);
    let place = locate(p.span).map_or(String::new(), |p| format!("   {p}"));
    let mut out = format!("{} : {}   {}{place}\n", p.name, p.ty.full_name(), p.ty.summary);
    for bus in &g.buses {
        for row in &bus.rows {
            if let Target::Region { part, region, .. } = row.target
                && part == id
            {
                let at = names::at(bus, row.base);
                let place = locate(row.span).map_or(String::new(), |p| format!("   {p}"));
                let region = p.ty.regions.get(region as usize).map_or("", |r| r.name);
                let size = names::size(row.size);
                _ = writeln!(out, "  bus {} {at} + {size}: {region}{place}", bus.name);
            }
        }
    }
    let names = p.ty.props.iter().map(|x| x.name);
    let names = names.chain(p.ty.clocks.iter().map(|x| x.name));
    let names = names.chain(p.ty.masters.iter().map(|x| x.name));
    for name in names.chain(p.ty.links.iter().map(|x| x.name)) {
        for line in setting_text(g, id, name, &|_| None).lines() {
            _ = writeln!(out, "  {line}");
        }
    }
    for w in g.wires.iter().filter(|w| w.from.part == id || w.to.part == id) {
        _ = writeln!(out, "  {}", wire_text(g, w, locate));
    }
    out
}

fn wire_text(g: &Graph, w: &Wire, locate: Locate<'_>) -> String {
    let place = locate(w.span).map_or(String::new(), |p| format!("   {p}"));
    format!("{} -> {}{place}", names::port(g, w.from, false), names::port(g, w.to, true))
}

/// Wires at a port: `irq`, `irq[3]`, `3]` (of the default input).
fn port_text(g: &Graph, id: PartId, rest: &str, locate: Locate<'_>) -> String {
    let (name, index) = rest
        .split_once('[')
        .map_or((rest, None), |(name, i)| (name, i.trim_end_matches(']').parse::<u32>().ok()));
    let name = if name.is_empty() { Signal::DEFAULT } else { name };
    let ty = g.part(id).ty;
    let hits = |p: Port, list: &[Signal]| {
        p.part == id
            && list.get(p.port as usize).is_some_and(|s| s.name == name)
            && index.is_none_or(|i| i == p.index)
    };
    let mut out = String::new();
    for w in g.wires.iter().filter(|w| hits(w.from, ty.outputs) || hits(w.to, ty.inputs)) {
        _ = writeln!(out, "{}", wire_text(g, w, locate));
    }
    let described = ty.input(name).map(|s| (s, "input")).or(ty.output(name).map(|s| (s, "output")));
    if let Some((s, what)) = described {
        if out.is_empty() {
            _ = writeln!(out, "{}.{name} is not wired", g.part(id).name);
        }
        let kind = crate::json::signal_word(s.kind);
        let doc = if s.doc.is_empty() { String::new() } else { format!(": {}", s.doc) };
        _ = writeln!(out, "  {kind} {what} of {}{doc}", ty.full_name());
    }
    out
}

/// A property, clock, link or bus port with its value and who decided it.
fn setting_text(g: &Graph, id: PartId, name: &str, locate: Locate<'_>) -> String {
    let p = g.part(id);
    let place = locate(p.span).map_or(String::new(), |p| format!("   {p}"));
    let full = format!("{}.{name}", p.name);
    if let Some(prop) = p.ty.prop(name) {
        let value = p.props.get(name).map(|v| names::value(v, Some(prop.ty)));
        let by = match (&value, prop.default) {
            _ if p.set.iter().any(|s| s == name) => format!("set{place}"),
            (None, _) => "optional".into(),
            (Some(_), None) => "from its row".into(),
            (Some(_), Some(_)) => format!("default of {}", p.ty.full_name()),
        };
        let value = value.unwrap_or_else(|| "unset".into());
        return format!("{full} = {value}   ({by})\n");
    }
    if let Some(clock) = p.ty.clock(name) {
        return match (p.clocks.get(name), clock.default_hz) {
            (Some((hz, from)), _) if !from.is_empty() => {
                format!("{full} = {from} ({})\n", names::frequency(*hz))
            }
            (Some((hz, _)), _) => format!("{full} = {}   (assumed)\n", names::frequency(*hz)),
            (None, Some(hz)) => format!("{full} is not driven: {} assumed\n", names::frequency(hz)),
            (None, None) => format!("{full} is not driven\n"),
        };
    }
    if let Some(link) = p.ty.link(name) {
        let Some(plug) = p.links.get(name) else {
            return format!("{full} is empty: takes a {} plug\n", link.kind.word());
        };
        let value = g.find_plug(plug).and_then(|p| p.value.as_deref()).unwrap_or("none");
        return format!("{full} = {plug} ({value})\n");
    }
    if p.ty.master(name).is_some() {
        let bus = p.masters.get(name).map_or("nothing", |b| &g.bus(*b).name);
        return format!("{full} = bus {bus}\n");
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{opentitan, trio};

    fn line(span: Span) -> Option<String> {
        Some(format!("m.hm:{}", span.start / 10))
    }

    fn at(initiator: &str, address: u64) -> String {
        explain_address(&trio().build(), initiator, address, &line).expect("an initiator")
    }

    #[test]
    fn an_address_names_its_register_and_the_way_there() {
        let text = at("m4", 0x5000_0010);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].starts_with("mbox.regs + 0x10 = CH_STATUS[1] (ro, 32)   bus mcu row m.hm:"),
            "{text}"
        );
        assert!(lines[0].ends_with("; schema hm.mailbox@1"));
        assert!(lines.contains(&"  bit 8..15   LEVEL"), "{text}");
        assert_eq!(lines.last(), Some(&"  path: m4 -> mcu 0x5000_0010 -> mbox.regs + 0x10"));
        assert!(at("be", 0x1F00_0006).contains("CH_SEND[0] (wo, 32, byte 2)"));
        assert!(at("be", 0x1F00_0000).ends_with("mbox.regs + 0x0, swap32\n"));
    }

    #[test]
    fn windows_memories_holes_and_nothing() {
        let text = at("m4", 0x7000_0005);
        assert!(text.starts_with("uart0.regs + 0x5 = LSR (ro, 8)   bus soc row"), "{text}");
        assert!(
            text.contains("path: m4 -> mcu 0x7000_0005 -> soc 0x1000_0005 -> uart0.regs + 0x5")
        );
        assert!(at("m4", 0x7000_1000).starts_with("nothing answers: a bus error"));
        assert!(at("rv[2]", 0x2000_0100).starts_with("shared.mem + 0x100 of 1 MiB   bus soc row"));
        let text = at("rv", 0x4000_0000);
        assert!(text.starts_with("rv sees nothing at 0x4000_0000: a bus error   bus soc\n"));
        assert!(text.contains("  next below: 0x3000_0000 .. 0x3000_0FFF   mbox\n"), "{text}");
        assert_eq!(explain_address(&trio().build(), "nobody", 0, &line), None);
    }

    #[test]
    fn a_register_that_reads_and_one_that_is_written_both_show() {
        let text = at("rv", 0x1000_0002);
        assert!(text.contains("= IIR (ro, 8)") && text.contains("  wo: FCR"), "{text}");
    }

    #[test]
    fn names_of_every_kind() {
        let g = trio().build();
        let say = |name: &str| explain_name(&g, name, &line);
        assert!(say("uart0.irq").expect("wired").starts_with("uart0.irq -> plic[10]   m.hm:"));
        assert!(say("plic[11]").expect("wired").starts_with("mbox.irq[0] -> plic[11]   m.hm:"));
        assert!(say("rv[1].seip").expect("wired").starts_with("plic.target[3] -> rv[1].seip"));
        assert!(say("plic[12]").expect("there").starts_with("plic.in is not wired"));
        assert_eq!(
            say("mbox.depth").as_deref(),
            Some("mbox.depth = 16   (default of hm.mailbox@1)\n")
        );
        assert!(say("mbox.channels").expect("set").starts_with("mbox.channels = 3   (set   m.hm:"));
        assert_eq!(say("shared.size").as_deref(), Some("shared.size = 1 MiB   (from its row)\n"));
        assert_eq!(say("uart0.clk").as_deref(), Some("uart0.clk = osc (24 MHz)\n"));
        assert_eq!(say("uart0.line").as_deref(), Some("uart0.line = console (stdio)\n"));
        assert_eq!(say("m4.bus").as_deref(), Some("m4.bus = bus mcu\n"));
        assert!(say("osc").expect("a clock").starts_with("clock osc = 24 MHz"));
        assert!(say("console").expect("a plug").starts_with("plug console : serial = stdio"));
        assert!(
            say("dsp").expect("a bus").starts_with("bus dsp: 32 address bits, 32 data bits, big")
        );
        assert_eq!(say("rv").as_deref(), Some("cluster rv: rv[0..3]\n"));
        assert_eq!(say("mbox.nothing"), None);
        assert_eq!(say("nobody"), None);
        let part = say("mbox").expect("a part");
        assert!(part.contains("  bus dsp 0x1F00_0000 + 4 KiB: regs"), "{part}");
        assert!(part.contains("  mbox.irq[1] -> m4.irq[5]"), "{part}");
        let g = opentitan().build();
        let clk = explain_name(&g, "uart.clk", &line);
        assert_eq!(clk.as_deref(), Some("uart.clk is not driven: 50 MHz assumed\n"));
    }
}
