//! What people write by mistake, recognised and named: E0101 to E0114.
//!
//! A grammar that fails says which rules it would have liked; a reader wants to hear what is wrong
//! with the line. Each likely mistake has a test here; what none of them recognises becomes E0105
//! with the token at which the grammar stopped.

use super::parser::{Hm, Rule, words};
use super::split::{Flaw, Place};
use crate::diag::{Diagnostic, codes, suggest};
use crate::expr::Path;
use crate::source::{FileId, Span};
use pest::Parser;
use pest::error::{Error, ErrorVariant, InputLocation};

/// Words that a row may end in.
pub(crate) const FLAGS: [&str; 12] = [
    "over",
    "ro",
    "wo",
    "rw",
    "bytes",
    "swap16",
    "swap32",
    "swap64",
    "split",
    "fault",
    "secure",
    "nonsecure",
];
const KEYWORDS: [&str; 9] =
    ["machine", "param", "plug", "clock", "bus", "let", "require", "module", "overlay"];

/// A token of a head: its text and where it begins.
type Token<'a> = (usize, &'a str);

/// Words, numbers and single signs, without texts in quotes.
fn tokens(head: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut chars = head.char_indices().peekable();
    let wordy = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '@' | '-');
    while let Some((start, c)) = chars.next() {
        if c == '"' {
            for (_, c) in chars.by_ref() {
                if c == '"' {
                    break;
                }
            }
        } else if c.is_alphanumeric() || c == '_' {
            let mut end = start + c.len_utf8();
            while let Some((i, c)) = chars.next_if(|(_, c)| wordy(*c)) {
                end = i + c.len_utf8();
            }
            let word = head.get(start..end).unwrap_or("");
            let word = word.split("..").next().unwrap_or(word).trim_end_matches(['.', '-']);
            out.push((start, word));
        } else if !c.is_whitespace() {
            out.push((start, head.get(start..start + c.len_utf8()).unwrap_or("")));
        }
    }
    out
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

fn is_unit(word: &str) -> bool {
    crate::expr::Unit::find(word).is_some()
        || matches!(word, "K" | "M" | "G" | "T" | "KB" | "MB" | "GB" | "TB" | "kB" | "kb" | "mb")
}

/// The name that a statement that cannot be read would have declared.
pub(super) fn declared_name(head: &str) -> Option<String> {
    let t = tokens(head);
    let clean = |w: &str| w.split(['.', '@', '-']).next().unwrap_or("").to_string();
    let mut words = t.iter().map(|(_, w)| *w);
    let first = words.next()?;
    if matches!(first, "plug" | "clock" | "let" | "param" | "bus" | "replace") {
        return words.next().filter(|w| is_name(w)).map(clean);
    }
    let row = first.starts_with(|c: char| c.is_ascii_digit());
    // A misspelt keyword: `clok osc = 10 MHz`.
    if let Some((_, second)) = t.get(1).filter(|(_, w)| !row && is_name(w))
        && suggest::nearest(first, KEYWORDS).is_some()
    {
        return Some(clean(second));
    }
    if let Some(i) = t.iter().position(|(_, w)| *w == ":") {
        let before = t.get(..i).unwrap_or(&[]);
        let name = before.iter().find(|(_, w)| is_name(w) && !(row && is_unit(w)));
        return name.map(|(_, w)| clean(w));
    }
    if row {
        return t.iter().find(|(_, w)| is_name(w) && !is_unit(w)).map(|(_, w)| clean(w));
    }
    let second = words.next()?;
    (is_name(first) && is_name(second)).then(|| clean(first))
}

/// What is wrong with brackets, quotes and comments.
pub(super) fn flaw(f: &Flaw, text: &str, file: FileId) -> Diagnostic {
    let at = |start: usize, end: usize| Span { file, start: start as u32, end: end as u32 };
    match f {
        Flaw::Unclosed(open, before) => {
            let d = Diagnostic::new(
                codes::E0102,
                at(*open, open + 1),
                "`{` opened here is never closed",
            );
            let d = d.label("opened here");
            match before {
                Some(b) => {
                    let line = text.get(*b..).unwrap_or("").lines().next().unwrap_or("");
                    let word = line.split_whitespace().next().unwrap_or("");
                    let what =
                        "this line stands outside of it, so `}` is probably missing before it";
                    d.also(at(*b, b + word.len().max(1)), what)
                }
                None => d.help("the file ends before the `}`"),
            }
        }
        Flaw::Stray(close) => {
            Diagnostic::new(codes::E0106, at(*close, close + 1), "`}` closes nothing")
        }
        Flaw::MissingOpen(end, close) => {
            let d = Diagnostic::new(codes::E0106, at(*close, close + 1), "`}` closes nothing");
            let gap = at(*end, *end);
            d.also(at(end.saturating_sub(1), *end), "`{` is probably missing after this").fix(
                "add `{` there",
                gap,
                " {",
            )
        }
        Flaw::Headless(heads, close) => {
            let d = Diagnostic::new(codes::E0106, at(*close, close + 1), "`}` closes nothing");
            let first = heads.first().map_or((*close, *close), |h| *h);
            d.also(at(first.0, first.1), "the line that ends in `{` is missing before this one")
        }
        Flaw::Quote((start, end)) => {
            let what = "this text does not end on its line";
            Diagnostic::new(codes::E0108, at(*start, *end), what).help("add the closing `\"`")
        }
        Flaw::Comment((start, end)) => {
            let d = Diagnostic::new(codes::E0110, at(*start, *end), "comments begin with `//`");
            if text.get(*start..).is_some_and(|t| t.starts_with('#')) {
                d.fix("write `//`", at(*start, start + 1), "//")
            } else {
                d.help("put `//` before each line; there are no comments of several lines")
            }
        }
    }
}

