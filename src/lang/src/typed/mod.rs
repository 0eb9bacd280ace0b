//! The typed machine: plain data between the front ends and the checker.
//!
//! `.hm` texts and profiles fill it layer by layer ([`crate::compose`]), QMP fills it step by step;
//! both pass the same checker. It is flat: a module's parts stand in it by their full names
//! (`soc.uart0`). Every place in it may be [`crate::source::NOWHERE`].

mod overrides;
mod set;

use crate::diag::{Diagnostic, Sink, codes};
use crate::expr::{Expr, Name, Path};
use crate::source::{FileId, Span};
use std::collections::HashMap;

pub use crate::syntax::ast::{
    Act, Bus, Extent, Param, Part, Plug, Require, Row, Setting, TypeRef, Wire,
};
pub(crate) use overrides::apply;
pub use overrides::{Override, Overrides};
pub(crate) use set::{Setter, fixed_within, set};

/// A machine as its texts state it; nothing is resolved yet.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// After `machine`.
    pub name: String,
    /// Where the machine's name stands.
    pub span: Span,
    /// Doc comment of the machine.
    pub doc: String,
    /// Parameters.
    pub params: Vec<Param>,
    /// Named values.
    pub lets: Vec<(Name, Expr)>,
    /// Named clocks.
    pub clocks: Vec<(Name, Expr)>,
    /// Host attachments.
    pub plugs: Vec<Plug>,
    /// Memory maps. A row refers to its part by name; parts of rows stand in `parts`.
    pub buses: Vec<Bus>,
    /// All parts, in the order of their declarations.
    pub parts: Vec<Part>,
    /// Wires that stand outside of parts.
    pub wires: Vec<Wire>,
    /// `machine.x = value`
    pub settings: Vec<Setting>,
    /// Conditions.
    pub requires: Vec<Require>,
    /// Signal ports of modules; wires through them are joined when both sides are known.
    pub pins: Vec<Pin>,
    /// Modules that have been written out.
    pub instances: Vec<Instance>,
    /// What the machine is made of, from the innermost base on.
    pub layers: Vec<Layer>,
    /// `remove part.port`: wires of the layers below that are cut.
    pub cuts: Vec<(Path, u32)>,
    /// Ports whose wires went with what was removed at their other ends: part and port.
    pub loose: Vec<(String, String)>,
    /// `name[2].property = value`: for some elements of an array.
    pub elements: Vec<Setting>,
    /// Facts that no layer above may change, with the layer that says so.
    pub finals: Vec<(String, Span, u32)>,
    /// Who decided a fact, for facts that were decided more than once; the last one counts.
    pub history: Vec<Decision>,
    /// The file of the command line's arguments.
    pub arguments: Option<FileId>,
    /// Versions of types whose names say none, from a lock file.
    pub locked: std::collections::BTreeMap<String, u32>,
    /// What the text that was checked says that it describes.
    pub kind: Option<crate::syntax::ast::HeadKind>,
    /// A module or overlay that is checked by itself: it need not be a whole machine.
    pub alone: bool,
    /// Names of statements that could not be read, and lost ones.
    pub unknown: Vec<String>,
    /// Statements were lost: wires and settings that seem to be missing may be in them.
    pub gaps: bool,
    /// Statements were lost without a trace of their names: unresolved names may be theirs.
    pub lost: bool,
}

/// A signal port of a module.
#[derive(Debug, Clone)]
pub struct Pin {
    /// Its full name.
    pub name: Name,
    /// It leads out of the module, as opposed to into it.
    pub out: bool,
    /// How many lines; `None` for a single one without an index.
    pub width: Option<Expr>,
    /// `level`, `edge`, `pulse` or `rate`.
    pub kind: TypeRef,
    /// Where its module is used.
    pub instance: Span,
}

/// A module that has been written out.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its name, which its parts' names begin with.
    pub name: Name,
    /// The module.
    pub module: TypeRef,
    /// The wires of its braces: they go with it.
    pub wires: Vec<Span>,
    /// Doc comment.
    pub doc: String,
}

/// One text of those that a machine is made of.
#[derive(Debug, Clone)]
pub struct Layer {
    /// As messages call it: `q35-minimal@1`.
    pub name: String,
    /// The nearer wins; overlays of one machine have the same rank.
    pub rank: u32,
    /// Its text.
    pub file: FileId,
}

