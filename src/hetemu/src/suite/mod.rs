//! Scripted runs of machines: files of tests, what they say, how they are run and reported.
//!
//! A test file (`.hmt`) reads like a machine file: `hm 1`, a head, settings, and tests of one step
//! a line. Each test runs on a machine of its own from power-on, in virtual time, so that its
//! result is the same every time. `docs/testing.md` describes the language.

pub mod codes;
mod lex;
mod read;
mod report;
mod run;
mod words;

pub use read::read;
pub use report::{Totals, line, to_json, to_junit};
pub use run::{Outcome, Tested, run};

use crate::Jit;
use hetemu_lang::Span;
use regex::bytes::Regex;
use std::path::PathBuf;
use std::time::Duration;

/// A text and where it stands.
pub type Spanned = (String, Span);

/// A file of tests.
#[derive(Debug, Clone, Default)]
pub struct Suite {
    /// Name of its head.
    pub name: String,
    /// Folder of the file: paths in it begin there.
    pub folder: PathBuf,
    /// The tests, in their order.
    pub tests: Vec<Test>,
}

/// What a test runs on: settings of the file, and of the test above them.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// `machine = NAME`
    pub machine: Option<Spanned>,
    /// `profile = NAME`
    pub profile: Option<Spanned>,
    /// `set NAME = VALUE`: the name, the value, and where it stands.
    pub set: Vec<(String, String, Span)>,
    /// `plug NAME = VALUE`
    pub plug: Vec<(String, String, Span)>,
    /// `image = FILE[@ADDR]`
    pub image: Vec<Spanned>,
    /// `needs = FILE`: without it the test is skipped.
    pub needs: Vec<Spanned>,
    /// `jit = off, sync, on`: a run for each.
    pub jit: Vec<Jit>,
    /// `within = TIME`: virtual time for each wait.
    pub within: Option<Duration>,
    /// `strict = true`
    pub strict: Option<bool>,
    /// `semihosting = true`
    pub semihosting: Option<bool>,
    /// `seed = N`
    pub seed: Option<u64>,
    /// `args = "..."`: the guest's command line.
    pub args: Option<String>,
}

/// A test.
#[derive(Debug, Clone)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// Where its name stands.
    pub span: Span,
    /// What it runs on.
    pub setup: Setup,
    /// What it does.
    pub steps: Vec<Step>,
}

/// A step, and where it stands.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it does.
    pub act: Act,
    /// Its line.
    pub span: Span,
}

/// What a wait looks for.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// As written.
    pub text: String,
    /// As an expression.
    pub regex: Regex,
    /// The plug; without one the console.
    pub plug: Option<Spanned>,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Act {
    /// `expect TEXT`
    Expect(Pattern, Option<Duration>),
    /// `never TEXT`: from here on.
    Never(Pattern),
    /// `send TEXT`
    Send(Vec<u8>, Option<Spanned>),
    /// `run TIME`
    RunTime(Duration),
    /// `run N instructions`
    RunInstructions(u64),
    /// `run to ADDRESS [as CORE]`
    RunTo(Address, Option<Spanned>, Option<Duration>),
    /// `check VALUE == VALUE`
    Check(Condition),
    /// `wait VALUE == VALUE`
    Wait(Condition, Option<Duration>),
    /// `write PLACE = VALUE`
    Write(Value, Value),
    /// `reset`
    Reset,
    /// `snapshot NAME`
    Snapshot(String),
    /// `restore NAME`
    Restore(Spanned),
    /// `exit [CODE]`
    Exit(Option<i32>, Option<Duration>),
    /// `stuck [CODE]`
    Stuck(Option<String>, Option<Duration>),
}

/// Something that is compared.
#[derive(Debug, Clone)]
pub struct Condition {
    /// What is looked at.
    pub left: Value,
    /// The bits of it that count.
    pub mask: Option<u64>,
    /// How.
    pub op: Op,
    /// With what; for `in` the lowest.
    pub right: Value,
    /// For `in`: the highest.
    pub upto: Option<Value>,
}

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
}

/// A value.
#[derive(Debug, Clone)]
pub struct Value {
    /// What it is.
    pub kind: ValueKind,
    /// Where it stands.
    pub span: Span,
}

/// Kinds of values.
#[derive(Debug, Clone)]
pub enum ValueKind {
    /// A number.
    Number(u64),
    /// `"text"`: bytes.
    Text(Vec<u8>),
    /// `core.register`, `part.REGISTER.FIELD`, or a symbol.
    Name(String),
    /// `u32 view[address]`, `bytes view[address]` (width 0); by a core's translation after `virt`.
    Memory {
        /// Bytes.
        width: u8,
        /// Virtual.
        virt: bool,
        /// Core, cluster or bus.
        view: String,
        /// Where.
        at: Address,
    },
}

/// An address: a number or a name, and a number to add.
#[derive(Debug, Clone)]
pub struct Address {
    /// A symbol or a register.
    pub name: Option<String>,
    /// What is added.
    pub add: u64,
    /// Where it stands.
    pub span: Span,
}
