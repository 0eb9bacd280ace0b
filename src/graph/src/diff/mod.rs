//! The difference of two machines: of their graphs, not of their texts.
//!
//! Comments, order, units and spelling never show. Each change has a [`Class`] that says who can
//! notice it; besides, the diff says whether saved states of the old machine can be loaded into the
//! new one.

mod compare;
mod show;

use crate::model::{Graph, Span};
use std::fmt;

/// Who can notice a change, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Saved states only: the guest sees the same machine, under other names.
    State,
    /// A program can see it.
    Guest,
    /// Clocks and quanta: a program can measure it.
    Timing,
    /// What is plugged in, and settings of the host.
    Host,
    /// Docs, and names that only the text uses.
    Cosmetic,
}

impl Class {
    /// Every class with its word, strongest first.
    pub const ALL: [(&'static str, Class); 5] = [
        ("state", Class::State),
        ("guest", Class::Guest),
        ("timing", Class::Timing),
        ("host", Class::Host),
        ("cosmetic", Class::Cosmetic),
    ];

    /// The class that a word of the command line means.
    pub fn from_word(word: &str) -> Option<Class> {
        Self::ALL.iter().find(|(w, _)| *w == word).map(|(_, c)| *c)
    }

    /// The word of this class.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, c)| *c == self).map_or("", |(w, _)| w)
    }

    /// The class in a sentence: `guest-visible`.
    pub fn sentence(self) -> &'static str {
        match self {
            Class::State => "state-only",
            Class::Guest => "guest-visible",
            Class::Timing => "timing",
            Class::Host => "host-only",
            Class::Cosmetic => "cosmetic",
        }
    }
}

/// What happened to a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has another value.
    Changed,
}

impl Sign {
    /// `+`, `-` or `~`.
    pub fn mark(self) -> char {
        match self {
            Sign::Added => '+',
            Sign::Removed => '-',
            Sign::Changed => '~',
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Who can notice it.
    pub class: Class,
    /// What happened.
    pub sign: Sign,
    /// What it is about: a part, `wire`, a bus, a clock, a plug.
    pub subject: String,
    /// The fact: `main 0x1000_0000  size`, `type`, `uart.tx_empty`.
    pub fact: String,
    /// Old value, empty for what is new.
    pub old: String,
    /// New value, empty for what is gone.
    pub new: String,
    /// Where the old machine says so.
    pub old_span: Option<Span>,
    /// Where the new machine says so.
    pub new_span: Option<Span>,
}

/// Whether saved states of the old machine fit the new one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavedStates {
    /// What a converter takes care of, as sentences.
    pub converted: Vec<String>,
    /// What nothing takes care of.
    pub lost: Vec<String>,
}

impl SavedStates {
    /// Whether the old states can be loaded.
    pub fn loadable(&self) -> bool {
        self.lost.is_empty()
    }
}

/// The difference of two machines.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff {
    /// Names of the old and the new machine.
    pub names: (String, String),
    /// Files of the old and the new machine, which the spans index.
    pub files: (Vec<String>, Vec<String>),
    /// Every change, in the order in which a person reads: parts, buses, wires, then the rest.
    pub changes: Vec<Change>,
    /// What becomes of saved states.
    pub saved: SavedStates,
}

impl Diff {
    /// The strongest class of all changes.
    pub fn class(&self) -> Option<Class> {
        self.changes.iter().map(|c| c.class).min()
    }

    /// Whether there is a change of this class or a stronger one (`--fail-on`).
    pub fn reaches(&self, class: Class) -> bool {
        let state = !self.saved.loadable();
        state || self.class().is_some_and(|strongest| strongest <= class)
    }

    /// How many changes are of one class.
    pub fn count(&self, class: Class) -> usize {
        self.changes.iter().filter(|c| c.class == class).count()
    }

    /// The form of `hetemu diff`.
    pub fn text(&self) -> String {
        show::text(self)
    }

    /// The form of `hetemu diff --format json`.
    pub fn json(&self) -> serde_json::Value {
        show::json(self)
    }

    /// The form of `hetemu diff --format markdown`.
    pub fn markdown(&self) -> String {
        show::markdown(self)
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// The difference from `old` to `new`.
pub fn diff(old: &Graph, new: &Graph) -> Diff {
    let (changes, saved) = compare::compare(old, new);
    Diff {
        names: (old.name.clone(), new.name.clone()),
        files: (old.files.clone(), new.files.clone()),
        changes,
        saved,
    }
}

#[cfg(test)]
mod tests;
