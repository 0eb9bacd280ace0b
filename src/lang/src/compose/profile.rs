//! Profiles: named, versioned configurations of a machine, in TOML.
//!
//! ```toml
//! profile  = "q35-minimal"
//! version  = 1
//! summary  = "..."
//! machine  = "q35"
//! overlays = []
//! [set]                    # guest-visible values
//! ram = "1 GiB"
//! [plug]                   # the host's side
//! serial0 = "stdio"
//! ```
//!
//! A version that has been released never changes for the guest; one with `open = true` still may.

use super::{Composer, Want};
use crate::diag::{Diagnostic, Sink, codes, suggest};
use crate::expr::{Expr, ExprKind, Name, Path};
use crate::source::{FileId, Span};
use crate::syntax::ast::{Setting, TypeRef};
use crate::typed::{Layer, Machine};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A profile as its text states it.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: Name,
    /// Its version, from 1.
    pub version: u32,
    /// One sentence.
    pub summary: String,
    /// The machine that it configures.
    pub machine: TypeRef,
    /// Overlays between the machine and the values.
    pub overlays: Vec<TypeRef>,
    /// Not released yet: the guest-visible graph may change.
    pub open: bool,
    /// `[set]`
    pub set: Vec<Value>,
    /// `[plug]`
    pub plug: Vec<(Name, Name)>,
}

/// A value of `[set]`, before it is known what it is set to.
#[derive(Debug, Clone)]
pub struct Value {
    name: Name,
    /// As an expression of the language.
    expr: Expr,
    /// As text, for what takes text.
    text: Option<Name>,
}

struct Reader<'a> {
    text: &'a str,
    file: FileId,
    sink: &'a mut Sink,
}

const KEYS: [&str; 8] =
    ["profile", "version", "summary", "machine", "overlays", "open", "set", "plug"];

/// Reads a profile. What is wrong is reported; without a name and a machine there is none.
pub fn read_profile(text: &str, file: FileId, sink: &mut Sink) -> Option<Profile> {
    let mut r = Reader { text, file, sink };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(e) => {
            let at = e.span().map_or(r.at(0..0), |s| r.at(s));
            let what = format!("a profile cannot be read: {}", e.message());
            r.sink.push(Diagnostic::new(codes::E0713, at, what));
            return None;
        }
    };
    r.profile(table.get_ref())
}

