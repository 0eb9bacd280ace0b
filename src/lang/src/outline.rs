//! The shape of a text for editors: statements, and what each word of them is.
//!
//! It is made of tokens and braces alone, so that it is there while a text is being written and
//! nothing in it can be checked yet.

use crate::fmt::tokens::{Kind as TokenKind, Token, lex};
use crate::source::{FileId, Span};
use crate::syntax::mistakes::FLAGS;
use crate::syntax::split::{Chunk, Place, inside, split};

/// A statement.
#[derive(Debug, Clone)]
pub struct Statement {
    /// What it is.
    pub kind: Kind,
    /// What it declares.
    pub name: Option<Word>,
    /// The type that it names, with version: `lowrisc.uart@1`.
    pub ty: Option<String>,
    /// All of it, braces included.
    pub span: Span,
    /// Without its braces.
    pub head: Span,
    /// What stands between its braces.
    pub block: Option<Span>,
    /// The statements there.
    pub items: Vec<Statement>,
    /// Its words, in order.
    pub words: Vec<Word>,
}

/// Kinds of statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Machine,
    Param,
    Let,
    Clock,
    Plug,
    Bus,
    Part,
    Row,
    Set,
    Wire,
    Other,
}

/// A word of a statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// As it stands there.
    pub text: String,
    /// Where.
    pub span: Span,
    /// What it is.
    pub role: Role,
}

/// What a word is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It declares a name.
    Declares,
    /// A name of the machine: the first of a path.
    Name,
    /// What follows a dot: the names before it, joined by dots.
    Member(String),
    /// The left side of a statement in a part's braces: a property or port of the part.
    Own,
    /// A type.
    Type,
    /// A word of the language, a unit, a flag.
    Word,
    /// A number.
    Number,
}

/// The statements of a text.
pub fn outline(text: &str, file: FileId) -> Vec<Statement> {
    let (chunks, _) = split(text);
    chunks.iter().map(|c| statement(c, text, file, Place::Top)).collect()
}

const VERBS: [&str; 4] = ["replace", "rewire", "also", "final"];
const CALLS: [&str; 3] = ["min", "max", "align"];

fn statement(c: &Chunk, text: &str, file: FileId, place: Place) -> Statement {
    let at = |start: usize, end: usize| Span { file, start: start as u32, end: end as u32 };
    let head = text.get(c.head.0..c.head.1).unwrap_or("");
    let tokens = lex(head);
    let kind = kind(&tokens, place);
    let words = words(&tokens, kind, place, c.head.0, file);
    let inner = inside(head.as_bytes());
    let items = c.block.iter().flat_map(|b| &b.items);
    let items: Vec<Statement> = items.map(|i| statement(i, text, file, inner)).collect();
    let last = items.last().map_or(c.head.1, |i| i.span.end as usize);
    let block = c.block.as_ref().map(|b| at(b.open + 1, b.close.unwrap_or(last).max(b.open + 1)));
    let end = c.block.as_ref().map_or(c.head.1, |b| b.close.map_or(last, |c| c + 1));
    let name = words.iter().find(|w| w.role == Role::Declares).cloned();
    let ty: String = words.iter().find(|w| w.role == Role::Type).map_or(String::new(), |w| {
        // A type is one word, however many tokens it has.
        w.text.clone()
    });
    Statement {
        kind,
        name,
        ty: (!ty.is_empty()).then_some(ty),
        span: at(c.head.0, end.max(c.head.1)),
        head: at(c.head.0, c.head.1),
        block,
        items,
        words,
    }
}

