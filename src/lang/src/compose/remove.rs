//! `remove path`: a part with its rows and the wires of its braces, a bus, a row, a wire, a value.
//! What still refers to it is listed.

use super::{Composer, paths};
use crate::diag::{Diagnostic, codes, suggest};
use crate::expr::{ExprKind, Index, Name, Path};
use crate::source::Span;
use crate::syntax::ast::{Act, Wire};
use crate::typed::{Entity, Machine, fixed_within};
use std::collections::BTreeSet;

/// A name that is gone.
pub(super) struct Removed {
    name: String,
    span: Span,
}

/// A path as a text would have it, for messages.
pub(super) fn spell(p: &Path) -> String {
    let seg = |s: &crate::expr::Seg| match &s.index {
        None => s.name.text.clone(),
        Some(i) => format!("{}[{}]", s.name, spell_index(i)),
    };
    p.segs.iter().map(seg).collect::<Vec<_>>().join(".")
}

fn spell_index(i: &Index) -> String {
    let one = |e: &crate::expr::Expr| match &e.kind {
        ExprKind::Number(n, 1, None) => n.to_string(),
        ExprKind::Path(p) => p.dotted(),
        _ => String::from("..."),
    };
    match i {
        Index::One(e) => one(e),
        Index::Range(a, b) => format!("{}..{}", one(a), one(b)),
        Index::All(_) => String::from("*"),
    }
}

