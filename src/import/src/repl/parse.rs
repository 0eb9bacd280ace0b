//! The syntax of Renode's platform descriptions (Renode documentation, "Platform description
//! format"): entries of a name, a type, places and attributes, by indentation or in braces.

use crate::codes;
use hetemu_lang::source::FileId;
use hetemu_lang::{Diagnostic, Span};

/// An entry: `name: Type @ place { attributes }`, or more attributes for a name.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub(super) name: String,
    /// `UART.NS16550`; none in an entry that updates.
    pub(super) ty: Option<String>,
    pub(super) places: Vec<Place>,
    pub(super) attrs: Vec<Attr>,
    pub(super) span: Span,
}

/// Where an entry is registered: `sysbus <0x1000, +0x100>`.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    pub(super) on: String,
    pub(super) base: Option<u64>,
    pub(super) size: Option<u64>,
    /// Only this core sees it.
    pub(super) cpu: Option<String>,
    /// Another region than the main one.
    pub(super) region: Option<String>,
}

/// A line of an entry.
#[derive(Debug, Clone)]
pub(super) enum Attr {
    /// `size: 0x1000`
    Value(String, String, Span),
    /// `IRQ -> plic@3`
    Wire(String, String, Span),
    /// A line of `init:` or `reset:`.
    Script(String, Span),
}

/// A file.
#[derive(Debug, Clone, Default)]
pub(super) struct File {
    pub(super) using: Vec<(String, Span)>,
    pub(super) entries: Vec<Entry>,
}

/// A line whose brackets are closed.
struct Line<'t> {
    text: &'t str,
    at: usize,
    indent: usize,
}

/// Reads a file; what cannot be read is said and skipped.
pub(super) fn parse(text: &str, file: FileId, diags: &mut Vec<Diagnostic>) -> File {
    let clean = without_comments(text);
    let mut out = File::default();
    let mut script = None;
    for line in lines(&clean) {
        let span = Span {
            file,
            start: line.at as u32,
            end: (line.at + line.text.lines().next().map_or(0, |l| l.trim_end().len())) as u32,
        };
        if line.indent > 0 {
            let Some(entry) = out.entries.last_mut() else {
                diags.push(Diagnostic::new(codes::E1201, span, "this line belongs to no entry"));
                continue;
            };
            if script.is_some_and(|depth| line.indent > depth) {
                entry.attrs.push(Attr::Script(line.text.trim().to_string(), span));
                continue;
            }
            script = None;
            if let Some(word) = script_head(line.text) {
                script = Some(line.indent);
                let rest = line.text.get(word..).unwrap_or("").trim();
                for part in braced(rest) {
                    entry.attrs.push(Attr::Script(part, span));
                }
                continue;
            }
            attributes(line.text, span, &mut entry.attrs);
            continue;
        }
        script = None;
        if let Some(rest) = line.text.strip_prefix("using") {
            let path = rest.trim().trim_matches(|c| c == '"' || c == ';');
            let path = path.split('"').next().unwrap_or(path);
            out.using.push((path.to_string(), span));
            continue;
        }
        match head(line.text, span) {
            Some(entry) => out.entries.push(entry),
            None => {
                let what = "this is no line of a platform description";
                diags.push(Diagnostic::new(codes::E1201, span, what));
            }
        }
    }
    out
}

/// Blanks in the place of comments and of texts over several lines, so that places stay.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut quoted = false;
    while let Some(c) = rest.chars().next() {
        let long = ["\'\'\'", "\"\"\""].into_iter().find(|q| !quoted && rest.starts_with(q));
        if let Some(quote) = long {
            let end = rest.get(3..).and_then(|r| r.find(quote)).map_or(rest.len(), |n| n + 6);
            let gone = rest.get(..end).unwrap_or(rest);
            out.push('"');
            out.extend(std::iter::repeat_n(' ', gone.len().saturating_sub(2)));
            out.push('"');
            rest = rest.get(end..).unwrap_or("");
            continue;
        }
        let skip = match (quoted, rest) {
            (false, r) if r.starts_with("//") => r.find('\n').unwrap_or(r.len()),
            (false, r) if r.starts_with("/*") => r.find("*/").map_or(r.len(), |n| n + 2),
            _ => 0,
        };
        if skip > 0 {
            let gone = rest.get(..skip).unwrap_or(rest);
            for c in gone.chars() {
                let fill = if c == '\n' { "\n" } else { &"    "[..c.len_utf8()] };
                out.push_str(fill);
            }
            rest = rest.get(skip..).unwrap_or("");
            continue;
        }
        if c == '"' {
            quoted = !quoted;
        }
        // A text ends with its line at the latest.
        if c == '\n' {
            quoted = false;
        }
        out.push(if c == '\t' { ' ' } else { c });
        rest = rest.get(c.len_utf8()..).unwrap_or("");
    }
    out
}

