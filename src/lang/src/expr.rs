//! Names and expressions, as the text, the command line and QMP all write them.
//!
//! Expressions are total: numbers with units, `+ - * /`, `min`, `max`, `align`, names, lists. They
//! keep their places so that a message can point at the very operand that is wrong.

use crate::source::{NOWHERE, Span, join};

/// A name and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    /// The text.
    pub text: String,
    /// Where.
    pub span: Span,
}

impl Name {
    /// A name that stands in no text.
    pub fn bare(text: impl Into<String>) -> Name {
        Name { text: text.into(), span: NOWHERE }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// A name with an optional index: `target[2*i]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Seg {
    /// The name.
    pub name: Name,
    /// What stands in brackets.
    pub index: Option<Index>,
}

/// What stands in the brackets of a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Index {
    /// `[3]`
    One(Expr),
    /// `[0..7]`, both ends included.
    Range(Expr, Expr),
    /// `[*]`
    All(Span),
}

impl Index {
    /// Where it stands, without the brackets.
    pub fn span(&self) -> Span {
        match self {
            Index::One(e) => e.span,
            Index::Range(a, b) => join(a.span, b.span),
            Index::All(s) => *s,
        }
    }
}

/// Names joined by dots.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// At least one.
    pub segs: Vec<Seg>,
    /// From the first name to the last bracket.
    pub span: Span,
}

impl Path {
    /// A path of plain names that stands in no text.
    pub fn bare<'a>(names: impl IntoIterator<Item = &'a str>) -> Path {
        let seg = |n: &str| Seg { name: Name::bare(n), index: None };
        Path { segs: names.into_iter().map(seg).collect(), span: NOWHERE }
    }

    /// The first name.
    pub fn head(&self) -> &str {
        self.segs.first().map_or("", |s| s.name.text.as_str())
    }

    /// Where the first name stands.
    pub fn head_span(&self) -> Span {
        self.segs.first().map_or(self.span, |s| s.name.span)
    }

    /// The single name that it is, if it has neither dots nor an index.
    pub fn single(&self) -> Option<&Name> {
        match self.segs.as_slice() {
            [Seg { name, index: None }] => Some(name),
            _ => None,
        }
    }

    /// Names joined by dots, without indexes.
    pub fn dotted(&self) -> String {
        let names: Vec<&str> = self.segs.iter().map(|s| s.name.text.as_str()).collect();
        names.join(".")
    }
}

/// An expression and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// Kinds of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A number: numerator, denominator (a power of ten, 1 for whole numbers) and unit.
    Number(i128, i128, Option<Unit>),
    /// `"text"`
    Str(String),
    /// `true`, `false`
    Bool(bool),
    /// `[a, b]`
    List(Vec<Expr>),
    /// A name of the machine, or a word of an enum.
    Path(Path),
    /// `a + b`
    Binary(Op, Box<Expr>, Box<Expr>),
    /// `min(a, b)`
    Call(Function, Vec<Expr>),
    /// Something that has been reported already; whatever uses it stays silent.
    Unknown,
}

impl Expr {
    /// A whole number without a unit that stands in no text.
    pub fn int(n: u64) -> Expr {
        Expr { kind: ExprKind::Number(i128::from(n), 1, None), span: NOWHERE }
    }
}

/// Operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Add,
    Sub,
    Mul,
    Div,
}

/// Functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// The smallest operand.
    Min,
    /// The largest operand.
    Max,
    /// `align(a, n)`: the first multiple of n from a on.
    Align,
}

/// A unit: what it measures and its factor to the base unit (B, Hz, ps).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// What it measures.
    pub dim: Dim,
    /// Base units in one.
    pub factor: i128,
}

/// What a number measures. The base units are the byte, the hertz and the picosecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dim {
    /// A plain number.
    One,
    /// Bytes.
    Size,
    /// Hertz.
    Frequency,
    /// Picoseconds.
    Duration,
}

impl Dim {
    /// What a message calls it.
    pub fn words(self) -> &'static str {
        match self {
            Dim::One => "a plain number",
            Dim::Size => "a size",
            Dim::Frequency => "a frequency",
            Dim::Duration => "a duration",
        }
    }
}

const UNITS: [(&str, Dim, i128); 13] = [
    ("B", Dim::Size, 1),
    ("KiB", Dim::Size, 1 << 10),
    ("MiB", Dim::Size, 1 << 20),
    ("GiB", Dim::Size, 1 << 30),
    ("TiB", Dim::Size, 1 << 40),
    ("Hz", Dim::Frequency, 1),
    ("kHz", Dim::Frequency, 1_000),
    ("MHz", Dim::Frequency, 1_000_000),
    ("GHz", Dim::Frequency, 1_000_000_000),
    ("ns", Dim::Duration, 1_000),
    ("us", Dim::Duration, 1_000_000),
    ("ms", Dim::Duration, 1_000_000_000),
    ("s", Dim::Duration, 1_000_000_000_000),
];

impl Unit {
    /// The unit of a word, exactly spelled.
    pub fn find(word: &str) -> Option<Unit> {
        let hit = UNITS.iter().find(|(w, _, _)| *w == word)?;
        Some(Unit { dim: hit.1, factor: hit.2 })
    }

    /// The unit that a wrong word most likely means, and its right spelling: `GB`, `mhz`, `K`.
    pub fn meant(word: &str) -> Option<(&'static str, Unit)> {
        let lower = word.to_ascii_lowercase();
        let right = match lower.as_str() {
            "k" | "kb" | "kib" => "KiB",
            "m" | "mb" | "mib" => "MiB",
            "g" | "gb" | "gib" => "GiB",
            "t" | "tb" | "tib" => "TiB",
            "khz" => "kHz",
            "mhz" => "MHz",
            "ghz" => "GHz",
            "hz" => "Hz",
            "sec" | "secs" => "s",
            _ => "B",
        };
        Some((right, Unit::find(right)?))
    }
}
