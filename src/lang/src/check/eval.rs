//! Works out expressions: params, values and clocks when they are first needed, once.

use super::Cx;
use super::values::{Num, Val, binary, call};
use crate::diag::{Diagnostic, codes};
use crate::expr::{Dim, Expr, ExprKind, Name, Path, Unit};
use crate::source::Span;
use crate::typed::Entity;

/// The value of a name that is defined by an expression.
#[derive(Debug, Clone)]
pub(crate) enum Slot {
    Todo,
    /// Being worked out: whoever asks now is defined by itself.
    Busy,
    Done(Val),
}

/// Evaluation is recursive, so chains of names have an end.
const DEEPEST: usize = 32;

/// The variable of the array in whose braces an expression stands.
pub(crate) type Var<'v> = Option<(&'v str, u64)>;

impl Cx<'_> {
    /// The value of an expression; what is wrong with it is reported and gives [`Val::Unknown`].
    pub(crate) fn eval(&mut self, e: &Expr, var: Var<'_>) -> Val {
        match &e.kind {
            ExprKind::Number(n, d, unit) => {
                let Unit { dim, factor } = unit.unwrap_or(Unit { dim: Dim::One, factor: 1 });
                match n.checked_mul(factor) {
                    Some(n) => Val::Num(Num::new(n, *d, dim)),
                    None => {
                        self.no_value(e.span, "the number is larger than any value here".into())
                    }
                }
            }
            ExprKind::Str(s) => Val::Str(s.clone()),
            ExprKind::Bool(b) => Val::Bool(*b),
            ExprKind::List(items) => {
                Val::List(items.iter().map(|i| (self.eval(i, var), i.span)).collect())
            }
            ExprKind::Unknown => Val::Unknown,
            ExprKind::Path(p) => self.eval_path(p, var),
            ExprKind::Binary(op, a, b) => {
                let (Some(a), Some(b)) = (self.number(a, var), self.number(b, var)) else {
                    return Val::Unknown;
                };
                binary(*op, a, b).map_or_else(|why| self.no_value(e.span, why), Val::Num)
            }
            ExprKind::Call(f, args) => {
                let all: Option<Vec<Num>> = args.iter().map(|a| self.number(a, var)).collect();
                let Some(all) = all else { return Val::Unknown };
                call(*f, &all).map_or_else(|why| self.no_value(e.span, why), Val::Num)
            }
        }
    }

    fn no_value(&mut self, span: Span, why: String) -> Val {
        self.report(Diagnostic::new(codes::E0207, span, format!("this has no value: {why}")));
        Val::Unknown
    }

    /// A number of any kind.
    pub(crate) fn number(&mut self, e: &Expr, var: Var<'_>) -> Option<Num> {
        match self.eval(e, var) {
            Val::Num(n) => Some(n),
            Val::Unknown => None,
            Val::Word(w) => {
                let name = Name { text: w, span: e.span };
                self.lookup(&name, "a value");
                None
            }
            other => {
                let what = format!("a number is needed here, and this is {}", other.words());
                self.report(Diagnostic::new(codes::E0206, e.span, what));
                None
            }
        }
    }

    /// A whole number of bytes or an address.
    pub(crate) fn bytes(&mut self, e: &Expr, var: Var<'_>) -> Option<u64> {
        let n = self.number(e, var)?;
        if !matches!(n.dim, Dim::Size | Dim::One) {
            let what =
                format!("an address or a size is needed here, and this is {}", n.dim.words());
            self.report(Diagnostic::new(codes::E0202, e.span, what));
            return None;
        }
        self.whole(n, e.span)
    }

    /// A plain whole number: an index or a count.
    pub(crate) fn count(&mut self, e: &Expr, var: Var<'_>) -> Option<u64> {
        let n = self.number(e, var)?;
        if n.dim != Dim::One {
            let what = format!("a plain number is needed here, and this is {}", n.dim.words());
            self.report(Diagnostic::new(codes::E0202, e.span, what));
            return None;
        }
        self.whole(n, e.span)
    }

    fn whole(&mut self, n: Num, span: Span) -> Option<u64> {
        if n.whole().is_none() {
            let why = match n.n < 0 {
                true => format!("{} is less than 0", n.show()),
                false if n.d != 1 => format!("{} is not a whole number", n.show()),
                false => "it needs more than 64 bits".to_string(),
            };
            self.no_value(span, why);
        }
        n.whole()
    }

    fn eval_path(&mut self, p: &Path, var: Var<'_>) -> Val {
        let head = p.head();
        if let Some((name, value)) = var
            && name == head
            && p.single().is_some()
        {
            return Val::Num(Num::one(value));
        }
        let Some((entity, _)) = self.scope.get(head).copied() else {
            return Val::Word(p.dotted());
        };
        match entity {
            Entity::Param(i) if p.segs.len() == 1 => self.param(i),
            Entity::Let(i) if p.segs.len() == 1 => self.let_value(i),
            Entity::Clock(i) if p.segs.len() == 1 => self.clock_value(i),
            Entity::Part(i) => match p.segs.as_slice() {
                [_, prop] => self.part_property(i, &prop.name),
                _ => Val::Word(p.dotted()),
            },
            Entity::Unknown => Val::Unknown,
            _ => Val::Word(p.dotted()),
        }
    }

    /// `shared.size`: only after the parts have been resolved (in `require` and in rows).
    fn part_property(&mut self, part: usize, name: &Name) -> Val {
        use hetemu_graph::Value;
        use hetemu_schema::PropType;
        let Some(group) = self.groups.get(part).copied() else {
            let what = "properties of parts can be used in `require` only";
            self.report(Diagnostic::new(codes::E0306, name.span, what));
            return Val::Unknown;
        };
        let Some(el) = self.elements.get(group.first).filter(|_| group.count > 0) else {
            return Val::Unknown;
        };
        let ty = el.part.ty.prop(&name.text).map(|p| p.ty);
        let dim = match ty {
            Some(PropType::Size | PropType::Address) => Dim::Size,
            Some(PropType::Frequency) => Dim::Frequency,
            Some(PropType::Duration) => Dim::Duration,
            _ => Dim::One,
        };
        match el.part.props.get(&name.text) {
            Some(Value::Int(n)) => {
                let scale = if dim == Dim::Duration { 1_000 } else { 1 };
                Val::Num(Num::new(i128::from(*n) * scale, 1, dim))
            }
            Some(Value::Bool(b)) => Val::Bool(*b),
            Some(Value::Str(s)) => Val::Str(s.clone()),
            _ => {
                if ty.is_none() {
                    let d = super::settings::no_property(el.part.ty, name);
                    self.report(d);
                }
                Val::Unknown
            }
        }
    }

    /// Works out what a name is defined by; names defined by names are followed so far and no
    /// further.
    fn deeper(&mut self, e: &Expr, work: impl FnOnce(&mut Self) -> Val) -> Val {
        if self.depth >= DEEPEST {
            return self.no_value(e.span, format!("it is defined through {DEEPEST} other names"));
        }
        self.depth += 1;
        let value = work(self);
        self.depth -= 1;
        value
    }

    pub(crate) fn param(&mut self, i: usize) -> Val {
        let m = self.m;
        let Some(p) = m.params.get(i) else { return Val::Unknown };
        match self.params.get(i) {
            Some(Slot::Done(v)) => return v.clone(),
            Some(Slot::Todo) => {}
            _ => return self.cycle(&p.name, "param"),
        }
        self.params[i] = Slot::Busy;
        let value = match &p.default {
            Some(e) => self.deeper(e, |cx| cx.param_value(p, e)),
            None => {
                let what = format!("param `{}` has no value", p.name);
                let d = Diagnostic::new(codes::E0803, p.name.span, what);
                self.report(d.help(format!("give it one here, or `--set {}=...`", p.name)));
                Val::Unknown
            }
        };
        self.params[i] = Slot::Done(value.clone());
        value
    }

    fn let_value(&mut self, i: usize) -> Val {
        let m = self.m;
        let Some((name, e)) = m.lets.get(i) else { return Val::Unknown };
        match self.lets.get(i) {
            Some(Slot::Done(v)) => return v.clone(),
            Some(Slot::Todo) => {}
            _ => return self.cycle(name, "let"),
        }
        self.lets[i] = Slot::Busy;
        let mut value = self.deeper(e, |cx| cx.eval(e, None));
        if let Val::Word(w) = &value {
            self.lookup(&Name { text: w.clone(), span: e.span }, "a value");
            value = Val::Unknown;
        }
        self.lets[i] = Slot::Done(value.clone());
        value
    }

    /// A clock's frequency.
    pub(crate) fn clock_value(&mut self, i: usize) -> Val {
        let m = self.m;
        let Some((name, e)) = m.clocks.get(i) else { return Val::Unknown };
        match self.clocks.get(i) {
            Some(Slot::Done(v)) => return v.clone(),
            Some(Slot::Todo) => {}
            _ => return self.cycle(name, "clock"),
        }
        self.clocks[i] = Slot::Busy;
        let value = self.deeper(e, |cx| cx.clock_hz(e));
        self.clocks[i] = Slot::Done(value.clone());
        value
    }

    /// Reports a name that is defined by itself, with the others of the circle.
    fn cycle(&mut self, name: &Name, kind: &str) -> Val {
        let what = format!("`{name}` is defined by itself");
        let mut d = Diagnostic::new(codes::E0305, name.span, what);
        let busy = |slots: &[Slot], i: usize| matches!(slots.get(i), Some(Slot::Busy));
        for (other, entity) in self.m.declared() {
            let in_circle = match entity {
                Entity::Param(i) => busy(&self.params, i),
                Entity::Let(i) => busy(&self.lets, i),
                Entity::Clock(i) => busy(&self.clocks, i),
                _ => false,
            };
            if in_circle && other.text != name.text {
                d = d.also(other.span, format!("by way of `{other}`"));
            }
        }
        let d = match kind {
            "clock" => d.help("one clock of a tree is a source: `clock osc = 24 MHz`"),
            _ => d,
        };
        self.report(d);
        Val::Unknown
    }

    /// A param's value for the graph, once it has been worked out.
    pub(crate) fn param_result(&self, i: usize) -> Option<hetemu_graph::Value> {
        match self.params.get(i)? {
            Slot::Done(v) => super::settings::plain(v),
            _ => None,
        }
    }

    /// A clock's frequency in Hz for the graph, once it has been worked out.
    pub(crate) fn clock_frequency(&self, i: usize) -> Option<u64> {
        match self.clocks.get(i)? {
            Slot::Done(Val::Num(n)) => super::clocks::hz(*n),
            _ => None,
        }
    }

    pub(crate) fn check_lets(&mut self) {
        for i in 0..self.m.lets.len() {
            self.let_value(i);
        }
    }

    pub(crate) fn check_params(&mut self) {
        for i in 0..self.m.params.len() {
            self.param(i);
        }
    }
}
