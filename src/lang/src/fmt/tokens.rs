//! Tokens of a statement's head, and how they stand beside each other.
//!
//! The formatter works on tokens and not on the tree, so that nothing of the text can get lost and
//! statements that the tree does not know yet keep their form.

use std::fmt::Write;

/// Kinds of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    Number,
    Text,
    Sign,
    Comment,
}

/// A token and how it stood in the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    /// First byte in what was cut.
    pub(crate) start: usize,
    /// Nothing stood between it and the token before.
    pub(crate) tight: bool,
    /// A new line began before it.
    pub(super) fresh: bool,
}

impl Token<'_> {
    pub(crate) fn is(&self, sign: &str) -> bool {
        self.kind == Kind::Sign && self.text == sign
    }
    pub(crate) fn word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text == word
    }
}

const DOUBLE: [&str; 8] = ["->", "<-", "..", ">=", "<=", "==", "!=", "=>"];

/// Cuts a head into tokens; blanks go.
pub(crate) fn lex(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut at = 0;
    let (mut tight, mut fresh) = (false, false);
    while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
        let Some(c) = rest.chars().next() else { break };
        if c.is_whitespace() {
            fresh |= c == '\n';
            tight = false;
            at += c.len_utf8();
            continue;
        }
        let (kind, len) = token(rest, c);
        let text = rest.get(..len).unwrap_or(rest);
        out.push(Token { kind, text: text.trim_end(), start: at, tight, fresh });
        (tight, fresh) = (true, false);
        at += len.max(1);
    }
    out
}

fn token(rest: &str, c: char) -> (Kind, usize) {
    let run = |ok: fn(char) -> bool| rest.find(|c| !ok(c)).unwrap_or(rest.len());
    let word = |c: char| c.is_alphanumeric() || c == '_';
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if c == '"' {
        let end = rest.get(1..).and_then(|r| r.find(['"', '\n']));
        return (Kind::Text, end.map_or(rest.len(), |e| e + 2));
    }
    if c.is_ascii_digit() {
        return (Kind::Number, number(rest));
    }
    if word(c) {
        return (Kind::Word, run(word));
    }
    let double = DOUBLE.iter().any(|d| rest.starts_with(d));
    (Kind::Sign, if double { 2 } else { c.len_utf8() })
}

/// As the grammar's `number`.
fn number(rest: &str) -> usize {
    let run = |from: usize, ok: fn(char) -> bool| {
        let tail = rest.get(from..).unwrap_or("");
        from + tail.find(|c| !ok(c)).unwrap_or(tail.len())
    };
    // Without a digit behind it the letter is a name.
    let based = match rest.get(..2) {
        Some("0x") => run(2, |c| c.is_ascii_hexdigit() || c == '_'),
        Some("0b") => run(2, |c| matches!(c, '0' | '1' | '_')),
        _ => 0,
    };
    if based > 2 {
        return based;
    }
    let whole = run(0, |c| c.is_ascii_digit() || c == '_');
    let mut tail = rest.get(whole..).unwrap_or("").chars();
    let fraction = tail.next() == Some('.') && tail.next().is_some_and(|c| c.is_ascii_digit());
    if fraction { run(whole + 1, |c| c.is_ascii_digit()) } else { whole }
}

/// Words after which a name with dashes, dots and a version stands.
const NAMED: [&str; 8] =
    ["machine", "module", "overlay", "device", "extends", "with", "profile", "use"];
const CALLS: [&str; 3] = ["min", "max", "align"];

/// Brackets that are open.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Index,
    Other,
}

/// What the tokens before decide about how the next ones are read.
#[derive(Default)]
struct Context {
    open: Vec<Open>,
    /// A name with dashes, dots and a version.
    name: bool,
    /// `on` stood before: `@` begins a unit address.
    on: bool,
    /// A unit address.
    unit: bool,
}

impl Context {
    fn after(&mut self, t: &Token<'_>, before: Option<&Token<'_>>) {
        let index = before.is_some_and(is_index);
        if t.is("[") || t.is("(") {
            self.open.push(if index { Open::Index } else { Open::Other });
        } else if t.is("]") || t.is(")") {
            self.open.pop();
        } else if self.open.is_empty() {
            self.on |= t.word("on");
            let first = before.is_some_and(|b| b.is("@"));
            self.unit = t.is("@") && self.on || self.unit && (t.tight || first);
            self.name = match t.kind {
                Kind::Sign if t.text == ":" => true,
                Kind::Sign => self.name && matches!(t.text, "." | "-" | "@" | ","),
                Kind::Word if matches!(t.text, "on" | "in") && !t.tight => false,
                _ => self.name,
            };
        }
    }

