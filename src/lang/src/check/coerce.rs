//! Fits a value to the type of a property or param: E0201 to E0210.
//!
//! Units belong to the type. A plain number is accepted for sizes and addresses (they count bytes)
//! and for counts, never for frequencies and durations.

use super::Cx;
use super::values::{Num, Val, size};
use crate::diag::{Diagnostic, codes, suggest};
use crate::expr::Dim;
use crate::source::Span;
use hetemu_graph::Value;
use hetemu_schema::PropType;

/// What takes a value: its name, type and limits, and who says so.
pub(crate) struct Taker<'a> {
    pub(crate) name: &'a str,
    pub(crate) ty: PropType,
    pub(crate) min: Option<u64>,
    pub(crate) max: Option<u64>,
    /// For the note of a limit: `lowrisc.plic@1, property `sources``.
    pub(crate) origin: String,
    pub(crate) doc: &'a str,
}

/// What a message calls a type.
pub(crate) fn type_words(ty: PropType) -> &'static str {
    match ty {
        PropType::Size => "a size",
        PropType::Address => "an address",
        PropType::Frequency => "a frequency",
        PropType::Duration => "a duration",
        PropType::Count => "a plain number",
        PropType::Bool => "`true` or `false`",
        PropType::String => "text in quotes",
        PropType::Enum(_) => "a word",
        PropType::Part => "the name of a part",
    }
}

fn dim_of(ty: PropType) -> Option<Dim> {
    Some(match ty {
        PropType::Size => Dim::Size,
        PropType::Address | PropType::Count => Dim::One,
        PropType::Frequency => Dim::Frequency,
        PropType::Duration => Dim::Duration,
        _ => return None,
    })
}

