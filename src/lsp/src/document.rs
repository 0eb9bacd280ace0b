//! One open text and what is known about it.

use crate::buffers::{Buffers, path};
use crate::position::Lines;
use crate::{Checked, Ground};
use hetemu_graph::Graph;
use hetemu_lang::outline::{Statement, Word, all, outline};
use serde_json::Value;

/// An open text.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) uri: String,
    pub(crate) version: Option<i64>,
    pub(crate) text: String,
    pub(crate) lines: Lines,
    /// What the last check said; `None` while the text has changed since.
    pub(crate) checked: Option<Checked>,
    /// The last graph of this text without an error, for completion while it is being changed.
    pub(crate) graph: Option<Graph>,
    outline: Option<Vec<Statement>>,
}

impl Document {
    pub(crate) fn new(uri: &str, version: Option<i64>, text: &str) -> Document {
        Document {
            uri: uri.to_string(),
            version,
            lines: Lines::new(text),
            text: text.to_string(),
            checked: None,
            graph: None,
            outline: None,
        }
    }

    /// Makes one change of `contentChanges`.
    pub(crate) fn change(&mut self, change: &Value) {
        let Some(new) = change.get("text").and_then(Value::as_str) else { return };
        match change.get("range") {
            None => self.text = new.to_string(),
            Some(range) => {
                let at = |name: &str| {
                    self.lines.offset(&self.text, range.get(name).unwrap_or(&Value::Null))
                };
                let (start, end) = (at("start"), at("end"));
                let (start, end) = (start.min(end), end.max(start));
                if self.text.is_char_boundary(start) && self.text.is_char_boundary(end) {
                    self.text.replace_range(start..end, new);
                }
            }
        }
        self.lines = Lines::new(&self.text);
        self.checked = None;
        self.outline = None;
    }

    /// Checks the text if that was not done since it changed.
    pub(crate) fn check(&mut self, ground: &Ground<'_>, buffers: &Buffers<'_>) {
        if self.checked.is_none() {
            let mut checked = (ground.check)(&path(&self.uri), &self.text, buffers);
            if let Some(graph) = checked.graph.take() {
                self.graph = Some(graph);
            }
            self.checked = Some(checked);
        }
    }

    /// Whether what was said may change with a text of some path, or with any text.
    pub(crate) fn hangs_on(&self, buffers: &Buffers<'_>, key: Option<&str>) -> bool {
        let Some(checked) = &self.checked else { return false };
        let is = |name: &str| key.is_none_or(|k| buffers.key(name) == k);
        checked.sources.files().skip(1).any(|f| is(&f.name))
            || checked.diagnostics.iter().any(|x| x.code.id() == "E0708")
    }

    pub(crate) fn outline(&mut self) -> &[Statement] {
        let text = &self.text;
        self.outline.get_or_insert_with(|| outline(text, 0))
    }

    /// The word at a place, with the statement that it stands in.
    pub(crate) fn word(&mut self, at: usize) -> Option<(Statement, Word)> {
        let here = |w: &&Word| w.span.start as usize <= at && at <= w.span.end as usize;
        let statements = all(self.outline());
        // Of two that touch, the one that begins here.
        let found = statements.iter().flat_map(|s| s.words.iter().map(move |w| (*s, w)));
        let mut hits: Vec<_> = found.filter(|(_, w)| here(w)).collect();
        hits.sort_by_key(|(_, w)| std::cmp::Reverse(w.span.start));
        hits.first().map(|(s, w)| ((*s).clone(), (*w).clone()))
    }
}
