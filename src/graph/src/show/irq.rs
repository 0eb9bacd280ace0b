//! Interrupt paths: from the output that begins one, through controllers, to the cores.
//!
//! ```text
//! mbox.irq[1]  -> m4.irq[5]  (exception 21)
//! uart0.irq    -> plic[10] -> rv[0..3].meip, rv[0..3].seip
//! ```
//! A part with inputs and outputs that is no core passes signals on. An input array and an output
//! array of one declared width pass line by line (a fan-out of global interrupts); all other inputs
//! may reach all outputs (an interrupt controller).

use crate::model::*;
use crate::names;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The paths of one output that share the controllers on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IrqPath {
    /// The output where it begins.
    pub from: Port,
    /// Inputs of controllers on the way, in order.
    pub through: Vec<Port>,
    /// Inputs where it ends: of cores, or of a part that passes nothing on.
    pub to: Vec<Port>,
}

/// All paths, by the name of the output that begins them.
pub fn irq_paths(g: &Graph) -> Vec<IrqPath> {
    let mut paths: BTreeMap<(Port, Vec<Port>), Vec<Port>> = BTreeMap::new();
    for wire in g.wires.iter().filter(|w| begins(g, w.from.part)) {
        follow(g, wire.from, wire, &mut Vec::new(), &mut paths);
    }
    let mut out: Vec<IrqPath> =
        paths.into_iter().map(|((from, through), to)| IrqPath { from, through, to }).collect();
    // By the schema's order of ports within a part, then by the sinks.
    out.sort_by(|a, b| (a.from, &a.to).cmp(&(b.from, &b.to)));
    out
}

/// A part that no wire drives begins paths; so does a core.
fn begins(g: &Graph, part: PartId) -> bool {
    g.part(part).ty.core.is_some() || !g.wires.iter().any(|w| w.to.part == part)
}

fn follow(
    g: &Graph,
    from: Port,
    wire: &Wire,
    through: &mut Vec<Port>,
    paths: &mut BTreeMap<(Port, Vec<Port>), Vec<Port>>,
) {
    let part = g.part(wire.to.part);
    let onward: Vec<&Wire> = match part.ty.core {
        Some(_) => Vec::new(),
        // A loop of controllers is legal hardware; a path shows each part once.
        None if through.iter().any(|p| p.part == wire.to.part) => Vec::new(),
        None => g
            .wires
            .iter()
            .filter(|w| w.from.part == wire.to.part && passes(g, wire.to, w.from))
            .collect(),
    };
    if onward.is_empty() {
        let ends = paths.entry((from, through.clone())).or_default();
        if !ends.contains(&wire.to) {
            ends.push(wire.to);
        }
    }
    for next in onward {
        through.push(wire.to);
        follow(g, from, next, through, paths);
        through.pop();
    }
}

/// Whether a signal at an input may reach an output of the same part.
fn passes(g: &Graph, input: Port, output: Port) -> bool {
    let ty = g.part(input.part).ty;
    let width = |s: Option<&hetemu_schema::Signal>| s.and_then(|s| s.width);
    let wide_in = width(ty.inputs.get(input.port as usize));
    let wide_out = width(ty.outputs.get(output.port as usize));
    wide_in.is_none() || wide_in != wide_out || input.index == output.index
}

/// All paths, one a line.
pub fn irq_text(g: &Graph) -> String {
    let paths = irq_paths(g);
    let starts: Vec<String> = paths.iter().map(|p| names::port(g, p.from, false)).collect();
    let width = starts.iter().map(String::len).max().unwrap_or(0);
    let mut out = String::new();
    for (path, start) in paths.iter().zip(&starts) {
        _ = write!(out, "{start:width$}");
        for hop in &path.through {
            _ = write!(out, " -> {}", names::port(g, *hop, true));
        }
        let mut ends: Vec<(String, Port)> =
            path.to.iter().map(|p| (names::port(g, *p, true), *p)).collect();
        ends.sort_by_key(|(_, p)| (p.port, p.part, p.index));
        let list: Vec<String> = ends.iter().map(|(name, _)| name.clone()).collect();
        _ = writeln!(out, " -> {}{}", names::collapse(&list), note(g, &path.to));
    }
    out
}

