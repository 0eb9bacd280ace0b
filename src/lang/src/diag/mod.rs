//! Diagnostics: one shape for every message, and the only module that knows miette.
//!
//! A diagnostic names what is wrong in the reader's words, points to the exact token, then to the
//! other lines that make it wrong, and says how to put it right. What each code means stands in
//! `explain/`; the table of codes is [`codes`].

pub mod codes;
mod fix;
mod json;
mod render;
mod reports;
mod sarif;
mod sink;
pub mod suggest;

use crate::source::Span;

pub use codes::Code;
pub use fix::apply_fixes;
pub use json::to_json;
pub use render::render;
pub use reports::{to_github, to_junit};
pub use sarif::to_sarif;
pub use sink::Sink;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A fact.
    Note,
    /// The machine can be built and is probably not what was meant.
    Warning,
    /// The machine cannot be built, or would silently not be the machine described.
    Error,
}

impl Severity {
    /// The word that stands before the code.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A place with what to say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What stands under it; may be empty.
    pub text: String,
    /// The token that is wrong, as opposed to the lines that make it so.
    pub primary: bool,
}

/// A replacement of text.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// What is replaced; empty to insert.
    pub span: Span,
    /// What stands there afterwards.
    pub text: String,
}

/// Advice that can be followed.
#[derive(Debug, Clone, PartialEq)]
pub struct Help {
    /// The advice.
    pub message: String,
    /// What `--fix` does; none where a person must decide.
    pub edits: Vec<Edit>,
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// Which kind of mistake.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Places; the first is the primary one.
    pub labels: Vec<Label>,
    /// How to put it right.
    pub help: Vec<Help>,
    /// Facts, with their source.
    pub notes: Vec<String>,
    /// What it is about in the graph: `uart.irq`.
    pub path: Option<String>,
    /// The initiator whose view shows it.
    pub view: Option<String>,
}

impl Diagnostic {
    /// A message of a code at a place; its severity is the code's.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        let label = Label { span, text: String::new(), primary: true };
        Diagnostic {
            code,
            severity: code.severity(),
            message: message.into(),
            labels: vec![label],
            help: Vec::new(),
            notes: Vec::new(),
            path: None,
            view: None,
        }
    }

    /// What stands under the primary place.
    pub fn label(mut self, text: impl Into<String>) -> Diagnostic {
        if let Some(l) = self.labels.first_mut() {
            l.text = text.into();
        }
        self
    }

    /// Another place that makes it wrong. A place that stands in no text is left out.
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        if span.file != u32::MAX {
            self.labels.push(Label { span, text: text.into(), primary: false });
        }
        self
    }

    /// Advice.
    pub fn help(mut self, message: impl Into<String>) -> Diagnostic {
        self.help.push(Help { message: message.into(), edits: Vec::new() });
        self
    }

    /// Advice that `--fix` can follow by one replacement.
    pub fn fix(mut self, message: impl Into<String>, span: Span, text: impl Into<String>) -> Self {
        let edit = Edit { span, text: text.into() };
        self.help.push(Help { message: message.into(), edits: vec![edit] });
        self
    }

    /// A fact.
    pub fn note(mut self, message: impl Into<String>) -> Diagnostic {
        self.notes.push(message.into());
        self
    }

    /// What it is about in the graph.
    pub fn path(mut self, path: impl Into<String>) -> Diagnostic {
        self.path = Some(path.into());
        self
    }

    /// Whose view shows it.
    pub fn view(mut self, initiator: impl Into<String>) -> Diagnostic {
        self.view = Some(initiator.into());
        self
    }

    /// The primary place.
    pub fn span(&self) -> Span {
        self.labels.first().map_or(crate::source::NOWHERE, |l| l.span)
    }
}
