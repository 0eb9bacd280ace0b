//! Where the checker puts its messages: collected, then put in file order.

use super::{Diagnostic, Severity};

/// Collects the messages of one run.
#[derive(Debug, Default)]
pub struct Sink {
    all: Vec<Diagnostic>,
}

impl Sink {
    /// Adds a message.
    pub fn push(&mut self, d: Diagnostic) {
        self.all.push(d);
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// The messages from the given one on, in the order in which they came.
    pub fn since(&self, from: usize) -> &[Diagnostic] {
        self.all.get(from..).unwrap_or(&[])
    }

    /// Takes back the messages from the given one on.
    pub fn truncate(&mut self, len: usize) {
        self.all.truncate(len);
    }

    /// Whether nothing has been reported.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether an error has been reported.
    pub fn has_errors(&self) -> bool {
        self.all.iter().any(|d| d.severity == Severity::Error)
    }

    /// Every message once, in file order; of two at one place the graver first.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        let key = |d: &Diagnostic| {
            let s = d.span();
            (s.file, s.start, std::cmp::Reverse(d.severity), d.code)
        };
        self.all.sort_by_key(key);
        self.all.dedup();
        self.all
    }
}
