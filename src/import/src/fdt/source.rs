//! Reads device tree sources (Devicetree Specification 0.4, chapter 6): labels, references,
//! overrides of nodes, deletions, expressions. C macros and includes are not expanded; each is said
//! once.

use super::{Node, NodeId, Prop, Tree};
use crate::codes;
use hetemu_lang::source::FileId;
use hetemu_lang::{Diagnostic, Span};
use std::collections::{BTreeMap, BTreeSet};

const DEEPEST: usize = 64;

/// A piece of a property's value.
enum Piece {
    Bytes(Vec<u8>),
    /// `&label` within cells: the node's phandle.
    Handle(String, Span),
    /// `&label` by itself: the node's path.
    Path(String, Span),
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    file: FileId,
    tree: Tree,
    labels: BTreeMap<String, NodeId>,
    /// Values with references, resolved at the end: node, property, pieces.
    open: Vec<(NodeId, String, Vec<Piece>)>,
    macros: BTreeSet<String>,
    diags: &'t mut Vec<Diagnostic>,
    stopped: bool,
}

/// The tree of a source; of a broken one what stands before the break.
pub(super) fn parse(text: &str, file: FileId, diags: &mut Vec<Diagnostic>) -> Tree {
    let tree = Tree { nodes: vec![Node::default()] };
    let mut p = Parser {
        text,
        at: 0,
        file,
        tree,
        labels: BTreeMap::new(),
        open: Vec::new(),
        macros: BTreeSet::new(),
        diags,
        stopped: false,
    };
    p.file();
    p.resolve();
    p.tree
}

