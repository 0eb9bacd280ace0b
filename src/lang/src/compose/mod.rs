//! Composition: from the text of a machine and the texts that it names to one flat machine.
//!
//! A machine is a chain of layers: its innermost base, the overlays and the values of a profile,
//! the overlays of the machine, its own body, the command line. The nearer wins; overlays of one
//! machine are not ordered. Modules are written out in place: a part of the module `soc` is called
//! `soc.uart0`, and what the module is given stands where the module refers to it. So the checker
//! sees one machine and no layers but for wires, which it compares by the lines that they mean.
//! See "Composition" in the language's design.

mod layer;
mod library;
mod module;
mod overlay;
pub(crate) mod paths;
mod profile;
mod remove;

pub use library::{Library, NoLibrary, Text};
pub use profile::{Profile, read_profile};

use crate::diag::{Diagnostic, Sink, codes, suggest};
use crate::source::{FileId, NOWHERE, SourceMap, Span};
use crate::syntax::ast::{self, HeadKind, TypeRef, Use};
use crate::syntax::parse;
use crate::typed::{Layer, Machine};
use hetemu_schema::Catalog;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Bases below bases, and modules in modules.
const DEEPEST: usize = 16;

/// A text that composition brought in, for the lock file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ingredient {
    /// `machine`, `profile`, `overlay`, `module`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Its text in the source map.
    pub file: FileId,
    /// Where it is named.
    pub span: (FileId, u32, u32),
}

/// What a name of another text is looked up for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// `extends`
    Base,
    /// The machine of a profile.
    Machine,
    Overlay,
    Module,
}

impl Want {
    fn words(self) -> &'static str {
        match self {
            Want::Base => "a machine or a profile",
            Want::Machine => "a machine",
            Want::Overlay => "an overlay",
            Want::Module => "a module",
        }
    }

    fn takes(self, kind: Kind) -> bool {
        match self {
            Want::Base => matches!(kind, Kind::Machine | Kind::Profile),
            Want::Machine => kind == Kind::Machine,
            Want::Overlay => kind == Kind::Overlay,
            Want::Module => kind == Kind::Module,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Machine,
    Profile,
    Overlay,
    Module,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Machine => "machine",
            Kind::Profile => "profile",
            Kind::Overlay => "overlay",
            Kind::Module => "module",
        }
    }
}

/// A text that was found.
#[derive(Debug, Clone)]
struct Found {
    file: FileId,
    kind: Kind,
    name: String,
    version: u32,
}

impl Found {
    fn full(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// One run of composition.
pub(crate) struct Composer<'a> {
    pub(crate) sources: &'a mut SourceMap,
    pub(crate) library: &'a dyn Library,
    pub(crate) catalog: &'a Catalog,
    pub(crate) sink: &'a mut Sink,
    pub(crate) ingredients: Vec<Ingredient>,
    /// Versions of names that say none, from a lock file.
    pub(crate) locked: BTreeMap<String, u32>,
    /// Trees that were read and not used yet, with what is wrong in them.
    read: BTreeMap<FileId, (ast::File, Vec<Diagnostic>)>,
    modules: BTreeMap<FileId, Rc<ast::File>>,
    /// What the texts describe that were composed.
    kinds: BTreeMap<FileId, HeadKind>,
    /// What a type of a text means, if it is a module.
    module_types: BTreeMap<(FileId, String), Option<Found>>,
    /// Texts that are being composed, from the outermost on.
    busy: Vec<FileId>,
    /// Modules that were written out.
    written: usize,
}

impl<'a> Composer<'a> {
    pub(crate) fn new(
        sources: &'a mut SourceMap,
        library: &'a dyn Library,
        catalog: &'a Catalog,
        sink: &'a mut Sink,
    ) -> Composer<'a> {
        Composer {
            sources,
            library,
            catalog,
            sink,
            ingredients: Vec::new(),
            locked: BTreeMap::new(),
            read: BTreeMap::new(),
            modules: BTreeMap::new(),
            kinds: BTreeMap::new(),
            module_types: BTreeMap::new(),
            busy: Vec::new(),
            written: 0,
        }
    }

