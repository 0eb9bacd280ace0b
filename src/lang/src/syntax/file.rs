//! The statements of a file: each head parsed by itself, its braces' statements below it.

use super::ast::*;
use super::build::{Builder, find};
use super::mistakes;
use super::parser::{Hm, Rule};
use super::split::{Bytes, Chunk, Flaw, Place, split};
use super::stmt::{row, setting, statement, wire};
use crate::diag::{Diagnostic, Sink, codes};
use crate::expr::Name;
use crate::source::{FileId, Span};
use pest::Parser;
use pest::iterators::Pair;

/// Reads a text. What cannot be read is reported to the sink and left out of the tree.
pub fn parse(text: &str, file: FileId, sink: &mut Sink) -> File {
    let (chunks, flaws) = split(text);
    let mut r =
        Reader { text, file, sink, out: File::default(), edition: false, orphan_rows: None };
    r.flaws(&flaws);
    for c in &chunks {
        r.top(c);
    }
    r.finish();
    r.out
}

/// Reads `path = value` of the command line; the text stands at `base` in its file. `None` if it is
/// not in that form: then the value is text.
pub fn parse_setting(text: &str, base: usize, file: FileId, sink: &mut Sink) -> Option<Setting> {
    let pair = Hm::parse(Rule::item_stmt, text).ok()?.next()?;
    find(&pair.clone().into_inner(), Rule::eq)?;
    Some(setting(&mut Builder { file, base, sink }, pair))
}

struct Reader<'a> {
    text: &'a str,
    file: FileId,
    sink: &'a mut Sink,
    out: File,
    edition: bool,
    /// Rows that stand outside of a bus: the first one, and how many follow it.
    orphan_rows: Option<(Span, usize)>,
}

impl<'a> Reader<'a> {
    fn at(&self, b: Bytes) -> Span {
        Span { file: self.file, start: b.0 as u32, end: b.1 as u32 }
    }

