//! Why something did not work.

use super::Stop;
use crate::Loaded;
use hetemu_machine::{FileError, Report};

/// Why something did not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such machine.
    #[error("{0}")]
    NotFound(String),
    /// The machine's text has mistakes: all of them, with its texts.
    #[error("{}", rendered(.0))]
    Wrong(Box<Loaded>),
    /// Parts that have no model: a report each.
    #[error("{}", .0.iter().map(|r| r.to_string()).collect::<String>().trim_end())]
    Missing(Vec<Report>),
    /// The machine cannot be made, or its state cannot be read.
    #[error("{}", .0.to_string().trim_end())]
    Report(#[from] Report),
    /// The session could not do it.
    #[error("{0}")]
    Session(#[from] hetemu_control::Error),
    /// No plug of this name belongs to the caller.
    #[error("no serial plug `{name}` belongs to the caller; there is {known}")]
    NoPlug {
        /// What was asked for.
        name: String,
        /// Names that would do.
        known: String,
    },
    /// There is nothing of this name.
    #[error("nothing here is called `{name}`{}", nearest(.meant))]
    NoName {
        /// What was asked for.
        name: String,
        /// The nearest name that exists.
        meant: Option<String>,
    },
    /// A byte of a stretch is no memory, or `view` is nothing that has a view.
    #[error("`{view}` sees no memory of {len} bytes at {at:#x}")]
    NoMemory {
        /// Core, cluster or bus.
        view: String,
        /// First address.
        at: u64,
        /// Bytes.
        len: usize,
    },
    /// Memory is seen by cores, clusters and buses, and this is none.
    #[error("`{name}` is no core, cluster or bus, and so sees no memory; there is {known}")]
    NoView {
        /// What was asked for.
        name: String,
        /// Names that would do.
        known: String,
    },
    /// A file that is no snapshot of this machine.
    #[error("{0}")]
    Snapshot(#[from] FileError),
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        error: std::io::Error,
    },
    /// A value that does not fit.
    #[error("{0}")]
    Value(String),
    /// A pattern that is no regular expression.
    #[error("{0}")]
    Pattern(#[from] regex::Error),
    /// The output that was waited for did not come.
    #[error("expected output did not come: {pattern}\n{}", .stop.reason())]
    Expected {
        /// The pattern.
        pattern: String,
        /// Why the wait is over.
        stop: Stop,
        /// What the guest said since the last match.
        output: String,
    },
}

fn nearest(name: &Option<String>) -> String {
    name.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default()
}

fn rendered(loaded: &Loaded) -> String {
    let text = hetemu_lang::render(&loaded.diagnostics, &loaded.sources, false, 100);
    text.trim_end().to_string()
}
