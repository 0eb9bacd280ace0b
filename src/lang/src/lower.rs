//! From the checked machine to the wired graph: everything sorted by name and referred to by index.

use crate::check::Cx;
use hetemu_graph as graph;
use hetemu_graph::{BusId, Graph, PartId, Target, Value};
use hetemu_schema::PlugKind;
use std::collections::BTreeMap;

/// New places of what is sorted: `order[old] = new`.
fn order<K: Ord>(keys: &[K]) -> Vec<u32> {
    let mut by_key: Vec<usize> = (0..keys.len()).collect();
    by_key.sort_by(|a, b| keys[*a].cmp(&keys[*b]));
    let mut order = vec![0; keys.len()];
    for (new, old) in by_key.into_iter().enumerate() {
        order[old] = new as u32;
    }
    order
}

fn sorted<T>(items: Vec<T>, order: &[u32]) -> Vec<T> {
    let mut pairs: Vec<(u32, T)> = order.iter().copied().zip(items).collect();
    pairs.sort_by_key(|(new, _)| *new);
    pairs.into_iter().map(|(_, item)| item).collect()
}

/// The graph of what has been resolved. It is complete only if nothing was reported as an error.
pub(crate) fn lower(cx: &Cx<'_>) -> Graph {
    let keys: Vec<(&str, u32)> = cx
        .elements
        .iter()
        .map(|e| (e.text.name.text.as_str(), e.part.index.unwrap_or(0)))
        .collect();
    let part_order = order(&keys);
    let bus_names: Vec<&str> = cx.buses.iter().map(|b| b.name.as_str()).collect();
    let bus_order = order(&bus_names);
    let new_part = |old: usize| PartId(part_order.get(old).copied().unwrap_or(0));
    let new_bus = |old: usize| BusId(bus_order.get(old).copied().unwrap_or(0));

    let mut parts = Vec::with_capacity(cx.elements.len());
    for e in &cx.elements {
        let mut part = e.part.clone();
        part.set.sort();
        part.masters = e.masters.iter().map(|(n, b)| (n.clone(), new_bus(*b))).collect();
        part.on = e.on.as_ref().map(|(el, bus, at)| (new_part(*el), bus.clone(), at.clone()));
        parts.push(part);
    }
    let mut buses = cx.buses.clone();
    for row in buses.iter_mut().flat_map(|b| &mut b.rows) {
        match &mut row.target {
            Target::Region { part, .. } => *part = new_part(part.0 as usize),
            Target::Bus { bus, .. } => *bus = new_bus(bus.0 as usize),
        }
    }
    let mut wires = cx.wires.clone();
    for w in &mut wires {
        w.from.part = new_part(w.from.part.0 as usize);
        w.to.part = new_part(w.to.part.0 as usize);
    }
    wires.sort_by_key(|w| (w.from, w.to));
    let parts = sorted(parts, &part_order);
    Graph {
        name: cx.m.name.clone(),
        doc: cx.m.doc.clone(),
        files: Vec::new(),
        params: cx.param_values(),
        settings: cx.settings.clone(),
        plugs: plugs(cx),
        clocks: clocks(cx),
        buses: sorted(buses, &bus_order),
        clusters: clusters(&parts),
        parts,
        wires,
    }
}

fn plugs(cx: &Cx<'_>) -> Vec<graph::Plug> {
    let mut plugs: Vec<graph::Plug> = Vec::new();
    for p in &cx.m.plugs {
        let Some(kind) = PlugKind::from_word(&p.kind.name) else { continue };
        plugs.push(graph::Plug {
            name: p.name.text.clone(),
            kind,
            value: p.value.as_ref().map(|v| v.text.clone()),
            from_text: p.value.as_ref().is_some_and(|v| Some(v.span.file) != cx.m.arguments),
            span: p.name.span,
        });
    }
    plugs.sort_by(|a, b| a.name.cmp(&b.name));
    plugs
}

fn clocks(cx: &Cx<'_>) -> Vec<graph::Clock> {
    let mut clocks = Vec::new();
    for (i, (name, _)) in cx.m.clocks.iter().enumerate() {
        if let Some(hz) = cx.clock_frequency(i) {
            clocks.push(graph::Clock { name: name.text.clone(), hz, span: name.span });
        }
    }
    clocks.sort_by(|a, b| a.name.cmp(&b.name));
    clocks
}

/// An array of cores is a cluster; so is a single core.
fn clusters(parts: &[graph::Part]) -> Vec<graph::Cluster> {
    let mut by_name: BTreeMap<&str, Vec<PartId>> = BTreeMap::new();
    for (i, p) in parts.iter().enumerate() {
        if p.ty.core.is_some() {
            let name = p.name.split('[').next().unwrap_or("");
            by_name.entry(name).or_default().push(PartId(i as u32));
        }
    }
    let cluster = |(name, cores): (&str, _)| graph::Cluster { name: name.into(), cores };
    by_name.into_iter().map(cluster).collect()
}

impl Cx<'_> {
    fn param_values(&self) -> BTreeMap<String, Value> {
        let values = self.m.params.iter().enumerate();
        values.filter_map(|(i, p)| Some((p.name.text.clone(), self.param_result(i)?))).collect()
    }
}
