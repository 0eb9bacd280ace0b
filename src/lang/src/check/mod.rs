//! The checker: names, values, parts, clocks, wires, maps, views, requirements - in this order, and
//! without constructing anything.
//!
//! Each step reports into one sink and goes on with what it could resolve. What a message has been
//! made about becomes "unknown", and unknown things are silent: one mistake, one message.

mod clocks;
mod coerce;
mod drivers;
mod ends;
mod eval;
mod links;
mod maps;
mod overlap;
mod parts;
mod plugs;
mod ranges;
mod require;
mod rows;
mod settings;
mod settle;
mod targets;
mod values;
mod views;
mod widths;
mod wires;

use crate::diag::{Diagnostic, Label, Sink, codes, suggest};
use crate::expr::Name;
use crate::source::Span;
use crate::typed::{Entity, Machine};
use hetemu_graph as graph;
use hetemu_schema::Catalog;
use std::collections::{BTreeMap, HashMap};

pub(crate) use parts::Element;
pub(crate) use ranges::ends_of_ranges;
pub(crate) use settings::machine_setting;
pub(crate) use targets::default_region;

/// Unresolved names for which the nearest name is looked up: more than anybody reads, and an end
/// for texts that are nothing but mistakes.
const GUESSES: usize = 100;

/// Everything that the steps share.
pub(crate) struct Cx<'m> {
    pub(crate) m: &'m Machine,
    pub(crate) catalog: &'m Catalog,
    pub(crate) scope: HashMap<&'m str, (Entity, Span)>,
    pub(crate) sink: &'m mut Sink,
    /// Values of params, lets and clocks, worked out when they are first needed.
    params: Vec<eval::Slot>,
    lets: Vec<eval::Slot>,
    clocks: Vec<eval::Slot>,
    /// Names that mean nothing, with their messages.
    unresolved: BTreeMap<String, Diagnostic>,
    /// How many names deep the evaluation is.
    depth: usize,
    /// Parts, arrays taken apart, in the order of the text.
    pub(crate) elements: Vec<Element<'m>>,
    /// Of each part of the machine: its first element, how many, and whether it is an array.
    pub(crate) groups: Vec<Group>,
    /// Buses with what has been resolved of them.
    pub(crate) buses: Vec<graph::Bus>,
    /// Of each bus: something in it could not be read or resolved.
    pub(crate) holes: Vec<bool>,
    pub(crate) wires: Vec<graph::Wire>,
    /// Of each wire: who says it, and how.
    said: Vec<settle::Said>,
    /// Wires that were moved: the end, where it was said before, and where now.
    moved: Vec<Moved>,
    pub(crate) settings: BTreeMap<String, graph::Value>,
}

/// The elements of one part of the text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Group {
    pub(crate) first: usize,
    pub(crate) count: usize,
    pub(crate) array: bool,
}

/// A wire that a layer above has moved: the end that it was moved from, where it was said before,
/// and where it is now.
pub(crate) type Moved = (String, Span, Span);

/// Checks a machine. The graph is there if nothing is wrong with it.
pub(crate) fn check(
    m: &Machine,
    catalog: &Catalog,
    sink: &mut Sink,
) -> (Option<graph::Graph>, Vec<Moved>) {
    let (scope, again) = m.scope(sink);
    let mut cx = Cx {
        m,
        catalog,
        scope,
        sink,
        params: vec![eval::Slot::Todo; m.params.len()],
        lets: vec![eval::Slot::Todo; m.lets.len()],
        clocks: vec![eval::Slot::Todo; m.clocks.len()],
        unresolved: BTreeMap::new(),
        depth: 0,
        elements: Vec::with_capacity(m.parts.len()),
        groups: Vec::with_capacity(m.parts.len()),
        buses: Vec::with_capacity(m.buses.len()),
        holes: vec![false; m.buses.len()],
        wires: Vec::new(),
        said: Vec::new(),
        moved: Vec::new(),
        settings: Default::default(),
    };
    cx.doubt(&again);
    cx.check_params();
    cx.check_lets();
    cx.check_clocks();
    cx.check_plugs();
    cx.check_buses();
    cx.check_parts();
    cx.check_settings();
    cx.check_rows();
    cx.check_wires();
    cx.check_maps();
    cx.check_cores();
    let graph = crate::lower::lower(&cx);
    if !m.lost && !m.alone {
        let names = cx.buses.iter().zip(&cx.holes).filter(|(_, hole)| **hole);
        let doubtful = names.map(|(b, _)| b.name.as_str()).collect();
        views::check(&graph, &doubtful, cx.sink);
    }
    cx.check_requires();
    for d in std::mem::take(&mut cx.unresolved).into_values() {
        cx.sink.push(d);
    }
    let moved = std::mem::take(&mut cx.moved);
    ((!cx.sink.has_errors()).then_some(graph), moved)
}

