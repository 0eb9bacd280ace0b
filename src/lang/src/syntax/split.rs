//! Cuts a text into statements before anything is parsed, so that one mistake costs one statement.
//!
//! The splitter knows strings, comments and brackets, and what separates statements: a newline or
//! `;`, inside a part's braces also `,`. Where the braces of a file do not match it goes by
//! indentation, as a reader would: a line that stands no deeper than the line with the `{` is
//! outside of it. Files whose braces match are cut by their braces alone, however they are
//! indented.

/// What may stand inside the current braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The file itself.
    Top,
    /// A bus: rows and settings.
    Bus,
    /// A part: settings and wires, also separated by `,`.
    Part,
}

/// Bytes `.0 .. .1` of the text.
pub(crate) type Bytes = (usize, usize);

/// One statement: the text before `{`, and what stands in the braces.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// Doc comments before it.
    pub doc: Vec<Bytes>,
    /// The text before `{`, without blanks and comments around it.
    pub head: Bytes,
    /// The braces.
    pub block: Option<Block>,
    /// Column of its line's first character, if it is the first on its line.
    column: Option<usize>,
    /// It follows another one on the same line without a separator.
    pub glued: bool,
    /// What stands in its braces may not be all that belongs there.
    pub robbed: bool,
}

/// Braces and what stands in them.
#[derive(Debug)]
pub(crate) struct Block {
    /// The `{`.
    pub open: usize,
    /// The `}`, if there is one.
    pub close: Option<usize>,
    /// What stands inside.
    pub items: Vec<Chunk>,
}

/// Something that is wrong with the brackets, quotes or comments themselves.
#[derive(Debug, PartialEq)]
pub(crate) enum Flaw {
    /// `{` at `.0` is not closed before the line at `.1` (or the end of the file).
    Unclosed(usize, Option<usize>),
    /// `}` closes nothing.
    Stray(usize),
    /// `{` is missing after the head that ends here, and `}` stands at `.1`.
    MissingOpen(usize, usize),
    /// The statements at `.0` stood in braces whose first line is missing; `}` at `.1`.
    Headless(Vec<Bytes>, usize),
    /// A text in quotes does not end on its line.
    Quote(Bytes),
    /// `#` or `/* */` comments.
    Comment(Bytes),
}

/// The statements of a text and what is wrong with its brackets.
pub(crate) fn split(text: &str) -> (Vec<Chunk>, Vec<Flaw>) {
    let mut s = Splitter::new(text, !balanced(text.as_bytes()));
    s.run(Place::Top, 0, text.len());
    (s.done, s.flaws)
}

/// Deeper braces than the language has any use for are read as part of a statement's text.
const DEEPEST: usize = 8;

struct Frame {
    place: Place,
    open: usize,
    /// Column of the line on which the statement with the `{` begins.
    indent: usize,
    items: Vec<Chunk>,
    /// The chunk whose braces these are.
    owner: Option<Chunk>,
}

struct Splitter<'a> {
    text: &'a [u8],
    by_indent: bool,
    stack: Vec<Frame>,
    done: Vec<Chunk>,
    flaws: Vec<Flaw>,
    docs: Vec<Bytes>,
    /// Start of the current statement and one past its last significant byte.
    head: Option<Bytes>,
    head_column: Option<usize>,
    brackets: usize,
    line_start: usize,
    fresh_line: bool,
    after_block: bool,
}

