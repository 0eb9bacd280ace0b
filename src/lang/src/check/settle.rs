//! Wires of several layers and through modules, once all ends are known as lines: `rewire` takes
//! what layers below have made at its left end, a plain wire from an output that goes somewhere
//! already is a mistake, and wires through the ports of modules become one wire.

use super::Cx;
use super::ends::{End, Side};
use super::eval::Var;
use super::wires::{Ties, misfit};
use crate::diag::{Diagnostic, codes};
use crate::expr::Path;
use crate::typed::{Act, Entity};
use hetemu_graph::{PartId, Port, Wire};
use hetemu_schema::SignalKind;
use std::collections::{BTreeMap, BTreeSet};

/// How a wire was said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    pub(crate) act: Act,
    pub(crate) layer: u32,
    pub(crate) reversed: bool,
}

/// Ports of modules are numbered as parts behind all parts.
const PINS: u32 = 1 << 30;

fn is_pin(p: &Port) -> bool {
    p.part.0 >= PINS
}

impl Cx<'_> {
    /// An end that is a port of a module.
    pub(super) fn pin_end(&mut self, pin: usize, p: &Path, var: Var<'_>) -> Option<End> {
        let m = self.m;
        let decl = m.pins.get(pin)?;
        let kind = match decl.kind.name.as_str() {
            "level" => SignalKind::Level,
            "edge" => SignalKind::Edge,
            "pulse" => SignalKind::Pulse,
            "rate" => SignalKind::Rate,
            other => {
                let what =
                    format!("a signal is `level`, `edge`, `pulse` or `rate`, and not `{other}`");
                let d = Diagnostic::new(codes::E0304, decl.kind.span, what);
                if !self.sink.since(0).contains(&d) {
                    self.report(d);
                }
                return None;
            }
        };
        let width = match &decl.width {
            Some(e) => Some(self.count(e, None)?),
            None => None,
        };
        let (head, rest) = p.segs.split_first()?;
        if let Some(more) = rest.first() {
            let what = format!("`{}` is a port of a module and has no port itself", head.name);
            self.report(Diagnostic::new(codes::E0303, more.name.span, what));
            return None;
        }
        let (lo, hi) = match (&head.index, width) {
            (None, None) => (0, 0),
            (Some(i), None) => {
                let what = format!("`{}` is a single line and has no index", head.name);
                self.report(Diagnostic::new(codes::E0404, i.span(), what));
                return None;
            }
            (None, Some(1)) => (0, 0),
            (None, Some(n)) => (0, n.checked_sub(1)?),
            (Some(i), Some(n)) => {
                let (lo, hi) = self.bounds(i, (0, n), var)?;
                if hi >= n {
                    let last = n.saturating_sub(1);
                    let what = format!(
                        "`{0}[{hi}]` does not exist; `{0}` has lines 0 .. {last}",
                        head.name
                    );
                    let d = Diagnostic::new(codes::E0404, i.span(), what);
                    self.report(d.also(decl.name.span, "declared here"));
                    return None;
                }
                (lo, hi)
            }
        };
        let part = PartId(PINS + pin as u32);
        let last = hi.min(lo + 4095);
        let line = |k: u64| Port { part, port: 0, index: u32::try_from(k).unwrap_or(u32::MAX) };
        let lines = (lo..=last).map(line).collect();
        let index = head.index.as_ref().map_or(p.span, |i| i.span());
        Some(End { lines, kind, name: decl.name.text.clone(), index, span: p.span })
    }

    fn rank(&self, layer: u32) -> u32 {
        self.m.layers.get(layer as usize).map_or(0, |l| l.rank)
    }

    /// What remains of all wires.
    pub(super) fn settle(&mut self, ties: &mut Ties) {
        let composed = self.m.layers.len() > 1;
        let acts = self.said.iter().any(|s| s.act != Act::Plain);
        if composed || acts || !self.m.cuts.is_empty() {
            self.layers(ties);
        }
        if !self.m.pins.is_empty() {
            self.join_pins(ties);
        }
    }

    fn layers(&mut self, ties: &mut Ties) {
        let wires = std::mem::take(&mut self.wires);
        let said = std::mem::take(&mut self.said);
        let mut all: Vec<(Wire, Said, u32)> =
            wires.into_iter().zip(said).map(|(w, s)| (w, s, self.rank(s.layer))).collect();
        self.cut(&mut all);
        // Higher layers move wires of lower ones, so the order is from the lowest up.
        all.sort_by_key(|(w, s, rank)| (*rank, s.layer, w.span.file, w.span.start));
        let mut by_end: BTreeMap<(bool, Port), Vec<usize>> = BTreeMap::new();
        let mut alive: Vec<bool> = vec![true; all.len()];
        let mut said_once: BTreeSet<(u32, u32)> = BTreeSet::new();
        for i in 0..all.len() {
            let Some((w, s, rank)) = all.get(i).copied() else { continue };
            let moved = if s.reversed { (true, w.to) } else { (false, w.from) };
            let others: Vec<usize> =
                by_end.get(&moved).into_iter().flatten().copied().filter(|j| alive[*j]).collect();
            let below = |j: &usize| all.get(*j).is_some_and(|(_, _, r)| *r < rank);
            let beside = |j: &usize| {
                all.get(*j)
                    .is_some_and(|(o, t, r)| *r == rank && t.layer != s.layer && o.to != w.to)
            };
            let first = said_once.insert((w.span.file, w.span.start));
            match s.act {
                Act::Rewire => {
                    let gone: Vec<usize> = others.iter().copied().filter(below).collect();
                    // What another overlay has moved was there, too; so was what went with its
                    // other end.
                    let was = by_end.get(&moved).into_iter().flatten().any(below);
                    if gone.is_empty() && !was && first && !self.is_loose(&moved) {
                        self.nothing_to_move(&w, &s);
                        ties.lost = true;
                    }
                    for j in gone {
                        alive[j] = false;
                        if let Some((old, ..)) = all.get(j) {
                            self.moved.push((self.end_name(&moved), old.span, w.span));
                        }
                    }
                }
                Act::Plain => {
                    let out = by_end.get(&(false, w.from)).into_iter().flatten();
                    let mut out = out.copied().filter(|j| alive[*j]);
                    if let Some((old, ..)) = out.find(below).and_then(|j| all.get(j)) {
                        if first {
                            self.wired_already(&w, old);
                        }
                        alive[i] = false;
                        ties.lost = true;
                        continue;
                    }
                }
                Act::Also => {}
            }
            // Two overlays that wire one line to different ends; the same wire twice is one wire.
            let twin = |j: &usize| {
                all.get(*j)
                    .is_some_and(|(o, t, _)| t.layer != s.layer && (o.from, o.to) == (w.from, w.to))
            };
            if others.iter().any(twin) {
                alive[i] = false;
                continue;
            }
            if let Some((old, ..)) = others.iter().find(|j| beside(j)).and_then(|j| all.get(*j))
                && s.act != Act::Also
                && !self.decided_above(&moved, rank, &all)
            {
                if first {
                    self.two_overlays(&w, old, &moved);
                }
                alive[i] = false;
                ties.lost = true;
                continue;
            }
            by_end.entry((false, w.from)).or_default().push(i);
            by_end.entry((true, w.to)).or_default().push(i);
        }
        for ((w, s, _), alive) in all.into_iter().zip(alive) {
            if alive {
                self.wires.push(w);
                self.said.push(s);
            }
        }
    }

    /// The wire of this end went when its other end was removed.
    fn is_loose(&self, (input, port): &(bool, Port)) -> bool {
        let Some(e) = self.elements.get(port.part.0 as usize) else { return false };
        let side = if *input { Side::Input } else { Side::Output };
        let name = side.ports(e.part.ty).get(port.port as usize).map_or("", |s| s.name);
        self.m.loose.iter().any(|(part, p)| *part == e.text.name.text && p == name)
    }

    /// A layer above rewires this line anyway.
    fn decided_above(&self, end: &(bool, Port), rank: u32, all: &[(Wire, Said, u32)]) -> bool {
        all.iter().any(|(w, s, r)| {
            *r > rank
                && s.act == Act::Rewire
                && *end == if s.reversed { (true, w.to) } else { (false, w.from) }
        })
    }

    /// `remove part.port`.
    fn cut(&mut self, all: &mut Vec<(Wire, Said, u32)>) {
        let m = self.m;
        for (path, layer) in &m.cuts {
            let rank = self.rank(*layer);
            let Some((head, port)) = path.segs.first().zip(path.segs.get(1)) else { continue };
            let Some((Entity::Part(p), _)) = self.scope.get(head.name.text.as_str()) else {
                continue;
            };
            let group = self.groups.get(*p).copied().unwrap_or_default();
            let Some(e) = self.elements.get(group.first).filter(|_| group.count > 0) else {
                continue;
            };
            let side = match e.part.ty.output(&port.name.text) {
                Some(_) => Side::Output,
                None => Side::Input,
            };
            // Without an index every line of the port is meant, and every element.
            let mut whole = path.clone();
            for s in &mut whole.segs {
                if s.index.is_none() {
                    s.index = Some(crate::expr::Index::All(s.name.span));
                }
            }
            let array = group.array;
            let signal = match side {
                Side::Output => e.part.ty.output(&port.name.text),
                Side::Input => e.part.ty.input(&port.name.text),
            };
            if let [h, p] = whole.segs.as_mut_slice() {
                if !array {
                    h.index = None;
                }
                let plain = path.segs.get(1).is_some_and(|s| s.index.is_none());
                if plain && signal.is_some_and(|s| s.width.is_none()) {
                    p.index = None;
                }
            }
            let ends = (0..if array { group.count } else { 1 }).filter_map(|k| {
                let mut one = whole.clone();
                let every = path.segs.first().is_some_and(|s| s.index.is_none());
                if array && every {
                    let e = crate::expr::Expr::int(k as u64);
                    one.segs.first_mut()?.index = Some(crate::expr::Index::One(e));
                } else if k > 0 {
                    return None;
                }
                self.far_end(&one, side, None)
            });
            let lines: BTreeSet<Port> = ends.flat_map(|e| e.lines).collect();
            let before = all.len();
            all.retain(|(w, _, r)| {
                let end = if side == Side::Output { &w.from } else { &w.to };
                !(*r < rank && lines.contains(end))
            });
            let loose = lines.first().is_some_and(|p| self.is_loose(&(side == Side::Input, *p)));
            if all.len() == before && !lines.is_empty() && !loose {
                let what = format!("`{}` has no wire to remove", path.dotted());
                self.report(Diagnostic::new(codes::E0711, path.span, what));
            }
        }
    }

    fn end_name(&self, (input, port): &(bool, Port)) -> String {
        if is_pin(port) {
            let pin = self.m.pins.get((port.part.0 - PINS) as usize);
            let Some(pin) = pin else { return String::new() };
            let index = pin.width.as_ref().map_or(String::new(), |_| format!("[{}]", port.index));
            return format!("{}{index}", pin.name);
        }
        self.port_name(port, if *input { Side::Input } else { Side::Output })
    }

    fn nothing_to_move(&mut self, w: &Wire, s: &Said) {
        let end = if s.reversed { (true, w.to) } else { (false, w.from) };
        let name = self.end_name(&end);
        let what = format!("`{name}` is not wired below, so there is nothing to rewire");
        let d = Diagnostic::new(codes::E0711, w.span, what).path(name);
        self.report(d.help("a plain wire, without `rewire`, adds one"));
    }

    fn wired_already(&mut self, w: &Wire, old: &Wire) {
        let from = self.end_name(&(false, w.from));
        let (to, new) = (self.end_name(&(true, old.to)), self.end_name(&(true, w.to)));
        let by = self.m.layer_of(old.span).to_string();
        let what = format!("`{from}` is already wired to {to} by {by}");
        let d = Diagnostic::new(codes::E0706, w.span, what).path(from.clone());
        let d = d.also(old.span, "wired here");
        self.report(
            d.help(format!("`rewire {from} -> {new}` moves it; `also {from} -> {new}` keeps both")),
        );
    }

    fn two_overlays(&mut self, w: &Wire, old: &Wire, end: &(bool, Port)) {
        let name = self.end_name(end);
        let what = format!("two overlays wire `{name}` and neither is above the other");
        let d = Diagnostic::new(codes::E0702, w.span, what).path(name.clone());
        let d = d.also(old.span, "the other one");
        let arrow = if end.0 { "<-" } else { "->" };
        self.report(
            d.help(format!("decide in the machine: `rewire {name} {arrow} ...`"))
                .note("the order of `with` never decides"),
        );
    }

    /// Wires through ports of modules become wires from part to part.
    fn join_pins(&mut self, ties: &mut Ties) {
        let wires = std::mem::take(&mut self.wires);
        let mut into: BTreeMap<Port, Vec<Wire>> = BTreeMap::new();
        for w in wires.iter().filter(|w| is_pin(&w.to)) {
            into.entry(w.to).or_default().push(*w);
        }
        for (pin, all) in &into {
            if let [a, b, ..] = all.as_slice() {
                let name = self.end_name(&(true, *pin));
                let what = format!("port `{name}` has two drivers");
                let d = Diagnostic::new(codes::E0405, b.span, what).path(name);
                self.report(d.also(a.span, "first driver"));
                ties.lost = true;
            }
        }
        for w in &wires {
            if is_pin(&w.to) {
                if !is_pin(&w.from) {
                    ties.used.insert((w.from.part.0, w.from.port));
                }
                continue;
            }
            // Back through ports to the part that drives.
            let (mut from, mut span, mut kind) = (w.from, w.span, w.kind);
            let mut steps = 0;
            while is_pin(&from) {
                let Some(before) = into.get(&from).and_then(|all| all.first()) else { break };
                steps += 1;
                if steps > PINS || steps > self.m.pins.len() as u32 + 1 {
                    break;
                }
                let leads_in = self.pin(&from).is_some_and(|p| !p.out);
                if leads_in {
                    span = before.span;
                }
                (from, kind) = (before.from, before.kind);
            }
            if is_pin(&from) {
                self.open_pin(w, &from, ties);
                continue;
            }
            let names = (self.end_name(&(false, from)), self.end_name(&(true, w.to)));
            let input = self.input_kind(&w.to).unwrap_or(kind);
            if let Some(d) = misfit((kind, &names.0, span), (input, &names.1, w.span)) {
                self.report(d);
                ties.lost = true;
                continue;
            }
            self.wires.push(Wire { from, to: w.to, kind, span });
        }
    }

    fn pin(&self, p: &Port) -> Option<&crate::typed::Pin> {
        self.m.pins.get(p.part.0.checked_sub(PINS)? as usize)
    }

    fn input_kind(&self, p: &Port) -> Option<SignalKind> {
        let ty = self.elements.get(p.part.0 as usize)?.part.ty;
        Some(ty.inputs.get(p.port as usize)?.kind)
    }

    /// An input of a module's part hangs on a port that nothing drives.
    fn open_pin(&mut self, w: &Wire, pin: &Port, ties: &mut Ties) {
        let key = (w.to.part.0, w.to.port);
        if self.m.alone {
            ties.none.insert(key);
            return;
        }
        let optional = self
            .elements
            .get(w.to.part.0 as usize)
            .and_then(|e| e.part.ty.inputs.get(w.to.port as usize))
            .is_none_or(|s| s.optional);
        let tied = ties.none.contains(&(pin.part.0, 0));
        ties.none.insert(key);
        if optional || tied {
            return;
        }
        let Some((name, span)) = self.pin(pin).map(|p| (p.name.clone(), p.instance)) else {
            return;
        };
        let input = self.end_name(&(true, w.to));
        let what = format!("required input `{name}` of a module is not connected");
        let d = Diagnostic::new(codes::E0402, span, what).path(name.text.clone());
        let d = d.also(w.span, format!("`{input}` hangs on it"));
        let short = name.text.rsplit('.').next().unwrap_or("");
        self.report(d.help(format!("write `{short} <- part.output` in the braces of the module")));
    }
}
