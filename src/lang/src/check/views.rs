//! What each initiator sees: E0504, E0507, E0508, W0902, and byte order and width along the path.
//!
//! These checks run on the graph: an initiator's flattened view is [`hetemu_graph::flatten`] of its
//! bus.

use super::values::{hex, size};
use super::widths;
use crate::diag::{Diagnostic, Sink, codes};
use hetemu_graph::{BusId, Flat, Graph, Part, PartId, Range, Target, flatten};
use hetemu_schema::{Core, RegionKind};
use std::collections::{BTreeMap, BTreeSet};

/// The flattened map of every bus that an initiator drives.
pub(super) type Views = BTreeMap<BusId, Vec<Range>>;

/// Checks the views of a graph; `doubtful` names buses of which something was reported already.
pub(super) fn check(graph: &Graph, doubtful: &BTreeSet<&str>, sink: &mut Sink) {
    let mut views = Views::new();
    for (_, _, bus) in graph.initiators() {
        if !behind(graph, bus).iter().any(|b| doubtful.contains(graph.bus(*b).name.as_str())) {
            views.entry(bus).or_insert_with(|| flatten(graph, bus));
        }
    }
    undriven_buses(graph, doubtful, sink);
    for (id, name, bus) in graph.initiators() {
        let part = graph.part(id);
        if part.index.is_none_or(|k| k == 0) && graph.bus(bus).rows.is_empty() {
            let sound = !doubtful.contains(graph.bus(bus).name.as_str());
            if sound {
                sink.push(reaches_nothing(graph, part, name, bus));
            }
        }
    }
    let mut pages: BTreeSet<(PartId, u64)> = BTreeSet::new();
    for (id, part, core, bus) in leading_cores(graph) {
        let Some(view) = views.get(&bus) else { continue };
        reset_vector(graph, part, core, bus, view, sink);
        page_sizes(graph, part, core, view, &mut pages, sink);
        widths::registers(graph, id, bus, view, sink);
    }
    widths::shared_memories(graph, &views, sink);
}

/// A bus and every bus that its windows lead to.
fn behind(graph: &Graph, bus: BusId) -> BTreeSet<BusId> {
    let mut seen = BTreeSet::from([bus]);
    let mut todo = vec![bus];
    while let Some(b) = todo.pop() {
        for row in &graph.bus(b).rows {
            if let Target::Bus { bus, .. } = row.target
                && seen.insert(bus)
            {
                todo.push(bus);
            }
        }
    }
    seen
}

/// Each core with its main bus; of an array the first element only.
pub(super) fn leading_cores(
    graph: &Graph,
) -> impl Iterator<Item = (PartId, &Part, &'static Core, BusId)> {
    graph.cores().filter(|(_, p)| p.index.is_none_or(|k| k == 0)).filter_map(|(id, p)| {
        let core = p.ty.core.as_ref()?;
        // A core that lacks its main bus does not run from another one.
        let main = p.ty.masters.iter().find(|m| m.name == "bus").or(p.ty.masters.first())?;
        Some((id, p, core, *p.masters.get(main.name)?))
    })
}

/// The name of a part without its index: what a message calls a cluster.
pub(super) fn short(part: &Part) -> &str {
    part.name.split('[').next().unwrap_or("")
}

fn undriven_buses(graph: &Graph, doubtful: &BTreeSet<&str>, sink: &mut Sink) {
    if graph.initiators().next().is_none() {
        return;
    }
    let mut reached = BTreeSet::new();
    for (_, _, bus) in graph.initiators() {
        if !reached.contains(&bus) {
            reached.extend(behind(graph, bus));
        }
    }
    for (i, bus) in graph.buses.iter().enumerate() {
        let known = bus.rows.is_empty() || doubtful.contains(bus.name.as_str());
        if known || reached.contains(&BusId(i as u32)) {
            continue;
        }
        let parts: Vec<&str> = bus
            .rows
            .iter()
            .filter_map(|r| match r.target {
                Target::Region { part, .. } => Some(graph.part(part).name.as_str()),
                Target::Bus { .. } => None,
            })
            .collect();
        let what = match parts.as_slice() {
            [one] => {
                format!("`{one}` is mapped on `{}`, and no core or DMA port drives it", bus.name)
            }
            _ => format!("no core or DMA port drives bus `{}`", bus.name),
        };
        let d = Diagnostic::new(codes::W0902, bus.span, what).path(bus.name.clone());
        sink.push(match parts.len() {
            0 | 1 => d,
            _ => d.note(format!("mapped there: {}", crate::diag::suggest::list(parts))),
        });
    }
}

