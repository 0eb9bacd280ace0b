//! The shape of a command, an event and their data.
//!
//! Each is written once, as a constant. Dispatch, checks of arguments, `query-commands`,
//! `query-qmp-schema` and the book's pages come from there.

use crate::context::{Context, Monitor};
use crate::error::Error;
use serde_json::{Map, Value};

/// A type of QMP's.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// `str`
    Str,
    /// `int`
    Int,
    /// `number`
    Number,
    /// `bool`
    Bool,
    /// Any value.
    Any,
    /// A list of values of one type.
    List(&'static Type),
    /// An object with named members.
    Object(&'static Object),
    /// One of some words.
    Enum(&'static Enum),
}

/// An object type.
#[derive(Debug)]
pub struct Object {
    /// Name, for the book; clients see a number.
    pub name: &'static str,
    /// Members, in order.
    pub members: &'static [Member],
}

/// An enumeration.
#[derive(Debug)]
pub struct Enum {
    /// Name, for the book; clients see a number.
    pub name: &'static str,
    /// Words.
    pub values: &'static [&'static str],
}

/// An argument, or a member of an object.
#[derive(Debug)]
pub struct Member {
    /// Name.
    pub name: &'static str,
    /// Type.
    pub ty: Type,
    /// It may be left out.
    pub optional: bool,
    /// One sentence.
    pub doc: &'static str,
}

/// A member that must be there.
pub const fn need(name: &'static str, ty: Type, doc: &'static str) -> Member {
    Member { name, ty, optional: false, doc }
}

/// A member that may be left out.
pub const fn may(name: &'static str, ty: Type, doc: &'static str) -> Member {
    Member { name, ty, optional: true, doc }
}

/// When a command can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At any time.
    Always,
    /// Once the machine has its devices: not in preconfig.
    Ready,
}

/// What carries a command out.
#[derive(Clone, Copy)]
pub enum Run {
    /// On the machine's thread, between two steps.
    Machine(fn(&mut Context<'_>, &Args) -> Result<Value, Error>),
    /// At once, on the client's own thread: it may overtake others (`exec-oob`).
    Plain(fn(&Monitor, &Args) -> Result<Value, Error>),
}

/// A command.
pub struct Command {
    /// Name.
    pub name: &'static str,
    /// What it does, Markdown.
    pub doc: &'static str,
    /// Arguments.
    pub args: &'static [Member],
    /// Further arguments are allowed: properties of a type.
    pub open: bool,
    /// What it returns; nothing is an empty object.
    pub returns: Option<Type>,
    /// When it can be given.
    pub when: When,
    /// `unstable`, `deprecated`.
    pub features: &'static [&'static str],
    /// What it does.
    pub run: Run,
}

impl Command {
    /// A command without arguments, features and result, for ready machines.
    pub const fn new(
        name: &'static str,
        doc: &'static str,
        run: fn(&mut Context<'_>, &Args) -> Result<Value, Error>,
    ) -> Command {
        let run = Run::Machine(run);
        let (when, features) = (When::Ready, &[]);
        Command { name, doc, args: &[], open: false, returns: None, when, features, run }
    }

    /// A command that needs no machine, for every phase, and out of band.
    pub const fn plain(
        name: &'static str,
        doc: &'static str,
        run: fn(&Monitor, &Args) -> Result<Value, Error>,
    ) -> Command {
        let run = Run::Plain(run);
        let (when, features) = (When::Always, &[]);
        Command { name, doc, args: &[], open: false, returns: None, when, features, run }
    }

    /// Whether it may overtake others.
    pub fn oob(&self) -> bool {
        matches!(self.run, Run::Plain(_))
    }

    /// With arguments.
    pub const fn args(self, args: &'static [Member]) -> Command {
        Command { args, ..self }
    }

    /// With any further arguments.
    pub const fn open(self) -> Command {
        Command { open: true, ..self }
    }

    /// With a result.
    pub const fn returns(self, ty: Type) -> Command {
        Command { returns: Some(ty), ..self }
    }

    /// In every phase.
    pub const fn always(self) -> Command {
        Command { when: When::Always, ..self }
    }

    /// May change.
    pub const fn unstable(self) -> Command {
        Command { features: &["unstable"], ..self }
    }
}

/// An event.
pub struct EventType {
    /// Name.
    pub name: &'static str,
    /// When it comes.
    pub doc: &'static str,
    /// Its data.
    pub data: &'static [Member],
}

/// Arguments that have passed the check.
#[derive(Debug, Clone, Default)]
pub struct Args(pub Map<String, Value>);

impl Args {
    /// Whether it was given.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
    /// A text; empty if it was not given.
    pub fn str(&self, name: &str) -> &str {
        self.get(name).and_then(Value::as_str).unwrap_or("")
    }
    /// A text that may be left out.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }
    /// A number that is not negative.
    pub fn int(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(hetemu_import::qom::number)
    }
    /// A truth value; false if it was not given.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or(false)
    }
}

impl Type {
    /// What messages call it.
    pub fn word(self) -> &'static str {
        match self {
            Type::Str | Type::Enum(_) => "string",
            Type::Int => "integer",
            Type::Number => "number",
            Type::Bool => "boolean",
            Type::Any => "any",
            Type::List(_) => "array",
            Type::Object(_) => "object",
        }
    }

    /// Whether a value is of this type; else the error for the argument at a path.
    pub fn check(self, value: &Value, path: &str) -> Result<(), Error> {
        let fits = match self {
            Type::Any => true,
            Type::Str | Type::Enum(_) => value.is_string(),
            Type::Bool => value.is_boolean(),
            Type::Number => value.is_number(),
            // qmp-shell knows decimal digits only and sends `0x4000` as a text.
            Type::Int => {
                value.is_i64()
                    || value.is_u64()
                    || value.as_str().is_some_and(|_| hetemu_import::qom::number(value).is_some())
            }
            Type::List(_) => value.is_array(),
            Type::Object(_) => value.is_object(),
        };
        if !fits {
            let word = self.word();
            return Err(Error::new(format!(
                "Invalid parameter type for '{path}', expected: {word}"
            )));
        }
        match (self, value) {
            (Type::Enum(e), Value::String(s)) if !e.values.contains(&s.as_str()) => {
                let what = format!("Parameter '{path}' does not accept value '{s}'");
                Err(Error::new(what).hint(format!("values are {}", e.values.join(", "))))
            }
            (Type::List(ty), Value::Array(list)) => {
                let mut all = list.iter().enumerate();
                all.try_for_each(|(i, v)| ty.check(v, &format!("{path}[{i}]")))
            }
            (Type::Object(o), Value::Object(map)) => {
                let prefix = format!("{path}.");
                check(o.members, map, false, &prefix)
            }
            _ => Ok(()),
        }
    }
}

/// Holds an object against its members.
pub fn check(
    members: &[Member],
    given: &Map<String, Value>,
    open: bool,
    prefix: &str,
) -> Result<(), Error> {
    for m in members {
        let path = format!("{prefix}{}", m.name);
        match given.get(m.name) {
            Some(value) => m.ty.check(value, &path)?,
            None if m.optional => {}
            None => return Err(Error::new(format!("Parameter '{path}' is missing"))),
        }
    }
    let known = |name: &String| members.iter().any(|m| m.name == name);
    match given.keys().find(|k| !open && !known(k)) {
        Some(name) => {
            let names: Vec<&str> = members.iter().map(|m| m.name).collect();
            let what = format!("Parameter '{prefix}{name}' is unexpected");
            Err(Error::new(what).hint(crate::error::did_you_mean(name, names.into_iter())))
        }
        None => Ok(()),
    }
}
