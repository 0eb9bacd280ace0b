//! Making objects: devices, memories and cores, from the facts of the graph.

use crate::phases::{CoreInfo, Options};
use crate::plug::{Hosts, Stores};
use crate::registry::Registry;
use crate::report::Report;
use crate::spaces::Memories;
use crate::world::{PlugState, Slot};
use hetemu_engine::Ram;
use hetemu_graph::{Graph, Part, PartId, Value};
use hetemu_hw::Config;
use hetemu_isa::{CoreConfig, Cpu};
use hetemu_schema::{Endian, PlugKind, RegionKind};
use std::collections::{BTreeMap, VecDeque};

/// Frequency of a platform timer where nothing says one.
const DEFAULT_TIMEBASE: u64 = 10_000_000;

/// Whether a part is only bytes (or nothing at all) and needs no model.
pub(crate) fn passive(part: &Part) -> bool {
    let ty = part.ty;
    let bytes = |k: RegionKind| matches!(k, RegionKind::Ram | RegionKind::Rom);
    ty.inputs.is_empty()
        && ty.outputs.is_empty()
        && ty.regions.iter().all(|r| bytes(r.kind))
        && ty.attaches.is_none()
        && ty.buses.is_empty()
}

/// What a machine needs and the program does not have.
pub(crate) fn missing(graph: &Graph, registry: &Registry) -> Vec<Report> {
    let mut out = Vec::new();
    if graph.cores().next().is_none() {
        out.push(Report::new("E0901", "no core: `hetemu run` has nothing to execute"));
    }
    let mut without = Vec::new();
    for (_, part) in graph.parts() {
        let name = &part.name;
        if let Some(core) = &part.ty.core {
            // Of an array the first element speaks for all.
            let first = part.index.is_none_or(|k| k == 0);
            if first && registry.target(core.isa).is_none() {
                let known: Vec<&str> = registry.targets().map(|t| t.name()).collect();
                out.push(
                    Report::new(
                        "E1001",
                        format!("`{name}` cannot run: there is no target `{}` yet", core.isa),
                    )
                    .note(
                        "note",
                        format!(
                            "{} checks; targets that run: {}",
                            part.ty.full_name(),
                            known.join(", ")
                        ),
                    ),
                );
            }
        } else if !passive(part) && registry.model(part.ty).is_none() {
            without.push(part);
        }
    }
    out.extend(no_model(&without));
    out
}

/// Parts whose types have no model: one report, with a line for each type.
fn no_model(parts: &[&Part]) -> Option<Report> {
    let first = parts.first()?;
    let what = match parts.len() {
        1 => {
            format!(
                "`{}` cannot run: {} has a schema and no model yet",
                first.name,
                first.ty.full_name()
            )
        }
        n => format!("{n} parts cannot run: their types have a schema and no model yet"),
    };
    let mut report = Report::new("E1002", what);
    if parts.len() > 1 {
        let mut by_type: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for p in parts {
            by_type.entry(p.ty.full_name()).or_default().push(&p.name);
        }
        for (ty, names) in by_type {
            report = report.note("note", format!("{ty}: {}", names.join(", ")));
        }
    }
    Some(report)
}

/// Memory of every RAM and ROM region.
pub(crate) fn memories(graph: &Graph) -> Result<Memories, Report> {
    let mut out = Memories::new();
    for (id, part) in graph.parts() {
        for (i, region) in part.ty.regions.iter().enumerate() {
            if !matches!(region.kind, RegionKind::Ram | RegionKind::Rom) {
                continue;
            }
            let size = part.region_size(i as u32).unwrap_or(0);
            let ram = Ram::new(size).map_err(|e| {
                Report::new("E1006", format!("no memory for `{}` ({size} bytes): {e}", part.name))
            })?;
            out.insert((id, i as u32), ram);
        }
    }
    Ok(out)
}

/// Slots of all parts with a model, by part; parents are in slots of lower numbers or any.
pub(crate) fn slots(
    graph: &Graph,
    registry: &Registry,
    plugs: &[PlugState],
    stores: &Stores,
) -> Result<(Vec<Slot>, BTreeMap<PartId, usize>), Report> {
    let mut slots = Vec::new();
    let mut slot_of = BTreeMap::new();
    for (id, _) in graph.parts().filter(|(_, p)| p.ty.core.is_none()) {
        if let Some(made) = slot(graph, registry, id, plugs, stores)? {
            slot_of.insert(id, slots.len());
            slots.push(made);
        }
    }
    Ok((slots, slot_of))
}

/// The slot of a part, if it has a model.
pub(crate) fn slot(
    graph: &Graph,
    registry: &Registry,
    id: PartId,
    plugs: &[PlugState],
    stores: &Stores,
) -> Result<Option<Slot>, Report> {
    let part = graph.part(id);
    let Some(model) = registry.model(part.ty) else { return Ok(None) };
    let device = (model.create)(&config(graph, id, plugs, stores))
        .map_err(|e| Report::new("E1005", e.to_string()))?;
    let links = part.ty.links.iter().map(|l| {
        let plug = part.links.get(l.name)?;
        plugs.iter().position(|p| p.name == *plug)
    });
    let stored = part.ty.links.iter().enumerate().filter_map(|(link, l)| {
        let plug = part.links.get(l.name)?;
        stores.has(plug).then(|| (link as u32, plug.clone()))
    });
    Ok(Some(Slot {
        part: id,
        path: part.name.clone(),
        ty: part.ty,
        device: Some(device),
        views: Vec::new(),
        memories: BTreeMap::new(),
        links: links.collect(),
        stores: stored.collect(),
        parent: None,
        children: BTreeMap::new(),
        timers: BTreeMap::new(),
        accesses: [0; 2],
    }))
}

