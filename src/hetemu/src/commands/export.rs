//! `hetemu export`: a machine as a device tree, the one that its boot part would hand to a guest.

use super::{OK, USAGE, WRONG, complain};
use crate::cli::Export;
use hetemu::registry;
use hetemu_graph::{Flat, Graph, PartId, flatten};
use hetemu_import::fdt::{read_blob, to_source};
use hetemu_loader::fdt;
use hetemu_schema::RegionKind;
use std::io::{IsTerminal, Write};

pub(crate) fn run(args: &Export) -> u8 {
    let registry = registry::registry();
    let settings = args.setting.settings();
    let graph = match super::load(&args.machine, &settings, registry.catalog()) {
        Ok((_, _, graph)) => graph,
        Err(code) => return code,
    };
    let blob = match tree(&graph) {
        Ok(blob) => blob,
        Err(why) => {
            complain(why);
            return WRONG;
        }
    };
    let bytes = match args.form.as_str() {
        "dts" => match read_blob(&blob) {
            Ok(tree) => to_source(&tree).into_bytes(),
            Err(why) => {
                complain(why);
                return WRONG;
            }
        },
        _ => blob,
    };
    match &args.output {
        Some(path) => {
            if let Err(e) = std::fs::write(path, &bytes) {
                complain(format!("{path}: {e}"));
                return USAGE;
            }
        }
        None if args.form == "dtb" && std::io::stdout().is_terminal() => {
            complain("a blob is not for a terminal: `-o FILE`, or `hetemu export dts`");
            return USAGE;
        }
        None => {
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(&bytes).and_then(|()| out.flush());
        }
    }
    OK
}

/// The blob for the first cluster of RISC-V cores.
fn tree(graph: &Graph) -> Result<Vec<u8>, String> {
    let isa = |id: &PartId| graph.part(*id).ty.core.as_ref().map_or("", |c| c.isa);
    let riscv = |c: &&hetemu_graph::Cluster| c.cores.first().map(isa) == Some("riscv");
    let Some(cluster) = graph.clusters.iter().find(riscv) else {
        return Err("device trees are made for RISC-V cores, and this machine has none".into());
    };
    let cores = cluster.cores.clone();
    let first = cores.first().copied().ok_or("there is no core to describe a machine for")?;
    let bus = graph.part(first).masters.values().next().copied();
    let bus = bus.ok_or("the first core is on no bus")?;
    let boot = graph.parts.iter().find(|p| p.text("ram").is_some());
    let named = boot.and_then(|p| p.text("ram")).and_then(|name| graph.find_part(name));
    let ram = named.or_else(|| largest_ram(graph, bus)).ok_or("the first core sees no RAM")?;
    let request = fdt::Request {
        graph,
        timebase_hz: hetemu_machine::timebase(graph, first),
        cores,
        bus,
        ram,
        bootargs: boot.and_then(|p| p.text("bootargs")).unwrap_or(""),
        initrd: None,
        seed: [0; 32],
    };
    fdt::build(&request).map_err(|e| format!("the device tree cannot be made: {e}"))
}

fn largest_ram(graph: &Graph, bus: hetemu_graph::BusId) -> Option<PartId> {
    let ranges = flatten(graph, bus);
    let ram = ranges.iter().filter_map(|r| match r.to {
        Flat::Region { part, region, .. } => {
            let kind = graph.part(part).ty.regions.get(region as usize)?.kind;
            (kind == RegionKind::Ram).then_some((r.last - r.start, part))
        }
        Flat::Hole(_) => None,
    });
    ram.max_by_key(|(size, part)| (*size, std::cmp::Reverse(*part))).map(|(_, part)| part)
}
