//! The editor server: the Language Server Protocol 3.17 over a pair of streams (`hetemu lsp`).
//!
//! One thread reads a message, answers it and goes on. A text is checked when nobody waits to say
//! more, so that fast typing costs one check and not one a key. What a client sends may be
//! anything: it gets an error or no answer, and nothing panics.

mod actions;
mod buffers;
mod complete;
mod document;
mod free;
mod hover;
mod names;
mod position;
mod server;
mod texts;
mod wire;

use hetemu_graph::Graph;
use hetemu_lang::{Diagnostic, Ingredient, Library, SourceMap};
use hetemu_schema::Catalog;
use std::io::{BufReader, Read, Write};

/// What a check of a text gives.
#[derive(Debug)]
pub struct Checked {
    /// Everything to say; the text itself is file 0 of the map.
    pub diagnostics: Vec<Diagnostic>,
    /// All texts that were read.
    pub sources: SourceMap,
    /// The wired graph, if there is no error.
    pub graph: Option<Graph>,
    /// The texts that the text is made of.
    pub ingredients: Vec<Ingredient>,
}

/// Checks a text: its path, its content, and where the texts are found that it names.
pub type Check<'a> = dyn Fn(&str, &str, &dyn Library) -> Checked + 'a;

/// What a server stands on.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// Every type.
    pub catalog: &'a Catalog,
    /// How a text is checked.
    pub check: &'a Check<'a>,
    /// Texts that are not open in the editor.
    pub library: &'a dyn Library,
    /// The absolute path of a text of the library; nothing if it is no file, as what is shipped.
    pub place: &'a dyn Fn(&str) -> Option<String>,
}

/// Serves a client until it leaves. The answer is the exit code that the protocol asks for: 0
/// after `shutdown`, else 1. Only a stream that cannot be written is an error.
pub fn serve(input: impl Read, output: impl Write, ground: &Ground<'_>) -> std::io::Result<u8> {
    let mut input = BufReader::new(input);
    let mut server = server::Server::new(*ground, output);
    loop {
        if input.buffer().is_empty() {
            server.idle()?;
        }
        match wire::read(&mut input)? {
            wire::Read::End => return Ok(server.exit_code()),
            wire::Read::Broken(why) => server.broken(&why)?,
            wire::Read::Message(message) => {
                if server.take(message)? {
                    return Ok(server.exit_code());
                }
            }
        }
    }
}