/// What a device is told about itself.
fn config(graph: &Graph, id: PartId, plugs: &[PlugState], stores: &Stores) -> Config {
    let part = graph.part(id);
    let mut clocks: BTreeMap<String, u64> =
        part.ty.clocks.iter().filter_map(|c| Some((c.name.to_string(), c.default_hz?))).collect();
    clocks.extend(part.clocks.iter().map(|(name, (hz, _))| (name.clone(), *hz)));
    let on_me = |p: &&Part| p.on.as_ref().is_some_and(|(parent, ..)| *parent == id);
    let children = graph.parts.iter().filter(on_me);
    let nowhere = |plug: &String| {
        plugs.iter().any(|p| p.name == *plug && p.kind == PlugKind::Net && p.net.is_none())
    };
    let links = part.links.iter();
    let live = links.clone().filter(|(_, plug)| !nowhere(plug));
    let blocks = links.clone().filter_map(|(l, p)| Some((l.clone(), stores.block.get(p)?.info())));
    let folders = links.filter_map(|(l, p)| Some((l.clone(), stores.folder.get(p)?.info())));
    Config {
        path: part.name.clone(),
        props: part.props.clone(),
        clocks,
        links: live.map(|(link, _)| link.clone()).collect(),
        blocks: blocks.collect(),
        folders: folders.collect(),
        children: children.filter_map(|p| Some((p.on.as_ref()?.2.clone(), p.ty))).collect(),
    }
}

/// Serial and network plugs, with the host's ends that were given.
pub(crate) fn plugs(graph: &Graph, mut hosts: Hosts) -> Vec<PlugState> {
    let moves = |kind| matches!(kind, PlugKind::Serial | PlugKind::Net);
    let moving = graph.plugs.iter().filter(|p| moves(p.kind));
    moving
        .map(|p| PlugState {
            name: p.name.clone(),
            kind: p.kind,
            host: hosts.serial.remove(&p.name),
            waiting: VecDeque::new(),
            net: hosts.net.remove(&p.name),
            frames: VecDeque::new(),
            at: None,
        })
        .collect()
}

/// Cores of all clusters.
#[allow(clippy::type_complexity)]
pub(crate) fn cores(
    graph: &Graph,
    registry: &Registry,
    _options: &Options,
) -> Result<(Vec<Vec<Box<dyn Cpu>>>, Vec<Vec<CoreInfo>>), Report> {
    let (mut cpus, mut infos) = (Vec::new(), Vec::new());
    for cluster in &graph.clusters {
        let (mut row, mut info) = (Vec::new(), Vec::new());
        for id in &cluster.cores {
            let part = graph.part(*id);
            let Some(core) = &part.ty.core else { continue };
            let Some(target) = registry.target(core.isa) else { continue };
            let mut wired: Vec<String> = graph
                .wires
                .iter()
                .filter(|w| w.to.part == *id)
                .filter_map(|w| part.ty.inputs.get(w.to.port as usize))
                .map(|i| i.name.to_string())
                .collect();
            wired.sort();
            wired.dedup();
            let hz = clock(part, "clk").unwrap_or(DEFAULT_TIMEBASE * 10).max(1);
            let config = CoreConfig {
                ty: part.ty,
                props: part.props.clone(),
                big_endian: part.endian() == Some(Endian::Big),
                timebase_hz: timebase(graph, *id),
                clock_hz: hz,
                wired,
            };
            let cpu = target
                .create(&config)
                .map_err(|e| Report::new("E1005", format!("`{}`: {e}", part.name)))?;
            row.push(cpu);
            let ps = (hetemu_hw::time::SECOND / hz).max(1);
            info.push(CoreInfo { part: *id, config, isa: core.isa, ps_per_insn: ps });
        }
        cpus.push(row);
        infos.push(info);
    }
    Ok((cpus, infos))
}

fn clock(part: &Part, name: &str) -> Option<u64> {
    let driven = part.clocks.get(name).map(|c| c.0);
    driven.or_else(|| part.ty.clock(name).and_then(|c| c.default_hz))
}

/// Frequency of the timer that a core's time register shows: of the part that its `time` property
/// names, else of the part that drives its timer input.
pub fn timebase(graph: &Graph, core: PartId) -> u64 {
    let part = graph.part(core);
    let named = part.props.get("time").and_then(Value::as_str).and_then(|n| graph.find_part(n));
    let timer = |w: &&hetemu_graph::Wire| {
        let input = part.ty.inputs.get(w.to.port as usize).map_or("", |i| i.name);
        w.to.part == core && matches!(input, "mtip" | "timer")
    };
    let driver = named.or_else(|| graph.wires.iter().find(timer).map(|w| w.from.part));
    driver.and_then(|id| clock(graph.part(id), "clk")).unwrap_or(DEFAULT_TIMEBASE)
}
