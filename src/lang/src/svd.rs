//! A machine beside what the vendor says of the chip (CMSIS-SVD): addresses, sizes, interrupt
//! numbers. A peripheral is the part of its name, else the part at its address.
//!
//! Who reads the file gives plain data; the check is a pure function of it and the graph.

use crate::diag::{Diagnostic, codes, suggest};
use crate::source::Span;
use hetemu_graph::names;
use hetemu_graph::{Graph, PartId, Row, Target, Wire};

/// A peripheral of the file.
#[derive(Debug, Clone, Default)]
pub struct Peripheral {
    /// Its name.
    pub name: String,
    /// First address.
    pub base: u64,
    /// Bytes from there on that its address blocks cover; 0 if it says none.
    pub size: u64,
    /// Interrupts: name and number.
    pub interrupts: Vec<(String, u64)>,
    /// Its place in the file.
    pub span: Span,
}

/// Names are compared without case and signs between words.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
}

/// What the file says otherwise. `file` is its name for messages, `machine` where the machine is
/// named.
pub fn compare(g: &Graph, all: &[Peripheral], file: &str, machine: Span) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    let mut missing = Vec::new();
    for p in all {
        let by_name = g.parts().find(|(_, part)| {
            plain(part.name.rsplit('.').next().unwrap_or(&part.name)) == plain(&p.name)
        });
        let by_name = by_name.map(|(id, _)| id).filter(|id| rows(g, *id).next().is_some());
        let Some(id) = by_name.or_else(|| at(g, p.base)) else {
            missing.push(p.name.as_str());
            continue;
        };
        let here: Vec<(&str, &Row)> = rows(g, id).collect();
        let right = here.iter().find(|(_, r)| r.base == p.base);
        match (right, here.first()) {
            (Some((_, row)), _) => out.extend(size(g, id, row, p, file)),
            (None, Some((bus, row))) => {
                let name = &g.part(id).name;
                let what = format!(
                    "`{file}` says {} is at {}, and `{name}` is at {}",
                    p.name,
                    names::hex(p.base),
                    names::hex(row.base)
                );
                let d = Diagnostic::new(codes::E0510, row.span, what).path(name.clone());
                let d = d.also(p.span, format!("{} stands here", p.name));
                out.push(d.note(format!("mapped on bus `{bus}`")));
            }
            (None, None) => {}
        }
        out.extend(interrupts(g, id, p, file));
    }
    if !missing.is_empty() {
        let n = missing.len();
        let s = if n == 1 { " of it is" } else { "s of it are" };
        let what = format!("`{file}`: {n} peripheral{s} not in this machine");
        let d = Diagnostic::new(codes::N0512, machine, what);
        out.push(d.note(suggest::list(missing)));
    }
    out
}

/// Every row that maps a part from its beginning, with its bus.
fn rows(g: &Graph, id: PartId) -> impl Iterator<Item = (&str, &Row)> {
    g.buses.iter().flat_map(move |b| {
        let of = move |r: &&Row| matches!(r.target, Target::Region { part, offset: 0, .. } if part == id);
        b.rows.iter().filter(of).map(|r| (b.name.as_str(), r))
    })
}

/// The part that a bus maps at an address.
fn at(g: &Graph, base: u64) -> Option<PartId> {
    let row = g
        .buses
        .iter()
        .flat_map(|b| &b.rows)
        .find(|r| r.base == base && matches!(r.target, Target::Region { offset: 0, .. }))?;
    match row.target {
        Target::Region { part, .. } => Some(part),
        Target::Bus { .. } => None,
    }
}

fn size(g: &Graph, id: PartId, row: &Row, p: &Peripheral, file: &str) -> Option<Diagnostic> {
    // What lies behind the part's own registers belongs to nobody where nothing else is mapped.
    if p.size == 0 || row.size >= p.size {
        return None;
    }
    let name = &g.part(id).name;
    let what = format!(
        "`{file}` says {} has {} of registers, and `{name}` has {}",
        p.name,
        names::size(p.size),
        names::size(row.size)
    );
    let d = Diagnostic::new(codes::W0511, row.span, what).path(name.clone());
    Some(d.also(p.span, "its address blocks"))
}

/// The number of the interrupt that a wire raises: its line at the controller.
fn number(g: &Graph, w: &Wire) -> Option<u64> {
    let to = g.part(w.to.part);
    let port = to.ty.inputs.get(w.to.port as usize)?;
    port.width.map(|_| u64::from(w.to.index))
}

fn interrupts(g: &Graph, id: PartId, p: &Peripheral, file: &str) -> Vec<Diagnostic> {
    let name = &g.part(id).name;
    let wires: Vec<(&Wire, u64)> = g
        .wires
        .iter()
        .filter(|w| w.from.part == id)
        .filter_map(|w| Some((w, number(g, w)?)))
        .collect();
    let mut out = Vec::new();
    let known = |n: u64| p.interrupts.iter().any(|(_, k)| *k == n);
    let wired = |n: u64| wires.iter().any(|(_, k)| *k == n);
    let mut open: Vec<&(String, u64)> = p.interrupts.iter().filter(|(_, n)| !wired(*n)).collect();
    for (w, n) in wires.iter().filter(|(_, n)| !known(*n)) {
        let output = names::port(g, w.from, false);
        let short = plain(output.rsplit('.').next().unwrap_or(""));
        // The interrupt of the output's name, else the only one that is left.
        let named = open.iter().position(|(name, _)| plain(name).ends_with(&short));
        let at = named.or((open.len() == 1 || wires.len() == 1).then_some(0));
        let Some((irq, right)) = at.and_then(|i| (i < open.len()).then(|| open.remove(i))) else {
            continue;
        };
        let to = names::port(g, w.to, true);
        let head = to.rsplit_once('[').map_or(to.as_str(), |(h, _)| h);
        let whose =
            if plain(irq) == plain(&p.name) { p.name.clone() } else { format!("{} {irq}", p.name) };
        let what =
            format!("`{file}` says {whose}'s interrupt is {right} and this wire goes to {to}");
        let d = Diagnostic::new(codes::E0408, w.span, what).path(output);
        out.push(
            d.help(format!("{head}[{right}]")).also(p.span, format!("{irq} = {right}; wired: {n}")),
        );
    }
    if let Some((irq, n)) = open.first() {
        let part = g.part(id);
        let what = match open.len() {
            1 => format!("`{file}` says {} has interrupt {irq} ({n}), which is not wired", p.name),
            k => format!("`{file}` says {} has {k} interrupts that are not wired", p.name),
        };
        let list: Vec<String> = open.iter().map(|(irq, n)| format!("{irq} {n}")).collect();
        let d = Diagnostic::new(codes::N0409, part.span, what).path(name.clone());
        let d = d.note(list.join(", "));
        out.push(match part.ty.outputs {
            [] => d.note(format!("`{}` has no outputs", part.ty.full_name())),
            some => d.note(format!(
                "outputs of `{name}`: {}",
                suggest::list(some.iter().map(|s| s.name))
            )),
        });
    }
    out
}