impl Cx<'_> {
    /// The value as the graph has it: numbers in the base unit of the type.
    pub(crate) fn coerce(&mut self, v: &Val, at: Span, to: &Taker<'_>) -> Option<Value> {
        match (to.ty, v) {
            (_, Val::Unknown) => None,
            (PropType::Bool, Val::Bool(b)) => Some(Value::Bool(*b)),
            (PropType::String, Val::Str(s)) => Some(Value::Str(s.clone())),
            // The command line has no quotes.
            (PropType::String, Val::Word(w)) if self.is_argument(at) => Some(Value::Str(w.clone())),
            (PropType::Enum(words), Val::Word(w) | Val::Str(w)) => self.word(w, words, at, to),
            (PropType::Enum(words), Val::Num(n)) if n.d == 1 => {
                self.word(&n.n.to_string(), words, at, to)
            }
            (_, Val::Num(n)) if dim_of(to.ty).is_some() => self.quantity(*n, at, to),
            (_, Val::Word(w)) => {
                let name = crate::expr::Name { text: w.clone(), span: at };
                if let Some(entity) = self.lookup(&name, "a value") {
                    self.wrong_kind(&name, entity, type_words(to.ty));
                }
                None
            }
            _ => {
                let what =
                    format!("`{}` is {}, and this is {}", to.name, type_words(to.ty), v.words());
                let d = Diagnostic::new(codes::E0206, at, what);
                let d = match (to.ty, v) {
                    (PropType::Bool, Val::Num(n)) if n.whole() == Some(0) => {
                        d.fix("write `false`", at, "false")
                    }
                    (PropType::Bool, Val::Num(n)) if n.whole() == Some(1) => {
                        d.fix("write `true`", at, "true")
                    }
                    (PropType::Bool | PropType::String | PropType::Part, _) => d,
                    // A value in quotes that is one without them.
                    (_, Val::Str(s)) if s.starts_with(|c: char| c.is_ascii_digit()) => {
                        let plain = s.trim().to_string();
                        d.fix(format!("write `{plain}` without quotes"), at, plain)
                    }
                    _ => d,
                };
                self.report(d);
                None
            }
        }
    }

    /// Whether a place stands on the command line.
    fn is_argument(&self, at: Span) -> bool {
        self.m.arguments == Some(at.file)
    }

    fn word(&mut self, w: &str, words: &[&str], at: Span, to: &Taker<'_>) -> Option<Value> {
        if words.contains(&w) {
            return Some(Value::Str(w.to_string()));
        }
        let what = format!("`{}` cannot be `{w}`", to.name);
        let d = Diagnostic::new(codes::E0208, at, what);
        let d = match suggest::nearest(w, words.iter().copied()) {
            Some(near) => d.fix(format!("did you mean `{near}`?"), at, near),
            None => d,
        };
        let list = suggest::list(words.iter().copied());
        self.report(d.note(format!("{}: {list}", to.origin)));
        None
    }

    fn quantity(&mut self, n: Num, at: Span, to: &Taker<'_>) -> Option<Value> {
        let wanted = dim_of(to.ty)?;
        let bytes = |d: Dim| matches!(d, Dim::Size | Dim::One);
        let byte_type = matches!(to.ty, PropType::Size | PropType::Address);
        if n.dim != wanted && !(byte_type && bytes(n.dim)) {
            self.wrong_unit(n, wanted, at, to);
            return None;
        }
        let scale = if wanted == Dim::Duration { 1_000 } else { 1 };
        let scaled = Num::new(n.n, n.d.saturating_mul(scale), n.dim);
        let Some(value) = scaled.whole() else {
            let shown = n.show();
            let what = format!("{shown} is not a whole number of {}", base_unit(to.ty));
            self.report(Diagnostic::new(codes::E0206, at, what));
            return None;
        };
        if to.min.is_some_and(|m| value < m) || to.max.is_some_and(|m| value > m) {
            let show = |v: u64| show(v, to.ty);
            let limits = match (to.min, to.max) {
                (Some(a), Some(b)) => format!("in {} .. {}", show(a), show(b)),
                (Some(a), None) => format!("at least {}", show(a)),
                (_, b) => format!("at most {}", show(b.unwrap_or(0))),
            };
            let what = format!("`{}` is {} and must be {limits}", to.name, show(value));
            let d = Diagnostic::new(codes::E0205, at, what);
            let why = if to.doc.is_empty() { String::new() } else { format!(": {}", to.doc) };
            self.report(d.note(format!("{}{why}", to.origin)));
            return None;
        }
        Some(Value::Int(value))
    }

    fn wrong_unit(&mut self, n: Num, wanted: Dim, at: Span, to: &Taker<'_>) {
        let what =
            format!("`{}` is {}, and {} is {}", to.name, wanted.words(), n.show(), n.dim.words());
        let d = Diagnostic::new(codes::E0202, at, what);
        let inverse = |to: Dim| n.inverse(to).map(|i| i.show());
        let d = match (n.dim, wanted) {
            (Dim::Duration, Dim::Frequency) => match inverse(wanted) {
                Some(f) => d.help(format!("{} is the period of {f}", n.show())),
                None => d,
            },
            (Dim::Frequency, Dim::Duration) => match inverse(wanted) {
                Some(t) => d.help(format!("the period of {} is {t}", n.show())),
                None => d,
            },
            (Dim::One, Dim::Frequency) => {
                let hz = Num { dim: Dim::Frequency, ..n }.show();
                d.fix(format!("write `{hz}`"), at, hz)
            }
            (Dim::One, Dim::Duration) => d.help(format!("{0} ns, {0} us or {0} ms?", n.show())),
            _ => d,
        };
        self.report(d);
    }

    /// Checks a param's value against its type and range.
    pub(crate) fn param_value(&mut self, p: &crate::typed::Param, e: &crate::expr::Expr) -> Val {
        if p.ty.name == CORE {
            return self.core_param(p, e);
        }
        let Some(ty) = param_type(&p.ty.name) else {
            let d = Diagnostic::new(
                codes::E0304,
                p.ty.span,
                format!("there is no type `{}` for a param", p.ty.name),
            );
            let names = PARAM_TYPES.iter().map(|(n, _)| *n).chain([CORE]);
            let d = match suggest::nearest(&p.ty.name, names.clone()) {
                Some(near) => d.fix(format!("did you mean `{near}`?"), p.ty.span, near),
                None => d,
            };
            self.report(d.note(format!("types are {}", suggest::list(names))));
            return Val::Unknown;
        };
        let value = self.eval(e, None);
        let bound = |cx: &mut Self, e: &crate::expr::Expr| {
            let n = cx.number(e, None)?;
            let scale = if n.dim == Dim::Duration { 1_000 } else { 1 };
            Num::new(n.n, n.d.saturating_mul(scale), n.dim).whole()
        };
        let (min, max) = match &p.range {
            Some((a, b)) => (bound(self, a), bound(self, b)),
            None => (None, None),
        };
        if let (Some(a), Some(b), Some((ea, eb))) = (min, max, &p.range)
            && a > b
        {
            let what = format!("this range is empty: {} is more than {}", show(a, ty), show(b, ty));
            let at = crate::source::join(ea.span, eb.span);
            self.report(Diagnostic::new(codes::E0209, at, what));
            return Val::Unknown;
        }
        let origin = format!("param `{}`", p.name);
        let to = Taker { name: &p.name.text, ty, min, max, origin, doc: "" };
        match self.coerce(&value, e.span, &to) {
            None => Val::Unknown,
            Some(Value::Int(n)) => {
                let dim =
                    if ty == PropType::Address { Dim::One } else { dim_of(ty).unwrap_or(Dim::One) };
                let scale = if dim == Dim::Duration { 1_000 } else { 1 };
                Val::Num(Num::new(i128::from(n) * scale, 1, dim))
            }
            Some(Value::Bool(b)) => Val::Bool(b),
            Some(Value::Str(s)) => Val::Str(s),
            Some(Value::List(_)) => Val::Unknown,
        }
    }
}

/// The type of params whose value is the type of a core: `param cpu : core = riscv.rv64`.
pub(crate) const CORE: &str = "core";

const PARAM_TYPES: [(&str, PropType); 7] = [
    ("size", PropType::Size),
    ("address", PropType::Address),
    ("frequency", PropType::Frequency),
    ("duration", PropType::Duration),
    ("count", PropType::Count),
    ("bool", PropType::Bool),
    ("string", PropType::String),
];

fn param_type(word: &str) -> Option<PropType> {
    PARAM_TYPES.iter().find(|(w, _)| *w == word).map(|(_, t)| *t)
}

fn base_unit(ty: PropType) -> &'static str {
    match ty {
        PropType::Frequency => "hertz",
        PropType::Duration => "nanoseconds",
        PropType::Size | PropType::Address => "bytes",
        _ => "units",
    }
}

/// A number of a type in the units of the language.
pub(crate) fn show(v: u64, ty: PropType) -> String {
    match ty {
        PropType::Size => size(v),
        PropType::Address => super::values::hex(v),
        PropType::Frequency => Num::new(v.into(), 1, Dim::Frequency).show(),
        PropType::Duration => Num::new(i128::from(v) * 1_000, 1, Dim::Duration).show(),
        _ => v.to_string(),
    }
}