impl Parser<'_> {
    fn span(&self, start: usize) -> Span {
        Span { file: self.file, start: start as u32, end: self.at.max(start) as u32 }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Blanks, comments, and lines for the C preprocessor.
    fn blanks(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            let skipped = rest.len() - trimmed.len();
            let step = if let Some(c) = trimmed.strip_prefix("/*") {
                c.find("*/").map_or(trimmed.len(), |n| n + 4)
            } else if trimmed.starts_with("//") {
                trimmed.find('\n').unwrap_or(trimmed.len())
            } else if is_directive(trimmed) {
                let end = trimmed.find('\n').unwrap_or(trimmed.len());
                let line = trimmed.get(..end).unwrap_or("").trim_end().to_string();
                // Line marks of a preprocessor are no loss.
                if !line[1..].trim_start().starts_with(|c: char| c.is_ascii_digit()) {
                    let start = self.at + skipped;
                    let span = Span {
                        file: self.file,
                        start: start as u32,
                        end: (start + line.len()) as u32,
                    };
                    let what = "a line for the C preprocessor is not carried";
                    let d = Diagnostic::new(codes::W1205, span, what);
                    self.diags
                        .push(d.help("run `cpp -nostdinc -undef -x assembler-with-cpp` first"));
                }
                end
            } else {
                0
            };
            self.at += skipped + step;
            if step == 0 {
                return;
            }
        }
    }

    fn eat(&mut self, token: &str) -> bool {
        self.blanks();
        let hit = self.rest().starts_with(token);
        if hit {
            self.at += token.len();
        }
        hit
    }

    /// Stops with a message at the place reached.
    fn stop(&mut self, wanted: &str) {
        if !self.stopped {
            self.stopped = true;
            let end = self.at + self.peek().map_or(0, char::len_utf8);
            let span = Span { file: self.file, start: self.at as u32, end: end as u32 };
            let what = format!("{wanted} is missing here; nothing from here on is carried");
            self.diags.push(Diagnostic::new(codes::E1201, span, what));
        }
    }

    fn expect(&mut self, token: &str) -> bool {
        let hit = self.eat(token);
        if !hit {
            self.stop(&format!("`{token}`"));
        }
        hit
    }

    fn word(&mut self, chars: &str) -> Option<String> {
        self.blanks();
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || chars.contains(c)))
            .unwrap_or(rest.len());
        let word = rest.get(..end).filter(|w| !w.is_empty())?.to_string();
        self.at += end;
        Some(word)
    }

    fn file(&mut self) {
        loop {
            self.blanks();
            if self.rest().is_empty() || self.stopped {
                return;
            }
            let start = self.at;
            if self.eat("/dts-v1/") || self.eat("/plugin/") {
                self.expect(";");
            } else if self.eat("/memreserve/") || self.eat("/include/") {
                let end = self.rest().find([';', '\n']).unwrap_or(0);
                self.at += end;
                self.eat(";");
                let span = self.span(start);
                self.diags.push(Diagnostic::new(codes::W1205, span, "this line is not carried"));
            } else if self.eat("/delete-node/") {
                match self.reference() {
                    Some(id) => self.delete(id),
                    None => self.stop("a node"),
                }
                self.expect(";");
            } else {
                let labels = self.labels();
                let start = self.at;
                let id = if self.rest().starts_with('&') {
                    let id = self.reference();
                    if id.is_none() {
                        let span = self.span(start);
                        let what = "no node before this line has this label: it is left out";
                        self.diags.push(Diagnostic::new(codes::W1205, span, what));
                    }
                    // An unknown node is read, and belongs to nothing.
                    id.unwrap_or_else(|| self.orphan())
                } else if self.eat("/") {
                    0
                } else {
                    self.stop("`/ {` or `&label {`");
                    return;
                };
                for l in labels {
                    self.labels.insert(l, id);
                }
                if self.tree.nodes.get(id).is_some_and(|n| n.span == Span::default()) {
                    let span = self.span(start);
                    if let Some(n) = self.tree.nodes.get_mut(id) {
                        n.span = span;
                    }
                }
                if !self.expect("{") {
                    return;
                }
                self.body(id, 0);
                self.eat(";");
            }
        }
    }

    fn orphan(&mut self) -> NodeId {
        self.tree.nodes.push(Node { deleted: true, ..Node::default() });
        self.tree.nodes.len() - 1
    }

    fn labels(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        loop {
            self.blanks();
            let rest = self.rest();
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(0);
            if end == 0 || rest.get(end..end + 1) != Some(":") {
                return out;
            }
            out.extend(rest.get(..end).map(str::to_string));
            self.at += end + 1;
        }
    }

    /// `&label` or `&{/path}`.
    fn reference(&mut self) -> Option<NodeId> {
        let name = self.reference_name()?;
        self.node_of(&name)
    }

    fn reference_name(&mut self) -> Option<String> {
        if !self.eat("&") {
            return None;
        }
        if self.eat("{") {
            let rest = self.rest();
            let end = rest.find(['}', '\n'])?;
            let path = rest.get(..end)?.trim().to_string();
            self.at += end;
            self.eat("}");
            return Some(path);
        }
        self.word("_")
    }

    fn node_of(&self, name: &str) -> Option<NodeId> {
        if name.starts_with('/') { self.tree.find(name) } else { self.labels.get(name).copied() }
    }

    fn delete(&mut self, id: NodeId) {
        if let Some(n) = self.tree.nodes.get_mut(id) {
            n.deleted = true;
            let parent = n.parent;
            if let Some(p) = self.tree.nodes.get_mut(parent) {
                p.children.retain(|c| *c != id);
            }
        }
    }

    /// What stands between the braces of a node, and the closing brace.
    fn body(&mut self, id: NodeId, depth: usize) {
        if depth > DEEPEST {
            self.stop("an end of the nesting");
            return;
        }
        while !self.stopped {
            if self.eat("}") {
                return;
            }
            if self.eat("/delete-node/") {
                let name = self.word(",._+-@&").unwrap_or_default();
                let hit = self.child(id, &name);
                if let Some(child) = hit {
                    self.delete(child);
                }
                self.expect(";");
                continue;
            }
            if self.eat("/delete-property/") {
                let name = self.word(",._+-?#").unwrap_or_default();
                if let Some(n) = self.tree.nodes.get_mut(id) {
                    n.props.retain(|p| p.name != name);
                }
                self.expect(";");
                continue;
            }
            let labels = self.labels();
            self.eat("/omit-if-no-ref/");
            self.blanks();
            let start = self.at;
            let Some(name) = self.word(",._+-?#@") else {
                self.stop("a property or a node");
                return;
            };
            let span = self.span(start);
            if self.eat("{") {
                let child = match self.child(id, &name) {
                    Some(child) => child,
                    None => {
                        let child = self.tree.nodes.len();
                        self.tree.nodes.push(Node { name, span, parent: id, ..Node::default() });
                        if let Some(n) = self.tree.nodes.get_mut(id) {
                            n.children.push(child);
                        }
                        child
                    }
                };
                for l in labels {
                    self.labels.insert(l, child);
                }
                self.body(child, depth + 1);
                if !self.stopped {
                    self.expect(";");
                }
            } else {
                self.property(id, name, span);
            }
        }
    }

    fn child(&self, id: NodeId, name: &str) -> Option<NodeId> {
        let children = &self.tree.nodes.get(id)?.children;
        let named = |c: &&NodeId| self.tree.nodes.get(**c).is_some_and(|n| n.name == name);
        children.iter().find(named).copied()
    }

    fn property(&mut self, id: NodeId, name: String, span: Span) {
        let mut pieces = Vec::new();
        if self.eat("=") {
            loop {
                self.labels();
                if !self.value(&mut pieces) {
                    return;
                }
                if !self.eat(",") {
                    break;
                }
            }
        }
        self.labels();
        if !self.expect(";") {
            return;
        }
        self.open.retain(|(n, p, _)| (*n, p) != (id, &name));
        self.open.push((id, name.clone(), pieces));
        let Some(node) = self.tree.nodes.get_mut(id) else { return };
        match node.props.iter_mut().find(|p| p.name == name) {
            Some(p) => p.span = span,
            None => node.props.push(Prop { name, value: Vec::new(), span }),
        }
    }

    fn value(&mut self, pieces: &mut Vec<Piece>) -> bool {
        self.blanks();
        let start = self.at;
        let mut bytes = 4;
        if self.eat("/bits/") {
            bytes = match self.word("").as_deref() {
                Some("8") => 1,
                Some("16") => 2,
                Some("64") => 8,
                _ => 4,
            };
            self.blanks();
        }
        match self.peek() {
            Some('"') => match self.string() {
                Some(mut s) => {
                    s.push(0);
                    pieces.push(Piece::Bytes(s));
                    true
                }
                None => {
                    self.stop("the end of a text");
                    false
                }
            },
            Some('<') => {
                self.at += 1;
                self.cells(bytes, pieces)
            }
            Some('[') => {
                self.at += 1;
                let rest = self.rest();
                let end = rest.find(']').unwrap_or(rest.len());
                let digits: String =
                    rest.get(..end).unwrap_or("").chars().filter(char::is_ascii_hexdigit).collect();
                let pairs = digits.as_bytes().chunks_exact(2);
                let byte = |p: &[u8]| u8::from_str_radix(std::str::from_utf8(p).ok()?, 16).ok();
                pieces.push(Piece::Bytes(pairs.filter_map(byte).collect()));
                self.at += end;
                self.expect("]")
            }
            Some('&') => match self.reference_name() {
                Some(name) => {
                    let span = self.span(start);
                    pieces.push(Piece::Path(name, span));
                    true
                }
                None => {
                    self.stop("a label");
                    false
                }
            },
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                self.macro_name();
                true
            }
            _ => {
                self.stop("a value");
                false
            }
        }
    }

    fn string(&mut self) -> Option<Vec<u8>> {
        self.at += 1;
        let mut out = Vec::new();
        let mut chars = self.rest().char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += i + 1;
                    return Some(out);
                }
                '\\' => match chars.next()?.1 {
                    'n' => out.push(b'\n'),
                    't' => out.push(b'\t'),
                    'r' => out.push(b'\r'),
                    '0' => out.push(0),
                    other => out.extend(other.to_string().bytes()),
                },
                c => out.extend(c.to_string().bytes()),
            }
        }
        None
    }

    fn cells(&mut self, bytes: usize, pieces: &mut Vec<Piece>) -> bool {
        loop {
            self.labels();
            self.blanks();
            let start = self.at;
            match self.peek() {
                Some('>') => {
                    self.at += 1;
                    return true;
                }
                Some('&') => match self.reference_name() {
                    Some(name) => {
                        let span = self.span(start);
                        pieces.push(Piece::Handle(name, span));
                    }
                    None => {
                        self.stop("a label");
                        return false;
                    }
                },
                Some(_) => match self.atom(0) {
                    Some(n) => {
                        let all = n.to_be_bytes();
                        pieces.push(Piece::Bytes(all[8 - bytes..].to_vec()));
                    }
                    None => {
                        self.stop("a number or `>`");
                        return false;
                    }
                },
                None => {
                    self.stop("`>`");
                    return false;
                }
            }
        }
    }

    /// A number, a character, a macro's name (which counts as 0), or an expression in parentheses.
    fn atom(&mut self, depth: usize) -> Option<u64> {
        if depth > DEEPEST {
            return None;
        }
        self.blanks();
        match self.peek()? {
            '(' => {
                self.at += 1;
                let n = self.expression(depth + 1)?;
                self.eat(")").then_some(n)
            }
            '-' => {
                self.at += 1;
                Some(self.atom(depth + 1)?.wrapping_neg())
            }
            '~' => {
                self.at += 1;
                Some(!self.atom(depth + 1)?)
            }
            '\'' => {
                let mut chars = self.rest().chars();
                let (_, c, end) = (chars.next(), chars.next()?, chars.next()?);
                self.at += 2 + c.len_utf8();
                (end == '\'').then_some(u64::from(u32::from(c)))
            }
            c if c.is_ascii_digit() => {
                let word = self.word("")?;
                let digits = word.trim_end_matches(['u', 'U', 'l', 'L']);
                if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
                    return u64::from_str_radix(hex, 16).ok();
                }
                match digits.strip_prefix('0').filter(|d| !d.is_empty()) {
                    Some(octal) => u64::from_str_radix(octal, 8).ok(),
                    None => digits.parse().ok(),
                }
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                self.macro_name();
                Some(0)
            }
            _ => None,
        }
    }

    /// Operators of one precedence, left to right: what sources write is parenthesised.
    fn expression(&mut self, depth: usize) -> Option<u64> {
        let mut n = self.atom(depth)?;
        loop {
            let op = ["<<", ">>", "+", "-", "*", "/", "%", "|", "&", "^"];
            let Some(op) = op.into_iter().find(|op| self.eat(op)) else { return Some(n) };
            let m = self.atom(depth)?;
            n = match op {
                "<<" => n.checked_shl(u32::try_from(m).ok()?).unwrap_or(0),
                ">>" => n.checked_shr(u32::try_from(m).ok()?).unwrap_or(0),
                "+" => n.wrapping_add(m),
                "-" => n.wrapping_sub(m),
                "*" => n.wrapping_mul(m),
                "/" => n.checked_div(m)?,
                "%" => n.checked_rem(m)?,
                "|" => n | m,
                "&" => n & m,
                _ => n ^ m,
            };
        }
    }

    /// A macro that nobody expanded.
    fn macro_name(&mut self) {
        let start = self.at;
        let name = self.word("_").unwrap_or_default();
        if self.eat("(") {
            let rest = self.rest();
            self.at += rest.find([')', ';']).unwrap_or(rest.len());
            self.eat(")");
        }
        let span = self.span(start);
        if self.macros.insert(name.clone()) {
            let d =
                Diagnostic::new(codes::W1205, span, format!("the C macro `{name}` counts as 0"));
            self.diags.push(d.help("run `cpp -nostdinc -undef -x assembler-with-cpp` first"));
        }
    }

    /// Gives phandles to referenced nodes and puts every value together.
    fn resolve(&mut self) {
        let open = std::mem::take(&mut self.open);
        // Plain values first: phandles that the source sets itself are among them.
        for (id, name, pieces) in &open {
            let plain = |p: &Piece| if let Piece::Bytes(b) = p { Some(b.clone()) } else { None };
            let bytes: Option<Vec<Vec<u8>>> = pieces.iter().map(plain).collect();
            if let Some(bytes) = bytes {
                self.store(*id, name, bytes.concat());
            }
        }
        let ids = 0..self.tree.nodes.len();
        let mut next = ids.filter_map(|id| self.tree.cell(id, "phandle")).max().unwrap_or(0);
        for (id, name, pieces) in &open {
            if pieces.iter().all(|p| matches!(p, Piece::Bytes(_))) {
                continue;
            }
            let mut bytes = Vec::new();
            for piece in pieces {
                match piece {
                    Piece::Bytes(b) => bytes.extend(b),
                    Piece::Path(label, span) => match self.node_of(label) {
                        Some(node) => {
                            bytes.extend(self.path(node).bytes());
                            bytes.push(0);
                        }
                        None => self.no_label(label, *span),
                    },
                    Piece::Handle(label, span) => match self.node_of(label) {
                        Some(node) => {
                            let handle = self.tree.cell(node, "phandle").unwrap_or_else(|| {
                                next = next.wrapping_add(1);
                                next
                            });
                            self.store(node, "phandle", handle.to_be_bytes().to_vec());
                            bytes.extend(handle.to_be_bytes());
                        }
                        None => {
                            self.no_label(label, *span);
                            bytes.extend(u32::MAX.to_be_bytes());
                        }
                    },
                }
            }
            self.store(*id, name, bytes);
        }
    }

    fn no_label(&mut self, label: &str, span: Span) {
        let what = format!("no node has the label `{label}`");
        self.diags.push(Diagnostic::new(codes::W1204, span, what));
    }

    fn store(&mut self, id: NodeId, name: &str, value: Vec<u8>) {
        let Some(node) = self.tree.nodes.get_mut(id) else { return };
        match node.props.iter_mut().find(|p| p.name == name) {
            Some(p) => p.value = value,
            None => node.props.push(Prop { name: name.into(), value, span: node.span }),
        }
    }

    fn path(&self, mut id: NodeId) -> String {
        let mut names = Vec::new();
        while let Some(n) = self.tree.nodes.get(id).filter(|_| id != 0 && names.len() <= DEEPEST) {
            names.push(n.name.as_str());
            id = n.parent;
        }
        names.reverse();
        format!("/{}", names.join("/"))
    }
}

/// `#include`, `#define`: a property may begin with `#` too.
fn is_directive(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('#') else { return false };
    let rest = rest.trim_start_matches([' ', '\t']);
    let words =
        ["include", "define", "undef", "ifdef", "ifndef", "if ", "else", "endif", "pragma", "line"];
    words.iter().any(|w| rest.strip_prefix(w).is_some_and(|r| !r.starts_with(['-', '_'])))
        || rest.starts_with(|c: char| c.is_ascii_digit())
}
