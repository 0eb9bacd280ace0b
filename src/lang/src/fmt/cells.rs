//! A statement's head in cells, one for each column of its table.

use super::tokens::{Kind, Token, digits, group, hex, outside, print, value};
use crate::expr::Unit;
use crate::syntax::split::Place;

/// Kinds of statements that share columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// `0x1000 + 4 KiB  name : type`
    Row,
    /// `name : type`
    Part,
    /// `a = b`
    Set,
    /// `a -> b`, `a <- b`
    Wire,
    /// `param`, `plug`, `clock`, `let`: columns by keyword.
    Keyword(u8),
    /// Everything else.
    Other,
}

const KEYWORDS: [&str; 6] = ["param", "plug", "clock", "let", "in", "out"];
const SIGNS: [&str; 4] = ["=", "->", "<-", "=>"];

/// What kind of statement a head is.
pub(super) fn class(head: &[Token<'_>], place: Place) -> Class {
    let Some(first) = head.first() else { return Class::Other };
    if head.iter().any(|t| t.kind == Kind::Comment) {
        return Class::Other;
    }
    let second_word = head.get(1).is_some_and(|t| t.kind == Kind::Word);
    if first.kind == Kind::Word && second_word {
        let keyword = KEYWORDS.iter().position(|k| *k == first.text);
        return keyword
            .filter(|_| place == Place::Top)
            .map_or(Class::Other, |k| Class::Keyword(k as u8));
    }
    let sign = outside(head, |_, t| SIGNS.iter().any(|s| t.is(s)));
    let colon = outside(head, |_, t| t.is(":"));
    if place == Place::Bus && sign.is_none() && first.kind != Kind::Word {
        return Class::Row;
    }
    match (sign.and_then(|s| head.get(s)), colon) {
        (Some(s), None) if s.text == "=" => Class::Set,
        (Some(_), None) => Class::Wire,
        (None, Some(_)) if place == Place::Top && first.kind == Kind::Word => Class::Part,
        _ if place == Place::Bus && sign.is_none() && row_place(head).is_some() => Class::Row,
        _ => Class::Other,
    }
}

/// The cells of a head; an empty one has nothing in its column. Rows are made by [`rows`].
pub(super) fn cells(head: &[Token<'_>], class: Class, wide_equals: bool) -> Vec<String> {
    let part = |from: usize, to: usize| print(head.get(from..to).unwrap_or(&[]));
    let n = head.len();
    let find = |what: &str| outside(head, |_, t| t.is(what)).unwrap_or(n);
    match class {
        Class::Set | Class::Wire => {
            let at = outside(head, |_, t| SIGNS.iter().any(|s| t.is(s))).unwrap_or(n);
            let sign = head.get(at).map_or("", |t| t.text);
            let gap = if sign == "=" && wide_equals { "  " } else { " " };
            vec![part(0, at), format!("{sign}{gap}{}", part(at + 1, n))]
        }
        Class::Part => {
            let colon = find(":");
            let on = outside(head, |i, t| i > colon && t.word("on")).unwrap_or(n);
            vec![part(0, colon), part(colon, on), part(on, n)]
        }
        Class::Keyword(_) => {
            let colon = find(":");
            let equals = find("=");
            let within = outside(head, |i, t| i > 1 && t.word("in")).unwrap_or(n);
            let (colon, equals) = (colon.min(equals).min(within), equals.min(within));
            vec![part(0, colon), part(colon, equals), part(equals, within), part(within, n)]
        }
        _ => vec![print(head)],
    }
}

/// Where the place of a row ends: its operator (or the same), and one past its last token.
fn row_place(head: &[Token<'_>]) -> Option<(usize, usize)> {
    let base = chain(head, 0, &["*", "/"])?;
    let joins = |t: &Token<'_>| t.is("+") || t.is("..") || t.word("step");
    let end = match head.get(base) {
        Some(t) if joins(t) => chain(head, base + 1, &["+", "-", "*", "/"])?,
        _ => base,
    };
    Some((base, end))
}

/// Operands joined by operators; one past the last.
fn chain(head: &[Token<'_>], from: usize, operators: &[&str]) -> Option<usize> {
    let mut at = operand(head, from)?;
    while head.get(at).is_some_and(|t| operators.iter().any(|o| t.is(o))) {
        at = operand(head, at + 1)?;
    }
    Some(at)
}

fn operand(head: &[Token<'_>], at: usize) -> Option<usize> {
    let t = head.get(at)?;
    match t.kind {
        Kind::Number => {
            let unit = head.get(at + 1).filter(|u| u.kind == Kind::Word && unit(u.text));
            let short = unit.is_some_and(|u| u.text.len() < 3);
            let named = short && head.get(at + 2).is_some_and(|t| t.is(":"));
            Some(at + 1 + usize::from(unit.is_some() && !named))
        }
        Kind::Word => {
            let mut at = at + 1;
            loop {
                match head.get(at) {
                    Some(t) if t.is(".") => at += 2,
                    Some(t) if t.is("[") || t.is("(") => at = closing(head, at),
                    _ => return Some(at),
                }
            }
        }
        Kind::Sign if t.text == "-" => operand(head, at + 1),
        Kind::Sign if t.text == "(" => Some(closing(head, at)),
        _ => None,
    }
}

/// One past the bracket that closes the one here.
fn closing(head: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0usize;
    for (i, t) in head.iter().enumerate().skip(open) {
        if t.is("[") || t.is("(") {
            depth += 1;
        } else if t.is("]") || t.is(")") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return i + 1;
            }
        }
    }
    head.len()
}

fn unit(word: &str) -> bool {
    Unit::find(word).is_some()
}

/// A row of a bus before its columns are known.
struct Row {
    base: String,
    /// `+` or `..`
    join: &'static str,
    /// A size that is a number with a unit: the number.
    size: Option<String>,
    /// The rest of the extent.
    extent: String,
    name: String,
    /// What follows: window offset, flags, type.
    rest: String,
    typed: bool,
}

/// The texts of all rows of a bus, with their columns aligned.
pub(super) fn rows(heads: &[&[Token<'_>]], address_bits: Option<u64>) -> Vec<String> {
    let addresses = heads.iter().flat_map(|h| addresses(h));
    let least = if address_bits.is_some_and(|b| b <= 16) { 4 } else { 8 };
    let wide = addresses.map(|t| digits(t.text)).max().unwrap_or(0).clamp(least, 16);
    let rows: Vec<Row> = heads.iter().map(|h| row(h, wide)).collect();
    let most = |f: &dyn Fn(&Row) -> usize| rows.iter().map(f).max().unwrap_or(0);
    let len = |s: &str| s.chars().count();
    let number = most(&|r| r.size.as_deref().map_or(0, len));
    let extent = |r: &Row| match &r.size {
        Some(n) => format!("{} {n:>number$} {}", r.join, r.extent).trim_end().to_string(),
        None if r.join.is_empty() => String::new(),
        None => format!("{} {}", r.join, r.extent),
    };
    let place: Vec<String> = {
        let base = most(&|r| len(&r.base));
        let one = |r: &Row| match extent(r) {
            e if e.is_empty() => r.base.clone(),
            e => format!("{:base$} {e}", r.base),
        };
        rows.iter().map(one).collect()
    };
    let places = place.iter().map(|p| len(p)).max().unwrap_or(0);
    let names = most(&|r| if r.typed { len(&r.name) } else { 0 });
    let line = |(r, place): (&Row, &String)| {
        let text = match r.rest.is_empty() {
            true => format!("{place:places$}   {}", r.name),
            false => format!("{place:places$}   {:names$} {}", r.name, r.rest),
        };
        text.trim_end().to_string()
    };
    rows.iter().zip(&place).map(line).collect()
}

/// The numbers of a row that are addresses by themselves.
fn addresses<'t, 'a>(head: &'t [Token<'a>]) -> Vec<&'t Token<'a>> {
    let Some((base, end)) = row_place(head) else { return Vec::new() };
    let alone = |from: usize, to: usize| match head.get(from..to) {
        Some([t]) if t.kind == Kind::Number => Some(t),
        _ => None,
    };
    let last = head.get(base).filter(|t| t.is("..")).and_then(|_| alone(base + 1, end));
    alone(0, base).into_iter().chain(last).collect()
}

fn row(head: &[Token<'_>], wide: usize) -> Row {
    let (base, end) = row_place(head).unwrap_or((head.len(), head.len()));
    let address = |from: usize, to: usize| match head.get(from..to) {
        Some([t]) if t.kind == Kind::Number => match value(t.text) {
            Some(v) if !t.text.starts_with("0x") => group(&format!("{v:X}"), wide),
            _ => hex(t.text, wide),
        },
        Some(some) => print(some),
        None => String::new(),
    };
    let join = match head.get(base) {
        Some(t) if base < end && t.is("+") => "+",
        Some(t) if base < end && t.is("..") => "..",
        Some(_) if base < end => "step",
        _ => "",
    };
    let size = match head.get(base + 1..end) {
        Some([n, u]) if join == "+" && n.kind == Kind::Number && u.kind == Kind::Word => {
            Some((hex(n.text, 0), u.text.to_string()))
        }
        _ => None,
    };
    let name_end = operand(head, end).unwrap_or(end).min(head.len());
    let rest = head.get(name_end..).unwrap_or(&[]);
    // An array belongs to the name: `uart[i < 4]`.
    Row {
        base: address(0, base),
        join,
        extent: match &size {
            Some((_, unit)) => unit.clone(),
            None if join == ".." => address(base + 1, end),
            None => print(head.get(base + 1..end).unwrap_or(&[])),
        },
        size: size.map(|(n, _)| n),
        name: print(head.get(end..name_end).unwrap_or(&[])),
        rest: print(rest),
        typed: outside(rest, |_, t| t.is(":")).is_some(),
    }
}
