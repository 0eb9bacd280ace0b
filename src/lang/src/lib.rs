//! The machine description language: `.hm` text to wired graph, and everything that can be wrong
//! with it.
//!
//! Text becomes a tree ([`syntax`]), the tree a typed machine ([`typed`]), the typed machine passes
//! the checker and becomes a [`hetemu_graph::Graph`]. The crate is pure: texts come from a
//! [`SourceMap`], types from a [`Catalog`], and it names no device. Parsing never fails and
//! checking constructs nothing; what is wrong is told in [`diag::Diagnostic`]s, all of a run at
//! once.

mod check;
pub mod diag;
pub mod expr;
mod lower;
pub mod source;
pub mod syntax;
pub mod typed;

pub use diag::{Diagnostic, Severity, apply_fixes, render, to_json};
pub use source::{FileId, SourceMap, Span};
pub use typed::{Override, Overrides};

use diag::{Code, Sink, codes};
use hetemu_graph::Graph;
use hetemu_schema::Catalog;

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// The wired graph, if there is no error.
    pub graph: Option<Graph>,
    /// Everything to say, in file order.
    pub diagnostics: Vec<Diagnostic>,
    /// The machine as its texts state it.
    pub typed: typed::Machine,
}

impl Checked {
    /// How many messages of a severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == severity).count()
    }
}

/// Reads and checks a file of the map; the overrides win over its text.
pub fn check(
    sources: &SourceMap,
    file: FileId,
    catalog: &Catalog,
    overrides: &Overrides,
) -> Checked {
    let mut sink = Sink::default();
    let text = sources.get(file).map_or("", |f| f.text.as_str());
    let tree = syntax::parse(text, file, &mut sink);
    let mut machine = typed::from_file(tree, &mut sink);
    typed::apply(&mut machine, overrides, &mut sink);
    // The command line decides for one run; whether the file holds for all values is checked
    // without.
    let all_values = overrides.set.is_empty();
    finish(machine, sources, catalog, sink, all_values)
}

/// Checks a machine that was filled without a text, as QMP does.
pub fn check_machine(machine: typed::Machine, sources: &SourceMap, catalog: &Catalog) -> Checked {
    finish(machine, sources, catalog, Sink::default(), false)
}

fn finish(
    machine: typed::Machine,
    sources: &SourceMap,
    catalog: &Catalog,
    mut sink: Sink,
    all_values: bool,
) -> Checked {
    let mut graph = check::check(&machine, catalog, &mut sink);
    if all_values && graph.is_some() {
        check::ends_of_ranges(&machine, catalog, &mut sink);
    }
    if let Some(g) = &mut graph {
        g.files = sources.files().map(|f| f.name.clone()).collect();
    }
    Checked { graph, diagnostics: sink.finish(), typed: machine }
}

/// Checks any bytes; never panics. For fuzzing and for files that may not be text.
pub fn check_bytes(bytes: &[u8], catalog: &Catalog) -> Checked {
    let text = String::from_utf8_lossy(bytes);
    let (sources, file) = SourceMap::single("input.hm", text.as_ref());
    let mut checked = check(&sources, file, catalog, &Overrides::default());
    if let Err(e) = std::str::from_utf8(bytes) {
        let at = e.valid_up_to() as u32;
        checked.diagnostics.insert(0, not_text(Span { file, start: at, end: at }));
        checked.graph = None;
    }
    checked
}

/// E0115 for a file that is not UTF-8.
pub fn not_text(at: Span) -> Diagnostic {
    Diagnostic::new(codes::E0115, at, "this file is not UTF-8 text from here on")
}

/// The page of a code, Markdown; upper or lower case.
pub fn explain(code: &str) -> Option<&'static str> {
    codes::find(code).map(Code::page)
}

/// Every code, in order of its number.
pub fn all_codes() -> impl Iterator<Item = Code> {
    codes::ALL.iter().copied()
}