impl Reader<'_> {
    fn at(&self, range: std::ops::Range<usize>) -> Span {
        Span { file: self.file, start: range.start as u32, end: range.end as u32 }
    }

    fn wrong(&mut self, at: Span, what: impl Into<String>) {
        self.sink.push(Diagnostic::new(codes::E0713, at, what));
    }

    fn profile(&mut self, table: &DeTable<'_>) -> Option<Profile> {
        let start = self.at(0..0);
        for (key, _) in table {
            let (name, at) = (key.get_ref(), self.at(key.span()));
            if KEYS.contains(&name.as_ref()) {
                continue;
            }
            let d = Diagnostic::new(codes::E0713, at, format!("a profile has no key `{name}`"));
            let d = match suggest::nearest(name, KEYS) {
                Some(near) => d.fix(format!("did you mean `{near}`?"), at, near),
                None => d,
            };
            self.sink.push(d.note(format!("keys are {}", suggest::list(KEYS))));
        }
        let get = |key: &str| table.iter().find(|(k, _)| k.get_ref() == key).map(|(_, v)| v);
        let name = get("profile").and_then(|v| self.string(v, "a name"));
        let machine = get("machine").and_then(|v| self.string(v, "the name of a machine"));
        for (key, there) in [("profile", name.is_some()), ("machine", machine.is_some())] {
            if !there && get(key).is_none() {
                self.wrong(start, format!("a profile needs `{key} = \"...\"`"));
            }
        }
        let version = match get("version").map(|v| (v, v.get_ref())) {
            None => {
                self.wrong(start, "a profile needs `version = 1`");
                1
            }
            Some((v, DeValue::Integer(i))) => match i.to_string().parse() {
                Ok(n) if n > 0 => n,
                _ => {
                    self.wrong(self.at(v.span()), "a version is a whole number from 1 on");
                    1
                }
            },
            Some((v, _)) => {
                self.wrong(self.at(v.span()), "a version is a whole number from 1 on");
                1
            }
        };
        let summary = get("summary").and_then(|v| self.string(v, "a sentence"));
        let open = match get("open").map(|v| (v, v.get_ref())) {
            Some((_, DeValue::Boolean(b))) => *b,
            Some((v, _)) => {
                self.wrong(self.at(v.span()), "`open` is `true` or `false`");
                false
            }
            None => false,
        };
        let mut overlays = Vec::new();
        match get("overlays").map(|v| (v, v.get_ref())) {
            Some((_, DeValue::Array(list))) => {
                for v in list.iter() {
                    overlays.extend(self.string(v, "the name of an overlay").map(type_ref));
                }
            }
            Some((v, _)) => self.wrong(self.at(v.span()), "`overlays` is a list of names"),
            None => {}
        }
        let (mut set, mut plug) = (Vec::new(), Vec::new());
        if let Some(v) = get("set") {
            self.table(v, "", &mut |r, name, v| set.extend(r.value(name, v)));
        }
        if let Some(v) = get("plug") {
            self.table(v, "", &mut |r, name, v| {
                if let Some(text) = r.string(v, "what is plugged in") {
                    plug.push((name, text));
                }
            });
        }
        let summary = summary.map_or(String::new(), |s| s.text);
        let machine = type_ref(machine?);
        Some(Profile { name: name?, version, summary, machine, overlays, open, set, plug })
    }

    /// Every value of a table, tables in it taken apart: `uart.clk` is one name.
    fn table(
        &mut self,
        v: &Spanned<DeValue<'_>>,
        prefix: &str,
        f: &mut dyn FnMut(&mut Self, Name, &Spanned<DeValue<'_>>),
    ) {
        let DeValue::Table(table) = v.get_ref() else {
            return self.wrong(self.at(v.span()), "a table of names and values is needed here");
        };
        let mut all: Vec<_> = table.iter().collect();
        all.sort_by_key(|(k, _)| k.span().start);
        for (key, v) in all {
            let name = format!("{prefix}{}", key.get_ref());
            if matches!(v.get_ref(), DeValue::Table(_)) {
                self.table(v, &format!("{name}."), f);
            } else {
                let span = self.at(key.span());
                f(self, Name { text: name, span }, v);
            }
        }
    }

    /// A text, with the place of what stands in its quotes.
    fn string(&mut self, v: &Spanned<DeValue<'_>>, what: &str) -> Option<Name> {
        let DeValue::String(s) = v.get_ref() else {
            self.wrong(self.at(v.span()), format!("{what} in quotes is needed here"));
            return None;
        };
        let range = v.span();
        let inner = range.start + 1..range.end.saturating_sub(1).max(range.start + 1);
        let plain = self.text.get(inner.clone()) == Some(s.as_ref());
        let span = self.at(if plain { inner } else { range });
        Some(Name { text: s.to_string(), span })
    }

    fn value(&mut self, name: Name, v: &Spanned<DeValue<'_>>) -> Option<Value> {
        let span = self.at(v.span());
        let kind = match v.get_ref() {
            DeValue::String(_) => {
                let text = self.string(v, "")?;
                let expr = self.expression(&name, &text);
                let own = || Expr { kind: ExprKind::Str(text.text.clone()), span: text.span };
                let expr = expr.unwrap_or_else(own);
                return Some(Value { name, expr, text: Some(text) });
            }
            DeValue::Integer(i) => match i.to_string().parse::<u64>() {
                Ok(n) => ExprKind::Number(n.into(), 1, None),
                Err(_) => {
                    self.wrong(span, "a whole number of at most 64 bits is needed here");
                    return None;
                }
            },
            DeValue::Boolean(b) => ExprKind::Bool(*b),
            DeValue::Array(list) => {
                let items: Vec<_> = list
                    .iter()
                    .filter_map(|v| self.value(name.clone(), v).map(|v| v.expr))
                    .collect();
                ExprKind::List(items)
            }
            DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => {
                let what = "a value here is a text (`\"1 GiB\"`), a whole number, `true` or a list";
                self.wrong(span, what);
                return None;
            }
        };
        Some(Value { name, expr: Expr { kind, span }, text: None })
    }

    /// What stands in quotes, as the language reads it.
    fn expression(&mut self, name: &Name, text: &Name) -> Option<Expr> {
        let before = name.text.len() + 1;
        let base = (text.span.start as usize).checked_sub(before)?;
        let whole = format!("{}={}", name.text, text.text);
        crate::syntax::parse_setting(&whole, base, self.file, self.sink).map(|s| s.value)
    }
}