/// Braces after a row that only maps again what is declared elsewhere.
pub(super) fn braces_without_type(at: Span, target: &Path) -> Diagnostic {
    let name = target.head();
    let what = format!("this row maps `{name}` a second time and cannot set anything of it");
    Diagnostic::new(codes::E0114, at, what)
        .help(format!("write the braces where `{name} : type` stands, or a type here"))
}

/// Why a head cannot be read.
pub(super) fn explain(
    head: &str,
    base: usize,
    file: FileId,
    place: Place,
    e: &Error<Rule>,
) -> Diagnostic {
    let at = |start: usize, len: usize| Span {
        file,
        start: (base + start) as u32,
        end: (base + start + len) as u32,
    };
    let t = tokens(head);
    let whole = at(0, head.len());
    if let Some((i, _)) =
        t.iter().find(|(i, _)| head.get(*i..).is_some_and(|r| r.starts_with("=>")))
    {
        let d = Diagnostic::new(codes::E0103, at(*i, 2), "`=>` is not a wire");
        return d.fix("outputs are driven with `->`", at(*i, 2), "->");
    }
    if let Some(d) = foreign(head, at(0, head.len())) {
        return d;
    }
    if let Some(d) = sign(&t, head, place, &at) {
        return d;
    }
    if let Some(d) = no_colon(&t, place, &at) {
        return d;
    }
    if Hm::parse(Rule::item_stmt, &format!("x = {head}")).is_ok() && !head.is_empty() {
        let d = Diagnostic::new(codes::E0113, whole, format!("`{head}` alone is no statement"));
        let d =
            d.help("`name = value` sets, `output -> input` drives, `input <- output` is driven");
        return if place == Place::Part {
            d.note("`,` separates statements here; one output to two inputs is two wires")
        } else {
            d
        };
    }
    let elsewhere = match place {
        Place::Top => None,
        Place::Bus => Hm::parse(Rule::top_stmt, head).ok().map(|_| "a bus"),
        Place::Part => Hm::parse(Rule::top_stmt, head)
            .or_else(|_| Hm::parse(Rule::bus_stmt, head))
            .ok()
            .map(|_| "a part"),
    };
    if let Some(inside) = elsewhere {
        let what = format!("this statement cannot stand inside the braces of {inside}");
        let d = Diagnostic::new(codes::E0114, whole, what);
        return match place {
            Place::Bus => {
                d.help("a bus holds rows, which begin with an address, and `name = value`")
            }
            _ => d.help("a part holds `name = value`, `output -> input` and `input <- output`"),
        };
    }
    let first = t.first().map_or("", |(_, w)| *w);
    let form = FORMS.iter().find(|(word, _, _)| place == Place::Top && *word == first);
    match form {
        None => separator(head, place, &at, e).unwrap_or_else(|| generic(head, &at, e)),
        Some((_, rule, form)) => {
            let d = match Hm::parse(*rule, head) {
                Err(e) => generic(head, &at, &e),
                Ok(_) => generic(head, &at, e),
            };
            d.help(format!("the form is `{form}`"))
        }
    }
}

/// Statements that begin with a keyword: how they are written.
const FORMS: [(&str, Rule, &str); 7] = [
    ("param", Rule::param, "param name : type = value in a .. b"),
    ("let", Rule::let_stmt, "let name = value"),
    ("clock", Rule::clock, "clock name = frequency"),
    ("plug", Rule::plug, "plug name : kind = what"),
    ("require", Rule::require, "require a >= b, \"reason\""),
    ("machine", Rule::machine, "machine name"),
    ("bus", Rule::bus, "bus name { rows }"),
];

