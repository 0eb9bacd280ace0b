//! The typed machine: plain data between the front ends and the checker.
//!
//! `.hm` text fills it from the syntax tree ([`from_file`]), QMP fills it step by step; both pass
//! the same checker. Every place in it may be [`crate::source::NOWHERE`].

mod overrides;

use crate::diag::{Diagnostic, Sink, codes};
use crate::expr::{Expr, Name};
use crate::source::Span;
use crate::syntax::ast::{self, Stmt};
use std::collections::HashMap;

pub use crate::syntax::ast::{
    Bus, Extent, Param, Part, Plug, Require, Row, Setting, TypeRef, Wire,
};
pub(crate) use overrides::apply;
pub use overrides::{Override, Overrides};

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
    /// Names of statements that could not be read, and lost ones.
    pub unknown: Vec<String>,
    /// Statements were lost: wires and settings that seem to be missing may be in them.
    pub gaps: bool,
    /// Statements were lost without a trace of their names: unresolved names may be theirs.
    pub lost: bool,
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
            Entity::Unknown => "unknown",
        }
    }
}

/// Fills a machine from the tree of its file. Settings of the file that stand outside of parts are
/// carried to where they belong.
pub fn from_file(file: ast::File, sink: &mut Sink) -> Machine {
    let mut m = Machine {
        span: file.head.as_ref().map_or(crate::source::NOWHERE, |h| h.name.span),
        name: file.head.map(|h| h.name.name).unwrap_or_default(),
        doc: file.doc,
        unknown: file.unknown,
        gaps: file.gaps,
        lost: file.lost,
        ..Machine::default()
    };
    let mut outside = Vec::new();
    for stmt in file.stmts {
        match stmt {
            Stmt::Param(p) => m.params.push(p),
            Stmt::Let(n, e) => m.lets.push((n, e)),
            Stmt::Clock(n, e) => m.clocks.push((n, e)),
            Stmt::Plug(p) => m.plugs.push(p),
            Stmt::Part(p) => m.parts.push(p),
            Stmt::Wire(w) => m.wires.push(w),
            Stmt::Require(r) => m.requires.push(r),
            Stmt::Set(s) => outside.push(s),
            Stmt::Bus(mut bus) => {
                for row in &mut bus.rows {
                    if let Some(part) = row.part.take() {
                        if row.target.single().is_none() {
                            let d = Diagnostic::new(
                                codes::E0114,
                                row.target.span,
                                "the name of a new part has no dots and no index",
                            );
                            sink.push(d);
                            m.unknown.push(part.name.text);
                            continue;
                        }
                        row.declares = true;
                        m.parts.push(part);
                    }
                }
                m.buses.push(bus);
            }
        }
    }
    for s in outside {
        overrides::set(&mut m, s, sink);
    }
    m
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
        params.chain(lets).chain(clocks).chain(plugs).chain(buses).chain(parts)
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