    /// The machine of a text, with the profile of the command line above it.
    pub(crate) fn compose(&mut self, file: FileId, profile: Option<&TypeRef>) -> Machine {
        let mut m = self.machine(file);
        m.kind = match self.is_profile(file) {
            true => Some(HeadKind::Machine),
            false => self.kinds.get(&file).copied(),
        };
        if let Some(t) = profile {
            self.profile_above(&mut m, t, file);
        }
        let dotted = m.declared().any(|(n, _)| n.text.contains('.'));
        if dotted || !m.instances.is_empty() {
            self.join_names(&mut m);
        }
        m
    }

    /// Whether a text is a profile.
    fn is_profile(&self, file: FileId) -> bool {
        self.sources.get(file).is_some_and(|f| f.name.ends_with(".toml"))
    }

    fn machine(&mut self, file: FileId) -> Machine {
        if self.is_profile(file) {
            return self.profile_machine(file);
        }
        let tree = self.take(file);
        let kind = tree.head.as_ref().map_or(HeadKind::Machine, |h| h.kind);
        self.kinds.insert(file, kind);
        match kind {
            HeadKind::Module => return self.module_alone(file, tree),
            HeadKind::Overlay => return self.overlay_alone(file, tree),
            HeadKind::Machine | HeadKind::Device => {}
        }
        let head = tree.head.clone();
        let extends = head.as_ref().and_then(|h| h.extends.clone());
        self.busy.push(file);
        let mut m = match &extends {
            Some(t) => self.base(t, file, &tree.uses, Want::Base),
            None => Machine::default(),
        };
        if let Some(h) = &head {
            self.overlays(&mut m, &h.with, file, &tree.uses, &tree.stmts);
        }
        let name = head.as_ref().map_or(String::new(), |h| h.name.name.clone());
        let version = head.as_ref().and_then(|h| h.name.version).unwrap_or(1);
        let layer = self.layer_of(&mut m, format!("{name}@{version}"), file);
        m.name = name;
        m.span = head.map_or(NOWHERE, |h| h.name.span);
        m.doc.clone_from(&tree.doc);
        self.apply(&mut m, tree, layer, extends.is_some());
        self.busy.pop();
        m
    }

    /// A new layer above the others.
    fn layer_of(&mut self, m: &mut Machine, name: String, file: FileId) -> u32 {
        let rank = m.layers.last().map_or(0, |l| l.rank + 1);
        m.layers.push(Layer { name, rank, file });
        m.layers.len() as u32 - 1
    }

    /// The machine that another is made from; an unknown one leaves everything open.
    fn base(&mut self, t: &TypeRef, from: FileId, uses: &[Use], want: Want) -> Machine {
        let open = || Machine { lost: true, ..Machine::default() };
        let Some(found) = self.resolve(t, from, uses, want) else { return open() };
        if self.circle(&found, t.span) {
            return open();
        }
        self.note(&found, t);
        let mut m = self.machine(found.file);
        m.span = NOWHERE;
        m
    }

    /// Reports a text that is made from itself.
    fn circle(&mut self, found: &Found, at: Span) -> bool {
        let circle = self.busy.contains(&found.file);
        if circle || self.busy.len() >= DEEPEST {
            let what = match circle {
                true => format!("`{}` is made from itself", found.name),
                false => format!("more than {DEEPEST} texts are made from one another"),
            };
            let mut d = Diagnostic::new(codes::E0709, at, what);
            let names = self.busy.iter().filter_map(|f| self.sources.get(*f));
            let names: Vec<String> = names.map(|f| f.name.clone()).collect();
            if circle && names.len() > 1 {
                d = d.note(format!("by way of {}", names.join(", ")));
            }
            self.sink.push(d);
        }
        circle || self.busy.len() >= DEEPEST
    }

    fn note(&mut self, found: &Found, t: &TypeRef) {
        let (kind, name, version) = (found.kind.word(), found.name.clone(), found.version);
        let span = (t.span.file, t.span.start, t.span.end);
        self.ingredients.push(Ingredient { kind, name, version, file: found.file, span });
    }

    /// Reads a text once; what is wrong with it waits until it is used.
    fn tree(&mut self, file: FileId) -> &ast::File {
        if !self.read.contains_key(&file) {
            let mut sink = Sink::default();
            let text = self.sources.get(file).map_or("", |f| f.text.as_str());
            let tree = parse(text, file, &mut sink);
            self.read.insert(file, (tree, sink.finish()));
        }
        &self.read.entry(file).or_default().0
    }