/// A sign that means something else here: `:` or `==` for `=`, `-` for `..`.
fn sign(
    t: &[Token<'_>],
    head: &str,
    place: Place,
    at: &impl Fn(usize, usize) -> Span,
) -> Option<Diagnostic> {
    let words: Vec<&str> = t.iter().map(|(_, w)| *w).collect();
    let place_of = |n: usize| t.get(n).map(|(i, _)| *i);
    if place == Place::Part
        && words.get(1) == Some(&":")
        && words.first().is_some_and(|w| is_name(w))
    {
        let span = at(place_of(1)?, 1);
        let what = "`:` gives a part its type; a value is set with `=`";
        let d = Diagnostic::new(codes::E0105, span, what);
        return Some(d.fix("write `=`", span, "="));
    }
    let i = head.find("==").filter(|_| words.first() != Some(&"require"));
    if let Some(i) = i {
        let span = at(i, 2);
        let d = Diagnostic::new(
            codes::E0105,
            span,
            "`==` compares, in `require`; a value is set with `=`",
        );
        return Some(d.fix("write `=`", span, "="));
    }
    let number = |w: &&str| w.starts_with(|c: char| c.is_ascii_digit());
    if place == Place::Bus
        && words.get(1) == Some(&"-")
        && words.first().is_some_and(number)
        && words.get(2).is_some_and(number)
    {
        let span = at(place_of(1)?, 1);
        let d = Diagnostic::new(
            codes::E0105,
            span,
            "`-` subtracts; a row from one address to another has `..`",
        );
        return Some(d.fix("write `..`", span, ".."));
    }
    None
}

/// `a = 1 b = 2`: nothing separates two statements on one line.
fn separator(
    head: &str,
    place: Place,
    at: &impl Fn(usize, usize) -> Span,
    e: &Error<Rule>,
) -> Option<Diagnostic> {
    let stop = match e.location {
        InputLocation::Pos(p) | InputLocation::Span((p, _)) => p,
    };
    let (before, rest) = (head.get(..stop)?.trim_end(), head.get(stop..)?);
    let entry = if place == Place::Part { Rule::item_stmt } else { Rule::top_stmt };
    if place == Place::Bus || before.is_empty() {
        return None;
    }
    let whole = |text: &str| Hm::parse(entry, text).is_ok();
    // The rest may run together with a third one; it begins a statement if it has a name and a
    // sign.
    let t = tokens(rest);
    let begins = t.first().is_some_and(|(_, w)| is_name(w))
        && t.get(1).is_some_and(|(_, w)| matches!(*w, "=" | "-" | "<" | "[" | "."));
    if !whole(before) || !begins {
        return None;
    }
    let word = t.first().map_or(1, |(_, w)| w.len());
    let (sign, what) = match place {
        Place::Part => (", ", "`,` or a new line is missing before this"),
        _ => ("; ", "a new line is missing before this"),
    };
    let gap = Span { end: at(stop, 0).start, ..at(before.len(), 0) };
    Some(Diagnostic::new(codes::E0105, at(stop, word), what).fix(
        format!("write `{}`", sign.trim()),
        gap,
        sign,
    ))
}

/// Lines in the syntax of Renode and of device trees.
fn foreign(head: &str, at: Span) -> Option<Diagnostic> {
    let renode = head.contains("@ sysbus") || head.starts_with("using ") || {
        let target = head.split_once("->").map(|(_, r)| r.trim()).unwrap_or("");
        let (part, line) = target.split_once('@').unwrap_or(("", ""));
        is_name(part) && line.starts_with(|c: char| c.is_ascii_digit())
    };
    if renode {
        let d = Diagnostic::new(codes::E0104, at, "this is Renode syntax");
        let d = match renode_row(head) {
            Some(row) => d.help(format!("here this line is `{row}`, inside a `bus`")),
            None => d,
        };
        return Some(
            d.note("types, ports and numbers have other names here: `hetemu device` lists them"),
        );
    }
    let dts = head.contains("= <") || head.starts_with("compatible =") || head.starts_with("/dts");
    dts.then(|| {
        Diagnostic::new(codes::E0104, at, "this is device-tree syntax")
            .note("`reg` becomes a row of a bus, `interrupts` a wire, `compatible` a type")
    })
}

/// `uart0: UART.NS16550 @ sysbus 0x4000_0000` as a row.
fn renode_row(head: &str) -> Option<String> {
    let (name, rest) = head.split_once(':')?;
    let (ty, place) = rest.split_once('@')?;
    let base = place.trim().strip_prefix("sysbus")?.trim().trim_start_matches('<');
    let base = base.split([',', ' ', '>']).next()?;
    let ty = ty.trim().rsplit('.').next()?.to_lowercase();
    base.starts_with("0x").then(|| format!("{base}   {} : {ty}", name.trim()))
}

/// A name and a type without `:`; or an unknown word after a row; or a misspelt keyword.
fn no_colon(
    t: &[Token<'_>],
    place: Place,
    at: &impl Fn(usize, usize) -> Span,
) -> Option<Diagnostic> {
    let (first, rest) = t.split_first()?;
    if place == Place::Top
        && rest.first().is_some_and(|(_, w)| is_name(w))
        && !KEYWORDS.contains(&first.1)
        && let Some(right) = suggest::nearest(first.1, KEYWORDS)
    {
        let span = at(first.0, first.1.len());
        let d = Diagnostic::new(codes::E0105, span, format!("`{}` is not a statement", first.1));
        return Some(d.fix(format!("did you mean `{right}`?"), span, right));
    }
    if t.iter().any(|(_, w)| matches!(*w, "=" | ">" | "<")) && place != Place::Bus {
        return None;
    }
    let row = first.1.starts_with(|c: char| c.is_ascii_digit());
    let names: Vec<&Token<'_>> = if row {
        let skip = t.iter().position(|(_, w)| is_name(w) && !is_unit(w))?;
        t.get(skip..)?.iter().collect()
    } else {
        t.iter().collect()
    };
    let [name, second, ..] = names.as_slice() else { return None };
    let typed = names.iter().any(|(_, w)| *w == ":");
    if !is_name(name.1) || !(is_name(second.1) || row && typed) || place == Place::Part {
        return None;
    }
    if !row && place == Place::Top && (KEYWORDS.contains(&name.1) || rest.is_empty()) {
        return None;
    }
    if row && (typed || FLAGS.contains(&second.1) || suggest::nearest(second.1, FLAGS).is_some()) {
        // The words after the name, or after the type where there is one.
        let skip = names.iter().position(|(_, w)| *w == ":").map_or(1, |colon| colon + 2);
        let wrong = names.get(skip..)?.iter().find(|(_, w)| is_name(w) && !FLAGS.contains(w))?;
        let span = at(wrong.0, wrong.1.len());
        let d = Diagnostic::new(codes::E0109, span, format!("`{}` means nothing here", wrong.1));
        return Some(match suggest::nearest(wrong.1, FLAGS) {
            Some(f) => d.fix(format!("did you mean `{f}`?"), span, f),
            None if names.get(skip + 1).is_some_and(|(_, w)| *w == "=") => {
                d.help("settings stand in braces: `name : type { a = 1, b = 2 }`")
            }
            None => d.note(format!("a row may end in: {}", suggest::list(FLAGS))),
        });
    }
    if typed || names.get(2).is_some_and(|(_, w)| !matches!(*w, "on" | "[")) {
        return None;
    }
    let end = second.0 + second.1.len();
    let both = at(name.0, end - name.0);
    let what = match row {
        true => "this row has a name and a type but no `:` between them",
        false => "this line has a name and a type but no `:` between them",
    };
    let gap = name.0 + name.1.len();
    Some(Diagnostic::new(codes::E0101, both, what).fix(
        format!("write `{} : {}`", name.1, second.1),
        at(gap, second.0 - gap),
        " : ",
    ))
}

/// The token at which the grammar stopped, and what it would have read.
fn generic(head: &str, at: &impl Fn(usize, usize) -> Span, e: &Error<Rule>) -> Diagnostic {
    let stop = match e.location {
        InputLocation::Pos(p) => p,
        InputLocation::Span((p, _)) => p,
    };
    let rest = head.get(stop..).unwrap_or("");
    let word = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').map(char::len_utf8);
    let len = word.sum::<usize>().max(rest.chars().next().map_or(0, char::len_utf8));
    let found = rest.get(..len).unwrap_or("");
    let mut expected: Vec<&str> = match &e.variant {
        ErrorVariant::ParsingError { positives, .. } => {
            positives.iter().filter_map(|r| words(*r)).collect()
        }
        ErrorVariant::CustomError { .. } => Vec::new(),
    };
    expected.sort_unstable();
    expected.dedup();
    if stop == 0 {
        expected.clear();
    }
    let wanted = match expected.split_last() {
        None => String::new(),
        Some((one, [])) => one.to_string(),
        Some((last, more)) => format!("{} or {last}", more.join(", ")),
    };
    let message = match (found, wanted.is_empty()) {
        ("", true) => "this statement is not complete".to_string(),
        ("", false) => format!("the statement ends where {wanted} should follow"),
        (f, true) => format!("`{f}` cannot stand here"),
        (f, false) => format!("`{f}` stands where {wanted} should be"),
    };
    let span =
        if found.is_empty() { at(stop.saturating_sub(1), 1.min(stop)) } else { at(stop, len) };
    Diagnostic::new(codes::E0105, span, message)
}