/// Cuts at newlines outside of brackets.
fn lines(text: &str) -> Vec<Line<'_>> {
    let mut out = Vec::new();
    let (mut start, mut depth, mut quoted) = (0, 0i32, false);
    let mut cut = |from: usize, to: usize| {
        let line = text.get(from..to).unwrap_or("");
        let body = line.trim_start_matches([' ', '\r']);
        if !body.trim().is_empty() {
            let indent = line.len() - body.len();
            out.push(Line { text: body.trim_end(), at: from + indent, indent });
        }
    };
    for (i, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => depth = (depth - 1).max(0),
            '\n' if depth == 0 => {
                cut(start, i);
                start = i + 1;
                quoted = false;
            }
            // A bracket that never closes costs the entry, not the file: a name at the margin ends
            // it.
            '\n' if text.get(i + 1..).is_some_and(at_margin) => {
                cut(start, i);
                (start, depth, quoted) = (i + 1, 0, false);
            }
            _ => {}
        }
    }
    cut(start, text.len());
    out
}

/// Whether an entry begins here: `name:` at the margin.
fn at_margin(rest: &str) -> bool {
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(0);
    end > 0 && rest.get(end..).is_some_and(|r| r.trim_start_matches(' ').starts_with(':'))
}

/// The length of `init:`, `init add:`, `reset:`, `preinit:`.
fn script_head(line: &str) -> Option<usize> {
    let colon = line.find(':')?;
    let word = line.get(..colon)?.split_whitespace().next()?;
    ["init", "reset", "preinit"].contains(&word).then_some(colon + 1)
}

/// Statements between braces, or the text itself.
fn braced(text: &str) -> Vec<String> {
    let inner = text.strip_prefix('{').map_or(text, |t| t.trim_end().trim_end_matches('}'));
    inner.split(['\n', ';']).map(|s| s.trim().to_string()).filter(|s| !s.is_empty()).collect()
}

fn head(text: &str, span: Span) -> Option<Entry> {
    let (name, rest) = text.split_once(':')?;
    let name = name.trim().trim_start_matches("local ").trim();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    let mut entry = Entry { name: name.to_string(), span, ..Entry::default() };
    let mut rest = rest.trim();
    let end = rest.find([' ', '@', '{', '\n', '\r']).unwrap_or(rest.len());
    let ty = rest.get(..end)?;
    if !ty.is_empty() {
        entry.ty = Some(ty.to_string());
    }
    rest = rest.get(end..)?.trim();
    if let Some(after) = rest.strip_prefix('@') {
        let after = after.trim_start();
        rest = match after.strip_prefix('{') {
            Some(list) => {
                let end = matching(list);
                let inner = list.get(..end).unwrap_or("");
                for part in split(inner, &[';', '\n']) {
                    entry.places.push(place(part));
                }
                list.get(end + 1..).unwrap_or("").trim()
            }
            None => {
                let end = place_end(after);
                entry.places.push(place(after.get(..end)?));
                after.get(end..)?.trim()
            }
        };
    }
    if let Some(after) = rest.strip_prefix("as") {
        let after = after.trim_start();
        if let Some(quoted) = after.strip_prefix('"') {
            rest = quoted.split_once('"').map_or("", |(_, r)| r.trim());
        }
    }
    if let Some(list) = rest.strip_prefix('{') {
        let end = matching(list);
        for part in split(list.get(..end).unwrap_or(""), &[';', '\n']) {
            match script_head(part) {
                Some(n) => {
                    let lines = braced(part.get(n..).unwrap_or("").trim());
                    entry.attrs.extend(lines.into_iter().map(|l| Attr::Script(l, span)));
                }
                None => attributes(part, span, &mut entry.attrs),
            }
        }
    }
    Some(entry)
}

/// Where a single place ends: before `as`, or before braces that are not those of `new X { }`.
fn place_end(text: &str) -> usize {
    let new = text.contains(" new ");
    let mut seen = false;
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|t| t.chars().next()) {
        if c == '{' {
            if !new || seen {
                return at;
            }
            seen = true;
            at += 1 + matching(text.get(at + 1..).unwrap_or("")) + 1;
            continue;
        }
        if text.get(at..).is_some_and(|t| t.starts_with(" as ")) {
            return at;
        }
        at += c.len_utf8();
    }
    text.len()
}

/// Offset of the bracket that closes; the end if none does.
fn matching(text: &str) -> usize {
    let (mut depth, mut quoted) = (1, false);
    for (i, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return i;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// Splits outside of brackets and quotes.
fn split<'t>(text: &'t str, at: &[char]) -> Vec<&'t str> {
    let (mut out, mut start) = (Vec::new(), 0);
    let (mut depth, mut quoted) = (0i32, false);
    for (i, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '{' | '[' | '<' if !quoted => depth += 1,
            // The head of an arrow closes nothing.
            '>' if text.get(..i).is_some_and(|t| t.ends_with('-')) => {}
            '}' | ']' | '>' if !quoted => depth = (depth - 1).max(0),
            c if depth == 0 && !quoted && at.contains(&c) => {
                out.push(text.get(start..i).unwrap_or("").trim());
                start = i + c.len_utf8();
            }
            _ => {}
        }
    }
    out.push(text.get(start..).unwrap_or("").trim());
    out.retain(|p| !p.is_empty());
    out
}