/// The exception number, where the core's architecture numbers its interrupts so.
fn note(g: &Graph, ends: &[Port]) -> String {
    let [end] = ends else { return String::new() };
    let Some(core) = &g.part(end.part).ty.core else {
        return "  (goes no further)".into();
    };
    let wide = g.part(end.part).ty.inputs.get(end.port as usize).and_then(|s| s.width);
    match core.fact("exception_base").and_then(|base| base.parse::<u32>().ok()) {
        Some(base) if wide.is_some() => format!("  (exception {})", base + end.index),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Machine, opentitan, trio};

    #[test]
    fn paths_go_through_controllers_to_the_cores() {
        assert_eq!(
            irq_text(&trio().build()),
            "\
clint.msip[0] -> rv[0].msip
clint.msip[1] -> rv[1].msip
clint.msip[2] -> rv[2].msip
clint.msip[3] -> rv[3].msip
clint.mtip[0] -> rv[0].mtip
clint.mtip[1] -> rv[1].mtip
clint.mtip[2] -> rv[2].mtip
clint.mtip[3] -> rv[3].mtip
mbox.irq[0]   -> plic[11] -> rv[0..3].meip, rv[0..3].seip
mbox.irq[1]   -> m4.irq[5]  (exception 21)
mbox.irq[2]   -> be.irq[2]
uart0.irq     -> plic[10] -> rv[0..3].meip, rv[0..3].seip
uart1.tx      -> m4.irq[1]  (exception 17)
uart1.rx      -> m4.irq[0]  (exception 16)
"
        );
    }

    #[test]
    fn glue_and_dead_ends() {
        let g = opentitan()
            .part("uart2", "ns16550a", "")
            .part("uart3", "ns16550a", "")
            .part("tie", "signal.or", "")
            .part("lost", "signal.not", "")
            .part("uart4", "ns16550a", "")
            .wire("uart2.irq", "tie[0]")
            .wire("uart3.irq", "tie[1]")
            .wire("tie.out", "plic[9]")
            .wire("uart4.irq", "lost.in")
            .build();
        let text = irq_text(&g);
        assert!(
            text.contains("uart2.irq         -> tie[0] -> plic[9] -> ibex.external\n"),
            "{text}"
        );
        assert!(text.contains("uart4.irq         -> lost.in  (goes no further)\n"), "{text}");
    }

    #[test]
    fn a_fan_out_passes_line_by_line() {
        let g = Machine::new("pc")
            .bus("main")
            .part("gsi", "intel.gsi", "")
            .part("a", "ns16550a", "")
            .part("b", "ns16550a", "")
            .part("plic", "lowrisc.plic@1", "")
            .part("ibex", "lowrisc.ibex", "bus=main")
            .wire("a.irq", "gsi[3]")
            .wire("b.irq", "gsi[4]")
            .wire("gsi.pin[3]", "plic[13]")
            .wire("gsi.pin[4]", "plic[14]")
            .wire("plic.target[0]", "ibex.external")
            .build();
        assert_eq!(
            irq_text(&g),
            "a.irq -> gsi[3] -> plic[13] -> ibex.external\nb.irq -> gsi[4] -> plic[14] -> ibex.external\n"
        );
    }

    #[test]
    fn loops_end() {
        let g = Machine::new("ring")
            .part("u", "ns16550a", "")
            .part("a", "signal.or", "")
            .part("b", "signal.or", "")
            .wire("u.irq", "a[0]")
            .wire("a.out", "b[0]")
            .wire("b.out", "a[1]")
            .build();
        assert_eq!(irq_text(&g), "u.irq -> a[0] -> b[0] -> a[1]  (goes no further)\n");
    }
}
