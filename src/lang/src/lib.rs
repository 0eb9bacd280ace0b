//! The machine description language: `.hm` text to wired graph, and everything that can be wrong
//! with it.
//!
//! Text becomes a tree ([`syntax`]), the tree a typed machine ([`typed`]), the typed machine passes
//! the checker and becomes a [`hetemu_graph::Graph`]. The crate is pure: texts come from a
//! [`SourceMap`], types from a [`Catalog`], and it names no device. Parsing never fails and
//! checking constructs nothing; what is wrong is told in [`diag::Diagnostic`]s, all of a run at
//! once.

mod check;
mod compose;
pub mod diag;
mod expand;
pub mod expr;
mod fmt;
pub mod lock;
mod lower;
pub mod outline;
pub mod source;
pub mod svd;
pub mod syntax;
pub mod typed;

pub use compose::{Ingredient, Library, NoLibrary, Profile, Text, read_profile};
pub use diag::{Diagnostic, Severity, apply_fixes, render};
pub use diag::{to_github, to_json, to_junit, to_sarif};
pub use expand::{Expanded, Fact, expand, expand_graph};
pub use fmt::format;
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
    /// The texts that it names.
    pub ingredients: Vec<Ingredient>,
}

impl Checked {
    /// How many messages of a severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == severity).count()
    }
}

/// Reads and checks a file of the map; the overrides win over its text. Texts that it names cannot
/// be found: see [`check_with`].
pub fn check(
    sources: &SourceMap,
    file: FileId,
    catalog: &Catalog,
    overrides: &Overrides,
) -> Checked {
    let mut own = sources.clone();
    check_with(&mut own, file, catalog, overrides, &NoLibrary)
}

/// Reads and checks a file of the map and the texts that it names, which are added to the map.
pub fn check_with(
    sources: &mut SourceMap,
    file: FileId,
    catalog: &Catalog,
    overrides: &Overrides,
    library: &dyn Library,
) -> Checked {
    let mut sink = Sink::default();
    let mut composer = compose::Composer::new(sources, library, catalog, &mut sink);
    composer.locked.clone_from(&overrides.locked);
    let profile = overrides.profile.as_ref();
    let mut machine = composer.compose(file, profile);
    let ingredients = composer.ingredients;
    machine.locked.clone_from(&overrides.locked);
    typed::apply(&mut machine, overrides, &mut sink);
    // The command line decides for one run; whether the file holds for all values is checked
    // without.
    let all_values = overrides.set.is_empty();
    Checked { ingredients, ..finish(machine, sources, catalog, sink, all_values) }
}

/// Checks a machine that was filled without a text, as QMP does.
pub fn check_machine(machine: typed::Machine, sources: &SourceMap, catalog: &Catalog) -> Checked {
    finish(machine, sources, catalog, Sink::default(), false)
}

fn finish(
    mut machine: typed::Machine,
    sources: &SourceMap,
    catalog: &Catalog,
    mut sink: Sink,
    all_values: bool,
) -> Checked {
    let (mut graph, moved) = check::check(&machine, catalog, &mut sink);
    for (end, before, now) in moved {
        machine.decided(&end, Some(before), now);
    }
    if all_values && graph.is_some() {
        check::ends_of_ranges(&machine, catalog, &mut sink);
    }
    if let Some(g) = &mut graph {
        g.files = sources.files().map(|f| f.name.clone()).collect();
    }
    let ingredients = Vec::new();
    Checked { graph, diagnostics: sink.finish(), typed: machine, ingredients }
}

/// Checks any bytes; never panics. For fuzzing and for files that may not be text.
pub fn check_bytes(bytes: &[u8], catalog: &Catalog) -> Checked {
    let mut sources = SourceMap::new();
    let file = add_bytes(&mut sources, "input.hm", bytes);
    let mut checked = check(&sources, file, catalog, &Overrides::default());
    not_text(bytes, file, &mut checked);
    checked
}

/// Adds a file that may not be text; of one that certainly is not, nothing is kept to be shown.
pub fn add_bytes(sources: &mut SourceMap, name: &str, bytes: &[u8]) -> FileId {
    let text = if bytes.contains(&0) { "".into() } else { String::from_utf8_lossy(bytes) };
    sources.add(name, text.as_ref())
}

/// Says E0115 if the bytes of a checked file are not UTF-8 text. Where they are no text at all it
/// is the only thing to say.
pub fn not_text(bytes: &[u8], file: FileId, checked: &mut Checked) {
    let binary = bytes.contains(&0);
    let at = match std::str::from_utf8(bytes) {
        Ok(_) if !binary => return,
        Err(e) if !binary => e.valid_up_to() as u32,
        _ => 0,
    };
    let mut diag = Diagnostic::new(
        codes::E0115,
        Span { file, start: at, end: at },
        if binary { "this file is not text" } else { "this file is not UTF-8 text from here on" },
    );
    if bytes.starts_with(b"\x7fELF") {
        diag =
            diag.help("this is a program: `hetemu run MACHINE --image FILE` runs it on a machine");
    }
    if binary {
        checked.diagnostics.clear();
    }
    checked.diagnostics.insert(0, diag);
    checked.graph = None;
}

/// The page of a code, Markdown; upper or lower case.
pub fn explain(code: &str) -> Option<&'static str> {
    codes::find(code).map(Code::page)
}

/// Every code, in order of its number.
pub fn all_codes() -> impl Iterator<Item = Code> {
    codes::ALL.iter().copied()
}
