//! Names of machines: where one is declared and everywhere that it is used, in all texts that are
//! open and those that they are made of.

use crate::buffers::Buffers;
use crate::document::Document;
use crate::position::Lines;
use crate::texts::Texts;
use hetemu_lang::outline::Word;
use hetemu_lang::{Library, Severity, SourceMap, Span};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A place of a text, by the text's name, the same from everywhere.
type Place = (String, u32, u32);

/// One name, from the text in which it was asked for.
pub(crate) struct Names<'a> {
    buffers: &'a Buffers<'a>,
    documents: &'a BTreeMap<String, Document>,
    texts: Vec<Texts<'a>>,
    word: Word,
    declared: Place,
    exact: bool,
}

/// A place as the protocol has it; a text that is shipped has no address.
pub(crate) fn location(buffers: &Buffers<'_>, sources: &SourceMap, span: Span) -> Option<Value> {
    let f = sources.get(span.file)?;
    let range = Lines::new(&f.text).range(&f.text, span);
    Some(json!({ "uri": buffers.uri(&f.name)?, "range": range }))
}

fn shipped(name: &str) -> String {
    format!("`{name}` is shipped inside hetemu and is no file on disk")
}

/// Where the name at a place is declared, or the text that is named there.
pub(crate) fn definition(d: &Document, buffers: &Buffers<'_>, at: usize) -> Result<Value, String> {
    let Some(checked) = &d.checked else { return Ok(Value::Null) };
    let texts = Texts::new(checked);
    if let Some(path) = texts.used_at(at) {
        let Ok(text) = buffers.path(path, texts.name(0)) else { return Ok(Value::Null) };
        let uri = buffers.uri(&text.name).ok_or_else(|| shipped(&text.name))?;
        return Ok(json!({ "uri": uri, "range": Lines::new("").range("", Span::default()) }));
    }
    let found = match texts.text_at(at) {
        Some(i) => texts.head(i.file),
        None => match texts.at(at) {
            Some((_, meaning)) => meaning.declared,
            None => return Ok(Value::Null),
        },
    };
    location(buffers, texts.sources, found).ok_or_else(|| shipped(texts.name(found.file)))
}

impl<'a> Names<'a> {
    /// The name at a place of a text; all texts are checked.
    pub(crate) fn at(
        documents: &'a BTreeMap<String, Document>,
        uri: &str,
        buffers: &'a Buffers<'a>,
        at: usize,
    ) -> Option<Names<'a>> {
        let own = Texts::new(documents.get(uri)?.checked.as_ref()?);
        let (word, meaning) = own.at(at)?;
        let s = meaning.declared;
        let declared = (buffers.key(own.name(s.file)), s.start, s.end);
        let others = documents.values().filter(|d| d.uri != uri);
        let others = others.filter_map(|d| d.checked.as_ref()).filter(|c| {
            let mut files = c.sources.files();
            files.any(|f| buffers.key(&f.name) == declared.0)
        });
        let others = others.map(Texts::new);
        let texts = std::iter::once(own).chain(others).collect();
        Some(Names { buffers, documents, texts, word, declared, exact: meaning.exact })
    }

    /// The name: of a port, that of the part that has it.
    fn text(&self) -> String {
        let all = self.texts.iter().find_map(|t| {
            let f = t.sources.files().find(|f| self.buffers.key(&f.name) == self.declared.0)?;
            f.text.get(self.declared.1 as usize..self.declared.2 as usize)
        });
        all.unwrap_or("").to_string()
    }

    /// Every place of the name with the name of its text, in order.
    fn places(&self) -> BTreeMap<Place, Value> {
        let name = self.text();
        let mut out = BTreeMap::new();
        let mut lines: BTreeMap<String, Lines> = BTreeMap::new();
        for t in &self.texts {
            let files = t.sources.files();
            let keys: Vec<String> = files.map(|f| self.buffers.key(&f.name)).collect();
            let key = |s: Span| keys.get(s.file as usize).cloned().unwrap_or_default();
            let is = |s: Span| {
                (s.start, s.end) == (self.declared.1, self.declared.2) && key(s) == self.declared.0
            };
            for s in t.places(&name, is) {
                let Some(f) = t.sources.get(s.file) else { continue };
                let lines = lines.entry(key(s)).or_insert_with(|| Lines::new(&f.text));
                out.insert((key(s), s.start, s.end), lines.range(&f.text, s));
            }
        }
        out
    }

    pub(crate) fn references(&self, with_declaration: bool) -> Value {
        let places = self.places().into_iter();
        let wanted = places.filter(|(p, _)| with_declaration || *p != self.declared);
        let place = |(p, range): (Place, Value)| {
            Some(json!({ "uri": self.buffers.uri(&p.0)?, "range": range }))
        };
        wanted.filter_map(place).collect()
    }

    /// The places in one text.
    pub(crate) fn highlights(&self, name: &str) -> Value {
        let key = self.buffers.key(name);
        let here = self.places().into_iter().filter(|(p, _)| p.0 == key);
        here.map(|(_, range)| json!({ "range": range })).collect()
    }

    /// The word that a rename begins with, or why there can be none.
    pub(crate) fn renamed(&self) -> Result<Option<&Word>, String> {
        if self.exact && self.buffers.uri(&self.declared.0).is_none() {
            return Err(shipped(&self.declared.0));
        }
        Ok(self.exact.then_some(&self.word))
    }

    /// Where the new name goes, or why it cannot.
    pub(crate) fn rename(&self, new: &str) -> Result<Value, String> {
        if !self.exact {
            return Err("here stands no name of this machine".into());
        }
        let mut letters = new.chars();
        let first = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !first || !letters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!("`{new}` is no name: letters, digits and `_`"));
        }
        let places = self.places();
        let touched: BTreeSet<&String> = places.keys().map(|p| &p.0).collect();
        for t in &self.texts {
            let in_it = |f: &u32| touched.contains(&self.buffers.key(t.name(*f)));
            let files: Vec<u32> = (0..t.sources.files().count() as u32).filter(in_it).collect();
            let declared = files.iter().find(|f| self.buffers.key(t.name(**f)) == self.declared.0);
            let family = declared.map(|f| t.family(*f)).unwrap_or_default();
            let taken = family.iter().find(|f| t.declares(**f, new));
            if let Some(f) = taken.filter(|_| new != self.word.text) {
                return Err(match *f {
                    0 => format!("`{new}` is declared already"),
                    f => format!("`{new}` is declared already, in {}", t.name(f)),
                });
            }
            let checked = self.documents.values().filter_map(|d| d.checked.as_ref());
            let of_it = checked.filter(|c| std::ptr::eq(&c.sources, t.sources));
            let mut said = of_it.flat_map(|c| &c.diagnostics);
            let unread = said.any(|x| {
                let here = files.contains(&x.span().file);
                here && x.severity == Severity::Error && x.code.id() < "E0199"
            });
            if unread {
                return Err("parts of this text cannot be read; put them right first".into());
            }
        }
        let mut changes: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (p, range) in &places {
            let uri = self.buffers.uri(&p.0).ok_or_else(|| shipped(&p.0))?;
            changes.entry(uri).or_default().push(json!({ "range": range, "newText": new }));
        }
        let changes: Map<String, Value> = changes.into_iter().map(|(u, e)| (u, json!(e))).collect();
        Ok(json!({ "changes": changes }))
    }
}