fn reaches_nothing(graph: &Graph, part: &Part, port: &str, bus: BusId) -> Diagnostic {
    let bus = graph.bus(bus);
    let what = format!("`{}` can reach nothing: its bus `{}` maps nothing", part.name, bus.name);
    Diagnostic::new(codes::E0507, part.span, what)
        .also(bus.span, "no row stands here")
        .path(format!("{}.{port}", part.name))
}

fn reset_vector(
    graph: &Graph,
    part: &Part,
    core: &Core,
    bus: BusId,
    view: &[Range],
    sink: &mut Sink,
) {
    if view.is_empty() {
        return;
    }
    let vector = part.int("reset_vector").unwrap_or(core.reset_vector);
    let at = view.partition_point(|r| r.last < vector);
    let hit = view.get(at).filter(|r| r.start <= vector);
    if hit.is_some_and(|r| matches!(r.to, Flat::Region { .. })) {
        return;
    }
    let name = &graph.bus(bus).name;
    let what = format!(
        "core `{}` starts at {} (its reset vector) and bus `{name}` maps nothing there",
        short(part),
        hex(vector)
    );
    let d =
        Diagnostic::new(codes::E0508, part.span, what).path(part.name.clone()).view(short(part));
    let memories = view.iter().filter_map(|r| match r.to {
        Flat::Region { part, region, .. } => {
            let p = graph.part(part);
            let kind = p.ty.regions.get(region as usize)?.kind;
            matches!(kind, RegionKind::Ram | RegionKind::Rom).then_some((r, p))
        }
        Flat::Hole(_) => None,
    });
    let nearest = memories.min_by_key(|(r, _)| r.start.abs_diff(vector));
    let d = match nearest {
        Some((r, p)) => {
            let range = format!("{} .. {}", hex(r.start), hex(r.last));
            d.also(r.span, format!("the nearest memory: {} {range}", p.name))
        }
        None => d,
    };
    sink.push(match part.ty.prop("reset_vector") {
        Some(_) => d.help("map a memory there, or set `reset_vector`"),
        None => d.help("map a memory there"),
    });
}

/// Memories that a core runs from are whole pages of it.
fn page_sizes(
    graph: &Graph,
    core_part: &Part,
    core: &Core,
    view: &[Range],
    seen: &mut BTreeSet<(PartId, u64)>,
    sink: &mut Sink,
) {
    for r in view {
        let Flat::Region { part: id, region, .. } = r.to else { continue };
        let part = graph.part(id);
        let Some(kind) = part.ty.regions.get(region as usize).map(|r| r.kind) else { continue };
        let Some(bytes) = part.region_size(region) else { continue };
        let page = core.page.max(1);
        let memory = matches!(kind, RegionKind::Ram | RegionKind::Rom);
        if !memory || bytes % page == 0 || !seen.insert((id, page)) {
            continue;
        }
        let what = format!(
            "this {} memory is not a multiple of the page size, {}, of the cores that run from it (`{}`)",
            size(bytes),
            size(page),
            short(core_part)
        );
        let d = Diagnostic::new(codes::E0504, r.span, what).path(part.name.clone());
        let (down, up) = (bytes / page * page, bytes.div_ceil(page) * page);
        sink.push(match down {
            0 => d.help(format!("{} is the next whole number of pages", size(up))),
            _ => d.help(format!("{} or {} would be whole pages", size(down), size(up))),
        });
    }
}