    fn head(&self, c: &Chunk) -> &'a str {
        self.text.get(c.head.0..c.head.1).unwrap_or("")
    }

    fn doc(&self, c: &Chunk) -> String {
        let line = |b: &Bytes| self.text.get(b.0..b.1).unwrap_or("").trim();
        c.doc.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn flaws(&mut self, flaws: &[Flaw]) {
        for f in flaws {
            self.out.lost |= matches!(f, Flaw::Headless(..) | Flaw::MissingOpen(..));
            if let Flaw::Headless(heads, _) = f {
                for h in heads {
                    let head = self.text.get(h.0..h.1).unwrap_or("");
                    self.out.unknown.extend(mistakes::declared_name(head));
                }
            }
            let d = mistakes::flaw(f, self.text, self.file);
            self.sink.push(d);
        }
    }

    /// Parses a head by a rule; a failure is reported in the reader's words.
    fn parse(&mut self, c: &Chunk, place: Place) -> Option<Pair<'a, Rule>> {
        let head = self.head(c);
        if c.glued {
            let at = self.at((c.head.0, c.head.0 + head.len().min(1)));
            let d = Diagnostic::new(codes::E0105, at, "two statements stand on one line");
            self.sink.push(d.fix("put `;` or a new line between them", at_start(at), "; "));
        }
        let rule = match place {
            Place::Top => Rule::top_stmt,
            Place::Bus => Rule::bus_stmt,
            Place::Part => Rule::item_stmt,
        };
        if let Some(at) = too_deep(head) {
            let at = self.at((c.head.0 + at, c.head.0 + at + 1));
            let what = format!("more than {DEEPEST} operators and brackets in one statement");
            self.sink.push(Diagnostic::new(codes::E0105, at, what));
            self.lose(head, place);
            return None;
        }
        match Hm::parse(rule, head) {
            Ok(mut pairs) => pairs.next(),
            Err(_) if place == Place::Top && is_row(head) => {
                self.orphan_row(self.at(c.head));
                self.lose(head, place);
                self.out.lost = true;
                None
            }
            Err(e) => {
                let quote_reported = head.matches('"').count() % 2 == 1;
                if !quote_reported {
                    let d = mistakes::explain(head, c.head.0, self.file, place, &e);
                    self.sink.push(d);
                }
                self.lose(head, place);
                None
            }
        }
    }

    /// Keeps the name of a statement that was dropped. What stands in a part declares nothing.
    fn lose(&mut self, head: &str, place: Place) {
        self.out.gaps = true;
        let wire = head.contains("->") || head.contains("<-") || head.contains("=>");
        if place == Place::Part {
            return;
        }
        match mistakes::declared_name(head) {
            Some(name) => self.out.unknown.push(name),
            None => self.out.lost |= !wire,
        }
    }

    /// `main { rows }`: the word `bus` is missing.
    fn bus_without_word(&mut self, c: &Chunk) -> bool {
        let head = self.head(c);
        let items = c.block.as_ref().map_or(&[][..], |b| &b.items);
        let name = head.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !head.is_empty();
        if !name || !items.iter().any(|i| is_row(self.head(i))) {
            return false;
        }
        let at = self.at(c.head);
        let d =
            Diagnostic::new(codes::E0105, at, format!("`{head}` has rows and is not called a bus"));
        self.sink.push(d.fix(format!("write `bus {head}`"), at_start(at), "bus "));
        let mut bus = Bus::empty(Name { text: head.to_string(), span: at });
        self.rows(c, &mut bus);
        self.out.stmts.push(Stmt::Bus(bus));
        true
    }

    fn top(&mut self, c: &Chunk) {
        if self.bus_without_word(c) {
            return;
        }
        let Some(p) = self.parse(c, Place::Top) else { return self.failed_top(c) };
        let rule = p.as_rule();
        let block_ok = matches!(rule, Rule::bus | Rule::part | Rule::replace | Rule::device);
        if let Some(b) = &c.block
            && !block_ok
        {
            let at = self.at((b.open, b.open + 1));
            let d = Diagnostic::new(codes::E0105, at, "this statement has no braces");
            self.sink.push(
                d.note("buses and parts have; a machine's parts follow its line as they are"),
            );
            // The likeliest mistake: `machine x { ... }`. What stands inside is read as if outside.
            for item in &b.items {
                self.top(item);
            }
        }
        match rule {
            Rule::edition => self.edition_line(p, c),
            Rule::machine | Rule::module | Rule::overlay | Rule::device => self.head_line(p, c),
            Rule::use_stmt => self.use_line(p, c),
            Rule::bus => self.bus(p, c),
            _ => {
                let doc = self.doc(c);
                let mut b = Builder { file: self.file, base: c.head.0, sink: self.sink };
                let stmt = statement(&mut b, p, doc);
                if let Some(mut stmt) = stmt {
                    if let Stmt::Part(part) | Stmt::Replace(part) = &mut stmt {
                        self.part_items(part, c);
                    }
                    self.out.stmts.push(stmt);
                }
            }
        }
    }

    /// A row at the top is reported once for the whole run of rows, and its parts are read.
    fn failed_top(&mut self, c: &Chunk) {
        if c.block.is_none() {
            return;
        }
        let name = mistakes::declared_name(self.head(c)).unwrap_or_default();
        let mut part = empty_part(Name { text: name, span: self.at(c.head) });
        if !self.head(c).starts_with("bus") {
            self.part_items(&mut part, c);
        } else {
            self.rows(c, &mut Bus::empty(part.name));
        }
    }

    fn edition_line(&mut self, p: Pair<'a, Rule>, c: &Chunk) {
        self.edition = true;
        let number = find(&p.into_inner(), Rule::integer);
        if number.is_some_and(|n| n.as_str() != "1") {
            let d = Diagnostic::new(codes::E0111, self.at(c.head), "this edition is not known");
            self.sink.push(d.help("this hetemu reads edition 1: `hm 1`"));
        }
    }

    fn head_line(&mut self, p: Pair<'a, Rule>, c: &Chunk) {
        let kind = match p.as_rule() {
            Rule::machine => HeadKind::Machine,
            Rule::module => HeadKind::Module,
            Rule::overlay => HeadKind::Overlay,
            _ => HeadKind::Device,
        };
        let inner = p.into_inner();
        let b = Builder { file: self.file, base: c.head.0, sink: self.sink };
        let name = b.opt_type(find(&inner, Rule::name_ver));
        let of = |rule| find(&inner, rule).map(|p| p.into_inner());
        let words = |p: Pair<'a, Rule>| (p.as_rule() == Rule::name_ver).then(|| b.type_ref(&p));
        let extends = of(Rule::extends).and_then(|mut p| p.find_map(words));
        let with = of(Rule::with).into_iter().flatten().filter_map(words).collect();
        let span = self.at(c.head);
        if let Some(first) = &self.out.head {
            let d = Diagnostic::new(codes::E0112, span, "a file describes one thing");
            self.sink.push(d.label("a second one").also(first.span, "the first one"));
            return;
        }
        self.out.doc = self.doc(c);
        self.out.head = Some(Head { kind, name, extends, with, span });
        if kind == HeadKind::Device {
            let what = "a device is no `.hm` file: schemas are KDL files beside the model";
            self.sink.push(Diagnostic::new(codes::E0112, span, what));
            self.out.lost = true;
        }
    }

    fn use_line(&mut self, p: Pair<'a, Rule>, c: &Chunk) {
        let inner = p.into_inner();
        let b = Builder { file: self.file, base: c.head.0, sink: self.sink };
        let Some(path) = find(&inner, Rule::string) else { return };
        let span = b.token(&path);
        let span = Span { start: span.start + 1, end: span.end - 1, ..span };
        let path = Name { text: path.as_str().trim_matches('"').to_string(), span };
        let alias = find(&inner, Rule::ident).map(|a| b.name(&a));
        self.out.uses.push(Use { path, alias });
    }

    fn bus(&mut self, p: Pair<'a, Rule>, c: &Chunk) {
        let b = Builder { file: self.file, base: c.head.0, sink: self.sink };
        let name = b.opt_name(find(&p.into_inner(), Rule::decl));
        if c.block.is_none() && !c.robbed {
            self.out.stmts.push(Stmt::BusPort(name));
            return;
        }
        let mut bus = Bus::empty(name);
        self.rows(c, &mut bus);
        self.out.stmts.push(Stmt::Bus(bus));
    }

    fn rows(&mut self, c: &Chunk, bus: &mut Bus) {
        bus.incomplete |= c.robbed;
        for item in c.block.iter().flat_map(|b| &b.items) {
            let Some(p) = self.parse(item, Place::Bus) else {
                bus.incomplete = true;
                self.failed_top(item);
                continue;
            };
            let doc = self.doc(item);
            let mut b = Builder { file: self.file, base: item.head.0, sink: self.sink };
            match p.as_rule() {
                Rule::set => bus.settings.push(setting(&mut b, p)),
                Rule::row => match row(&mut b, p, doc) {
                    Some(mut row) => {
                        if let Some(part) = &mut row.part {
                            self.part_items(part, item);
                        } else if let Some(block) = &item.block {
                            let at = self.at((block.open, block.open + 1));
                            self.sink.push(mistakes::braces_without_type(at, &row.target));
                        }
                        bus.rows.push(row);
                    }
                    None => {
                        bus.incomplete = true;
                        self.lose(self.head(item), Place::Bus);
                    }
                },
                _ => {
                    let at = self.at(item.head);
                    let d =
                        Diagnostic::new(codes::E0114, at, "a row of a bus begins with its address");
                    let d =
                        d.help("`0x4000_0000  uart : ns16550a`; parts without one stand outside");
                    self.sink.push(d);
                    bus.incomplete = true;
                    self.lose(self.head(item), Place::Bus);
                    self.failed_top(item);
                }
            }
        }
    }

    fn part_items(&mut self, part: &mut Part, c: &Chunk) {
        part.incomplete |= c.robbed;
        for item in c.block.iter().flat_map(|b| &b.items) {
            let Some(p) = self.parse(item, Place::Part) else {
                part.incomplete = true;
                continue;
            };
            if let Some(block) = &item.block {
                let at = self.at((block.open, block.open + 1));
                let d = Diagnostic::new(codes::E0105, at, "settings and wires have no braces");
                self.sink.push(d);
            }
            let mut b = Builder { file: self.file, base: item.head.0, sink: self.sink };
            match p.as_rule() {
                Rule::item if find(&p.clone().into_inner(), Rule::eq).is_some() => {
                    part.settings.push(setting(&mut b, p));
                }
                _ => part.wires.extend(wire(&mut b, p)),
            }
        }
    }

    /// Notes a row that stands at the top.
    fn orphan_row(&mut self, at: Span) {
        match &mut self.orphan_rows {
            Some((_, n)) => *n += 1,
            None => self.orphan_rows = Some((at, 1)),
        }
    }

    fn finish(&mut self) {
        let start = Span { file: self.file, start: 0, end: 0 };
        if !self.edition {
            let d = Diagnostic::new(codes::E0111, start, "the edition line is missing");
            self.sink.push(d.fix("a file begins with `hm 1`", start, "hm 1\n\n"));
        }
        if let Some((first, n)) = self.orphan_rows {
            let what = match n {
                1 => "this row stands outside a bus".to_string(),
                n => format!("this row and {} more stand outside a bus", n - 1),
            };
            let d = Diagnostic::new(codes::E0107, first, what);
            let bus = self.out.stmts.iter().find_map(|s| match s {
                Stmt::Bus(b) => Some(&b.name),
                _ => None,
            });
            self.sink.push(match bus {
                Some(b) => d
                    .also(b.span, "the nearest bus")
                    .help(format!("rows stand between the braces of `bus {b} {{`")),
                None => d.help("is `bus main {` missing before it?"),
            });
        }
        if self.out.head.is_none() {
            let d = Diagnostic::new(codes::E0112, start, "the file does not say what it describes");
            self.sink.push(d.help("write `machine name` after the edition line"));
            self.out.lost = true;
        }
    }
}

/// Expressions are worked out by recursion, so a statement has a bounded number of operators.
const DEEPEST: usize = 200;

/// Where a statement has one operator or bracket too many.
fn too_deep(head: &str) -> Option<usize> {
    if head.len() <= DEEPEST {
        return None;
    }
    let deep = |c: &(usize, char)| matches!(c.1, '+' | '-' | '*' | '/' | '(' | '[');
    head.char_indices().filter(deep).nth(DEEPEST).map(|(i, _)| i)
}

fn is_row(head: &str) -> bool {
    let row = Hm::parse(Rule::bus_stmt, head).ok().and_then(|mut p| p.next());
    row.is_some_and(|p| p.as_rule() == Rule::row)
}

fn at_start(at: Span) -> Span {
    Span { end: at.start, ..at }
}

pub(super) fn empty_part(name: Name) -> Part {
    let ty = TypeRef { name: String::new(), version: None, span: name.span };
    let (settings, wires) = (Vec::new(), Vec::new());
    Part { name, array: None, ty, on: None, settings, wires, doc: String::new(), incomplete: true }
}

impl Bus {
    fn empty(name: Name) -> Bus {
        Bus { name, settings: Vec::new(), rows: Vec::new(), incomplete: false }
    }
}
