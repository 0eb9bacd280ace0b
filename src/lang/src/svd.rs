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
        let of = move |r: &&Row| {
            matches!(r.target, Target::Region { part, offset: 0, .. } if part == id)
        };
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
    let mut open: Vec<&(String, u64)> = p.interrupts.iter().collect();
    let mut left = wires.clone();
    let leaf = |w: &Wire| {
        let port = g.part(id).ty.outputs.get(w.from.port as usize).map_or("", |s| s.name);
        plain(port)
    };
    let wrong = |w: &Wire, n: u64, irq: &(String, u64)| {
        let (output, to) = (names::port(g, w.from, false), names::port(g, w.to, true));
        let head = to.rsplit_once('[').map_or(to.as_str(), |(h, _)| h);
        let whose = match plain(&irq.0) == plain(&p.name) {
            true => format!("{}'s interrupt", p.name),
            false => format!("interrupt {} of {}", irq.0, p.name),
        };
        let what = format!("`{file}` says {whose} is {} and this wire goes to {to}", irq.1);
        let d = Diagnostic::new(codes::E0408, w.span, what).path(output);
        let d = d.also(p.span, format!("{} = {}; wired: {n}", irq.0, irq.1));
        d.help(format!("{head}[{}]", irq.1))
    };
    // First by name: the interrupt `UART0_RX` is the output `rx`; the longest name is meant.
    for irq in &p.interrupts {
        let fits = |w: &Wire| {
            let leaf = leaf(w);
            leaf.len() > 1 && leaf != "irq" && plain(&irq.0).ends_with(&leaf)
        };
        let best = left.iter().enumerate().filter(|(_, (w, _))| fits(w));
        let best = best.max_by_key(|(_, (w, _))| leaf(w).len()).map(|(i, _)| i);
        if let Some(i) = best {
            let (w, n) = left.remove(i);
            open.retain(|o| *o != irq);
            if n != irq.1 {
                out.push(wrong(w, n, irq));
            }
        }
    }
    // Then by number, and what is left by there being one of each.
    open.retain(|(_, n)| !left.iter().any(|(_, k)| k == n));
    left.retain(|(_, n)| !p.interrupts.iter().any(|(_, k)| k == n));
    if let ([(w, n)], [irq]) = (left.as_slice(), open.as_slice()) {
        out.push(wrong(w, *n, irq));
        open.clear();
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