fn type_ref(n: Name) -> TypeRef {
    let (name, version) = match n.text.split_once('@') {
        Some((name, v)) => (name.to_string(), v.parse().ok()),
        None => (n.text, None),
    };
    TypeRef { name, version, span: n.span }
}

impl Composer<'_> {
    /// The machine of a profile that is checked as a machine.
    pub(super) fn profile_machine(&mut self, file: FileId) -> Machine {
        let text = self.sources.get(file).map_or(String::new(), |f| f.text.clone());
        let Some(p) = read_profile(&text, file, self.sink) else {
            return Machine { lost: true, ..Machine::default() };
        };
        self.busy.push(file);
        let mut m = self.base(&p.machine, file, &[], Want::Machine);
        self.configure(&mut m, &p, file);
        self.busy.pop();
        m.name.clone_from(&p.name.text);
        m.span = p.name.span;
        if !p.summary.is_empty() {
            m.doc.clone_from(&p.summary);
        }
        m
    }

    /// The profile of the command line, above the machine's own body.
    pub(super) fn profile_above(&mut self, m: &mut Machine, t: &TypeRef, from: FileId) {
        let found = match t.name.ends_with(".toml") {
            true => match self.library.path(&t.name, "") {
                Ok(text) => Some(self.open(text)),
                Err(why) => {
                    let what = format!("profile `{}` cannot be read: {why}", t.name);
                    self.sink.push(Diagnostic::new(codes::E0708, t.span, what));
                    None
                }
            },
            false => {
                let found = self.resolve(t, from, &[], Want::Base);
                found.map(|f| {
                    self.note(&f, t);
                    f.file
                })
            }
        };
        let Some(file) = found else { return };
        let text = self.sources.get(file).map_or(String::new(), |f| f.text.clone());
        if !self.is_profile(file) {
            let what = format!("`{}` is no profile", t.name);
            self.sink.push(Diagnostic::new(codes::E0306, t.span, what));
            return;
        }
        let Some(p) = read_profile(&text, file, self.sink) else { return };
        let of = |l: &Layer| l.name.split('@').next() == Some(&p.machine.name);
        if !m.lost && !m.layers.iter().any(of) {
            let what = format!(
                "profile `{}` is of machine `{}`, and `{}` is not made from it",
                p.name, p.machine.name, m.name
            );
            let d = Diagnostic::new(codes::E0704, t.span, what);
            self.sink.push(d.also(p.machine.span, "said here"));
            return;
        }
        self.configure(m, &p, file);
    }

    fn configure(&mut self, m: &mut Machine, p: &Profile, file: FileId) {
        self.overlays(m, &p.overlays, file, &[], &[]);
        let layer = self.layer_of(m, format!("{}@{}", p.name, p.version), file);
        for v in &p.set {
            let text_param =
                |q: &crate::typed::Param| q.name.text == v.name.text && q.ty.name == "string";
            let value = match &v.text {
                Some(t) if m.params.iter().any(text_param) => {
                    Expr { kind: ExprKind::Str(t.text.clone()), span: t.span }
                }
                _ => v.expr.clone(),
            };
            let mut path = Path::bare(v.name.text.split('.'));
            path.span = v.name.span;
            path.segs.iter_mut().for_each(|s| s.name.span = v.name.span);
            self.set(m, Setting { path, value }, false, layer);
        }
        for (name, value) in &p.plug {
            let Some(at) = m.plugs.iter().position(|p| p.name.text == name.text) else {
                if m.lost {
                    continue;
                }
                let names: Vec<&str> = m.plugs.iter().map(|p| p.name.text.as_str()).collect();
                let what = format!("this machine has no plug `{name}`");
                let d = Diagnostic::new(codes::E0302, name.span, what);
                let d = match suggest::nearest(&name.text, names.iter().copied()) {
                    Some(near) => d.fix(format!("did you mean `{near}`?"), name.span, near),
                    None => d,
                };
                self.sink.push(d.note(format!("plugs are {}", suggest::list(names))));
                continue;
            };
            let now = value.span;
            let before = m.plugs.get_mut(at).and_then(|p| {
                let old = p.value.replace(value.clone());
                old.map(|n| n.span)
            });
            m.decided(&name.text, before, now);
        }
    }
}
