//! Saved states as files.
//!
//! Besides the sections of [`Saved`] a file has `about` (time, instructions, the base that it
//! builds on) and `graph`, the canonical JSON of the machine, compressed, with its semantic hash.

use super::Saved;
use crate::phases::Realized;
use crate::report::Report;
use crate::run::Running;
use hetemu_graph::{Class, Detail, Graph, diff, from_json, json_text, semantic_hash};
use hetemu_isa::{LoadError, Reader, Writer};
use hetemu_snapshot::{Container, Error, Id, Memory};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Versions of `about` and `graph`.
const VERSION: u32 = 1;

const ABOUT: &str = "about";
const GRAPH: &str = "graph";

const NOW: u16 = 1;
const RETIRED: u16 = 2;
/// Id and file name of the base; missing without.
const BASE: u16 = 3;
const BASE_NAME: u16 = 4;
const HASH: u16 = 5;
const MACHINE: u16 = 6;

const JSON: u16 = 1;

/// Longest JSON of a machine, unpacked.
const LONGEST: usize = 256 << 20;

/// Why a file is no state of this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It is no snapshot.
    #[error(transparent)]
    Container(#[from] Error),
    /// It builds on another one that must be read first.
    #[error("it builds on the snapshot `{name}`")]
    NeedsBase {
        /// The base's id.
        id: Id,
        /// Its file's name, as it was.
        name: String,
    },
    /// The state does not fit.
    #[error("{}", .0.message)]
    State(Report),
}

/// What a file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The machine's name.
    pub machine: String,
    /// Virtual time.
    pub at: u64,
    /// Instructions retired.
    pub retired: u64,
    /// The base's id and the name of its file.
    pub base: Option<(Id, String)>,
    /// The machine's semantic hash.
    pub hash: String,
    /// The machine: the canonical JSON.
    pub graph: String,
}

impl About {
    /// The content of an `about` section, without the base that it names.
    pub fn without_base(bytes: &[u8]) -> Vec<u8> {
        let r = Reader::new(bytes);
        let mut w = Writer::default();
        for field in [NOW, RETIRED, HASH, MACHINE] {
            if let Ok(value) = r.bytes(field) {
                w.bytes(field, value);
            }
        }
        w.finish()
    }

    /// Reads it.
    ///
    /// # Errors
    /// A section is missing or does not fit.
    pub fn of(container: &Container) -> Result<About, Error> {
        let fits = |e: LoadError| Error::bad(ABOUT, e.to_string());
        let about = container.need(ABOUT)?;
        let r = Reader::new(&about.bytes);
        let text = |field| match r.bytes(field) {
            Ok(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
            Err(e) => Err(fits(e)),
        };
        let base = match r.bytes(BASE) {
            Ok(id) => {
                let id = id.try_into().map_err(|_| fits(LoadError::Bad(BASE)))?;
                Some((id, text(BASE_NAME)?))
            }
            Err(_) => None,
        };
        let graph = container.need(GRAPH)?;
        let packed = Reader::new(&graph.bytes);
        let packed = packed.bytes(JSON).map_err(|e| Error::bad(GRAPH, e.to_string()))?;
        let json = hetemu_snapshot::unpack_text(packed, LONGEST);
        Ok(About {
            machine: text(MACHINE)?,
            at: r.int(NOW).map_err(fits)?,
            retired: r.int(RETIRED).map_err(fits)?,
            base,
            hash: text(HASH)?,
            graph: json.ok_or_else(|| Error::bad(GRAPH, "it cannot be unpacked"))?,
        })
    }
}

/// How a state becomes a file.
#[derive(Default)]
pub struct Packing<'a> {
    /// The state that it builds on, with the id and the name of its file.
    pub base: Option<(&'a Saved, Id, &'a str)>,
    /// Everything is in the file: also what the images hold, which else are needed to read it.
    pub whole: bool,
}

