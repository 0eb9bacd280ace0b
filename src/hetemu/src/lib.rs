//! hetemu as a library: find, check and run machines.
//!
//! The binary is a thin layer of commands over this; it is the only crate that names devices and
//! targets, in [`registry`].

pub mod codes;
pub mod find;
pub mod look;
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
    let file = hetemu_lang::add_bytes(&mut sources, &source.name, &source.bytes);
    let overrides = Overrides::from_args(&mut sources, &settings.set, &settings.plug);
    let mut checked = hetemu_lang::check(&sources, file, catalog, &overrides);
    hetemu_lang::not_text(&source.bytes, file, &mut checked);
    let (mut graph, diagnostics) = (checked.graph, checked.diagnostics);
    if let Some(graph) = &mut graph {
        for (name, _) in &settings.plug {
            if let Some(plug) = graph.plugs.iter_mut().find(|p| p.name == *name) {
                plug.from_text = false;
            }
        }
    }
    Loaded { sources, file, diagnostics, graph }
}
