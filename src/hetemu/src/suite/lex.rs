//! Tokens of a line: words, texts in quotes, patterns in slashes, signs.
//!
//! A line is a statement, so a mistake in one costs no other. Words keep what stands in brackets
//! right behind them: `hart[0].a0`, `ram[buffer + 4]`.

use super::codes::E1401;
use hetemu_lang::{Diagnostic, Span};

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, a number, a unit.
    Word(String),
    /// `"text"` without its escapes.
    Text(Vec<u8>),
    /// `/pattern/`, as written between the slashes, but for `\/`.
    Pattern(String),
    /// `{ } = , @ ..` and comparisons.
    Sign(&'static str),
}

const SIGNS: [&str; 15] =
    ["==", "!=", "<=", ">=", "..", "<", ">", "=", "{", "}", ",", "@", "&", "+", "-"];

/// A line's tokens with their places, up to a comment.
pub(super) fn line(
    text: &str,
    start: usize,
    file: u32,
) -> Result<Vec<(Token, Span)>, Box<Diagnostic>> {
    let mut out = Vec::new();
    let mut at = 0;
    let span = |from: usize, to: usize| Span {
        file,
        start: (start + from) as u32,
        end: (start + to) as u32,
    };
    while let Some(rest) = text.get(at..)
        && let Some(c) = rest.chars().next()
    {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        if rest.starts_with("//") {
            break;
        }
        let (token, len) = if c == '"' || c == '/' {
            let Some(len) = closed(rest, c) else {
                let what = if c == '"' { "text" } else { "pattern" };
                let d = Diagnostic::new(
                    E1401,
                    span(at, text.len()),
                    format!("this {what} does not end"),
                );
                return Err(Box::new(d.help(format!("close it with `{c}` on its line"))));
            };
            let inner = rest.get(1..len - 1).unwrap_or("");
            let token = match c {
                '"' => Token::Text(
                    crate::script::unescape(inner)
                        .map_err(|e| Box::new(Diagnostic::new(E1401, span(at, at + len), e)))?,
                ),
                _ => Token::Pattern(inner.replace("\\/", "/")),
            };
            (token, len)
        } else if let Some(sign) = SIGNS.iter().find(|s| rest.starts_with(**s)) {
            (Token::Sign(sign), sign.len())
        } else {
            let len = word(rest);
            (Token::Word(rest.get(..len).unwrap_or(rest).to_string()), len)
        };
        out.push((token, span(at, at + len)));
        at += len;
    }
    Ok(out)
}

/// The length of what begins and ends with a mark.
fn closed(text: &str, mark: char) -> Option<usize> {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == mark => return Some(i + 1),
            _ => {}
        }
    }
    None
}

/// The length of a word: up to a blank or a sign outside of brackets. A dot belongs to it, two do
/// not.
fn word(text: &str) -> usize {
    let mut depth = 0usize;
    for (i, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            c if i > 0 && (c.is_whitespace() || "\"={},@<>!&+".contains(c)) => return i,
            '.' if i > 0 && text.get(i..).is_some_and(|t| t.starts_with("..")) => return i,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token> {
        line(text, 0, 0).unwrap().into_iter().map(|(t, _)| t).collect()
    }

    #[test]
    fn words_keep_their_brackets() {
        let word = |t: &str| Token::Word(t.into());
        assert_eq!(
            tokens("check u32 hart[0][buffer + 4]==0x1_0 // so"),
            [
                word("check"),
                word("u32"),
                word("hart[0][buffer + 4]"),
                Token::Sign("=="),
                word("0x1_0")
            ]
        );
        assert_eq!(tokens("1..2"), [word("1"), Token::Sign(".."), word("2")]);
        assert_eq!(
            tokens(r#"send "a\"b\n" on x"#),
            [word("send"), Token::Text(b"a\"b\n".to_vec()), word("on"), word("x")]
        );
        assert_eq!(tokens(r"expect /a\/b+/"), [word("expect"), Token::Pattern("a/b+".into())]);
        assert!(line("send \"a", 0, 0).is_err());
    }
}