    /// The tree of a text that is used now; what is wrong with it is said.
    fn take(&mut self, file: FileId) -> ast::File {
        self.tree(file);
        let (tree, wrong) = self.read.remove(&file).unwrap_or_default();
        wrong.into_iter().for_each(|d| self.sink.push(d));
        tree
    }

    /// Adds a text that is not there yet.
    fn open(&mut self, text: Text) -> FileId {
        let same = self.sources.files().position(|f| f.name == text.name && f.text == text.text);
        same.map_or_else(|| self.sources.add(text.name, text.text), |i| i as FileId)
    }

    /// What a text says that it is.
    fn identity(&mut self, file: FileId) -> Option<Found> {
        if self.is_profile(file) {
            let mut quiet = Sink::default();
            let text = self.sources.get(file).map_or("", |f| f.text.as_str());
            let p = read_profile(text, file, &mut quiet)?;
            return Some(Found {
                file,
                kind: Kind::Profile,
                name: p.name.text,
                version: p.version,
            });
        }
        let head = self.tree(file).head.as_ref()?;
        let kind = match head.kind {
            HeadKind::Machine => Kind::Machine,
            HeadKind::Module => Kind::Module,
            HeadKind::Overlay => Kind::Overlay,
            HeadKind::Device => return None,
        };
        let name = head.name.name.clone();
        Some(Found { file, kind, name, version: head.name.version.unwrap_or(1) })
    }

    /// Every text that a name may mean: what the file brings in first.
    fn candidates(&mut self, name: &str, from: FileId, uses: &[Use]) -> Vec<Found> {
        let mut out = Vec::new();
        let beside = self.sources.get(from).map_or(String::new(), |f| f.name.clone());
        for u in uses {
            let text = match self.library.path(&u.path.text, &beside) {
                Ok(text) => text,
                Err(why) => {
                    let what = format!("`{}` cannot be read: {why}", u.path);
                    let d = Diagnostic::new(codes::E0708, u.path.span, what);
                    // Said once, however many names are looked up.
                    if !self.sink.since(0).contains(&d) {
                        self.sink.push(d);
                    }
                    continue;
                }
            };
            let file = self.open(text);
            let called = |f: &Found| match &u.alias {
                Some(a) => a.text == name,
                None => f.name == name,
            };
            out.extend(self.identity(file).filter(called));
        }
        if out.is_empty() {
            for text in self.library.named(name, &beside) {
                let file = self.open(text);
                out.extend(self.identity(file).filter(|f| f.name == name));
            }
        }
        out
    }

    /// The text that a name means; what cannot be found is reported.
    fn resolve(&mut self, t: &TypeRef, from: FileId, uses: &[Use], want: Want) -> Option<Found> {
        let all = self.candidates(&t.name, from, uses);
        let (fit, other): (Vec<_>, Vec<_>) = all.into_iter().partition(|f| want.takes(f.kind));
        let newest = fit.iter().map(|f| f.version).max();
        let locked = self.locked.get(&t.name).copied();
        let locked = locked.filter(|v| fit.iter().any(|f| f.version == *v));
        let wanted = t.version.or(locked).or(newest);
        if let Some(found) = fit.iter().find(|f| Some(f.version) == wanted) {
            return Some(found.clone());
        }
        if let (Some(v), false) = (t.version, fit.is_empty()) {
            let what = format!("`{}` has no version {v}", t.name);
            let list: Vec<String> = fit.iter().map(|f| f.version.to_string()).collect();
            let d = Diagnostic::new(codes::E0708, t.span, what);
            self.sink.push(d.note(format!("versions are {}", list.join(", "))));
            return None;
        }
        if let Some(f) = other.first() {
            let what = format!(
                "`{}` is {}, and {} is needed here",
                t.name,
                crate::diag::suggest::article(f.kind.word()),
                want.words()
            );
            let place = Span { file: f.file, start: 0, end: 0 };
            let d = Diagnostic::new(codes::E0306, t.span, what);
            self.sink.push(d.also(place, "found here"));
            return None;
        }
        let what = format!("{} called `{}` cannot be found", want.words(), t.name);
        let d = Diagnostic::new(codes::E0708, t.span, what);
        let names = self.library.names();
        let d = match suggest::nearest(&t.name, names.iter().map(String::as_str)) {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None => d,
        };
        self.sink.push(d.note(
            "looked for in the files of `use`, beside this file, in `machines/` and `profiles/`, \
             and among what is shipped",
        ));
        None
    }
}
