//! Access to KDL nodes that refuses what a schema does not know, and remembers every mistake.

use super::SchemaError;
use super::values::{self, Unit};
use crate::types::Count;
use kdl::{KdlEntry, KdlNode, KdlValue};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// The text being read and the mistakes found so far.
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) file: &'a str,
    pub(super) errors: Vec<SchemaError>,
}

/// A node with its entries sorted into arguments and properties.
pub(super) struct Args<'n> {
    pub(super) node: &'n KdlNode,
    pub(super) words: Vec<&'n KdlEntry>,
    named: BTreeMap<&'n str, &'n KdlEntry>,
}

/// Schemas live as long as the program that reads them, as the compiled tables do.
pub(super) fn keep(s: &str) -> &'static str {
    Box::leak(s.to_owned().into_boxed_str())
}

/// As [`keep`], for lists.
pub(super) fn keep_all<T>(list: Vec<T>) -> &'static [T] {
    Box::leak(list.into_boxed_slice())
}

impl Reader<'_> {
    /// Notes a mistake at a byte offset.
    pub(super) fn error_at(&mut self, offset: usize, message: impl Into<String>) {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        self.errors.push(SchemaError { file: self.file.into(), line, message: message.into() });
    }

    /// Notes a mistake at a node.
    pub(super) fn error(&mut self, node: &KdlNode, message: impl Into<String>) {
        self.error_at(node.span().offset(), message);
    }

    /// Sorts a node's entries: `words` is how many arguments it takes, `named` its properties.
    pub(super) fn args<'n>(
        &mut self,
        node: &'n KdlNode,
        words: RangeInclusive<usize>,
        named: &[&str],
        block: bool,
    ) -> Args<'n> {
        let kind = node.name().value();
        let mut args = Args { node, words: Vec::new(), named: BTreeMap::new() };
        if node.ty().is_some() {
            self.error(node, format!("`{kind}` takes no type annotation"));
        }
        for entry in node.entries() {
            if entry.ty().is_some() {
                self.error_at(entry.span().offset(), "values take no type annotation");
            }
            let Some(name) = entry.name().map(|n| n.value()) else {
                args.words.push(entry);
                continue;
            };
            if !named.contains(&name) {
                let known = if named.is_empty() { "none".into() } else { named.join(", ") };
                let message = format!("`{kind}` has no property `{name}` (it knows: {known})");
                self.error_at(entry.span().offset(), message);
            } else if args.named.insert(name, entry).is_some() {
                self.error_at(entry.span().offset(), format!("`{name}` is given twice"));
            }
        }
        if !words.contains(&args.words.len()) {
            let (lo, hi, n) = (words.start(), words.end(), args.words.len());
            let want = if lo == hi { format!("{lo}") } else { format!("{lo} or more") };
            self.error(node, format!("`{kind}` takes {want} arguments and has {n}"));
        }
        if !block && node.children().is_some() {
            self.error(node, format!("`{kind}` takes no block"));
        }
        args
    }

    /// The children of a node.
    pub(super) fn children<'n>(&self, node: &'n KdlNode) -> &'n [KdlNode] {
        node.children().map_or(&[], |doc| doc.nodes())
    }

    fn entry_text(&mut self, entry: &KdlEntry) -> Option<&'static str> {
        match entry.value() {
            KdlValue::String(s) => Some(keep(s)),
            other => {
                self.error_at(entry.span().offset(), format!("expected text, found {other}"));
                None
            }
        }
    }

    /// Argument `i` as text.
    pub(super) fn word(&mut self, args: &Args<'_>, i: usize) -> Option<&'static str> {
        let entry = *args.words.get(i)?;
        self.entry_text(entry)
    }

    /// Argument `i` as a name of the language: letters, digits, `_`, and the characters of `also`.
    pub(super) fn name(&mut self, args: &Args<'_>, i: usize, also: &str) -> Option<&'static str> {
        let name = self.word(args, i)?;
        let ok = |c: char| c.is_ascii_alphanumeric() || c == '_' || also.contains(c);
        let start = |c: char| c.is_ascii_alphabetic() || c == '_';
        // Type names may begin with a digit after a dot or where the chip's name does (`i8259`).
        if !name.chars().all(ok) || !name.starts_with(start) {
            self.error(args.node, format!("`{name}` is not a name"));
            return None;
        }
        Some(name)
    }

    /// Argument `i` as a number.
    pub(super) fn number(&mut self, args: &Args<'_>, i: usize) -> Option<u64> {
        let entry = *args.words.get(i)?;
        self.entry_number(entry, Unit::Any)
    }

    fn entry_number(&mut self, entry: &KdlEntry, unit: Unit) -> Option<u64> {
        let number = match entry.value() {
            KdlValue::Integer(n) => u64::try_from(*n).map_err(|_| format!("{n} is out of range")),
            KdlValue::String(s) => values::quantity(s, unit),
            other => Err(format!("expected a number, found {other}")),
        };
        number.map_err(|message| self.error_at(entry.span().offset(), message)).ok()
    }

    /// Property as a number, with a unit as text where the type has one.
    pub(super) fn prop_number(&mut self, args: &Args<'_>, name: &str, unit: Unit) -> Option<u64> {
        let entry = *args.named.get(name)?;
        self.entry_number(entry, unit)
    }

    /// Property as a number that fits a smaller type.
    pub(super) fn prop_small<T: TryFrom<u64>>(&mut self, args: &Args<'_>, name: &str) -> Option<T> {
        let n = self.prop_number(args, name, Unit::Any)?;
        let small = T::try_from(n).ok();
        if small.is_none() {
            self.error(args.node, format!("`{name}` is {n}, which is too large"));
        }
        small
    }

    /// Property as text.
    pub(super) fn prop_text(&mut self, args: &Args<'_>, name: &str) -> Option<&'static str> {
        let entry = *args.named.get(name)?;
        self.entry_text(entry)
    }

    /// Property as a truth value, `#false` if absent.
    pub(super) fn prop_flag(&mut self, args: &Args<'_>, name: &str) -> bool {
        let Some(entry) = args.named.get(name) else { return false };
        match entry.value() {
            KdlValue::Bool(b) => *b,
            other => {
                let message = format!("expected #true or #false, found {other}");
                self.error_at(entry.span().offset(), message);
                false
            }
        }
    }

    /// Property as one of a list of words; the first of them is not a default.
    pub(super) fn prop_choice<T: Copy>(
        &mut self,
        args: &Args<'_>,
        name: &str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let word = self.prop_text(args, name)?;
        self.choice(args.node, word, choices)
    }

    /// One of a list of words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        node: &KdlNode,
        word: &str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let hit = choices.iter().find(|(w, _)| *w == word).map(|(_, t)| *t);
        if hit.is_none() {
            let known: Vec<_> = choices.iter().map(|(w, _)| *w).collect();
            self.error(node, format!("`{word}` is none of: {}", known.join(", ")));
        }
        hit
    }

    /// Property as a count: a number, a size, or `2*harts+1`.
    pub(super) fn prop_count(&mut self, args: &Args<'_>, name: &str) -> Option<Count> {
        let entry = *args.named.get(name)?;
        let count = match entry.value() {
            KdlValue::String(s) => values::count(s),
            _ => return self.entry_number(entry, Unit::Any).map(Count::fixed),
        };
        count.map_err(|message| self.error_at(entry.span().offset(), message)).ok()
    }

    /// The raw value of a property.
    pub(super) fn prop_value<'n>(&self, args: &Args<'n>, name: &str) -> Option<&'n KdlEntry> {
        args.named.get(name).copied()
    }

    /// A property that must be there.
    pub(super) fn required<T>(
        &mut self,
        args: &Args<'_>,
        name: &str,
        value: Option<T>,
    ) -> Option<T> {
        if value.is_none() && !args.named.contains_key(name) {
            let kind = args.node.name().value();
            self.error(args.node, format!("`{kind}` needs `{name}=`"));
        }
        value
    }

    /// Refuses a second thing of one name in a list.
    pub(super) fn unique<'t>(
        &mut self,
        node: &KdlNode,
        what: &str,
        name: &str,
        mut there: impl Iterator<Item = &'t str>,
    ) {
        if there.any(|n| n == name) {
            self.error(node, format!("{what} `{name}` is described twice"));
        }
    }
}
