//! The statements of a text with their comments and blank lines: what the formatter arranges.

use super::tokens::{Token, lex};
use crate::syntax::split::{Bytes, Chunk, split};

/// A statement.
#[derive(Debug, Default)]
pub(super) struct Item<'a> {
    /// Comments on lines of their own before it.
    pub(super) lead: Vec<Comment<'a>>,
    /// A blank line stands before the statement itself.
    pub(super) blank: bool,
    pub(super) head: Vec<Token<'a>>,
    pub(super) block: Option<Block<'a>>,
    /// The comment at the end of its last line.
    pub(super) trail: Option<&'a str>,
}

/// A comment on a line of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comment<'a> {
    pub(super) text: &'a str,
    /// A blank line stands before it.
    pub(super) blank: bool,
}

/// Braces.
#[derive(Debug, Default)]
pub(super) struct Block<'a> {
    pub(super) items: Vec<Item<'a>>,
    /// The comment behind `{`.
    pub(super) opening: Option<&'a str>,
    /// Comments before `}`.
    pub(super) tail: Vec<Comment<'a>>,
    /// It stood on one line.
    pub(super) inline: bool,
}

impl Item<'_> {
    /// A blank line stands before it and its comments.
    pub(super) fn apart(&self) -> bool {
        self.lead.first().map_or(self.blank, |c| c.blank)
    }
}

/// A text's statements and the comments after the last one; `None` if its brackets do not match.
pub(super) fn tree(text: &str) -> Option<(Vec<Item<'_>>, Vec<Comment<'_>>)> {
    let (chunks, flaws) = split(text);
    if !flaws.is_empty() {
        return None;
    }
    let mut t = Tree { text, comments: comments(text), next: 0 };
    let (items, tail) = t.items(&chunks, 0, text.len())?;
    Some((items, tail))
}

struct Tree<'a> {
    text: &'a str,
    comments: Vec<Bytes>,
    /// The first comment that has no place yet.
    next: usize,
}

impl<'a> Tree<'a> {
    fn slice(&self, b: Bytes) -> &'a str {
        self.text.get(b.0..b.1).unwrap_or("")
    }

    fn newlines(&self, from: usize, to: usize) -> usize {
        self.slice((from, to.max(from))).bytes().filter(|b| *b == b'\n').count()
    }

    /// Statements between two places, and the comments after the last one.
    fn items(
        &mut self,
        chunks: &[Chunk],
        from: usize,
        to: usize,
    ) -> Option<(Vec<Item<'a>>, Vec<Comment<'a>>)> {
        let mut items: Vec<Item<'a>> = Vec::with_capacity(chunks.len());
        let mut at = from;
        for c in chunks {
            let (lead, end) = self.between(at, c.head.0, items.last_mut());
            let blank = self.newlines(end, c.head.0) > 1 && (end > 0 || !lead.is_empty());
            let head = lex(self.slice(c.head));
            // Comments inside a head are among its tokens.
            while self.comments.get(self.next).is_some_and(|b| b.0 < c.head.1) {
                self.next += 1;
            }
            at = c.head.1;
            let mut block = None;
            if let Some(b) = &c.block {
                let close = b.close?;
                let mut inside = Block::default();
                if let Some(first) = self.comments.get(self.next).copied()
                    && first.0 < close
                    && self.newlines(b.open, first.0) == 0
                    && b.items.first().is_none_or(|i| i.head.0 > first.0)
                {
                    inside.opening = Some(self.slice(first));
                    self.next += 1;
                }
                (inside.items, inside.tail) = self.items(&b.items, b.open + 1, close)?;
                let comments = inside.opening.is_some()
                    || !inside.tail.is_empty()
                    || inside.items.iter().any(|i| !i.lead.is_empty() || i.trail.is_some());
                inside.inline = self.newlines(b.open, close) == 0 && !comments;
                at = close + 1;
                block = Some(inside);
            }
            items.push(Item { lead, blank, head, block, trail: None });
        }
        let (tail, _) = self.between(at, to, items.last_mut());
        Some((items, tail))
    }

    /// Comments between two places: the first one may end the line of the statement before. Also
    /// the end of the last of them.
    fn between(
        &mut self,
        from: usize,
        to: usize,
        before: Option<&mut Item<'a>>,
    ) -> (Vec<Comment<'a>>, usize) {
        let mut lead = Vec::new();
        let mut at = from;
        let mut before = before;
        while let Some(b) = self.comments.get(self.next).copied().filter(|b| b.0 < to) {
            self.next += 1;
            let lines = self.newlines(at, b.0);
            match before.take() {
                Some(item) if lines == 0 && item.trail.is_none() => {
                    item.trail = Some(self.slice(b));
                }
                _ => {
                    let blank = lines > 1 && at > 0;
                    lead.push(Comment { text: self.slice(b), blank });
                }
            }
            at = b.1;
        }
        (lead, at)
    }
}

/// Every `//` comment outside of texts in quotes.
fn comments(text: &str) -> Vec<Bytes> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(b) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let line = at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
        match b {
            b'"' => {
                let close = (at + 1..line).find(|i| bytes.get(*i) == Some(&b'"'));
                at = close.map_or(line, |c| c + 1);
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                out.push((at, line));
                at = line;
            }
            _ => at += 1,
        }
    }
    out
}
