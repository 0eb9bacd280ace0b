//! Places as the protocol counts them: lines from 0, columns in UTF-16 units.

use hetemu_lang::Span;
use serde_json::{Value, json};

/// The beginnings of a text's lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn new(text: &str) -> Lines {
        let newlines = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        Lines { starts: std::iter::once(0).chain(newlines.map(|(i, _)| i + 1)).collect() }
    }

    /// The byte of a position; positions outside are moved to the nearest end.
    pub(crate) fn offset(&self, text: &str, position: &Value) -> usize {
        let number = |name: &str| position.get(name).and_then(Value::as_u64).unwrap_or(0);
        let (line, column) = (number("line"), number("character"));
        let Some(start) = usize::try_from(line).ok().and_then(|l| self.starts.get(l)) else {
            return text.len();
        };
        let rest = text.get(*start..).unwrap_or("");
        let mut units = 0u64;
        for (i, c) in rest.char_indices() {
            if units >= column || c == '\n' || c == '\r' && rest.get(i + 1..i + 2) == Some("\n") {
                return start + i;
            }
            units += c.len_utf16() as u64;
        }
        text.len()
    }

    /// The position of a byte.
    pub(crate) fn position(&self, text: &str, at: usize) -> Value {
        let line = self.starts.partition_point(|s| *s <= at).max(1) - 1;
        let start = self.starts.get(line).copied().unwrap_or(0);
        let before = text.get(start..at.min(text.len())).unwrap_or("");
        json!({ "line": line, "character": before.encode_utf16().count() })
    }

    pub(crate) fn range(&self, text: &str, span: Span) -> Value {
        let (start, end) = (span.start as usize, span.end as usize);
        json!({ "start": self.position(text, start), "end": self.position(text, end) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_utf16() {
        let text = "a\n\u{1F600}é b\r\nc";
        let lines = Lines::new(text);
        let b = text.find('b').expect("there");
        assert_eq!(lines.position(text, b), json!({ "line": 1, "character": 4 }));
        assert_eq!(lines.offset(text, &json!({ "line": 1, "character": 4 })), b);
        assert_eq!(lines.offset(text, &json!({ "line": 1, "character": 99 })), b + 1);
        assert_eq!(lines.offset(text, &json!({ "line": 9, "character": 0 })), text.len());
        assert_eq!(lines.offset(text, &json!({ "line": -1 })), 0);
        assert_eq!(lines.offset(text, &json!("what")), 0);
    }
}
