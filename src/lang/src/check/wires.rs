//! Wires: both ends resolved, equally long, of kinds that fit.

use super::Cx;
use super::ends::{End, Side};
use super::eval::Var;
use super::settle::Said;
use crate::diag::{Diagnostic, codes};
use crate::source::Span;
use crate::typed::{Part, Wire};
use hetemu_graph as graph;
use hetemu_schema::SignalKind;
use std::collections::BTreeSet;

/// What the drivers' check needs to know beside the wires.
#[derive(Default)]
pub(crate) struct Ties {
    /// Inputs that the text says are not driven: element and port.
    pub(crate) none: BTreeSet<(u32, u32)>,
    /// Outputs that lead to a port of a module.
    pub(crate) used: BTreeSet<(u32, u32)>,
    /// A wire was reported: what seems to be missing may be its ends.
    pub(crate) lost: bool,
}

impl<'m> Cx<'m> {
    pub(crate) fn check_wires(&mut self) {
        let m = self.m;
        let gaps = m.lost || m.gaps || m.parts.iter().any(|p| p.incomplete);
        let mut ties = Ties { lost: gaps, ..Ties::default() };
        for (i, part) in m.parts.iter().enumerate() {
            let group = self.groups.get(i).copied().unwrap_or_default();
            for w in &part.wires {
                self.part_wire(part, w, group, &mut ties);
            }
        }
        for w in &m.wires {
            let before = self.sink.len();
            if w.reversed && w.from.single().is_some_and(|n| n.text == "none") {
                if let Some(end) = self.far_end(&w.to, Side::Input, None) {
                    ties.none.extend(end.lines.iter().map(|l| (l.part.0, l.port)));
                }
                continue;
            }
            let from = self.far_end(&w.from, Side::Output, None);
            let to = self.far_end(&w.to, Side::Input, None);
            self.turned_round(w, before);
            self.connect(from, to, w, before, &mut ties);
        }
        self.settle(&mut ties);
        self.check_drivers(&ties);
    }

    /// A wire in a part's braces, once for each element; what is wrong is said for the first.
    fn part_wire(&mut self, part: &'m Part, w: &Wire, group: super::Group, ties: &mut Ties) {
        let var_name = part.array.as_ref().map(|(v, _)| v.text.as_str());
        for el in group.first..group.first + group.count {
            let var: Var<'_> = var_name.map(|v| (v, (el - group.first) as u64));
            let before = self.sink.len();
            if w.reversed && w.from.single().is_some_and(|n| n.text == "none") {
                if let Some(end) = self.own_end(el, &w.to, Side::Input, var) {
                    ties.none.extend(end.lines.iter().map(|l| (l.part.0, l.port)));
                }
            } else {
                let (from, to) = if w.reversed {
                    let to = self.own_end(el, &w.to, Side::Input, var);
                    (self.far_end(&w.from, Side::Output, var), to)
                } else {
                    let from = self.own_end(el, &w.from, Side::Output, var);
                    (from, self.far_end(&w.to, Side::Input, var))
                };
                self.turned_round(w, before);
                self.connect(from, to, w, before, ties);
            }
            if self.sink.len() > before {
                ties.lost = true;
                break;
            }
        }
        if group.count == 0 {
            // The part's type is not known; the other end may be all that drives something.
            ties.lost = true;
        }
    }

    /// A wire whose both ends were refused because it runs the wrong way is one mistake, not two.
    fn turned_round(&mut self, w: &Wire, before: usize) {
        let both = self.sink.since(before);
        // The other end may be refused because it has no such line as what it is taken for.
        let other = [codes::E0410, codes::E0404, codes::E0303, codes::E0401];
        let turned = both.iter().any(|d| d.code == codes::E0410);
        if both.len() != 2 || !turned || both.iter().any(|d| !other.contains(&d.code)) {
            return;
        }
        let (left, right) = if w.reversed { (&w.to, &w.from) } else { (&w.from, &w.to) };
        let (wrong, arrow) = if w.reversed { ("<-", "->") } else { ("->", "<-") };
        let what = format!("`{wrong}` points the wrong way");
        let d = Diagnostic::new(codes::E0410, w.span, what);
        let (l, r) = (left.dotted(), right.dotted());
        let (l, r) = if w.reversed { (r, l) } else { (l, r) };
        let gap = Span { start: left.span.end, end: right.span.start, ..w.span };
        let d = d.note(format!("`{l}` is an input and `{r}` is an output"));
        self.sink.truncate(before);
        self.report(d.fix(format!("write `{arrow}`"), gap, format!(" {arrow} ")));
    }

    fn connect(
        &mut self,
        from: Option<End>,
        to: Option<End>,
        text: &Wire,
        before: usize,
        ties: &mut Ties,
    ) {
        let (Some(from), Some(to)) = (from, to) else {
            ties.lost = true;
            return;
        };
        if self.sink.len() > before {
            ties.lost = true;
        }
        let (a, b) = (from.lines.len(), to.lines.len());
        if a != b {
            ties.lost = true;
            let s = |n: usize| if n == 1 { "" } else { "s" };
            let what = format!("{a} output{} are wired to {b} input{}", s(a), s(b));
            let what = what.replace("1 output are", "1 output is");
            let d = Diagnostic::new(codes::E0406, from.index, what).label(a.to_string());
            let d = d.also(to.index, b.to_string());
            let first = to.lines.first().map_or(0, |l| l.index);
            let last = first as usize + a - 1;
            let d = match (a, to.index == to.span) {
                (1, _) if b > 1 => d.help("one output to several inputs is several wires"),
                (_, false) if a > 1 => {
                    let text = format!("{first}..{last}");
                    d.fix(format!("write `{text}`"), to.index, text)
                }
                _ => d,
            };
            self.report(d);
            return;
        }
        if let Some(d) = misfit((from.kind, &from.name, from.span), (to.kind, &to.name, to.span)) {
            self.report(d);
            ties.lost = true;
            return;
        }
        let (kind, span) = (from.kind, text.span);
        let pairs = from.lines.into_iter().zip(to.lines);
        let wires = pairs.map(|(from, to)| graph::Wire { from, to, kind, span });
        self.wires.extend(wires);
        let said = Said { act: text.act, layer: text.layer, reversed: text.reversed };
        self.said.resize(self.wires.len(), said);
    }
}

/// An output and an input whose kinds do not fit: E0407.
pub(super) fn misfit(
    (out, from, at): (SignalKind, &str, Span),
    (input, to, place): (SignalKind, &str, Span),
) -> Option<Diagnostic> {
    if fits(out, input) {
        return None;
    }
    let word = |k| match k {
        SignalKind::Level => "a level",
        SignalKind::Edge => "an edge",
        SignalKind::Pulse => "a pulse",
        SignalKind::Rate => "a rate",
    };
    let what = format!("`{from}` is {} output and `{to}` is {} input", word(out), word(input));
    let d = Diagnostic::new(codes::E0407, at, what).label(word(out));
    let d = d.also(place, word(input));
    Some(d.note(match SignalKind::Rate {
        rate if out == rate || input == rate => "a rate is a frequency, the others are on or off",
        _ => "a level input must see when its cause ends; events have no end",
    }))
}

/// Whether an output of a kind may drive an input of a kind.
pub(super) fn fits(out: SignalKind, input: SignalKind) -> bool {
    match (out, input) {
        (SignalKind::Rate, _) | (_, SignalKind::Rate) => out == input,
        _ => input != SignalKind::Level || out == SignalKind::Level,
    }
}
