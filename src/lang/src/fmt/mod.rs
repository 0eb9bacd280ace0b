//! The formatter: one style, no options (`hetemu fmt`, and the editor).
//!
//! Two blanks of indentation; rows of a bus in the order of their addresses, hexadecimal numbers in
//! groups of four; columns aligned; in a part wires after properties; comments stay with the line
//! that they follow or precede. A blank line parts groups, and nothing moves from one group to
//! another. What is on one line stays there if it fits. Formatting twice changes nothing, and the
//! machine stays the same; tests hold both.

mod cells;
mod layout;
mod order;
pub(crate) mod tokens;
mod tree;

use crate::diag::{Diagnostic, Severity, Sink, codes};
use crate::syntax;

/// Columns that a line may have before it is broken.
pub(crate) const WIDTH: usize = 100;

/// A text in the one style. A text that cannot be read as statements is refused with its errors.
pub fn format(text: &str, file: crate::FileId) -> Result<String, Vec<Diagnostic>> {
    let mut sink = Sink::default();
    syntax::parse(text, file, &mut sink);
    let unread = |d: &Diagnostic| {
        d.severity == Severity::Error && d.code < codes::E0201 && d.code != codes::E0199
    };
    let errors: Vec<Diagnostic> = sink.finish().into_iter().filter(unread).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    match tree::tree(text) {
        Some((items, tail)) => Ok(layout::render(items, tail)),
        None => Ok(text.to_string()),
    }
}
