//! The texts that a check reads, by number, and places in them.
//!
//! Places are byte offsets ([`Span`]); lines and columns are worked out only for what is printed,
//! from a table of line starts made once a file (a rescan for each place would be quadratic).

pub use hetemu_graph::Span;

/// Index of a file in a [`SourceMap`]; the same number is [`Span::file`].
pub type FileId = u32;

/// A place that stands in no text: facts that QMP or a default states.
pub const NOWHERE: Span = Span { file: u32::MAX, start: 0, end: 0 };

/// One text.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// As the user named it.
    pub name: String,
    /// Content.
    pub text: String,
    lines: Vec<u32>,
}

/// All texts of one check.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// An empty map.
    pub fn new() -> SourceMap {
        SourceMap::default()
    }

    /// A map of one file, and its id.
    pub fn single(name: impl Into<String>, text: impl Into<String>) -> (SourceMap, FileId) {
        let mut map = SourceMap::new();
        let id = map.add(name, text);
        (map, id)
    }

    /// Adds a text. Texts over 4 GiB are cut, because places are 32 bits wide.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let mut text = text.into();
        if text.len() >= u32::MAX as usize {
            let mut end = u32::MAX as usize - 1;
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
        }
        let newlines = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        let lines = std::iter::once(0).chain(newlines.map(|(i, _)| i as u32 + 1)).collect();
        self.files.push(SourceFile { name: name.into(), text, lines });
        self.files.len() as FileId - 1
    }

    /// A file by id.
    pub fn get(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id as usize)
    }

    /// Every file, in order of its id.
    pub fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter()
    }

    /// The text of a place; empty if it stands nowhere.
    pub fn text(&self, span: Span) -> &str {
        let file = self.get(span.file);
        file.and_then(|f| f.text.get(span.start as usize..span.end as usize)).unwrap_or("")
    }

    /// `file:line:column` of the first byte of a place.
    pub fn place(&self, span: Span) -> String {
        match self.get(span.file) {
            Some(f) => {
                let (line, col) = f.line_col(span.start);
                format!("{}:{line}:{col}", f.name)
            }
            None => String::from("-"),
        }
    }
}

impl SourceFile {
    /// First byte of a line, counted from 1.
    pub(crate) fn line_start(&self, line: usize) -> usize {
        self.lines.get(line.saturating_sub(1)).map_or(self.text.len(), |s| *s as usize)
    }

    /// One past the last byte of a line, without its newline.
    pub(crate) fn line_end(&self, line: usize) -> usize {
        self.lines.get(line).map_or(self.text.len(), |s| (*s as usize).saturating_sub(1))
    }

    /// Line and column of a byte offset, both from 1; columns count characters.
    pub fn line_col(&self, at: u32) -> (usize, usize) {
        let line = self.lines.partition_point(|s| *s <= at).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0) as usize;
        let before = self.text.get(start..at as usize).unwrap_or("");
        (line, before.chars().count() + 1)
    }
}

/// The smallest place that holds both; `a` if they stand in different files.
pub fn join(a: Span, b: Span) -> Span {
    if a.file != b.file {
        return a;
    }
    Span { file: a.file, start: a.start.min(b.start), end: a.end.max(b.end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let (map, id) = SourceMap::single("a.hm", "hm 1\n\n  é x\n");
        let x = Span { file: id, start: 11, end: 12 };
        assert_eq!(map.text(x), "x");
        assert_eq!(map.place(x), "a.hm:3:5");
        assert_eq!(map.place(NOWHERE), "-");
        assert_eq!(map.text(Span { file: id, start: 9, end: 900 }), "");
    }
}
