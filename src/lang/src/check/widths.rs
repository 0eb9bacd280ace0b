//! Byte order and access width along the path from an initiator to what answers it: E0601 to E0603.

use super::values::hex;
use super::views::{Views, leading_cores, short};
use crate::diag::{Diagnostic, Sink, codes};
use hetemu_graph::{BusId, Flat, Graph, Lanes, PartId, Range};
use hetemu_schema::{Endian, Region, RegionKind};
use std::collections::BTreeMap;

fn order_word(e: Endian) -> &'static str {
    if e == Endian::Big { "big" } else { "little" }
}

/// Registers in a core's view: of its byte order or converted, and of a width that it can make.
pub(super) fn registers(graph: &Graph, id: PartId, bus: BusId, view: &[Range], sink: &mut Sink) {
    let part = graph.part(id);
    let (Some(core), Some(endian)) = (&part.ty.core, part.endian()) else { return };
    let name = short(part);
    for r in view {
        let Flat::Region { part: target, region, .. } = r.to else { continue };
        let target = graph.part(target);
        let Some(regs) = target.ty.regions.get(region as usize) else { continue };
        if regs.kind != RegionKind::Mmio {
            continue;
        }
        if let Some(other) = regs.endian
            && other != endian
            && r.lanes == Lanes::Same
        {
            let what = format!(
                "{}-endian core `{name}` reads the {}-endian registers of `{}` through a row that \
                 does not say how",
                order_word(endian),
                order_word(other),
                target.name
            );
            let bits = widest(regs) * 8;
            let path = decode_path(graph, name, bus, r, &target.name, regs);
            sink.push(
                Diagnostic::new(codes::E0601, r.span, what)
                    .view(name)
                    .path(target.name.clone())
                    .help("`swap32` if the bridge swaps lanes; `bytes` if the firmware swaps")
                    .note(format!("decode path: {path} ({}, {bits}-bit)", order_word(other))),
            );
        }
        let master = part.ty.masters.iter().find(|m| part.masters.get(m.name) == Some(&bus));
        let master = master.map_or(u64::from(core.bits / 8), |m| u64::from(m.width));
        let path_width = master.min(u64::from(graph.bus(bus).width / 8)).max(1);
        if let Some(d) = width(name, core.bits, path_width, &target.name, regs, r) {
            sink.push(d.path(target.name.clone()).view(name));
        }
    }
}

fn widest(r: &Region) -> u32 {
    1 << (7 - (r.access | 1).leading_zeros())
}

/// E0603: the registers take none of the widths that can arrive, or have 64-bit registers that take
/// no 64-bit access.
fn width(
    core: &str,
    bits: u8,
    path_width: u64,
    target: &str,
    regs: &Region,
    row: &Range,
) -> Option<Diagnostic> {
    if regs.access == 0 {
        return None;
    }
    let smallest = 1u64 << regs.access.trailing_zeros();
    if smallest > path_width {
        let what = format!(
            "`{core}` makes accesses of up to {path_width} bytes and `{target}.{}` takes at least {smallest}",
            regs.name
        );
        let d = Diagnostic::new(codes::E0603, row.span, what);
        return Some(d.help("a wider bus (`width = ...`), or another core"));
    }
    let wide = regs.regs.iter().find(|r| r.bits == 64);
    let takes = u64::from(widest(regs));
    if let Some(wide) = wide
        && bits == 64
        && takes < 8
        && path_width >= 8
        && !row.split
    {
        let what = format!(
            "64-bit core `{core}` makes 8-byte accesses and `{target}.{}` takes at most {takes}",
            regs.name
        );
        let d = Diagnostic::new(codes::E0603, row.span, what);
        let d = d.help("on the row: `split` (two accesses, low first)");
        return Some(d.note(format!("`{}` at {} has 64 bits", wide.name, hex(wide.offset))));
    }
    None
}

/// `be -> dsp 0x1F00_0000 -> mbox.regs`.
fn decode_path(
    graph: &Graph,
    core: &str,
    bus: BusId,
    r: &Range,
    target: &str,
    regs: &Region,
) -> String {
    let mut out = format!("{core} -> {} {}", graph.bus(bus).name, hex(r.start));
    for (b, at) in &r.via {
        out.push_str(&format!(" -> {} {}", graph.bus(*b).name, hex(*at)));
    }
    out.push_str(&format!(" -> {target}.{}", regs.name));
    out
}

/// N0602: memories that cores of both byte orders see.
pub(super) fn shared_memories(graph: &Graph, views: &Views, sink: &mut Sink) {
    // Of each memory: cores by byte order, with the row through which each sees it.
    let mut seen: BTreeMap<PartId, Vec<(Endian, &str, &Range)>> = BTreeMap::new();
    for (_, part, _, bus) in leading_cores(graph) {
        let (Some(view), Some(endian)) = (views.get(&bus), part.endian()) else { continue };
        for r in view {
            let Flat::Region { part: id, region, .. } = r.to else { continue };
            let kind = graph.part(id).ty.regions.get(region as usize).map(|r| r.kind);
            if matches!(kind, Some(RegionKind::Ram | RegionKind::Rom)) {
                let cores = seen.entry(id).or_default();
                if !cores.iter().any(|(_, c, _)| *c == short(part)) {
                    cores.push((endian, short(part), r));
                }
            }
        }
    }
    for (id, mut cores) in seen {
        cores.sort_by_key(|(_, _, r)| (r.span.file, r.span.start));
        let names = |e: Endian| {
            let of: Vec<&str> = cores.iter().filter(|c| c.0 == e).map(|c| c.1).collect();
            of.join(", ")
        };
        let (little, big) = (names(Endian::Little), names(Endian::Big));
        if little.is_empty() || big.is_empty() {
            continue;
        }
        let rows = cores.iter().filter(|(e, _, _)| *e == Endian::Big);
        let converted = cores.iter().find(|(_, _, r)| r.lanes != Lanes::Same);
        let Some((_, who, row)) = converted.or(rows.clone().next()) else { continue };
        let says = match row.lanes {
            Lanes::Same => format!("no row says how: words look reversed to `{who}`"),
            Lanes::Bytes => format!("row says `bytes`: words look reversed to `{who}`"),
            Lanes::Swap16 => format!("row says `swap16`: 16-bit units look the same to `{who}`"),
            Lanes::Swap32 => format!("row says `swap32`: 32-bit units look the same to `{who}`"),
            Lanes::Swap64 => format!("row says `swap64`: 64-bit units look the same to `{who}`"),
        };
        let name = &graph.part(id).name;
        let what =
            format!("`{name}` is seen little-endian by {little} and big-endian by {big}; {says}");
        let d = Diagnostic::new(codes::N0602, row.span, what).path(name.clone());
        sink.push(d.view(*who));
    }
}