fn kind(tokens: &[Token<'_>], place: Place) -> Kind {
    let Some(first) = tokens.first() else { return Kind::Other };
    let second = tokens.get(1).is_some_and(|t| t.kind == TokenKind::Word);
    if place == Place::Top && first.kind == TokenKind::Word && second {
        return match first.text {
            "machine" | "module" | "overlay" => Kind::Machine,
            "param" | "in" | "out" => Kind::Param,
            "let" => Kind::Let,
            "clock" => Kind::Clock,
            "plug" => Kind::Plug,
            "bus" => Kind::Bus,
            "replace" => Kind::Part,
            "rewire" | "also" => Kind::Wire,
            "final" => Kind::Set,
            _ => Kind::Other,
        };
    }
    let has = |sign: &str| tokens.iter().any(|t| t.is(sign));
    if place == Place::Bus && !(has("=") && first.kind == TokenKind::Word) {
        return Kind::Row;
    }
    if has("->") || has("<-") {
        return Kind::Wire;
    }
    match (place, has(":"), has("=")) {
        (Place::Top, true, _) => Kind::Part,
        (_, _, true) => Kind::Set,
        _ => Kind::Other,
    }
}

/// What each word is. The state machine knows brackets, dots, types and the left side of signs.
fn words(tokens: &[Token<'_>], kind: Kind, place: Place, base: usize, file: FileId) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::new();
    let mut depth = 0usize;
    // Before the first sign outside of brackets.
    let mut left = true;
    let mut in_type = false;
    let mut unit_address = false;
    let mut path = String::new();
    let keyword = matches!(
        kind,
        Kind::Machine | Kind::Param | Kind::Let | Kind::Clock | Kind::Plug | Kind::Bus
    );
    let verb = place == Place::Top && tokens.first().is_some_and(|t| VERBS.contains(&t.text));
    let colon = tokens.iter().any(|t| t.is(":"));
    for (i, t) in tokens.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| tokens.get(i));
        let start = (base + t.start) as u32;
        let span = Span { file, start, end: start + t.text.len() as u32 };
        if t.kind == TokenKind::Sign {
            match t.text {
                "[" | "(" => depth += 1,
                "]" | ")" => depth = depth.saturating_sub(1),
                ":" if depth == 0 => in_type = true,
                "=" | "->" | "<-" if depth == 0 => (left, in_type) = (false, false),
                "@" if !in_type => unit_address = tokens.iter().any(|t| t.word("on")),
                "." if depth == 0 => continue,
                _ => {}
            }
            let joint = in_type && t.tight && matches!(t.text, "." | "-" | "@");
            if let Some(last) = out.last_mut().filter(|w| joint && w.role == Role::Type) {
                last.text.push_str(t.text);
                last.span.end = span.end;
            }
            if !matches!(t.text, "." | "[" | "]") {
                path.clear();
            }
            continue;
        }
        if matches!(t.kind, TokenKind::Comment | TokenKind::Text) {
            continue;
        }
        let ends_type = t.word("on")
            || t.word("in")
            || !t.tight && out.last().is_some_and(|w| w.role == Role::Type);
        if in_type && depth == 0 && !ends_type {
            let joint = t.tight && before.is_some_and(|b| !b.is(":"));
            match out.last_mut().filter(|w| joint && w.role == Role::Type) {
                Some(last) => {
                    // The dot before it was passed over.
                    if before.is_some_and(|b| b.is(".")) {
                        last.text.push('.');
                    }
                    last.text.push_str(t.text);
                    last.span.end = span.end;
                }
                None => out.push(Word { text: t.text.into(), span, role: Role::Type }),
            }
            continue;
        }
        in_type &= !ends_type;
        let member = before.is_some_and(|b| b.is("."));
        let first = i == 0;
        let role = match t.kind {
            TokenKind::Number => Role::Number,
            _ if unit_address => Role::Word,
            _ if member => Role::Member(path.clone()),
            _ if first && (keyword || verb) => Role::Word,
            _ if i == 1 && keyword => Role::Declares,
            _ if kind == Kind::Machine => Role::Word,
            _ if first && kind == Kind::Part => Role::Declares,
            _ if i == 1 && verb && kind == Kind::Part => Role::Name,
            _ if place == Place::Part && left && depth == 0 => Role::Own,
            _ if place == Place::Bus && kind == Kind::Set && left => Role::Own,
            _ if kind == Kind::Row && row_name(tokens, i) => match colon {
                true => Role::Declares,
                false => Role::Name,
            },
            _ if before.is_some_and(|b| b.kind == TokenKind::Number) && is_unit(t.text) => {
                Role::Word
            }
            _ if t.text == "on" || t.text == "in" || CALLS.contains(&t.text) => Role::Word,
            _ if kind == Kind::Row && FLAGS.contains(&t.text) => Role::Word,
            _ if first && kind == Kind::Other && depth == 0 && tokens.len() > 1 => Role::Word,
            _ => Role::Name,
        };
        if depth == 0 {
            if member {
                path.push('.');
            } else {
                path.clear();
            }
            path.push_str(t.text);
        }
        out.push(Word { text: t.text.into(), span, role });
    }
    out
}

fn is_unit(word: &str) -> bool {
    crate::expr::Unit::find(word).is_some()
}

