//! The words of a statement: numbers with units, values, addresses, patterns.

use super::codes::E1401;
use super::lex::Token;
use super::{Address, Condition, Op, Pattern, Spanned, Value, ValueKind};
use hetemu_lang::diag::suggest;
use hetemu_lang::expr::{Dim, Unit};
use hetemu_lang::{Diagnostic, Span};
use regex::bytes::Regex;
use std::time::Duration;

pub(super) type Read<T> = Result<T, Box<Diagnostic>>;

/// What is left of a line.
pub(super) struct Words {
    tokens: std::vec::IntoIter<(Token, Span)>,
    peeked: Option<(Token, Span)>,
    /// Where the line ends.
    end: Span,
}

pub(super) fn wrong<T>(span: Span, message: impl Into<String>) -> Read<T> {
    Err(Box::new(Diagnostic::new(E1401, span, message)))
}

pub(super) fn number(text: &str) -> Option<u64> {
    let plain = text.replace('_', "");
    match plain.strip_prefix("0x").or(plain.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => plain.parse().ok(),
    }
}

impl Words {
    pub(super) fn new(tokens: Vec<(Token, Span)>) -> Words {
        let last = tokens.last().map_or(hetemu_lang::source::NOWHERE, |(_, s)| *s);
        let end = Span { start: last.end.saturating_sub(1).max(last.start), ..last };
        Words { tokens: tokens.into_iter(), peeked: None, end }
    }

    pub(super) fn next(&mut self) -> Option<(Token, Span)> {
        self.peeked.take().or_else(|| self.tokens.next())
    }

    pub(super) fn peek(&mut self) -> Option<&(Token, Span)> {
        if self.peeked.is_none() {
            self.peeked = self.tokens.next();
        }
        self.peeked.as_ref()
    }

    /// The place of what comes next, or of the line's end.
    pub(super) fn here(&mut self) -> Span {
        let end = self.end;
        self.peek().map_or(end, |(_, s)| *s)
    }