/// `sysbus 0x1000`, `sysbus <0x1000, +0x100>`, `sysbus new Bus.BusPointRegistration { ... }`.
fn place(text: &str) -> Place {
    let text = text.trim();
    let end = text.find([' ', '<', '\n']).unwrap_or(text.len());
    let mut out = Place { on: text.get(..end).unwrap_or("").to_string(), ..Place::default() };
    let rest = text.get(end..).unwrap_or("").trim();
    if let Some((_, inner)) = rest.strip_prefix("new").and_then(|r| r.split_once('{')) {
        let inner = inner.get(..matching(inner)).unwrap_or("");
        for part in split(inner, &[';', '\n', ',']) {
            let Some((key, value)) = part.split_once(':') else { continue };
            let value = value.trim();
            match key.trim() {
                "address" | "startAddress" => out.base = number(value),
                "size" => out.size = number(value),
                "range" => (out.base, out.size) = range(value),
                "cpu" | "cluster" => out.cpu = Some(value.to_string()),
                "region" => out.region = Some(value.trim_matches('"').to_string()),
                _ => {}
            }
        }
    } else if rest.starts_with('<') {
        (out.base, out.size) = range(rest);
    } else {
        out.base = rest.split_whitespace().next().and_then(number);
    }
    out
}

/// `<0x1000, +0x100>`: a size; `<0x1000, 0x10FF>`: both ends.
pub(super) fn range(text: &str) -> (Option<u64>, Option<u64>) {
    let inner = text.trim().trim_start_matches('<');
    let inner = inner.split('>').next().unwrap_or("");
    let mut parts = inner.split([',', ' ']).map(str::trim).filter(|p| !p.is_empty());
    let base = parts.next().and_then(number);
    let size = match (base, parts.next()) {
        (_, Some(p)) if p.starts_with('+') => number(&p[1..]),
        (Some(base), Some(p)) => {
            number(p).and_then(|end| end.checked_sub(base)).map(|n| n.saturating_add(n & 1))
        }
        _ => None,
    };
    (base, size)
}

/// A number of Renode.
pub(super) fn number(text: &str) -> Option<u64> {
    let text = text.trim().replace('_', "");
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// One attribute or several behind each other.
fn attributes(text: &str, span: Span, out: &mut Vec<Attr>) {
    for part in split(text.trim_end_matches(','), &[';']) {
        if let Some((from, to)) = part.split_once("->") {
            out.push(Attr::Wire(from.trim().to_string(), to.trim().to_string(), span));
        } else if let Some((key, value)) = part.split_once(':') {
            let value = value.trim().trim_end_matches(',');
            out.push(Attr::Value(key.trim().to_string(), value.to_string(), span));
        } else {
            out.push(Attr::Script(part.to_string(), span));
        }
    }
}

/// `[0-3, 7]`, `5`, `[A, B]`: the elements, ranges spread.
pub(super) fn list(text: &str) -> Vec<String> {
    let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
    let mut out = Vec::new();
    for part in inner.split(',').map(str::trim) {
        let ends = part.split_once('-').and_then(|(a, b)| {
            Some((a.trim().parse::<u32>().ok()?, b.trim().parse::<u32>().ok()?))
        });
        match ends {
            Some((a, b)) if a.abs_diff(b) < 4096 => {
                let up: Vec<u32> = if a <= b { (a..=b).collect() } else { (b..=a).rev().collect() };
                out.extend(up.into_iter().map(|n| n.to_string()));
            }
            _ => out.push(part.to_string()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_apart() {
        let text = "\
using \"cpus/x.repl\"
uart: UART.NS16550 @ sysbus <0x1000, +0x100> as \"u\" { IRQ -> plic@1; wideRegisters: true }
flash: A.B @ {
        sysbus 0x10;
        sysbus new Bus.BusMultiRegistration { address: 0x20; size: 0x100; region: \"opt\" }
    }
    size: 0x40
    [0-2] -> plic@[4-6]   // comment
sysbus:
    init:
        Tag <0x5000, 0x5FFF> \"X\"
";
        let mut diags = Vec::new();
        let f = parse(text, 0, &mut diags);
        assert!(diags.is_empty(), "{diags:?}");
        assert_eq!(f.using[0].0, "cpus/x.repl");
        let uart = &f.entries[0];
        assert_eq!((uart.name.as_str(), uart.ty.as_deref()), ("uart", Some("UART.NS16550")));
        assert_eq!((uart.places[0].base, uart.places[0].size), (Some(0x1000), Some(0x100)));
        assert_eq!(uart.attrs.len(), 2);
        let flash = &f.entries[1];
        assert_eq!(flash.places.len(), 2, "{flash:?}");
        assert_eq!(flash.places[1].region.as_deref(), Some("opt"));
        assert!(
            matches!(&flash.attrs[1], Attr::Wire(a, b, _) if a == "[0-2]" && b == "plic@[4-6]")
        );
        assert!(matches!(&f.entries[2].attrs[0], Attr::Script(s, _) if s.starts_with("Tag")));
        assert_eq!(list("[0-2, 9]"), ["0", "1", "2", "9"]);
        assert_eq!(range("<0x5000, 0x5FFF>"), (Some(0x5000), Some(0x1000)));
    }
}