impl<'m> Cx<'m> {
    /// Of a bus that is declared twice, neither map is whole.
    fn doubt(&mut self, again: &[Entity]) {
        for e in again {
            let Entity::Bus(second) = e else { continue };
            self.holes[*second] = true;
            let name = self.m.buses.get(*second).map_or("", |b| b.name.text.as_str());
            if let Some((Entity::Bus(first), _)) = self.scope.get(name) {
                self.holes[*first] = true;
            }
        }
    }

    /// Whether this is the declaration that its name means, and not a second one.
    pub(crate) fn is_first(&self, name: &Name) -> bool {
        self.scope.get(name.text.as_str()).is_none_or(|(_, s)| *s == name.span)
    }

    /// What a name means; a name that means nothing is reported and gives `None`.
    pub(crate) fn lookup(&mut self, name: &Name, wanted: &str) -> Option<Entity> {
        if let Some((e, _)) = self.scope.get(name.text.as_str()) {
            return (*e != Entity::Unknown).then_some(*e);
        }
        if self.m.lost {
            return None;
        }
        // One message a name, however often it is used.
        match self.unresolved.get_mut(&name.text) {
            Some(d) if d.labels.iter().any(|l| l.span == name.span) => {}
            Some(d) if d.labels.len() < 4 => {
                d.labels.push(Label { span: name.span, text: "and here".into(), primary: false });
            }
            Some(_) => {}
            None => {
                let d = self.nothing(name, wanted);
                self.unresolved.insert(name.text.clone(), d);
            }
        }
        None
    }

    fn nothing(&self, name: &Name, wanted: &str) -> Diagnostic {
        let what = format!("nothing in this machine is called `{name}`");
        let d = Diagnostic::new(codes::E0302, name.span, what);
        let mut names: Vec<&str> = self.scope.keys().copied().collect();
        names.sort_unstable();
        // A name of the right kind is the better guess of two that are equally near.
        names.sort_by_key(|n| self.scope.get(n).is_none_or(|(e, _)| e.words() != wanted));
        if self.unresolved.len() > GUESSES {
            names.clear();
        }
        match suggest::nearest(&name.text, names) {
            Some(near) => {
                let place = self.scope.get(near).map(|(_, s)| *s);
                let d = d.fix(format!("did you mean `{near}`?"), name.span, near);
                place.map_or(d.clone(), |s| d.also(s, format!("`{near}` is declared here")))
            }
            None if wanted.is_empty() => d,
            None => {
                let of_kind = self.m.declared().filter(|(_, e)| e.words() == wanted);
                let list = suggest::list(of_kind.map(|(n, _)| n.text.as_str()));
                match list.is_empty() {
                    true if wanted == "a plug" => {
                        d.help(format!("declare it, for example `plug {name} : serial = stdio`"))
                    }
                    true if wanted == "a clock" => {
                        d.help(format!("declare it, for example `clock {name} = 50 MHz`"))
                    }
                    true => d.note(format!("{wanted} is needed here, and there is none")),
                    false => d.note(format!("{wanted} is needed here: {list}")),
                }
            }
        }
    }

    /// Reports a name that means something of another kind.
    pub(crate) fn wrong_kind(&mut self, name: &Name, is: Entity, wanted: &str) {
        let what = format!("`{name}` is {}, and {wanted} is needed here", is.words());
        let d = Diagnostic::new(codes::E0306, name.span, what);
        let d = match self.scope.get(name.text.as_str()) {
            Some((_, s)) => d.also(*s, "declared here"),
            None => d,
        };
        self.sink.push(d);
    }

    pub(crate) fn report(&mut self, d: Diagnostic) {
        self.sink.push(d);
    }
}
