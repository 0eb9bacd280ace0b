//! `hetemu.lock`: which version of every text and type a machine was checked with, and a hash of
//! its content.
//!
//! ```toml
//! version = 1
//! [[machine]]
//! file  = "my-vm.hm"
//! texts = ["profile q35-minimal@1 4f1c..."]
//! types = ["ns16550a@1 90ab..."]
//! ```
//!
//! Names without a version mean the newest; a lock keeps what that was. With it they mean the same
//! version later, and what has changed under one version is found (E0905).

use crate::Checked;
use crate::diag::{Diagnostic, Sink, codes};
use crate::source::{FileId, SourceMap, Span};
use hetemu_graph::{Graph, type_json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What was locked for one machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locked {
    /// `profile q35-minimal@1` and its hash.
    pub texts: BTreeMap<String, String>,
    /// `ns16550a@1` and its hash.
    pub types: BTreeMap<String, String>,
}

/// A lock file: its machines by the names of their files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lock {
    /// By file.
    pub machines: BTreeMap<String, Locked>,
}

fn sha(bytes: &[u8]) -> String {
    // Half of it tells any two apart, and a line of the lock file stays readable.
    Sha256::digest(bytes).iter().take(16).map(|b| format!("{b:02x}")).collect()
}

impl Locked {
    /// What a checked machine is made of.
    pub fn of(checked: &Checked, graph: &Graph, sources: &SourceMap) -> Locked {
        Locked::of_parts(&checked.ingredients, graph, sources)
    }

    /// As [`Locked::of`], from the texts that a machine names and its graph.
    pub fn of_parts(
        ingredients: &[crate::Ingredient],
        graph: &Graph,
        sources: &SourceMap,
    ) -> Locked {
        let mut out = Locked::default();
        for i in ingredients {
            let text = sources.get(i.file).map_or("", |f| f.text.as_str());
            // Line ends are the checkout's, not the text's.
            let text = text.replace("\r\n", "\n");
            let name = format!("{} {}@{}", i.kind, i.name, i.version);
            out.texts.insert(name, sha(text.as_bytes()));
        }
        for p in &graph.parts {
            let name = p.ty.full_name();
            out.types.entry(name).or_insert_with(|| sha(type_json(p.ty).to_string().as_bytes()));
        }
        out
    }

    /// Versions by name, for names that say none.
    pub fn versions(&self) -> BTreeMap<String, u32> {
        let mut out = BTreeMap::new();
        let texts = self.texts.keys().filter_map(|k| k.split_once(' ').map(|(_, n)| n));
        for name in texts.chain(self.types.keys().map(String::as_str)) {
            if let Some((name, version)) = name.split_once('@')
                && let Ok(version) = version.parse()
            {
                out.insert(name.to_string(), version);
            }
        }
        out
    }
}

impl Lock {
    /// Reads a lock file; what cannot be read is reported.
    pub fn read(text: &str, file: FileId, sink: &mut Sink) -> Lock {
        let mut lock = Lock::default();
        let at =
            |r: std::ops::Range<usize>| Span { file, start: r.start as u32, end: r.end as u32 };
        let mut wrong = |span: Span, what: String| {
            let d = Diagnostic::new(codes::E0905, span, format!("the lock cannot be read: {what}"));
            sink.push(d.help("`hetemu check --lock` writes it anew"));
        };
        let table = match DeTable::parse(text) {
            Ok(table) => table,
            Err(e) => {
                wrong(e.span().map_or(at(0..0), at), e.message().to_string());
                return lock;
            }
        };
        let Some(machines) = get(table.get_ref(), "machine") else { return lock };
        let DeValue::Array(list) = machines.get_ref() else {
            wrong(at(machines.span()), "`machine` is a list of tables".into());
            return lock;
        };
        for m in list.iter() {
            let DeValue::Table(t) = m.get_ref() else { continue };
            let name = get(t, "file").and_then(|v| v.get_ref().as_str().map(str::to_string));
            let Some(name) = name else {
                wrong(at(m.span()), "a machine needs `file = \"...\"`".into());
                continue;
            };
            let entries = |key: &str| {
                let mut out = BTreeMap::new();
                if let Some(v) = get(t, key)
                    && let DeValue::Array(list) = v.get_ref()
                {
                    let lines = list.iter().filter_map(|v| v.get_ref().as_str());
                    out.extend(lines.filter_map(|l| {
                        let (name, hash) = l.rsplit_once(' ')?;
                        Some((name.to_string(), hash.to_string()))
                    }));
                }
                out
            };
            let locked = Locked { texts: entries("texts"), types: entries("types") };
            lock.machines.insert(name, locked);
        }
        lock
    }