/// A text that decided a fact.
#[derive(Debug, Clone)]
pub struct Decision {
    /// `uart.clk`, `uart.irq`, `ram`.
    pub path: String,
    /// Where.
    pub span: Span,
}

/// What a name means in one machine, with its index in the list of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entity {
    Param(usize),
    Let(usize),
    Clock(usize),
    Plug(usize),
    Bus(usize),
    Part(usize),
    Pin(usize),
    Instance(usize),
    /// Declared by a statement that could not be read.
    Unknown,
}

impl Entity {
    /// What a message calls it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Entity::Param(_) => "a param",
            Entity::Let(_) => "a value",
            Entity::Clock(_) => "a clock",
            Entity::Plug(_) => "a plug",
            Entity::Bus(_) => "a bus",
            Entity::Part(_) => "a part",
            Entity::Pin(_) => "a port of a module",
            Entity::Instance(_) => "a module",
            Entity::Unknown => "unknown",
        }
    }
}

impl Machine {
    /// Every declared name with its place, by kind; of a kind in the order of the text.
    pub(crate) fn declared(&self) -> impl Iterator<Item = (&Name, Entity)> {
        let params = self.params.iter().enumerate().map(|(i, p)| (&p.name, Entity::Param(i)));
        let lets = self.lets.iter().enumerate().map(|(i, l)| (&l.0, Entity::Let(i)));
        let clocks = self.clocks.iter().enumerate().map(|(i, c)| (&c.0, Entity::Clock(i)));
        let plugs = self.plugs.iter().enumerate().map(|(i, p)| (&p.name, Entity::Plug(i)));
        let buses = self.buses.iter().enumerate().map(|(i, b)| (&b.name, Entity::Bus(i)));
        let parts = self.parts.iter().enumerate().map(|(i, p)| (&p.name, Entity::Part(i)));
        let pins = self.pins.iter().enumerate().map(|(i, p)| (&p.name, Entity::Pin(i)));
        let modules = self.instances.iter().enumerate();
        let modules = modules.map(|(i, m)| (&m.name, Entity::Instance(i)));
        let hosts = params.chain(lets).chain(clocks).chain(plugs);
        hosts.chain(buses).chain(parts).chain(pins).chain(modules)
    }

    /// Notes who decides a fact; `before` decided it so far.
    pub(crate) fn decided(&mut self, path: &str, before: Option<Span>, now: Span) {
        let known = self.history.iter().any(|d| d.path == path);
        let first = before.filter(|s| !known && *s != crate::source::NOWHERE);
        let spans = first.into_iter().chain([now]);
        self.history.extend(spans.map(|span| Decision { path: path.to_string(), span }));
    }

    /// The layer of a text: what messages call it.
    pub(crate) fn layer_of(&self, span: Span) -> &str {
        let own = self.layers.iter().find(|l| l.file == span.file);
        own.or(self.layers.first()).map_or("the base", |l| l.name.as_str())
    }

    /// The scope of the machine; names declared twice are reported. The second list is of what is
    /// declared again and is left out of everything.
    pub(crate) fn scope(&self, sink: &mut Sink) -> (HashMap<&str, (Entity, Span)>, Vec<Entity>) {
        let mut all: Vec<(&Name, Entity)> = self.declared().collect();
        all.sort_by_key(|(n, _)| (n.span.file, n.span.start));
        let mut scope: HashMap<&str, (Entity, Span)> = HashMap::with_capacity(all.len());
        let mut again = Vec::new();
        for (name, entity) in all {
            if name.text.is_empty() {
                continue;
            }
            if let Some((before, first)) = scope.get(name.text.as_str()) {
                let d =
                    Diagnostic::new(codes::E0301, name.span, format!("`{name}` is declared twice"))
                        .label("the second declaration")
                        .also(*first, "the first one")
                        .path(name.text.clone());
                let parts = matches!((entity, before), (Entity::Part(_), Entity::Part(_)));
                sink.push(if parts {
                    d.help("to map the same part a second time, leave out its type")
                } else {
                    d.note("parts, buses, clocks, plugs, params and values share one set of names")
                });
                again.push(entity);
                continue;
            }
            scope.insert(&name.text, (entity, name.span));
        }
        for name in &self.unknown {
            scope.entry(name).or_insert((Entity::Unknown, crate::source::NOWHERE));
        }
        (scope, again)
    }
}
