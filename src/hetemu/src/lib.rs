//! hetemu as a library: find, check and run machines.
//!
//! [`Builder`] checks and makes a machine, [`Machine`] runs it and looks into it:
//!
//! ```
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), hetemu::Error> {
//! let mut machine = hetemu::Builder::find("opentitan")?.build()?;
//! machine.expect("hello", Duration::from_secs(1))?;
//! println!("{} at pc {:#x}", machine.output()?, machine.register("ibex", "pc")?);
//! # Ok(())
//! # }
//! ```
//!
//! The binary is a thin layer of commands over this; it is the only crate that names devices and
//! targets, in [`registry`].

pub mod codes;
pub mod find;
pub mod look;
mod machine;
pub mod plugs;
pub mod registry;
pub mod script;
pub mod suite;

pub use machine::{Builder, Error, Jit, Machine, Match, Stop, Until, image, realize};

use find::Source;
use hetemu_graph::Graph;
use hetemu_lang::diag::Sink;
use hetemu_lang::lock::Lock;
use hetemu_lang::syntax::ast::HeadKind;
use hetemu_lang::{Diagnostic, Overrides, Severity, SourceMap};
use hetemu_schema::{Catalog, PlugKind};
use std::path::{Path, PathBuf};

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
    /// The machine as its texts state it, flat.
    pub typed: hetemu_lang::typed::Machine,
    /// The lock file beside the machine, if there is one.
    pub lock: Option<Lock>,
    /// What the file describes.
    pub kind: HeadKind,
    /// The texts that it names.
    pub ingredients: Vec<hetemu_lang::Ingredient>,
}

/// Values of `--set` and `--plug`.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `--set name=value`
    pub set: Vec<(String, String)>,
    /// `--plug name=value`
    pub plug: Vec<(String, String)>,
    /// `--profile name`
    pub profile: Option<String>,
}

/// Reads and checks a machine's text.
pub fn check(source: &Source, settings: &Settings, catalog: &Catalog) -> Loaded {
    check_from(source, settings, catalog, &find::Shelf)
}

/// As [`check`], with the texts that the machine names from somewhere else.
pub fn check_from(
    source: &Source,
    settings: &Settings,
    catalog: &Catalog,
    library: &dyn hetemu_lang::Library,
) -> Loaded {
    let mut sources = SourceMap::new();
    let file = hetemu_lang::add_bytes(&mut sources, &source.name, &source.bytes);
    let profile = settings.profile.as_deref();
    let overrides = Overrides::with_profile(&mut sources, &settings.set, &settings.plug, profile);
    let mut overrides = overrides;
    let mut unread = Sink::default();
    let lock = read_lock(source, &mut sources, &mut unread);
    if let (Some(lock), Some((_, name))) = (&lock, lock_of(source))
        && let Some(locked) = lock.machines.get(&name)
    {
        overrides.locked = locked.versions();
    }
    let mut checked = hetemu_lang::check_with(&mut sources, file, catalog, &overrides, library);
    hetemu_lang::not_text(&source.bytes, file, &mut checked);
    let (mut graph, mut diagnostics) = (checked.graph, checked.diagnostics);
    diagnostics.extend(unread.finish());
    graph = graph.filter(|_| diagnostics.iter().all(|d| d.severity != Severity::Error));
    let typed = checked.typed;
    if let Some(graph) = &mut graph {
        for plug in &mut graph.plugs {
            let said = typed.plugs.iter().find(|p| p.name.text == plug.name);
            let value = said.and_then(|p| p.value.as_ref());
            if settings.plug.iter().any(|(name, _)| *name == plug.name) {
                plug.from_text = false;
            } else if let Some(v) = value
                && v.span.file != file
                && let Some(text) = sources.get(v.span.file)
            {
                relative_to(plug, &text.name);
            }
        }
    }
    let ingredients = checked.ingredients;
    let kind = typed.kind.unwrap_or(HeadKind::Machine);
    Loaded { sources, file, diagnostics, graph, typed, lock, kind, ingredients }
}

/// The lock file of a machine, and the machine's name in it. What is shipped has none.
pub fn lock_of(source: &Source) -> Option<(PathBuf, String)> {
    let find::Base::Folder(folder) = &source.base else { return None };
    let name = Path::new(&source.name).file_name()?.to_str()?.to_string();
    Some((folder.join("hetemu.lock"), name))
}

fn read_lock(source: &Source, sources: &mut SourceMap, sink: &mut Sink) -> Option<Lock> {
    let (path, _) = lock_of(source)?;
    let text = std::fs::read_to_string(&path).ok()?;
    let file = sources.add(path.display().to_string(), text.as_str());
    Some(Lock::read(&text, file, sink))
}

/// A path that another text names is relative to that text.
fn relative_to(plug: &mut hetemu_graph::Plug, text: &str) {
    let file = plug.kind == PlugKind::Image || plug.kind == PlugKind::Block;
    let folder = Path::new(text).parent().map(|p| p.to_path_buf()).unwrap_or_default();
    if let Some(value) = plug.value.as_ref().filter(|_| file && plug.from_text) {
        let path = folder.join(value);
        if path.is_file() {
            plug.value = Some(path.display().to_string());
            plug.from_text = false;
        }
    }
}

/// What changes from one text to the other, as a unified diff.
pub fn text_diff(name: &str, old: &str, new: &str) -> String {
    let name = name.trim_start_matches('/');
    let (a, b) = (format!("a/{name}"), format!("b/{name}"));
    similar::TextDiff::from_lines(old, new).unified_diff().header(&a, &b).to_string()
}