impl Composer<'_> {
    /// Takes something away; gives the names that are gone.
    pub(super) fn remove(
        &mut self,
        m: &mut Machine,
        mut path: Path,
        layer: u32,
        above: bool,
    ) -> Vec<Removed> {
        paths::join(&mut path, &|name| m.declared().any(|(n, _)| n.text == name));
        let (text, span) = (path.dotted(), path.span);
        if let Some(d) = fixed_within(m, &text, span, layer) {
            self.sink.push(d);
            return Vec::new();
        }
        let (what, one) = (path.head().to_string(), path.single().is_some());
        let entity = m.declared().find(|(n, _)| n.text == what).map(|(_, e)| e);
        let Some(entity) = entity.filter(|e| *e != Entity::Unknown) else {
            if !m.lost && !m.unknown.contains(&what) {
                self.nothing_there(m, &path, above);
            }
            return Vec::new();
        };
        let gone = |name: &str| vec![Removed { name: name.to_string(), span }];
        match (entity, path.segs.as_slice()) {
            (Entity::Part(i), [_]) if one => {
                let part = m.parts.remove(i);
                unmap(m, &part.name.text);
                m.elements.retain(|s| s.path.head() != part.name.text);
                m.decided(&text, Some(part.name.span), span);
                gone(&what)
            }
            (Entity::Instance(i), [_]) if one => {
                let module = m.instances.remove(i);
                m.wires.retain(|w| !module.wires.contains(&w.span));
                m.decided(&text, Some(module.name.span), span);
                take_module(m, &format!("{what}."), span)
            }
            (Entity::Bus(i), [_]) if one => {
                m.buses.remove(i);
                gone(&what)
            }
            (Entity::Param(i), [_]) if one => {
                m.params.remove(i);
                gone(&what)
            }
            (Entity::Let(i), [_]) if one => {
                m.lets.remove(i);
                gone(&what)
            }
            (Entity::Clock(i), [_]) if one => {
                m.clocks.remove(i);
                gone(&what)
            }
            (Entity::Plug(i), [_]) if one => {
                m.plugs.remove(i);
                gone(&what)
            }
            (Entity::Bus(i), [_, target]) => {
                let Some(bus) = m.buses.get_mut(i) else { return Vec::new() };
                let before = bus.rows.len();
                bus.rows.retain(|r| r.target.head() != target.name.text);
                if bus.rows.len() == before {
                    let what = format!("bus `{what}` has no row that maps `{}`", target.name);
                    self.sink.push(Diagnostic::new(codes::E0711, target.name.span, what));
                }
                Vec::new()
            }
            (Entity::Part(i), [head, port]) => {
                let Some(part) = m.parts.get_mut(i) else { return Vec::new() };
                let before = part.settings.len();
                if head.index.is_none() && port.index.is_none() {
                    part.settings.retain(|s| s.path.dotted() != port.name.text);
                }
                if part.settings.len() == before {
                    m.cuts.push((path, layer));
                }
                Vec::new()
            }
            _ => {
                let what = format!("`{}` cannot be removed", spell(&path));
                let d = Diagnostic::new(codes::E0711, span, what);
                self.sink.push(d.note(
                    "a part, bus, clock, plug, param or module can, `part.port` (its wires), \
                     `part.property` and `bus.part` (its rows)",
                ));
                Vec::new()
            }
        }
    }

    fn nothing_there(&mut self, m: &Machine, path: &Path, above: bool) {
        let head = path.head();
        let what = match above {
            true => format!("there is nothing called `{head}` to remove"),
            false => String::from("there is nothing to remove: no base below"),
        };
        let d = Diagnostic::new(codes::E0711, path.head_span(), what);
        let near = suggest::nearest(head, m.declared().map(|(n, _)| n.text.as_str()));
        self.sink.push(match near {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None => d,
        });
    }

    /// Lists what refers to names that are gone. A wire that this layer moves goes with them.
    pub(super) fn dangling(&mut self, m: &mut Machine, gone: &[Removed], own: &[Wire]) {
        let back: BTreeSet<String> = m.declared().map(|(n, _)| n.text.clone()).collect();
        let gone: Vec<&Removed> = gone.iter().filter(|r| !back.contains(&r.name)).collect();
        let mut moved: BTreeSet<(String, String)> = BTreeSet::new();
        let ends = own.iter().filter(|w| w.act == Act::Rewire);
        let ends = ends.map(|w| if w.reversed { &w.to } else { &w.from });
        for p in ends.chain(m.cuts.iter().map(|(p, _)| p)) {
            if let [head, port] = p.segs.as_slice() {
                moved.insert((head.name.text.clone(), port.name.text.clone()));
            }
        }
        let names: BTreeSet<&str> = gone.iter().map(|r| r.name.as_str()).collect();
        let refers = |p: &Path| head_of(p, &names).is_some();
        let end = |p: &Path| match p.segs.as_slice() {
            [head, port] => moved.contains(&(head.name.text.clone(), port.name.text.clone())),
            _ => false,
        };
        let mut loose: Vec<(String, String)> = Vec::new();
        for p in &mut m.parts {
            let name = p.name.text.clone();
            p.wires.retain(|w| {
                let (own, far) = if w.reversed { (&w.to, &w.from) } else { (&w.from, &w.to) };
                let port = own.segs.first().map_or("", |s| s.name.text.as_str());
                let key = (name.clone(), port.to_string());
                let goes = refers(far) && moved.contains(&key);
                if goes {
                    loose.push(key);
                }
                !goes
            });
        }
        m.wires.retain(|w| {
            let goes = (refers(&w.from) || refers(&w.to)) && (end(&w.from) || end(&w.to));
            if goes {
                let ends = [&w.from, &w.to].into_iter().filter(|p| end(p));
                loose.extend(ends.filter_map(|p| match p.segs.as_slice() {
                    [head, port] => Some((head.name.text.clone(), port.name.text.clone())),
                    _ => None,
                }));
            }
            !goes
        });
        m.loose.extend(loose);
        for r in &gone {
            self.listed(m, r);
        }
        m.unknown.extend(gone.iter().map(|r| r.name.clone()));
    }

    fn listed(&mut self, m: &mut Machine, r: &Removed) {
        let names = BTreeSet::from([r.name.as_str()]);
        let refers = |p: &Path| head_of(p, &names).is_some();
        let mut wires: Vec<(Span, String)> = Vec::new();
        for p in &m.parts {
            for w in &p.wires {
                let (own, far) = if w.reversed { (&w.to, &w.from) } else { (&w.from, &w.to) };
                if refers(far) {
                    let arrow = if w.reversed { "<-" } else { "->" };
                    let text = format!("{}.{} {arrow} {}", p.name, spell(own), spell(far));
                    wires.push((w.span, text));
                }
            }
        }
        let loose = m.wires.iter().filter(|w| refers(&w.from) || refers(&w.to));
        wires.extend(loose.map(|w| (w.span, format!("{} -> {}", spell(&w.from), spell(&w.to)))));
        let mut others: Vec<Span> = Vec::new();
        let in_wire = |s: Span| {
            wires.iter().any(|(w, _)| w.file == s.file && w.start <= s.start && s.end <= w.end)
        };
        paths::machine(m, &mut |p| {
            if head_of(p, &names).is_some() && !in_wire(p.span) {
                others.push(p.span);
            }
        });
        others.dedup();
        let (n, k) = (wires.len(), others.len());
        let s = |n: usize| if n == 1 { "" } else { "s" };
        let what = match (n, k) {
            (0, 0) => return,
            (n, 0) => format!("{n} wire{} without an end", s(n)),
            (0, k) => format!("{k} reference{} to it", s(k)),
            (n, k) => format!("{n} wire{} without an end and {k} reference{} to it", s(n), s(k)),
        };
        let what = format!("removing `{}` leaves {what}", r.name);
        let mut d = Diagnostic::new(codes::E0703, r.span, what).path(r.name.clone());
        for (span, text) in wires.iter().take(8) {
            d = d.also(*span, text.clone());
        }
        for span in others.iter().take(8) {
            d = d.also(*span, "refers to it");
        }
        if n + k > 8 {
            d = d.note(format!("{n} wires and {k} references in all"));
        }
        self.sink.push(match n {
            0 => d.help("set them to something else, or `replace` it instead"),
            _ => d.help(
                "`rewire` them, `remove part.port` to cut them, or `replace` the part instead",
            ),
        });
    }
}

