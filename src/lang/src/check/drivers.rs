//! Who drives what: one driver an input, required inputs driven, outputs that go nowhere.

use super::Cx;
use super::ends::Side;
use super::wires::Ties;
use crate::diag::{Diagnostic, codes, suggest};
use hetemu_graph::Wire;
use hetemu_schema::{Signal, SignalKind};
use std::collections::{BTreeMap, BTreeSet};

impl Cx<'_> {
    pub(crate) fn check_drivers(&mut self, ties: &Ties) {
        let mut by_input: Vec<Wire> = self.wires.clone();
        // Of two drivers the nearer text is the one to look at.
        let layer = |file| self.m.layers.iter().position(|l| l.file == file).unwrap_or(0);
        by_input.sort_by_key(|w| (w.to, layer(w.span.file), w.span.file, w.span.start));
        // A range of lines is one wire of the text and gives one message.
        let mut clashes: BTreeMap<(u32, u32), (Diagnostic, usize)> = BTreeMap::new();
        for pair in by_input.windows(2) {
            if let [a, b] = pair
                && a.to == b.to
            {
                match clashes.get_mut(&(a.span.start, b.span.start)) {
                    Some((_, n)) => *n += 1,
                    None => {
                        let d = self.two_drivers(a, b, &by_input);
                        clashes.insert((a.span.start, b.span.start), (d, 0));
                    }
                }
            }
        }
        for (d, more) in clashes.into_values() {
            self.report(match more {
                0 => d,
                n => d.note(format!("so it is with {n} more lines of these two wires")),
            });
        }
        let driven: BTreeSet<(u32, u32)> =
            by_input.iter().map(|w| (w.to.part.0, w.to.port)).collect();
        let mut used: BTreeSet<(u32, u32)> =
            by_input.iter().map(|w| (w.from.part.0, w.from.port)).collect();
        used.extend(&ties.used);
        if !ties.lost {
            self.undriven(&driven, &ties.none, &used);
            self.unused(&used);
        }
    }

    pub(super) fn port_name(&self, p: &hetemu_graph::Port, side: Side) -> String {
        let Some(e) = self.elements.get(p.part.0 as usize) else { return String::new() };
        let Some(s) = side.ports(e.part.ty).get(p.port as usize) else { return String::new() };
        let index = s.width.map_or(String::new(), |_| format!("[{}]", p.index));
        match s.name {
            Signal::DEFAULT if side == Side::Input => format!("{}{index}", e.part.name),
            name => format!("{}.{name}{index}", e.part.name),
        }
    }

    fn two_drivers(&self, a: &Wire, b: &Wire, sorted: &[Wire]) -> Diagnostic {
        let input = self.port_name(&b.to, Side::Input);
        let second = self.port_name(&b.from, Side::Output);
        if a.from == b.from {
            let what = format!("`{second}` is wired to `{input}` twice");
            let d = Diagnostic::new(codes::E0405, b.span, what).path(input);
            return d.also(a.span, "the first time").help("leave one of them out");
        }
        let first = self.port_name(&a.from, Side::Output);
        let what = format!("input `{input}` has two drivers");
        let d = Diagnostic::new(codes::E0405, b.span, what).path(input.clone());
        let d = d.label(format!("second driver, {second}"));
        let mut d = d.also(a.span, format!("first driver, {first}"));
        let free = self.free_near(b, sorted);
        if !free.is_empty() {
            d = d.help(format!("free inputs near by: {}", free.join(", ")));
        }
        d.help(format!(
            "if the lines are tied together on the board, say so: `tie : signal.or {{ out -> {input} }}`"
        ))
    }

    /// The next two lines of the same port that nobody drives.
    fn free_near(&self, w: &Wire, sorted: &[Wire]) -> Vec<String> {
        let el = self.elements.get(w.to.part.0 as usize);
        let signal = el.and_then(|e| e.part.ty.inputs.get(w.to.port as usize));
        let lines = el.zip(signal).and_then(|(e, s)| e.lines(s));
        let Some((first, count)) = lines else { return Vec::new() };
        let end = first.saturating_add(count);
        let free = |index: u32| {
            let to = hetemu_graph::Port { index, ..w.to };
            sorted.binary_search_by_key(&to, |w| w.to).is_err()
        };
        let near = (w.to.index + 1..end.min(w.to.index.saturating_add(256))).filter(|k| free(*k));
        let name = |index| self.port_name(&hetemu_graph::Port { index, ..w.to }, Side::Input);
        near.take(2).map(name).collect()
    }

    fn undriven(
        &mut self,
        driven: &BTreeSet<(u32, u32)>,
        none: &BTreeSet<(u32, u32)>,
        used: &BTreeSet<(u32, u32)>,
    ) {
        let mut found = Vec::new();
        for (i, e) in self.elements.iter().enumerate() {
            if e.text.incomplete {
                continue;
            }
            let again = e.part.index.is_some_and(|k| k > 0);
            for (p, s) in e.part.ty.inputs.iter().enumerate() {
                let key = (i as u32, p as u32);
                if s.optional || again || driven.contains(&key) || none.contains(&key) {
                    continue;
                }
                let what = format!("required input `{}.{}` is not connected", e.part.name, s.name);
                let d = Diagnostic::new(codes::E0402, e.span(), what);
                let d = d.path(format!("{}.{}", e.part.name, s.name));
                let d = if s.doc.is_empty() { d } else { d.note(s.doc) };
                let d = match self.free_output(s.kind, i, used) {
                    Some(free) => {
                        let wire = format!("{} <- {free}", s.name);
                        d.help(format!("`{free}` is a free output of a kind that fits: `{wire}`"))
                    }
                    None => d,
                };
                found.push(d.help(format!("if that is intended, write `{} <- none`", s.name)));
            }
        }
        for d in found {
            self.report(d);
        }
    }

    /// An output that nobody uses and that fits: of a controller rather than of a plain device.
    fn free_output(
        &self,
        kind: SignalKind,
        but: usize,
        used: &BTreeSet<(u32, u32)>,
    ) -> Option<String> {
        let candidates = self.elements.iter().enumerate().flat_map(|(i, e)| {
            let outs = e.part.ty.outputs.iter().enumerate();
            outs.map(move |(p, s)| (i, e, p, s))
        });
        let fits = candidates.filter(|(i, _, p, s)| {
            *i != but && super::wires::fits(s.kind, kind) && !used.contains(&(*i as u32, *p as u32))
        });
        let best = fits.min_by_key(|(i, e, _, _)| (e.part.ty.inputs.is_empty(), *i))?;
        let (_, e, _, s) = best;
        let index = s.width.map_or(String::new(), |_| format!("[{}]", s.first));
        Some(format!("{}.{}{index}", e.part.name, s.name))
    }

    /// Outputs that go nowhere: one message a part, none for arrays' further elements.
    fn unused(&mut self, used: &BTreeSet<(u32, u32)>) {
        let mut found = Vec::new();
        for (i, e) in self.elements.iter().enumerate() {
            if e.text.incomplete || e.part.index.is_some_and(|k| k > 0) {
                continue;
            }
            let outs = e.part.ty.outputs;
            let idle =
                |(p, s): &(usize, &Signal)| !s.optional && !used.contains(&(i as u32, *p as u32));
            let unused: Vec<&str> =
                outs.iter().enumerate().filter(idle).map(|(_, s)| s.name).collect();
            let wired = (0..outs.len()).filter(|p| used.contains(&(i as u32, *p as u32))).count();
            let what = match unused.as_slice() {
                [] => continue,
                [one] => format!("output `{}.{one}` goes nowhere", e.part.name),
                _ if wired == 0 => format!("no output of `{}` goes anywhere", e.part.name),
                some => format!("{} outputs of `{}` go nowhere", some.len(), e.part.name),
            };
            let d = Diagnostic::new(codes::W0403, e.span(), what).path(e.part.name.clone());
            let d = match unused.len() {
                1 => d,
                _ => d.note(format!("they are {}", suggest::list(unused.iter().copied()))),
            };
            let s = if outs.len() == 1 { "" } else { "s" };
            found.push(d.note(format!(
                "{wired} of {} output{s} of `{}` {} wired",
                outs.len(),
                e.part.name,
                if wired == 1 { "is" } else { "are" }
            )));
        }
        for d in found {
            self.report(d);
        }
    }
}