impl Running {
    /// The state as a file.
    ///
    /// # Errors
    /// An image cannot be read again.
    pub fn pack(&self, saved: &Saved, how: &Packing<'_>) -> Result<Container, Report> {
        let mut out = Container::default();
        let graph = &*self.declared_graph();
        let mut w = Writer::default();
        w.int(NOW, saved.at);
        w.int(RETIRED, saved.retired);
        if let Some((_, id, name)) = &how.base {
            w.bytes(BASE, id);
            w.bytes(BASE_NAME, name.as_bytes());
        }
        w.bytes(HASH, semantic_hash(graph).as_bytes());
        w.bytes(MACHINE, graph.name.as_bytes());
        out.add(ABOUT, VERSION, w.finish());
        let mut w = Writer::default();
        w.bytes(JSON, &hetemu_snapshot::pack_text(&json_text(graph, Detail::Full)));
        out.add(GRAPH, VERSION, w.finish());
        for s in &saved.sections {
            out.add(s.name.clone(), s.version, s.bytes.clone());
        }
        let initial = if how.whole { BTreeMap::new() } else { self.m.initial()? };
        for (name, memory) in &saved.memories {
            let base = how.base.as_ref().and_then(|b| b.0.memories.get(name)).map(|m| &**m);
            let initial = initial.get(name).map(|m| (m, m.digest()));
            out.add(name.clone(), VERSION, memory.pack(base, initial));
        }
        Ok(out)
    }

    /// The graph that the machine was made from.
    pub fn declared_graph(&self) -> std::borrow::Cow<'_, Graph> {
        use std::borrow::Cow;
        match &self.m.declared {
            None => Cow::Borrowed(&self.m.graph),
            Some(clusters) => {
                Cow::Owned(Graph { clusters: clusters.clone(), ..self.m.graph.clone() })
            }
        }
    }

    /// Whether the state of a machine can be set on this one: the same for the guest, or different
    /// only in types whose newer versions read the states of the older ones.
    ///
    /// # Errors
    /// E1208, with the difference.
    pub fn takes(&self, about: &About) -> Result<(), Report> {
        let graph = self.declared_graph();
        if semantic_hash(&graph) == about.hash {
            return Ok(());
        }
        let what = format!("the snapshot is of another machine than `{}`", graph.name);
        let report = Report::new("E1208", what);
        let old = match from_json(&about.graph, self.m.registry.catalog()) {
            Ok(old) => old,
            Err(e) => return Err(report.note("note", format!("its machine cannot be read: {e}"))),
        };
        let diff = diff(&old, &graph);
        let typed = |c: &hetemu_graph::Change| c.class > Class::Timing || c.fact == "type";
        if diff.saved.loadable() && diff.changes.iter().all(typed) {
            return Ok(());
        }
        Err(report.note("diff", diff.text()))
    }

    /// Reads a file's state for this machine. `base`: what it builds on, if it does.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn unpack(&self, file: Container, base: Option<&Saved>) -> Result<Saved, FileError> {
        let about = About::of(&file)?;
        if let (Some((id, name)), None) = (&about.base, base) {
            return Err(FileError::NeedsBase { id: *id, name: name.clone() });
        }
        let sizes = self.m.memories.iter();
        let sizes: BTreeMap<String, u64> =
            sizes.map(|((p, r), ram)| (self.m.memory_name(*p, *r), ram.len())).collect();
        let mut initial: Option<BTreeMap<String, Memory>> = None;
        let mut out = Saved { at: about.at, retired: about.retired, ..Saved::default() };
        for section in file.into_sections() {
            if matches!(section.name.as_str(), ABOUT | GRAPH) {
                continue;
            }
            if !section.name.starts_with("memory:") {
                out.sections.push(section);
                continue;
            }
            let name = &section.name;
            // A memory that this machine does not have cannot be set anyhow.
            let Some(size) = sizes.get(name) else { continue };
            let base = base.and_then(|b| b.memories.get(name));
            let find = || {
                if initial.is_none() {
                    initial = self.m.initial().ok();
                }
                let memory = initial.as_mut()?.remove(name)?;
                let digest = memory.digest();
                Some((Arc::new(memory), digest))
            };
            let memory = Memory::unpack(name, &section.bytes, *size, base.map(|m| &**m), find)?;
            out.memories.insert(name.clone(), Arc::new(memory));
        }
        Ok(out)
    }
}

impl Realized {
    /// What images leave in each memory, by section name.
    fn initial(&self) -> Result<BTreeMap<String, Memory>, Report> {
        let mut out = BTreeMap::new();
        for ((part, region), ram) in &self.memories {
            let pages = self.loads.pages(ram)?;
            if !pages.is_empty() {
                let name = self.memory_name(*part, *region);
                out.insert(name, Memory { size: ram.len(), pages });
            }
        }
        Ok(out)
    }
}
