//! The syntax tree: the statements of one file in the order of the text, each with its place.

use crate::expr::{Expr, Name, Path};
use crate::source::Span;

/// One file.
#[derive(Debug, Clone, Default)]
pub struct File {
    /// What the file describes; missing or double heads have been reported.
    pub head: Option<Head>,
    /// Doc comment of the head.
    pub doc: String,
    /// Its statements.
    pub stmts: Vec<Stmt>,
    /// Names declared by statements that could not be read: whatever refers to them stays silent.
    pub unknown: Vec<String>,
    /// A statement of any kind was lost: what seems to be missing may be in it.
    pub gaps: bool,
    /// A statement was lost without a trace of its name; unresolved names may be its.
    pub lost: bool,
}

/// The line that says what a file describes.
#[derive(Debug, Clone)]
pub struct Head {
    /// `machine`, `module`, `overlay` or `device`.
    pub kind: HeadKind,
    /// Its name.
    pub name: TypeRef,
    /// Where the line stands.
    pub span: Span,
}

/// What a file describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum HeadKind {
    Machine,
    Module,
    Overlay,
    Device,
}

/// A name with an optional version: `lowrisc.uart@1`.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeRef {
    /// The dotted name.
    pub name: String,
    /// After `@`.
    pub version: Option<u32>,
    /// Where it stands, version included.
    pub span: Span,
}

/// A statement.
#[derive(Debug, Clone)]
pub enum Stmt {
    /// `param name : type = value in a .. b`
    Param(Param),
    /// `let name = value`
    Let(Name, Expr),
    /// `clock name = value`
    Clock(Name, Expr),
    /// `plug name : kind = value`
    Plug(Plug),
    /// `bus name { ... }`
    Bus(Bus),
    /// `name : type { ... }`
    Part(Part),
    /// `a -> b` or `a <- b`
    Wire(Wire),
    /// `path = value`
    Set(Setting),
    /// `require condition, "reason"`
    Require(Require),
}

/// A parameter of a machine.
#[derive(Debug, Clone)]
pub struct Param {
    /// Its name.
    pub name: Name,
    /// `size`, `count`, ...
    pub ty: TypeRef,
    /// Value if nothing else is said.
    pub default: Option<Expr>,
    /// Both ends are allowed values.
    pub range: Option<(Expr, Expr)>,
}

/// A host attachment.
#[derive(Debug, Clone)]
pub struct Plug {
    /// Its name.
    pub name: Name,
    /// `serial`, `image`, ...
    pub kind: TypeRef,
    /// What is plugged in if nothing else is said.
    pub value: Option<Name>,
}

/// A memory-map table.
#[derive(Debug, Clone)]
pub struct Bus {
    /// Its name.
    pub name: Name,
    /// `addr = 16`, ...
    pub settings: Vec<Setting>,
    /// Its rows.
    pub rows: Vec<Row>,
    /// Something in its braces was lost.
    pub incomplete: bool,
}

/// One row of a bus.
#[derive(Debug, Clone)]
pub struct Row {
    /// First address.
    pub base: Expr,
    /// How far it reaches.
    pub extent: Extent,
    /// Where base and extent stand.
    pub place: Span,
    /// A part, a region of one, or a bus.
    pub target: Path,
    /// `@ offset` into the target.
    pub at: Option<Expr>,
    /// `over`, `ro`, `swap32`, ...
    pub flags: Vec<Name>,
    /// The part that the row declares, until it is put among the machine's parts.
    pub part: Option<Part>,
    /// The row declares its part.
    pub declares: bool,
}

/// How far a row reaches.
#[derive(Debug, Clone)]
pub enum Extent {
    /// As far as the part.
    Type,
    /// `.. last`, included.
    To(Expr),
    /// `+ size`
    Size(Expr),
}

/// A part.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its name.
    pub name: Name,
    /// `[i < n]`: the variable and the count.
    pub array: Option<(Name, Expr)>,
    /// Its type.
    pub ty: TypeRef,
    /// `on host.pcie @ 1f.0`: the child bus and the unit address.
    pub on: Option<(Path, Option<Name>)>,
    /// `name = value` in its braces.
    pub settings: Vec<Setting>,
    /// Wires in its braces.
    pub wires: Vec<Wire>,
    /// Doc comment.
    pub doc: String,
    /// Something in its braces was lost.
    pub incomplete: bool,
}

/// `path = value`
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// What is set.
    pub path: Path,
    /// To what.
    pub value: Expr,
}

/// A wire. `output` and `input` say which side of the text is which.
#[derive(Debug, Clone, PartialEq)]
pub struct Wire {
    /// The side that drives; `none` for `<- none`.
    pub from: Path,
    /// The side that is driven.
    pub to: Path,
    /// `<-` stood in the text: the left side is the driven one.
    pub reversed: bool,
    /// The whole wire.
    pub span: Span,
}

/// A condition of the machine.
#[derive(Debug, Clone)]
pub struct Require {
    /// Left side.
    pub left: Expr,
    /// `>=`, ...
    pub relation: String,
    /// Right side.
    pub right: Expr,
    /// Why.
    pub reason: Option<String>,
    /// The whole condition.
    pub span: Span,
}
