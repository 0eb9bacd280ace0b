//! hetemu as a library: find, check and run machines.
//!
//! The binary is a thin layer of commands over this; it is the only crate that names devices and
//! targets, in [`registry`].

pub mod codes;
pub mod find;
pub mod registry;
pub mod script;

use find::Source;
use hetemu_graph::Graph;
use hetemu_lang::{Diagnostic, Overrides, SourceMap};
use hetemu_schema::Catalog;

/// A machine file that was read and checked.
#[derive(Debug)]
pub struct Loaded {
    /// All texts, for messages.
    pub sources: SourceMap,
    /// The number of the machine's own text.
    pub file: u32,
    /// Everything to say.
    pub diagnostics: Vec<Diagnostic>,
    /// The wired graph, if there is no error.
    pub graph: Option<Graph>,
}

/// Values of `--set` and `--plug`.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `--set name=value`
    pub set: Vec<(String, String)>,
    /// `--plug name=value`
    pub plug: Vec<(String, String)>,
}

/// Reads and checks a machine's text.
pub fn check(source: &Source, settings: &Settings, catalog: &Catalog) -> Loaded {
    let mut sources = SourceMap::new();
    let text = String::from_utf8_lossy(&source.bytes);
    let file = sources.add(source.name.clone(), text.as_ref());
    let overrides = Overrides::from_args(&mut sources, &settings.set, &settings.plug);
    let checked = hetemu_lang::check(&sources, file, catalog, &overrides);
    let (mut graph, mut diagnostics) = (checked.graph, checked.diagnostics);
    if let Err(e) = std::str::from_utf8(&source.bytes) {
        let at = e.valid_up_to() as u32;
        let place = hetemu_graph::Span { file, start: at, end: at };
        diagnostics.insert(0, hetemu_lang::not_text(place));
        graph = None;
    }
    if let Some(graph) = &mut graph {
        for (name, _) in &settings.plug {
            if let Some(plug) = graph.plugs.iter_mut().find(|p| p.name == *name) {
                plug.from_text = false;
            }
        }
    }
    Loaded { sources, file, diagnostics, graph }
}