/// The removed name that a path begins with.
fn head_of<'n>(p: &Path, names: &BTreeSet<&'n str>) -> Option<&'n str> {
    let mut text = String::new();
    for (i, s) in p.segs.iter().enumerate() {
        if i > 0 {
            text.push('.');
        }
        text.push_str(&s.name.text);
        if let Some(name) = names.get(text.as_str()) {
            return Some(name);
        }
    }
    None
}

/// Rows that map a part go with it.
fn unmap(m: &mut Machine, name: &str) {
    for b in &mut m.buses {
        b.rows.retain(|r| r.target.head() != name);
    }
}

/// Everything of a module.
fn take_module(m: &mut Machine, prefix: &str, span: Span) -> Vec<Removed> {
    let inside = |n: &Name| n.text.starts_with(prefix);
    let names = m.declared().filter(|(n, _)| inside(n)).map(|(n, _)| n.text.clone());
    let gone: Vec<Removed> = names.map(|name| Removed { name, span }).collect();
    let within = |p: &Path| format!("{}.", spell(p)).starts_with(prefix);
    m.params.retain(|p| !inside(&p.name));
    m.lets.retain(|p| !inside(&p.0));
    m.clocks.retain(|p| !inside(&p.0));
    m.plugs.retain(|p| !inside(&p.name));
    m.buses.retain(|p| !inside(&p.name));
    m.parts.retain(|p| !inside(&p.name));
    m.pins.retain(|p| !inside(&p.name));
    m.instances.retain(|p| !inside(&p.name));
    m.wires.retain(|w| !(within(&w.from) && within(&w.to)));
    for b in &mut m.buses {
        b.rows.retain(|r| !format!("{}.", r.target.dotted()).starts_with(prefix));
    }
    gone
}
