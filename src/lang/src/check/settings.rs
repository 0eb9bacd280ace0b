//! Settings of parts and of the machine: which property, clock, link or bus port each means.

use super::coerce::Taker;
use super::values::{Num, Val};
use super::{Cx, clocks};
use crate::diag::{Diagnostic, codes, suggest};
use crate::expr::{Dim, ExprKind, Name};
use crate::source::Span;
use crate::typed::{Entity, Setting};
use hetemu_graph::Value;
use hetemu_schema::{ClockPort, DeviceType, PropType, Property};
use std::collections::BTreeMap;

/// What a name on the left of `=` means for a type.
enum Slot {
    Prop(&'static Property),
    Clock(&'static ClockPort),
    Link(&'static hetemu_schema::Link),
    Master(&'static hetemu_schema::Master),
}

fn slot(ty: &'static DeviceType, name: &str) -> Option<Slot> {
    ty.prop(name)
        .map(Slot::Prop)
        .or_else(|| ty.clock(name).map(Slot::Clock))
        .or_else(|| ty.link(name).map(Slot::Link))
        .or_else(|| ty.master(name).map(Slot::Master))
}

/// Every name that `=` can set.
fn settable(ty: &'static DeviceType) -> impl Iterator<Item = &'static str> {
    let props = ty.props.iter().map(|p| p.name);
    let clocks = ty.clocks.iter().map(|p| p.name);
    let links = ty.links.iter().map(|p| p.name);
    props.chain(clocks).chain(links).chain(ty.masters.iter().map(|p| p.name))
}

/// `ns16550a` has no property `clokc`.
pub(super) fn no_property(ty: &'static DeviceType, name: &Name) -> Diagnostic {
    let what = format!("`{}` has no property `{name}`", ty.full_name());
    let d = Diagnostic::new(codes::E0801, name.span, what);
    if ty.output(&name.text).is_some() {
        return d.help(format!("`{name}` is an output: `{name} -> part.input`"));
    }
    if ty.input(&name.text).is_some() {
        return d.help(format!("`{name}` is an input: `{name} <- part.output`"));
    }
    let names: Vec<&str> = settable(ty).collect();
    let d = match suggest::nearest(&name.text, names.iter().copied()) {
        Some(near) => d.fix(format!("did you mean `{near}`?"), name.span, near),
        None => d,
    };
    match names.is_empty() {
        true => d.note("it has no properties at all"),
        false => d.note(format!("it has {}", suggest::list(names))),
    }
}

impl Cx<'_> {
    /// Resolves every setting of one element, then its defaults and what is missing.
    pub(crate) fn settings_of(&mut self, el: usize) {
        let Some(e) = self.elements.get(el) else { return };
        let (ty, text) = (e.part.ty, e.text);
        let var = text.array.as_ref().map(|(v, _)| v.text.as_str()).zip(e.part.index);
        let var = var.map(|(v, k)| (v, u64::from(k)));
        // What is wrong with an array is said once, for its first element.
        let broken = e.part.index.is_some_and(|k| k > 0)
            && el.checked_sub(1).and_then(|f| self.elements.get(f)).is_some_and(|f| f.doubtful);
        if broken {
            self.elements[el].doubtful = true;
            return;
        }
        let before = self.sink.len();
        let mut seen: BTreeMap<&str, &Setting> = BTreeMap::new();
        for s in &text.settings {
            let Some(name) = s.path.single() else {
                let what = format!("`{}` is not a property", s.path.dotted());
                let d = Diagnostic::new(codes::E0801, s.path.span, what);
                self.report(d.note("on the left of `=` stands one name of the part's own"));
                continue;
            };
            if let Some(first) = seen.get(name.text.as_str()) {
                let what = format!("`{name}` is set twice");
                let d = Diagnostic::new(codes::E0806, name.span, what);
                self.report(d.also(first.path.span, "the first time"));
                continue;
            }
            seen.insert(&name.text, s);
            self.setting(el, ty, name, s, var);
        }
        self.settings_of_one(el, ty);
        self.missing(el);
        self.attach(el);
        if self.sink.len() > before {
            self.elements[el].doubtful = true;
        }
    }

    /// `rv[2].hart = 5`: what is said of single elements of an array; the last one counts.
    fn settings_of_one(&mut self, el: usize, ty: &'static DeviceType) {
        let m = self.m;
        if m.elements.is_empty() {
            return;
        }
        let Some(e) = self.elements.get(el) else { return };
        let (name, k) = (&e.text.name.text, e.part.index);
        let last = self.groups.iter().rev().find(|g| g.first <= el).map_or(0, |g| g.count as u64);
        for s in m.elements.iter().filter(|s| s.path.head() == name) {
            let [head, prop] = s.path.segs.as_slice() else { continue };
            let Some(index) = &head.index else { continue };
            let Some(k) = k else {
                let what = format!("`{name}` is not an array");
                self.report(Diagnostic::new(codes::E0307, index.span(), what));
                continue;
            };
            let Some((lo, hi)) = self.bounds(index, (0, last), None) else { continue };
            if hi >= last && k == 0 {
                let what =
                    format!("`{name}[{hi}]` does not exist; its elements are 0 .. {}", last - 1);
                self.report(Diagnostic::new(codes::E0404, index.span(), what));
            }
            if (lo..=hi).contains(&u64::from(k)) {
                self.setting(el, ty, &prop.name, s, None);
            }
        }
    }

    fn setting(
        &mut self,
        el: usize,
        ty: &'static DeviceType,
        name: &Name,
        s: &Setting,
        var: super::eval::Var<'_>,
    ) {
        match slot(ty, &name.text) {
            None => {
                let d = no_property(ty, name).path(format!("{}.{name}", self.element_name(el)));
                // What was meant is not also missing.
                self.elements[el].doubtful |= d.help.iter().any(|h| !h.edits.is_empty());
                self.report(d);
            }
            Some(Slot::Prop(p)) => {
                if p.unstable {
                    let what =
                        format!("`{}` is unstable: it may change without a new version", p.name);
                    self.report(Diagnostic::new(codes::W0805, name.span, what));
                }
                let value = match p.ty {
                    PropType::Part => self.part_name(&s.value),
                    _ => {
                        let value = self.eval(&s.value, var);
                        let origin = format!("{}, property `{}`", ty.full_name(), p.name);
                        let (min, max, doc) = (p.min, p.max, p.doc);
                        let to = Taker { name: p.name, ty: p.ty, min, max, origin, doc };
                        self.coerce(&value, s.value.span, &to)
                    }
                };
                let part = &mut self.elements[el].part;
                part.set.push(p.name.to_string());
                if let Some(v) = value {
                    part.props.insert(p.name.to_string(), v);
                } else {
                    self.elements[el].doubtful = true;
                }
            }
            Some(Slot::Clock(c)) => {
                let clock = self.clock_of(&s.value);
                let part = &mut self.elements[el].part;
                if let Some(clock) = clock {
                    part.clocks.insert(c.name.to_string(), clock);
                } else {
                    self.elements[el].doubtful = true;
                }
            }
            Some(Slot::Link(l)) => self.link(el, l, &s.value),
            Some(Slot::Master(m)) => self.master(el, m, &s.value),
        }
    }

    /// The frequency of a clock input and the name of its clock, if it has one.
    fn clock_of(&mut self, e: &crate::expr::Expr) -> Option<(u64, String)> {
        let Val::Num(n) = self.clock_hz(e) else { return None };
        let name = match &e.kind {
            ExprKind::Path(p) => p.dotted(),
            _ => String::new(),
        };
        Some((clocks::hz(n)?, name))
    }

    fn part_name(&mut self, e: &crate::expr::Expr) -> Option<Value> {
        let ExprKind::Path(p) = &e.kind else {
            let what = "the name of a part is needed here";
            self.report(Diagnostic::new(codes::E0206, e.span, what));
            return None;
        };
        let name = &p.segs.first()?.name;
        match self.lookup(name, "a part")? {
            Entity::Part(_) => Some(Value::Str(p.dotted())),
            other => {
                self.wrong_kind(name, other, "a part");
                None
            }
        }
    }

    /// Fills defaults in and reports what is required and not set. The size of a memory may still
    /// come from its row, so it is looked for with the rows.
    fn missing(&mut self, el: usize) {
        let Some(e) = self.elements.get_mut(el) else { return };
        let ty = e.part.ty;
        // What was set for this element of an array alone.
        let mut given: Vec<String> = Vec::new();
        if !self.m.elements.is_empty() {
            given.extend(e.part.set.iter().cloned());
            given.extend(e.part.clocks.keys().cloned());
            given.extend(e.part.links.keys().cloned());
            given.extend(e.masters.keys().cloned());
        }
        let set_in_text = |name: &str| {
            e.text.settings.iter().any(|s| s.path.single().is_some_and(|n| n.text == name))
                || given.iter().any(|n| n == name)
        };
        let mut lacking: Vec<(&str, &str, &str)> = Vec::new();
        for p in ty.props {
            if let Some(d) = p.default {
                if !set_in_text(p.name) {
                    e.part.props.insert(p.name.to_string(), d.into());
                }
            } else if !p.optional && !set_in_text(p.name) && !sized_by_row(ty, p.name) {
                lacking.push(("property", p.name, p.doc));
            }
        }
        for c in ty.clocks {
            match c.default_hz {
                _ if set_in_text(c.name) => {}
                Some(hz) => {
                    e.part.clocks.insert(c.name.to_string(), (hz, String::new()));
                }
                None if !c.optional => lacking.push(("clock", c.name, "")),
                None => {}
            }
        }
        let links = ty.links.iter().filter(|l| !l.optional && !set_in_text(l.name));
        lacking.extend(links.map(|l| ("plug", l.name, "")));
        let masters = ty.masters.iter().filter(|m| !m.optional && !set_in_text(m.name));
        lacking.extend(masters.map(|m| ("bus", m.name, "")));
        if e.doubtful {
            return;
        }
        let (at, path) = (e.text.ty.span, e.part.name.clone());
        for (kind, name, doc) in lacking {
            let what = format!("required {kind} `{name}` of `{}` is not set", ty.full_name());
            let d = Diagnostic::new(codes::E0803, at, what).path(format!("{path}.{name}"));
            let names: Vec<&str> = match kind {
                "clock" => self.m.clocks.iter().map(|c| c.0.text.as_str()).collect(),
                "bus" => self.m.buses.iter().map(|b| b.name.text.as_str()).collect(),
                "plug" => self.m.plugs.iter().map(|p| p.name.text.as_str()).collect(),
                _ => Vec::new(),
            };
            let d = match names.first() {
                Some(one) => d.help(format!("write `{name} = {one}` in its braces")),
                None => d.help(format!("write `{name} = ...` in its braces")),
            };
            let d = if doc.is_empty() { d } else { d.note(doc) };
            self.sink.push(d);
        }
    }

    /// A list of kinds of events, or one.
    fn kinds(&mut self, value: &Val, at: Span, name: &str) -> Option<Value> {
        let one = [(value.clone(), at)];
        let items = match value {
            Val::List(items) => items.as_slice(),
            _ => &one,
        };
        let ty = PropType::Enum(LOG);
        let origin = format!("setting `{name}` of the machine");
        let to = Taker { name, ty, min: None, max: None, origin, doc: "" };
        let words: Vec<_> = items.iter().map(|(v, at)| self.coerce(v, *at, &to)).collect();
        words.into_iter().collect::<Option<Vec<_>>>().map(Value::List)
    }

    /// `machine.x = value`.
    pub(crate) fn check_settings(&mut self) {
        let m = self.m;
        let mut seen: BTreeMap<&str, &Setting> = BTreeMap::new();
        for s in &m.settings {
            let Some(name) = s.path.single() else {
                let what = "a setting of the machine is one name";
                self.report(Diagnostic::new(codes::E0801, s.path.span, what));
                continue;
            };
            if let Some(first) = seen.insert(&name.text, s) {
                let d = Diagnostic::new(codes::E0806, name.span, format!("`{name}` is set twice"));
                self.report(d.also(first.path.span, "the first time"));
                continue;
            }
            let known = MACHINE.iter().find(|(n, _)| *n == name.text);
            let Some((known, ty)) = known else {
                let what = format!("a machine has no setting `{name}`");
                let d = Diagnostic::new(codes::E0801, name.span, what);
                let names = || MACHINE.iter().map(|(n, _)| *n);
                let d = match suggest::nearest(&name.text, names()) {
                    Some(near) => d.fix(format!("did you mean `{near}`?"), name.span, near),
                    None => d,
                };
                self.report(d.note(format!("settings are {}", suggest::list(names()))));
                continue;
            };
            let value = self.eval(&s.value, None);
            let value = match ty {
                Some(ty) => {
                    let origin = format!("setting `{known}` of the machine");
                    let to = Taker { name: known, ty: *ty, min: None, max: None, origin, doc: "" };
                    self.coerce(&value, s.value.span, &to)
                }
                None => self.kinds(&value, s.value.span, known),
            };
            if let Some(v) = value {
                self.settings.insert(name.text.clone(), v);
            }
        }
    }
}

/// Events that a machine can log; `bus` is another word for `mmio`.
const LOG: &[&str] = &["bus", "exec", "irq", "mem", "mmio", "plug", "state", "trap", "wait"];

/// Settings of the machine itself: what to log (one word or a list of [`LOG`]), the longest time
/// that a cluster runs by itself, the seed of everything random, whether the guest may call the
/// host, whether an access to nothing stops the run.
const MACHINE: [(&str, Option<PropType>); 5] = [
    ("log", None),
    ("quantum", Some(PropType::Duration)),
    ("seed", Some(PropType::Count)),
    ("semihosting", Some(PropType::Bool)),
    ("strict", Some(PropType::Bool)),
];

/// The type of a setting of the machine.
pub(crate) fn machine_setting(name: &str) -> Option<PropType> {
    MACHINE.iter().find(|(n, _)| *n == name).and_then(|(_, ty)| *ty)
}

/// Whether the row of a part can stand for its property `size`.
pub(super) fn sized_by_row(ty: &DeviceType, prop: &str) -> bool {
    prop == "size" && ty.regions.iter().any(|r| r.size.is_none())
}

/// A value of the graph, durations in ns.
pub(super) fn plain(v: &Val) -> Option<Value> {
    Some(match v {
        Val::Num(n) => {
            let scale = if n.dim == Dim::Duration { 1_000 } else { 1 };
            Value::Int(Num::new(n.n, n.d.saturating_mul(scale), n.dim).whole()?)
        }
        Val::Bool(b) => Value::Bool(*b),
        Val::Str(s) | Val::Word(s) => Value::Str(s.clone()),
        Val::List(items) => Value::List(items.iter().filter_map(|(v, _)| plain(v)).collect()),
        Val::Unknown => return None,
    })
}
