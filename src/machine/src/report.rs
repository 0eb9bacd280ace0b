//! What a machine says when it cannot be made or cannot go on: a coded text, like a diagnostic.
//!
//! Codes of this crate: E0901 no core, E0903 image on no memory, E10xx making, E11xx running.

use std::fmt;

/// A coded report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its code, for `hetemu explain`.
    pub code: &'static str,
    /// What is wrong, in the reader's words.
    pub message: String,
    /// Facts: label and text, in order.
    pub notes: Vec<(String, String)>,
}

impl Report {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Report {
        Report { code, message: message.into(), notes: Vec::new() }
    }

    pub(crate) fn note(mut self, label: &str, text: impl Into<String>) -> Report {
        self.notes.push((label.to_string(), text.into()));
        self
    }

    pub(crate) fn add(&mut self, label: &str, text: impl Into<String>) {
        self.notes.push((label.to_string(), text.into()));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error[{}]: {}", self.code, self.message)?;
        let width = self.notes.iter().map(|n| n.0.chars().count()).max().unwrap_or(0);
        for (label, text) in &self.notes {
            for (i, line) in text.lines().enumerate() {
                let head = if i == 0 { format!("{label}:") } else { String::new() };
                writeln!(f, "  = {head:w$} {line}", w = width + 1)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Report {}