    /// The lock file.
    pub fn text(&self) -> String {
        let mut out = String::from(
            "# Written by `hetemu check --lock`; `hetemu check --locked` holds machines to it.\n\
             version = 1\n",
        );
        for (file, m) in &self.machines {
            _ = write!(out, "\n[[machine]]\nfile = {file:?}\n");
            for (key, all) in [("texts", &m.texts), ("types", &m.types)] {
                _ = writeln!(out, "{key} = [");
                for (name, hash) in all {
                    _ = writeln!(out, "  \"{name} {hash}\",");
                }
                out.push_str("]\n");
            }
        }
        out
    }
}

fn get<'t, 'i>(t: &'t DeTable<'i>, key: &str) -> Option<&'t Spanned<DeValue<'i>>> {
    t.iter().find(|(k, _)| k.get_ref() == key).map(|(_, v)| v)
}

/// What has changed since a machine was locked, and what is not locked. `at` is where the machine
/// is named; without a lock that is all there is to say.
pub fn compare(
    locked: Option<&Locked>,
    now: &Locked,
    ingredients: &[crate::Ingredient],
    graph: &Graph,
    at: Span,
) -> Vec<Diagnostic> {
    let Some(locked) = locked else {
        let what = "machine files are locked and this machine is not in hetemu.lock";
        let d = Diagnostic::new(codes::E0905, at, what);
        return vec![d.help("`hetemu check --lock` adds it")];
    };
    let mut out = Vec::new();
    let text_place = |name: &str| {
        let of = |i: &&crate::Ingredient| format!("{} {}@{}", i.kind, i.name, i.version) == name;
        ingredients.iter().find(of).map(|i| Span { file: i.span.0, start: i.span.1, end: i.span.2 })
    };
    let type_place =
        |name: &str| graph.parts.iter().find(|p| p.ty.full_name() == name).map(|p| p.span);
    let mut both = |old: &BTreeMap<String, String>,
                    new: &BTreeMap<String, String>,
                    place: &dyn Fn(&str) -> Option<Span>| {
        for (name, hash) in new {
            let at = place(name).unwrap_or(at);
            match old.get(name) {
                Some(before) if before == hash => {}
                Some(before) => {
                    let what =
                        format!("machine files are locked and `{name}` changed since hetemu.lock");
                    let d = Diagnostic::new(codes::E0905, at, what).path(name.clone());
                    out.push(
                        d.note(format!("locked as {before}, and is {hash}"))
                            .help("if that is meant, `hetemu check --lock` locks it as it is now"),
                    );
                }
                None => {
                    let what =
                        format!("machine files are locked and `{name}` is not in hetemu.lock");
                    let d = Diagnostic::new(codes::E0905, at, what).path(name.clone());
                    let short = name.split('@').next().unwrap_or(name);
                    let other = old.keys().find(|k| k.split('@').next() == Some(short));
                    let d = match other {
                        Some(k) => d.note(format!("`{k}` is")),
                        None => d,
                    };
                    out.push(d.help("`hetemu check --lock` adds it"));
                }
            }
        }
    };
    both(&locked.texts, &now.texts, &text_place);
    both(&locked.types, &now.types, &type_place);
    out
}
