//! JSON as QMP speaks it on the wire (qmp.md, "Framing").
//!
//! Input is a stream of values without separators: [`lex`] makes tokens of bytes as they come,
//! [`Stream`] collects the tokens of one value and [`parse`] makes a value of them. After a mistake
//! the stream goes on at the next structural character or line end. Strings may be in single
//! quotes. Output has `, ` and `: ` between values and ASCII only.

mod lex;
mod parse;
mod write;

pub use write::text;

use lex::{Lexer, Token};
use serde_json::Value;

/// Deepest nesting of arrays and objects.
pub const MAX_DEPTH: usize = 1024;
/// Most bytes of one value.
pub const MAX_BYTES: usize = 4 << 20;
/// Most tokens of one value.
pub const MAX_TOKENS: usize = 1 << 18;

/// Why input is no value. The text is QMP's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The input is not JSON.
    #[error("JSON parse error, {0}")]
    Parse(String),
    /// Deeper than [`MAX_DEPTH`].
    #[error("JSON nesting depth limit exceeded")]
    Depth,
    /// More than [`MAX_BYTES`].
    #[error("JSON token size limit exceeded")]
    Size,
    /// More than [`MAX_TOKENS`].
    #[error("JSON token count limit exceeded")]
    Count,
}

/// A stream of values: bytes in, values and mistakes out.
#[derive(Debug, Default)]
pub struct Stream {
    lexer: Lexer,
    tokens: Vec<Token>,
    bytes: usize,
    braces: i64,
    brackets: i64,
}

impl Stream {
    /// Takes one byte; gives what it completes, nearly always nothing, at most two values.
    pub fn feed(&mut self, byte: u8, out: &mut Vec<Result<Value, JsonError>>) {
        let mut tokens = Vec::new();
        self.lexer.feed(byte, &mut tokens);
        for token in tokens {
            if let Some(value) = self.token(token) {
                out.push(value);
            }
        }
    }

    /// Ends the input: what is not complete is a mistake.
    pub fn finish(&mut self, out: &mut Vec<Result<Value, JsonError>>) {
        self.feed(b'\n', out);
        if !self.tokens.is_empty() {
            self.clear();
            out.push(Err(JsonError::Parse("the input ends within a value".into())));
        }
    }

    fn clear(&mut self) {
        self.tokens = Vec::new();
        (self.bytes, self.braces, self.brackets) = (0, 0, 0);
    }

    fn token(&mut self, token: Token) -> Option<Result<Value, JsonError>> {
        match &token {
            Token::Open(b'{') => self.braces += 1,
            Token::Close(b'}') => self.braces -= 1,
            Token::Open(_) => self.brackets += 1,
            Token::Close(_) => self.brackets -= 1,
            Token::Stray(bytes) => {
                self.clear();
                let text = String::from_utf8_lossy(bytes);
                let text = text.trim_end_matches('\0');
                return Some(Err(JsonError::Parse(format!("stray '{text}'"))));
            }
            Token::TooLong => {
                self.clear();
                return Some(Err(JsonError::Size));
            }
            _ => {}
        }
        self.bytes = self.bytes.saturating_add(token.len());
        let over = if self.bytes > MAX_BYTES {
            Some(JsonError::Size)
        } else if self.tokens.len() >= MAX_TOKENS {
            Some(JsonError::Count)
        } else if self.braces.max(0) + self.brackets.max(0) > MAX_DEPTH as i64 {
            Some(JsonError::Depth)
        } else {
            None
        };
        if let Some(e) = over {
            self.clear();
            return Some(Err(e));
        }
        self.tokens.push(token);
        let open = self.braces > 0 || self.brackets > 0;
        let broken = self.braces < 0 || self.brackets < 0;
        if open && !broken {
            return None;
        }
        let tokens = std::mem::take(&mut self.tokens);
        self.clear();
        Some(parse::value(tokens))
    }
}

/// The values of a whole text.
pub fn read(text: &str) -> Vec<Result<Value, JsonError>> {
    let (mut stream, mut out) = (Stream::default(), Vec::new());
    for b in text.bytes() {
        stream.feed(b, &mut out);
    }
    stream.finish(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(input: &str) -> Vec<String> {
        let one = |v: &Result<Value, JsonError>| match v {
            Ok(v) => text(v),
            Err(e) => e.to_string(),
        };
        read(input).iter().map(one).collect()
    }

    #[test]
    fn values_need_no_separators() {
        assert_eq!(
            shown("{'a':1}{\"b\":[true,null]}3 4"),
            [r#"{"a": 1}"#, r#"{"b": [true, null]}"#, "3", "4"]
        );
    }

    #[test]
    fn numbers_are_echoed() {
        assert_eq!(
            shown("[-0.5e3,18446744073709551615,18446744073709551616,-7,0.1]"),
            ["[-500, 18446744073709551615, 1.8446744073709552e+19, -7, 0.10000000000000001]"]
        );
        assert_eq!(shown("1e400 2"), ["JSON parse error, invalid number '1e400'", "2"]);
    }

    #[test]
    fn mistakes_resynchronise() {
        assert_eq!(
            shown("not json\n1"),
            [
                "JSON parse error, invalid keyword 'not'",
                "JSON parse error, invalid keyword 'json'",
                "1"
            ]
        );
        let both = ["JSON parse error, stray '01'", "JSON parse error, expecting value", "2"];
        assert_eq!(shown("{\"id\":01}\n2"), both);
        assert_eq!(shown("{\"a\" 1}2"), ["JSON parse error, missing : in object pair", "2"]);
        assert_eq!(shown("{\"a\":1,}2"), ["JSON parse error, expecting value", "2"]);
        assert_eq!(shown("{\"a\":1,\"a\":2}"), ["JSON parse error, duplicate key"]);
        assert_eq!(shown("]7"), ["JSON parse error, expecting value", "7"]);
    }

    #[test]
    fn depth_has_a_limit() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(shown(&deep(MAX_DEPTH)).len(), 1);
        assert!(read(&deep(MAX_DEPTH))[0].is_ok());
        assert_eq!(shown(&deep(MAX_DEPTH + 1))[0], "JSON nesting depth limit exceeded");
    }

    #[test]
    fn size_has_a_limit() {
        let long = format!("\"{}\"", "x".repeat(MAX_BYTES + 10));
        assert_eq!(shown(&long)[0], "JSON token size limit exceeded");
        let many = format!("[{}1]", "1,".repeat(MAX_TOKENS));
        assert_eq!(shown(&many)[0], "JSON token count limit exceeded");
    }

    #[test]
    fn text_is_ascii() {
        assert_eq!(
            shown("\"é\\u00e9😀\\t\\u0001\\\\\\/'\""),
            [r#""\u00E9\u00E9\uD83D\uDE00\t\u0001\\/'""#]
        );
    }
}
