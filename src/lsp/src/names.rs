//! Names of a machine: where one is declared and everywhere that it is used.

use crate::document::Document;
use hetemu_lang::outline::{Role, Statement, Word, all};
use hetemu_lang::{Severity, Span};

/// One name and all its places.
pub(crate) struct Names {
    text: String,
    here: Span,
    declared: Vec<Span>,
    used: Vec<Span>,
}

impl Names {
    /// The name at a place; without one there is nothing to find.
    pub(crate) fn at(d: &mut Document, at: usize) -> Names {
        let mut names = Names {
            text: String::new(),
            here: Span::default(),
            declared: Vec::new(),
            used: Vec::new(),
        };
        let Some((_, word)) = d.word(at) else { return names };
        // A port leads to the part that has it.
        let text = match &word.role {
            Role::Declares | Role::Name => word.text.clone(),
            Role::Member(of) => of.split('.').next().unwrap_or("").to_string(),
            _ => return names,
        };
        if !matches!(word.role, Role::Member(_)) {
            names.here = word.span;
        }
        for s in all(d.outline()) {
            let local = local(s, &text);
            for w in s.words.iter().filter(|w| w.text == text) {
                match w.role {
                    Role::Declares => names.declared.push(w.span),
                    Role::Name if !local => names.used.push(w.span),
                    _ => {}
                }
            }
        }
        names.text = text;
        names
    }

    pub(crate) fn declared(&self) -> Option<Span> {
        self.declared.first().copied()
    }

    /// Every place, in order of the text.
    pub(crate) fn places(&self, with_declaration: bool) -> Vec<Span> {
        if self.declared.is_empty() {
            return Vec::new();
        }
        let declared = self.declared.iter().filter(|_| with_declaration);
        let mut out: Vec<Span> = declared.chain(&self.used).copied().collect();
        out.sort_by_key(|s| s.start);
        out
    }

    /// What a rename would change.
    pub(crate) fn renamed(&self) -> Option<(Span, &str)> {
        let some = !self.declared.is_empty() && self.here.end > 0;
        some.then_some((self.here, self.text.as_str()))
    }

    /// Where the new name goes, or why it cannot.
    pub(crate) fn rename(&self, d: &mut Document, new: &str) -> Result<Vec<Span>, String> {
        if self.renamed().is_none() {
            return Err("here stands no name of this machine".into());
        }
        let mut letters = new.chars();
        let first = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        if !first || !letters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!("`{new}` is no name: letters, digits and `_`"));
        }
        let unread = d
            .checked
            .iter()
            .flat_map(|c| &c.diagnostics)
            .any(|x| x.severity == Severity::Error && x.code.id() < "E0199");
        if unread {
            return Err("parts of this text cannot be read; put them right first".into());
        }
        let declares = |w: &Word| w.role == Role::Declares && w.text == new;
        if new != self.text && all(d.outline()).iter().any(|s| s.words.iter().any(declares)) {
            return Err(format!("`{new}` is declared already"));
        }
        Ok(self.places(true))
    }
}

/// Whether a name means an array's variable in a statement: `rv[i < 4]`.
fn local(s: &Statement, name: &str) -> bool {
    let position = s.words.iter().position(|w| w.role == Role::Declares);
    let Some(next) = position.and_then(|p| s.words.get(p + 1)) else { return false };
    let declares = s.words.get(position.unwrap_or(0));
    let close = declares.is_some_and(|d| next.span.start == d.span.end + 1);
    next.text == name && close && next.role == Role::Name
}
