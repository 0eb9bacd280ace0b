//! The wired graph for Graphviz: buses as bars, maps as solid edges, signals as dashed ones.

use crate::model::*;
use crate::names;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Nodes and edges that the DOT and the Mermaid form share.
pub(super) struct Drawing {
    /// Id, label lines, kind.
    pub(super) nodes: Vec<(String, Vec<String>, Kind)>,
    /// From, to, label, kind.
    pub(super) edges: Vec<(String, String, String, Kind)>,
}

/// What a node or an edge stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Core,
    Device,
    Memory,
    Bus,
    Map,
    Wire,
    Master,
    Seat,
}

impl Drawing {
    /// Arrays of cores are one node; several wires between two nodes are one edge.
    pub(super) fn new(g: &Graph) -> Drawing {
        let mut nodes = Vec::new();
        let mut drawn = std::collections::BTreeSet::new();
        for (id, part) in g.parts() {
            let name = names::initiator(g, id);
            if !drawn.insert(node(name)) {
                continue;
            }
            let cores = g.clusters.iter().find(|c| c.name == name).map_or(1, |c| c.cores.len());
            let title = if cores > 1 { format!("{name} x {cores}") } else { name.to_string() };
            nodes.push((node(name), vec![title, part.ty.name.to_string()], kind(part)));
        }
        for bus in &g.buses {
            let label = format!("bus {}", bus.name);
            nodes.push((bus_node(&bus.name), vec![label], Kind::Bus));
        }
        let mut edges: BTreeMap<(String, String, Kind), Vec<String>> = BTreeMap::new();
        let mut add = |from: String, to: String, kind, label: String| {
            let labels = edges.entry((from, to, kind)).or_default();
            if !label.is_empty() && !labels.contains(&label) {
                labels.push(label);
            }
        };
        for (part, port, bus) in g.initiators() {
            let port = if port == "bus" { String::new() } else { port.to_string() };
            let to = bus_node(&g.bus(bus).name);
            add(node(names::initiator(g, part)), to, Kind::Master, port);
        }
        for bus in &g.buses {
            for row in &bus.rows {
                let to = match row.target {
                    Target::Region { part, .. } => node(names::initiator(g, part)),
                    Target::Bus { bus, .. } => bus_node(&g.bus(bus).name),
                };
                let mut label = names::at(bus, row.base);
                if row.lanes != Lanes::Same {
                    _ = write!(label, " {}", row.lanes.word());
                }
                add(bus_node(&bus.name), to, Kind::Map, label);
            }
        }
        for w in &g.wires {
            let from = node(names::initiator(g, w.from.part));
            let to = node(names::initiator(g, w.to.part));
            let port = g.part(w.to.part).ty.inputs.get(w.to.port as usize);
            let label = match port {
                Some(s) if s.name == "in" && s.width.is_some() => w.to.index.to_string(),
                Some(s) if s.width.is_some() => format!("{} {}", s.name, w.to.index),
                Some(s) => s.name.to_string(),
                None => String::new(),
            };
            add(from, to, Kind::Wire, label);
        }
        for part in &g.parts {
            if let Some((on, bus, unit)) = &part.on {
                let label = format!("{bus} {unit}");
                add(node(names::initiator(g, *on)), node(&part.name), Kind::Seat, label);
            }
        }
        let edges = edges.into_iter().map(|((from, to, kind), labels)| {
            let label = match labels.len() {
                0..=4 => labels.join(", "),
                n => format!("{}, ... ({n})", labels[..3].join(", ")),
            };
            (from, to, label, kind)
        });
        let edges = edges.collect();
        Drawing { nodes, edges }
    }
}

fn kind(part: &Part) -> Kind {
    use hetemu_schema::RegionKind::{Ram, Rom};
    let memory = part.ty.regions.iter().any(|r| matches!(r.kind, Ram | Rom));
    match (&part.ty.core, memory) {
        (Some(_), _) => Kind::Core,
        (None, true) => Kind::Memory,
        (None, false) => Kind::Device,
    }
}

/// Identifiers that both languages take.
fn node(name: &str) -> String {
    let clean = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    format!("p_{}", clean.collect::<String>())
}

fn bus_node(name: &str) -> String {
    node(name).replacen("p_", "bus_", 1)
}

/// The graph in the DOT language.
pub fn dot(g: &Graph) -> String {
    let drawing = Drawing::new(g);
    let mut out = format!("digraph {:?} {{\n", g.name);
    out.push_str("  rankdir = LR;\n  node [shape = box, style = \"rounded,filled\", ");
    out.push_str("fontname = \"sans-serif\", fontsize = 11, color = \"#64748b\"];\n");
    out.push_str("  edge [fontname = \"sans-serif\", fontsize = 9, color = \"#64748b\"];\n");
    for (id, label, kind) in &drawing.nodes {
        let style = match kind {
            Kind::Core => ", fillcolor = \"#dbeafe\"",
            Kind::Memory => ", fillcolor = \"#dcfce7\"",
            Kind::Bus => ", shape = box, style = filled, fillcolor = \"#e2e8f0\"",
            _ => ", fillcolor = \"#fef3c7\"",
        };
        _ = writeln!(out, "  {id} [label = \"{}\"{style}];", label.join("\\n"));
    }
    for (from, to, label, kind) in &drawing.edges {
        let style = match kind {
            Kind::Master => ", penwidth = 2",
            Kind::Wire => ", style = dashed, color = \"#dc2626\"",
            Kind::Seat => ", dir = none",
            _ => "",
        };
        _ = writeln!(out, "  {from} -> {to} [label = \"{label}\"{style}];");
    }
    out.push_str("}\n");
    out
}

#[cfg(test)]
mod tests {
    use crate::show::{dot, mermaid};
    use crate::testing::{opentitan, trio};

    #[test]
    fn dot_of_a_small_machine() {
        let text = dot(&opentitan().build());
        for line in [
            "digraph \"opentitan\" {",
            "  p_ibex [label = \"ibex\\nlowrisc.ibex\", fillcolor = \"#dbeafe\"];",
            "  p_ibex -> bus_main [label = \"\", penwidth = 2];",
            "  bus_main -> p_uart [label = \"0x4000_0000\"];",
            "  p_uart -> p_plic [label = \"1, 2, 3, 4\", style = dashed, color = \"#dc2626\"];",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_cluster_is_one_node_and_lanes_show() {
        let g = trio().build();
        let text = mermaid(&g);
        for line in [
            "  p_rv[\"rv x 4<br/>riscv.rv64gc\"]:::core",
            "  bus_mcu -->|0x7000_0000| bus_soc",
            "  bus_dsp -->|0x1F00_0000 swap32| p_mbox",
            "  p_mbox -.->|irq 5| p_m4",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert_eq!(dot(&g).matches("\n  p_rv [label").count(), 1);
    }
}
