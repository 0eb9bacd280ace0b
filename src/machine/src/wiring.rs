//! Where each output line leads.

use hetemu_graph::{Graph, PartId};
use std::collections::BTreeMap;

/// The end of a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sink {
    /// An input of a device.
    Device { slot: usize, input: u32, line: u32 },
    /// An input of a core.
    Core { cluster: usize, core: usize, input: u32, line: u32 },
}

/// An output line: the level that it has, and who hears of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    pub(crate) level: bool,
    pub(crate) sinks: Vec<Sink>,
}

/// An output port: lines from the schema's first index on.
#[derive(Debug, Clone, Default)]
struct Output {
    first: u32,
    lines: Vec<Line>,
}

/// All output lines, by slot and port.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    slots: Vec<Vec<Output>>,
}

impl Routes {
    /// Lays the graph's wires between slots and cores.
    pub(crate) fn new(
        graph: &Graph,
        slots: &BTreeMap<PartId, usize>,
        cores: &BTreeMap<PartId, (usize, usize)>,
    ) -> Routes {
        let mut out: Vec<Vec<Output>> = vec![Vec::new(); slots.len()];
        for (id, slot) in slots {
            let part = graph.part(*id);
            let ports = part.ty.outputs.iter().map(|port| {
                let width = port.width.and_then(|w| w.eval(|p| part.int(p))).unwrap_or(1);
                let lines = vec![Line::default(); width.min(1 << 20) as usize];
                Output { first: if port.width.is_some() { port.first } else { 0 }, lines }
            });
            if let Some(all) = out.get_mut(*slot) {
                *all = ports.collect();
            }
        }
        let mut routes = Routes { slots: out };
        for wire in &graph.wires {
            let (to, line) = (wire.to, wire.to.index);
            let sink = match (slots.get(&to.part), cores.get(&to.part)) {
                (Some(slot), _) => Sink::Device { slot: *slot, input: to.port, line },
                (None, Some((cluster, core))) => {
                    Sink::Core { cluster: *cluster, core: *core, input: to.port, line }
                }
                (None, None) => continue,
            };
            let Some(slot) = slots.get(&wire.from.part) else { continue };
            if let Some(from) = routes.line_mut(*slot, wire.from.port, wire.from.index) {
                from.sinks.push(sink);
            }
        }
        routes
    }

    pub(crate) fn line_mut(&mut self, slot: usize, output: u32, line: u32) -> Option<&mut Line> {
        let output = self.slots.get_mut(slot)?.get_mut(output as usize)?;
        let at = line.checked_sub(output.first)?;
        output.lines.get_mut(at as usize)
    }

    /// The output line that drives an input: slot, output, line. Of several, one that is high.
    pub(crate) fn driver(&self, sink: Sink) -> Option<(usize, u32, u32)> {
        let mut found = None;
        for (slot, outputs) in self.slots.iter().enumerate() {
            for (port, output) in outputs.iter().enumerate() {
                let lines = output.lines.iter().enumerate();
                for (i, line) in lines.filter(|(_, l)| l.sinks.contains(&sink)) {
                    let at = (slot, port as u32, output.first + i as u32);
                    if line.level {
                        return Some(at);
                    }
                    found = found.or(Some(at));
                }
            }
        }
        found
    }

    /// Gives cores other numbers.
    pub(crate) fn renumber(&mut self, number: impl Fn(usize, usize) -> Option<(usize, usize)>) {
        let lines = self.slots.iter_mut().flatten().flat_map(|o| &mut o.lines);
        for sink in lines.flat_map(|l| &mut l.sinks) {
            if let Sink::Core { cluster, core, .. } = sink
                && let Some(new) = number(*cluster, *core)
            {
                (*cluster, *core) = new;
            }
        }
    }

    /// Every line is low again; gives the core inputs that were high.
    pub(crate) fn reset(&mut self) -> Vec<Sink> {
        let mut high = Vec::new();
        for line in self.slots.iter_mut().flatten().flat_map(|o| &mut o.lines) {
            if std::mem::take(&mut line.level) {
                high.extend(line.sinks.iter().copied().filter(|s| matches!(s, Sink::Core { .. })));
            }
        }
        high
    }

    /// The level of every line that leads somewhere: slot, output, line, level.
    pub(crate) fn levels(&self) -> Vec<(usize, u32, u32, bool)> {
        let mut out = Vec::new();
        for (slot, outputs) in self.slots.iter().enumerate() {
            for (port, output) in outputs.iter().enumerate() {
                for (i, line) in
                    output.lines.iter().enumerate().filter(|(_, l)| !l.sinks.is_empty())
                {
                    out.push((slot, port as u32, output.first + i as u32, line.level));
                }
            }
        }
        out
    }
}