impl<'a> Splitter<'a> {
    fn new(text: &'a str, by_indent: bool) -> Self {
        Splitter {
            text: text.as_bytes(),
            by_indent,
            stack: Vec::new(),
            done: Vec::new(),
            flaws: Vec::new(),
            docs: Vec::new(),
            head: None,
            head_column: None,
            brackets: 0,
            line_start: 0,
            fresh_line: true,
            after_block: false,
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn run(&mut self, place: Place, start: usize, end: usize) {
        self.stack.push(Frame { place, open: start, indent: 0, items: Vec::new(), owner: None });
        let mut at = start;
        while at < end {
            at = self.step(at).min(end).max(at + 1);
        }
        self.end_statement();
        while self.stack.len() > 1 {
            self.close_missing(None);
        }
        self.done = self.stack.pop().map(|f| f.items).unwrap_or_default();
    }

    /// Reads what stands at `at`; the answer is where to go on.
    fn step(&mut self, at: usize) -> usize {
        match self.byte(at) {
            b' ' | b'\t' | b'\r' => at + 1,
            b'\n' => {
                if self.brackets == 0 || !self.continues(at) {
                    self.end_statement();
                }
                self.line_start = at + 1;
                self.fresh_line = true;
                self.after_block = false;
                at + 1
            }
            b';' => {
                self.end_statement();
                self.after_block = false;
                at + 1
            }
            b',' if self.brackets == 0 && self.place() == Place::Part => {
                self.end_statement();
                self.after_block = false;
                at + 1
            }
            b'/' if self.byte(at + 1) == b'/' => self.comment(at),
            b'/' if self.byte(at + 1) == b'*' => {
                let rest = self.text.get(at + 2..).unwrap_or(&[]);
                let len = rest.windows(2).position(|w| w == b"*/").map_or(rest.len(), |i| i + 2);
                self.flaws.push(Flaw::Comment((at, at + 2 + len)));
                at + 2 + len
            }
            b'#' if self.head.is_none() => {
                let end = self.line_end(at);
                self.flaws.push(Flaw::Comment((at, end)));
                end
            }
            b'"' => {
                let end = self.line_end(at);
                let close = (at + 1..end).find(|i| self.byte(*i) == b'"');
                if close.is_none() {
                    self.flaws.push(Flaw::Quote((at, trim_end(self.text, at, end))));
                }
                let to = close.map_or(end, |c| c + 1);
                self.take(at, trim_end(self.text, at, to));
                to
            }
            b'{' if self.stack.len() <= DEEPEST => {
                self.open(at);
                at + 1
            }
            b'}' => {
                self.close(at);
                at + 1
            }
            c => {
                match c {
                    b'(' | b'[' => self.brackets += 1,
                    b')' | b']' => self.brackets = self.brackets.saturating_sub(1),
                    _ => {}
                }
                self.take(at, at + 1);
                at + 1
            }
        }
    }

    fn place(&self) -> Place {
        self.stack.last().map_or(Place::Top, |f| f.place)
    }

    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or(&[]);
        at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
    }

    fn comment(&mut self, at: usize) -> usize {
        let end = self.line_end(at);
        let doc = self.byte(at + 2) == b'/' && self.byte(at + 3) != b'/';
        if doc && self.head.is_none() {
            self.docs.push((at + 3, end));
        }
        end
    }

    /// Whether a newline inside open brackets is obviously in the middle of something.
    fn continues(&self, newline: usize) -> bool {
        let last = self.head.map_or(0, |h| self.byte(h.1.saturating_sub(1)));
        let rest = self.text.get(newline..).unwrap_or(&[]);
        let next = rest.iter().find(|b| !b.is_ascii_whitespace()).copied().unwrap_or(0);
        matches!(last, b'[' | b'(' | b',' | b'+' | b'*') || matches!(next, b']' | b')')
    }

    /// A significant stretch of text: begins a statement or goes on with it.
    fn take(&mut self, start: usize, end: usize) {
        if self.head.is_none() {
            self.head_column = self.fresh_line.then(|| start - self.line_start.min(start));
            if self.by_indent
                && let Some(column) = self.head_column
            {
                self.leave_by_indent(start, column);
            }
        }
        self.fresh_line = false;
        let from = self.head.map_or(start, |h| h.0);
        self.head = Some((from, end));
    }

    /// A line that stands no deeper than the one with the `{` is outside of the braces.
    fn leave_by_indent(&mut self, start: usize, column: usize) {
        while self.stack.len() > 1 {
            let Some(f) = self.stack.last() else { return };
            let indented = f.items.first().and_then(|c| c.column).is_some_and(|c| c > f.indent);
            let line = self.text.get(start..self.line_end(start)).unwrap_or(&[]);
            if column > f.indent || !(indented || begins_section(line, f.place)) {
                return;
            }
            self.close_missing(Some(start));
        }
    }

    fn end_statement(&mut self) {
        self.brackets = 0;
        let Some(head) = self.head.take() else { return };
        let chunk = self.chunk(head);
        if let Some(f) = self.stack.last_mut() {
            f.items.push(chunk);
        }
        self.after_block = false;
    }

    fn chunk(&mut self, head: Bytes) -> Chunk {
        Chunk {
            doc: std::mem::take(&mut self.docs),
            head,
            block: None,
            column: self.head_column.take(),
            glued: self.after_block,
            robbed: false,
        }
    }

    fn open(&mut self, at: usize) {
        if self.head.is_none() {
            self.take(at, at);
        }
        let head = self.head.take().unwrap_or((at, at));
        let owner = self.chunk(head);
        let place = inside(self.text.get(head.0..head.1).unwrap_or(&[]));
        let line = self.text.get(self.line_start..at).unwrap_or(&[]);
        let indent = line.iter().take_while(|b| b.is_ascii_whitespace()).count();
        self.brackets = 0;
        self.after_block = false;
        self.fresh_line = false;
        let frame = Frame { place, open: at, indent, items: Vec::new(), owner: Some(owner) };
        self.stack.push(frame);
    }

    fn close(&mut self, at: usize) {
        let first = self.fresh_line && self.head.is_none();
        let column = at - self.line_start.min(at);
        self.end_statement();
        if self.by_indent && first {
            while self.stack.len() > 2 && self.stack.last().is_some_and(|f| column < f.indent) {
                self.close_missing(Some(at));
            }
            let deeper = self.stack.last().is_some_and(|f| column > f.indent);
            if deeper && self.stack.len() > 1 && self.adopt(at, column) {
                self.fresh_line = false;
                return;
            }
        }
        self.fresh_line = false;
        if self.stack.len() > 1 {
            self.pop(Some(at));
            self.after_block = true;
        } else if !(first && self.adopt(at, column)) {
            self.flaws.push(Flaw::Stray(at));
        }
    }

    /// Closes the innermost braces: their content goes to the statement that opened them.
    fn pop(&mut self, close: Option<usize>) {
        let Some(mut f) = self.stack.pop() else { return };
        self.docs.clear();
        if let Some(mut owner) = f.owner.take() {
            owner.block = Some(Block { open: f.open, close, items: f.items });
            if let Some(up) = self.stack.last_mut() {
                up.items.push(owner);
            }
        }
    }

    fn close_missing(&mut self, before: Option<usize>) {
        if let Some(f) = self.stack.last_mut() {
            self.flaws.push(Flaw::Unclosed(f.open, before));
            if let Some(o) = &mut f.owner {
                o.robbed = true;
            }
        }
        self.pop(None);
    }

    /// A `}` too many: the deeper lines before it stood in braces whose `{` is missing. They are
    /// given back to the statement before them if that is a bus. Of a part one cannot know whether
    /// its `{` or the next line is missing, so there the lines are dropped.
    fn adopt(&mut self, at: usize, column: usize) -> bool {
        let Some(f) = self.stack.last_mut() else { return false };
        let deeper = |c: &&Chunk| c.column.is_none_or(|k| k > column);
        let count = f.items.iter().rev().take_while(deeper).count();
        if count == 0 {
            return false;
        }
        let mut lost = f.items.split_off(f.items.len() - count);
        let owner = f.items.last_mut().filter(|o| o.block.is_none() && o.column == Some(column));
        let head = |o: &Chunk| self.text.get(o.head.0..o.head.1).unwrap_or(&[]);
        if let Some(o) = owner
            && takes_braces(head(o))
        {
            let place = inside(head(o));
            self.flaws.push(Flaw::MissingOpen(o.head.1, at));
            if place == Place::Part {
                lost.clear();
                o.robbed = true;
            }
            o.block = Some(Block { open: o.head.1, close: Some(at), items: lost });
        } else {
            let heads = lost.iter().map(|c| c.head).collect();
            self.flaws.push(Flaw::Headless(heads, at));
        }
        true
    }
}

/// What may stand in the braces after this head.
pub(crate) fn inside(head: &[u8]) -> Place {
    if keyword(head).is_some_and(|(k, _)| k == b"bus") { Place::Bus } else { Place::Part }
}

/// Whether a head can have braces: a bus, or something with a type.
fn takes_braces(head: &[u8]) -> bool {
    let kw = keyword(head).map(|(k, _)| k);
    let typed = head.contains(&b':') && !head.contains(&b'=');
    kw == Some(b"bus") || (kw.is_none() || kw == Some(b"replace")) && typed
}

/// Whether a line can only stand outside of the braces of such a place.
fn begins_section(line: &[u8], place: Place) -> bool {
    let digit = line.first().is_some_and(u8::is_ascii_digit);
    let word = line.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let mut rest = line.get(word..).unwrap_or(&[]);
    if rest.first() == Some(&b'[') {
        let close = rest.iter().position(|b| *b == b']').map_or(0, |i| i + 1);
        rest = rest.get(close..).unwrap_or(&[]);
    }
    let typed = word > 0 && rest.trim_ascii_start().first() == Some(&b':');
    keyword(line).is_some() || typed || (digit && place == Place::Part)
}

/// The keyword that begins a statement, and the rest: two words side by side.
fn keyword(head: &[u8]) -> Option<(&[u8], &[u8])> {
    const WORDS: [&[u8]; 16] = [
        b"machine", b"module", b"overlay", b"device", b"use", b"hm", b"param", b"let", b"clock",
        b"plug", b"bus", b"require", b"replace", b"rewire", b"also", b"remove",
    ];
    let n = head.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    let (word, rest) = head.split_at_checked(n)?;
    let next = rest.trim_ascii_start().first().copied()?;
    let blank = rest.first().is_some_and(u8::is_ascii_whitespace);
    let names = next.is_ascii_alphanumeric() || next == b'_' || next == b'"';
    (blank && names && WORDS.contains(&word)).then_some((word, rest))
}

/// Whether every `{` has its `}`, outside of texts and comments.
fn balanced(text: &[u8]) -> bool {
    let mut depth = 0i64;
    let mut at = 0;
    while let Some(b) = text.get(at) {
        match b {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b'/' if text.get(at + 1) == Some(&b'/') => at = to_newline(text, at),
            b'"' => {
                let end = to_newline(text, at);
                let close = (at + 1..end).find(|i| text.get(*i) == Some(&b'"'));
                at = close.unwrap_or(end.saturating_sub(1));
            }
            _ => {}
        }
        if depth < 0 {
            return false;
        }
        at += 1;
    }
    depth == 0
}

fn to_newline(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or(&[]);
    at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
}

fn trim_end(text: &[u8], from: usize, to: usize) -> usize {
    from + text.get(from..to).unwrap_or(&[]).trim_ascii_end().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The heads, with braces around what stands inside.
    fn shape(text: &str) -> (String, Vec<Flaw>) {
        fn show(chunks: &[Chunk], text: &str, out: &mut String) {
            for (i, c) in chunks.iter().enumerate() {
                if i > 0 {
                    out.push('|');
                }
                out.push_str(&text[c.head.0..c.head.1]);
                if let Some(b) = &c.block {
                    out.push('{');
                    show(&b.items, text, out);
                    out.push('}');
                }
            }
        }
        let (chunks, flaws) = split(text);
        let mut out = String::new();
        show(&chunks, text, &mut out);
        (out, flaws)
    }

    #[test]
    fn newlines_semicolons_and_commas_separate_where_they_should() {
        let text =
            "a = 1; b = 2 // c\nbus m {\n 0 x : t { p = 1, q -> r[1] } // d\n 4 y\n}\nwith a, b\n";
        assert_eq!(
            shape(text),
            ("a = 1|b = 2|bus m{0 x : t{p = 1|q -> r[1]}|4 y}|with a, b".into(), vec![])
        );
    }

    #[test]
    fn lists_go_on_over_lines_and_quotes_hide_signs() {
        let text = "l = [\n  a,\n  b\n]\nr = \"{ // } \"\nx = (1 +\n 2)\n";
        assert_eq!(
            shape(text),
            ("l = [\n  a,\n  b\n]|r = \"{ // } \"|x = (1 +\n 2)".into(), vec![])
        );
    }

    #[test]
    fn matching_braces_are_read_by_themselves_however_indented() {
        let text = "bus m {\n0 a : t {\np = 1\n}\n4 b\n}\n  c = 1\n";
        assert_eq!(shape(text), ("bus m{0 a : t{p = 1}|4 b}|c = 1".into(), vec![]));
    }

    #[test]
    fn a_missing_brace_ends_where_the_lines_stand_no_deeper() {
        let text = "u : t {\n  p = 1\nbus m {\n  0 a\n}\n";
        let (found, flaws) = shape(text);
        assert_eq!(found, "u : t{p = 1}|bus m{0 a}");
        assert_eq!(flaws, [Flaw::Unclosed(6, Some(16))]);
    }

    #[test]
    fn a_brace_too_many_gives_a_bus_its_rows_back_and_leaves_a_part_alone() {
        let (found, flaws) = shape("bus m\n  0 a\n  4 b\n}\n");
        assert_eq!((found.as_str(), flaws), ("bus m{0 a|4 b}", vec![Flaw::MissingOpen(5, 18)]));
        let (found, flaws) = shape("u : t\n  p = 1\n}\n");
        assert_eq!((found.as_str(), flaws), ("u : t{}", vec![Flaw::MissingOpen(5, 14)]));
        let (found, flaws) = shape("a = 1\n  p = 1\n}\n");
        assert_eq!((found.as_str(), flaws), ("a = 1", vec![Flaw::Headless(vec![(8, 13)], 14)]));
        assert_eq!(shape("}\n").1, [Flaw::Stray(0)]);
    }

    #[test]
    fn other_comments_and_open_quotes_are_noted() {
        assert_eq!(
            shape("# x\na = 1 /* b */\n").1,
            [Flaw::Comment((0, 3)), Flaw::Comment((10, 17))]
        );
        assert_eq!(shape("a = \"b\nc = 1\n"), ("a = \"b|c = 1".into(), vec![Flaw::Quote((4, 6))]));
    }
}
