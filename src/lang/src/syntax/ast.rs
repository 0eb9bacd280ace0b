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
    /// Files and names that it brings in.
    pub uses: Vec<Use>,
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
    /// The machine or profile that it is made from, or that an overlay is made for.
    pub extends: Option<TypeRef>,
    /// Its overlays.
    pub with: Vec<TypeRef>,
    /// Where the line stands.
    pub span: Span,
}

/// `use "file.hm" as name`
#[derive(Debug, Clone)]
pub struct Use {
    /// The file, relative to this one.
    pub path: Name,
    /// The name that it has here.
    pub alias: Option<Name>,
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
    /// `clock name`: a clock that a module is given.
    ClockPort(Name),
    /// `bus name`: a bus that a module is given.
    BusPort(Name),
    /// `in name : level`, `out name[4] : edge`: signals of a module.
    Port(ModulePort),
    /// `replace name : type { ... }`
    Replace(Part),
    /// `final path = value`
    Final(Setting),
    /// `remove path`
    Remove(Path),
}

/// A signal port of a module.
#[derive(Debug, Clone)]
pub struct ModulePort {
    /// Its name.
    pub name: Name,
    /// `out` as opposed to `in`.
    pub out: bool,
    /// How many lines; `None` for a single one without an index.
    pub width: Option<Expr>,
    /// `level`, `edge`, `pulse` or `rate`.
    pub kind: TypeRef,
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
    /// What it does to wires that exist.
    pub act: Act,
    /// The layer that says so, an index in [`crate::typed::Machine::layers`].
    pub layer: u32,
}

/// What a wire does to the wires that layers below have made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Act {
    /// It is new: an output that goes somewhere already is a mistake.
    #[default]
    Plain,
    /// `rewire`: what its left end had goes.
    Rewire,
    /// `also`: what its left end has stays.
    Also,
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