    /// Whether this word comes next; then it is used up.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let there = matches!(self.peek(), Some((Token::Word(w), _)) if w == word);
        if there {
            self.next();
        }
        there
    }

    pub(super) fn sign(&mut self, sign: &str) -> bool {
        let there = matches!(self.peek(), Some((Token::Sign(s), _)) if *s == sign);
        if there {
            self.next();
        }
        there
    }

    /// Nothing may follow.
    pub(super) fn end(&mut self, known: &str) -> Read<()> {
        match self.next() {
            None => Ok(()),
            Some((_, span)) => {
                let d = Diagnostic::new(E1401, span, "this does not belong to the statement");
                Err(Box::new(d.help(format!("its form is `{known}`"))))
            }
        }
    }

    pub(super) fn name(&mut self, what: &str) -> Read<Spanned> {
        let here = self.here();
        match self.next() {
            Some((Token::Word(w), span)) => Ok((w, span)),
            _ => wrong(here, format!("{what} is missing")),
        }
    }

    /// A text in quotes, or a word.
    pub(super) fn text(&mut self, what: &str) -> Read<Spanned> {
        let here = self.here();
        match self.next() {
            Some((Token::Word(w), span)) => Ok((w, span)),
            Some((Token::Text(t), span)) => match String::from_utf8(t) {
                Ok(t) => Ok((t, span)),
                Err(_) => wrong(span, "this is not UTF-8"),
            },
            _ => wrong(here, format!("{what} is missing")),
        }
    }

    /// Bytes in quotes.
    pub(super) fn bytes(&mut self, what: &str) -> Read<Vec<u8>> {
        let here = self.here();
        match self.next() {
            Some((Token::Text(t), _)) => Ok(t),
            _ => wrong(here, format!("{what} in quotes is missing")),
        }
    }

    /// `1 s`, `500 ms`, `1.5us`.
    pub(super) fn time(&mut self) -> Read<Duration> {
        let help = "times are `2 s`, `500 ms`, `10 us`, `40 ns`, in virtual time";
        let here = self.here();
        let bad =
            |span: Span, what: String| Err(Box::new(Diagnostic::new(E1401, span, what).help(help)));
        let Some((Token::Word(text), mut span)) = self.next() else {
            return bad(here, "a time is missing".into());
        };
        let split = text.find(|c: char| !(c.is_ascii_digit() || "._".contains(c)));
        let (digits, unit) = text.split_at(split.unwrap_or(text.len()));
        let mut unit = unit.to_string();
        if unit.is_empty()
            && let Some((Token::Word(w), s)) = self.peek().cloned()
            && Unit::find(&w).is_some()
        {
            (unit, span) = (w, s);
            self.next();
        }
        let factor = Unit::find(&unit).filter(|u| u.dim == Dim::Duration);
        let value = digits.replace('_', "").parse::<f64>().ok();
        match (value, factor) {
            (Some(v), Some(u)) if (0.0..1e9).contains(&(v * u.factor as f64 / 1e12)) => {
                Ok(Duration::from_nanos((v * u.factor as f64 / 1e3).round() as u64))
            }
            _ => bad(span, "this is no time".into()),
        }
    }

    /// `within TIME`, if it is there.
    pub(super) fn within(&mut self) -> Read<Option<Duration>> {
        if self.word("within") { self.time().map(Some) } else { Ok(None) }
    }

    /// `on PLUG`, if it is there.
    pub(super) fn on(&mut self) -> Read<Option<Spanned>> {
        if self.word("on") { self.name("the plug's name").map(Some) } else { Ok(None) }
    }

    /// `"text"`, `/pattern/`, `line "text"`, and the plug.
    pub(super) fn pattern(&mut self) -> Read<Pattern> {
        let line = self.word("line");
        let here = self.here();
        let (text, source, span) = match self.next() {
            Some((Token::Text(t), span)) => {
                // Bytes that are no UTF-8 stand for themselves.
                let escape = |b: &u8| match b {
                    b if b.is_ascii_alphanumeric() => (*b as char).to_string(),
                    b => format!("\\x{b:02x}"),
                };
                let source: String = t.iter().map(escape).collect();
                (format!("{:?}", String::from_utf8_lossy(&t)), format!("(?-u:{source})"), span)
            }
            Some((Token::Pattern(p), span)) => (format!("/{p}/"), p, span),
            _ => return wrong(here, "a text in quotes or a /pattern/ is missing"),
        };
        let source = match line {
            true => format!("(?m:^)(?:{source})\\r?\\n"),
            false => source,
        };
        let text = if line { format!("line {text}") } else { text };
        let regex = Regex::new(&source).or_else(|e| wrong(span, e.to_string()))?;
        Ok(Pattern { text, regex, plug: self.on()? })
    }

    /// A number, a text, a register, a symbol, memory.
    pub(super) fn value(&mut self) -> Read<Value> {
        let here = self.here();
        let (word, span) = match self.next() {
            Some((Token::Text(t), span)) => return Ok(Value { kind: ValueKind::Text(t), span }),
            Some((Token::Word(w), span)) => (w, span),
            Some((Token::Sign("-"), span)) => {
                let (digits, at) = self.name("a number")?;
                let span = hetemu_lang::source::join(span, at);
                return match number(&digits) {
                    Some(n) => Ok(Value { kind: ValueKind::Number(n.wrapping_neg()), span }),
                    None => wrong(at, "this is no number"),
                };
            }
            _ => return wrong(here, "a value is missing"),
        };
        let width = match word.as_str() {
            "u8" => 1,
            "u16" => 2,
            "u32" => 4,
            "u64" => 8,
            "bytes" => 0,
            _ => {
                let digit = word.starts_with(|c: char| c.is_ascii_digit());
                let kind = match number(&word) {
                    Some(n) => ValueKind::Number(n),
                    None if digit => return wrong(span, "this is no number"),
                    None => ValueKind::Name(word),
                };
                return Ok(Value { kind, span });
            }
        };
        let virt = self.word("virt");
        let (place, at) = self.name("a place such as `ram[0x1000]`")?;
        let open = place.strip_suffix(']').and_then(|p| p.rfind('['));
        let Some((view, inner)) =
            open.and_then(|i| Some((place.get(..i)?, place.get(i + 1..place.len() - 1)?)))
        else {
            let d = Diagnostic::new(E1401, at, "this is no place in memory");
            let help = format!("write `{word} VIEW[ADDRESS]`: a core, cluster or bus, and where");
            return Err(Box::new(d.help(help)));
        };
        let inside = Span { start: at.start + view.len() as u32 + 1, end: at.end - 1, ..at };
        let address = address(inner, inside)?;
        let kind = ValueKind::Memory { width, virt, view: view.to_string(), at: address };
        Ok(Value { kind, span: hetemu_lang::source::join(span, at) })
    }

    /// `0x1000`, `main`, `main + 4`.
    pub(super) fn address(&mut self) -> Read<Address> {
        let (mut text, mut span) = self.name("an address or a symbol")?;
        if self.sign("+") {
            let (more, at) = self.name("a number")?;
            text = format!("{text} + {more}");
            span = hetemu_lang::source::join(span, at);
        }
        address(&text, span)
    }

    /// `VALUE [& MASK] OP VALUE`
    pub(super) fn condition(&mut self) -> Read<Condition> {
        let left = self.value()?;
        let mut mask = None;
        if self.sign("&") {
            let value = self.value()?;
            let ValueKind::Number(n) = value.kind else {
                return wrong(value.span, "a mask is a number");
            };
            mask = Some(n);
        }
        let here = self.here();
        if self.word("in") {
            let right = self.value()?;
            let here = self.here();
            if !self.sign("..") {
                return wrong(here, "`..` and the highest value are missing");
            }
            let upto = Some(self.value()?);
            return Ok(Condition { left, mask, op: Op::In, right, upto });
        }
        let signs = [
            ("==", Op::Equal),
            ("!=", Op::Unequal),
            ("<=", Op::LessEqual),
            (">=", Op::GreaterEqual),
            ("<", Op::Less),
            (">", Op::Greater),
        ];
        let Some((_, op)) = signs.iter().find(|(sign, _)| self.sign(sign)) else {
            let d = Diagnostic::new(E1401, here, "a comparison is missing");
            return Err(Box::new(
                d.help("values are compared with == != < <= > >= or `in A .. B`"),
            ));
        };
        let right = self.value()?;
        Ok(Condition { left, mask, op: *op, right, upto: None })
    }
}

fn address(text: &str, span: Span) -> Read<Address> {
    let (head, tail) = text.split_once('+').unwrap_or((text, "0"));
    let (head, tail) = (head.trim(), tail.trim());
    let Some(more) = number(tail) else { return wrong(span, format!("`{tail}` is no number")) };
    match number(head) {
        Some(n) => Ok(Address { name: None, add: n.wrapping_add(more), span }),
        None if head.is_empty() || head.starts_with(|c: char| c.is_ascii_digit()) => {
            wrong(span, format!("`{head}` is no address"))
        }
        None => Ok(Address { name: Some(head.to_string()), add: more, span }),
    }
}

/// A word that is none of those that can stand here.
pub(super) fn unknown(span: Span, what: &str, word: &str, known: &[&str]) -> Diagnostic {
    let d = Diagnostic::new(E1401, span, format!("`{word}` is no {what}"));
    match suggest::nearest(word, known.iter().copied()) {
        Some(meant) => d.fix(format!("did you mean `{meant}`?"), span, meant),
        None => d.help(format!("there are {}", suggest::list(known.iter().copied()))),
    }
}