    /// Whether a blank stands between two tokens.
    fn blank(&self, before: &Token<'_>, t: &Token<'_>) -> bool {
        if (self.name || self.unit) && self.open.is_empty() {
            let joint = |x: &Token<'_>| x.kind != Kind::Sign || matches!(x.text, "." | "-" | "@");
            if t.tight && (self.unit && !before.is("@") || joint(before) && joint(t) && !self.unit)
            {
                return false;
            }
        }
        let sign = |x: &Token<'_>, all: &[&str]| x.kind == Kind::Sign && all.contains(&x.text);
        if sign(t, &[",", ")", "]", "."]) || sign(before, &["(", "[", "."]) {
            return false;
        }
        let index = self.open.last() == Some(&Open::Index);
        if index && [before, t].iter().any(|x| sign(x, &["..", "*", "/"])) {
            return false;
        }
        if t.is("[") {
            return !is_index(before);
        }
        !(t.is("(") && before.kind == Kind::Word && CALLS.contains(&before.text))
    }
}

/// Whether `[` after this token is an index.
fn is_index(before: &Token<'_>) -> bool {
    before.kind == Kind::Word && before.text != "in" || before.is("]")
}

/// The tokens with the blanks of the one style between them.
pub(super) fn print(tokens: &[Token<'_>]) -> String {
    let mut out = String::new();
    let named = tokens.first().is_some_and(|t| NAMED.contains(&t.text));
    let mut cx = Context { name: named, ..Context::default() };
    let mut before: Option<&Token<'_>> = None;
    let mut alone = true;
    for t in tokens {
        let minus = before.is_some_and(|b| b.is("-")) && alone;
        if let Some(b) = before
            && !minus
            && cx.blank(b, t)
        {
            out.push(' ');
        }
        let whole = t.kind == Kind::Number && !cx.unit && !(cx.name && cx.open.is_empty());
        out.push_str(&if whole { hex(t.text, 0) } else { t.text.to_string() });
        // A `-` after a sign, or at the beginning, has nothing on its left.
        let left = before.is_none_or(|b| b.kind == Kind::Sign && !(b.is(")") || b.is("]")));
        alone = t.is("-") && left && !cx.name;
        cx.after(t, before);
        before = Some(t);
    }
    out
}

/// A number as the style writes it: hexadecimal digits upper case, in groups of four, and at least
/// so many of them.
pub(super) fn hex(text: &str, digits: usize) -> String {
    let Some(hex) = text.strip_prefix("0x") else { return text.to_string() };
    let plain: String = hex.chars().filter(|c| *c != '_').collect();
    group(&plain.to_ascii_uppercase(), digits)
}

/// Hexadecimal digits, filled with zeros, with `_` between groups of four.
pub(super) fn group(digits: &str, least: usize) -> String {
    let zeros = least.saturating_sub(digits.len());
    let all = format!("{}{digits}", "0".repeat(zeros));
    let mut out = String::from("0x");
    for (i, c) in all.chars().enumerate() {
        if i > 0 && (all.len() - i).is_multiple_of(4) {
            out.push('_');
        }
        out.push(c);
    }
    out
}

/// As many hexadecimal digits as a number has in the text; those of its value if it is decimal.
pub(super) fn digits(text: &str) -> usize {
    match text.strip_prefix("0x") {
        Some(hex) => hex.bytes().filter(|b| *b != b'_').count(),
        None => value(text).map_or(0, |v| format!("{v:x}").len()),
    }
}

/// The value of a whole number.
pub(super) fn value(text: &str) -> Option<u64> {
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    if let Some(hex) = plain.strip_prefix("0x") {
        return u64::from_str_radix(hex, 16).ok();
    }
    if let Some(bits) = plain.strip_prefix("0b") {
        return u64::from_str_radix(bits, 2).ok();
    }
    plain.parse().ok()
}

/// The first place outside of brackets that a test accepts.
pub(super) fn outside(
    tokens: &[Token<'_>],
    accept: impl Fn(usize, &Token<'_>) -> bool,
) -> Option<usize> {
    let mut depth = 0usize;
    for (i, t) in tokens.iter().enumerate() {
        if t.is("[") || t.is("(") {
            depth += 1;
        } else if t.is("]") || t.is(")") {
            depth = depth.saturating_sub(1);
        } else if depth == 0 && accept(i, t) {
            return Some(i);
        }
    }
    None
}

/// A head that has comments inside: its lines stay as they are, with one indentation.
pub(super) fn print_lines(tokens: &[Token<'_>], indent: usize) -> String {
    let mut out = String::new();
    let lines = tokens.chunk_by(|_, b| !b.fresh);
    for (i, line) in lines.enumerate() {
        if i > 0 {
            let deeper = if line.first().is_some_and(|t| t.is("]") || t.is(")")) { 0 } else { 2 };
            _ = write!(out, "\n{}", " ".repeat(indent + deeper));
        }
        let (code, comment) = match line.split_last() {
            Some((last, code)) if last.kind == Kind::Comment => (code, last.text),
            _ => (line, ""),
        };
        out.push_str(&print(code));
        if !comment.is_empty() {
            out.push_str(if code.is_empty() { "" } else { "  " });
            out.push_str(comment);
        }
    }
    out
}