/// Whether a word of a row is the name that it maps: the first one that follows an operand.
fn row_name(tokens: &[Token<'_>], at: usize) -> bool {
    let operand_before = |i: usize| {
        let Some(b) = i.checked_sub(1).and_then(|i| tokens.get(i)) else { return false };
        match b.kind {
            TokenKind::Number => true,
            TokenKind::Word => true,
            _ => b.is(")") || b.is("]"),
        }
    };
    let name = |i: usize| {
        let Some(t) = tokens.get(i).filter(|t| t.kind == TokenKind::Word) else { return false };
        let after_number = i > 0 && tokens.get(i - 1).is_some_and(|b| b.kind == TokenKind::Number);
        let named = tokens.get(i + 1).is_some_and(|t| t.is(":"));
        let unit = after_number && is_unit(t.text) && !(named && t.text.len() < 3);
        operand_before(i) && !unit
    };
    name(at) && !(0..at).any(name)
}

/// The innermost statement whose braces hold a place, and the ones around it, outermost first.
pub fn around(statements: &[Statement], at: u32) -> Vec<&Statement> {
    let mut out = Vec::new();
    let mut here = statements;
    while let Some(s) = here.iter().find(|s| s.block.is_some_and(|b| b.start <= at && at <= b.end))
    {
        out.push(s);
        here = &s.items;
    }
    out
}

/// Every statement, those in braces after the one that holds them.
pub fn all(statements: &[Statement]) -> Vec<&Statement> {
    let mut out = Vec::new();
    for s in statements {
        out.push(s);
        out.extend(all(&s.items));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a text with a letter for the role of each.
    fn roles(text: &str) -> String {
        let statements = outline(text, 0);
        let letter = |w: &Word| match &w.role {
            Role::Declares => format!("D:{}", w.text),
            Role::Name => format!("N:{}", w.text),
            Role::Member(of) => format!("{of}.{}", w.text),
            Role::Own => format!("O:{}", w.text),
            Role::Type => format!("T:{}", w.text),
            Role::Word => w.text.clone(),
            Role::Number => String::from("#"),
        };
        let words = all(&statements).into_iter().flat_map(|s| &s.words);
        words.map(letter).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_have_roles() {
        let cases = [
            ("clock c = osc * 50", "clock D:c N:osc #"),
            ("param ram : size = 1 GiB in 4 MiB .. top", "param D:ram T:size # GiB in # MiB N:top"),
            ("plug a : serial = stdio", "plug D:a T:serial N:stdio"),
            ("rv[i < n] : riscv.rv64@2 {\n}", "D:rv N:i N:n T:riscv.rv64@2"),
            ("d : virtio.blk on host.pcie @ 1f.0", "D:d T:virtio.blk on N:host host.pcie # f #"),
            ("bus m {\n 0x10 + 4 KiB ram : memory.ram\n}", "bus D:m # # KiB D:ram T:memory.ram"),
            ("bus m {\n 0x10 ram ro\n 4 s : t\n}", "bus D:m # N:ram ro # D:s T:t"),
            (
                "bus m {\n addr = 16\n (a + b) .. c host.ecam\n}",
                "bus D:m O:addr # N:a N:b N:c N:host host.ecam",
            ),
            ("u : t {\n clk = c, irq[0] -> plic[n]\n}", "D:u T:t O:clk N:c O:irq # N:plic N:n"),
            ("u.irq -> gsi.in[3]", "N:u u.irq N:gsi gsi.in #"),
            ("replace rtc : mc146818@2 {\n y = 2\n}", "replace N:rtc T:mc146818@2 O:y #"),
            ("rewire u.irq -> gsi[3]", "rewire N:u u.irq N:gsi #"),
            ("require a.size >= min(b, 4 KiB), \"x\"", "require N:a a.size min N:b # KiB"),
        ];
        for (text, expected) in cases {
            assert_eq!(roles(text), expected, "{text}");
        }
    }

    #[test]
    fn braces_are_found_from_inside() {
        let text = "bus m {\n 0 u : t {\n  a = 1\n }\n}\n";
        let statements = outline(text, 0);
        let at = text.find("a =").expect("there") as u32;
        let names: Vec<&str> = around(&statements, at)
            .iter()
            .filter_map(|s| s.name.as_ref())
            .map(|n| n.text.as_str())
            .collect();
        assert_eq!(names, ["m", "u"]);
        assert!(around(&statements, 0).is_empty());
    }
}
