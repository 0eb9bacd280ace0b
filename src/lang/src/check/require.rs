//! `require`: conditions that the machine states about itself.

use super::Cx;
use super::values::{Val, compare};
use crate::diag::{Diagnostic, codes};
use crate::expr::Name;
use crate::source::Span;
use crate::typed::Require;
use std::cmp::Ordering;

impl Cx<'_> {
    pub(crate) fn check_requires(&mut self) {
        let m = self.m;
        for r in &m.requires {
            self.require(r);
        }
    }

    fn require(&mut self, r: &Require) {
        let (a, b) = (self.eval(&r.left, None), self.eval(&r.right, None));
        let (Some(a), Some(b)) = (self.known(a, r.left.span), self.known(b, r.right.span)) else {
            return;
        };
        let order = match (&a, &b) {
            (Val::Num(x), Val::Num(y)) => compare(*x, *y),
            (Val::Bool(x), Val::Bool(y)) => Ok(x.cmp(y)),
            (Val::Str(x) | Val::Word(x), Val::Str(y) | Val::Word(y)) => Ok(x.cmp(y)),
            _ => Err(format!("{} and {} cannot be compared", a.words(), b.words())),
        };
        let order = match order {
            Ok(o) => o,
            Err(why) => {
                self.report(Diagnostic::new(
                    codes::E0207,
                    r.span,
                    format!("this has no value: {why}"),
                ));
                return;
            }
        };
        let holds = match r.relation.as_str() {
            ">=" => order != Ordering::Less,
            "<=" => order != Ordering::Greater,
            "==" => order == Ordering::Equal,
            "!=" => order != Ordering::Equal,
            "<" => order == Ordering::Less,
            _ => order == Ordering::Greater,
        };
        if holds {
            return;
        }
        let show = |v: &Val| match v {
            Val::Num(n) => n.show(),
            Val::Bool(b) => b.to_string(),
            Val::Str(s) | Val::Word(s) => s.clone(),
            _ => String::new(),
        };
        let what = match &r.reason {
            Some(why) => format!("a requirement of this machine is false: {why}"),
            None => "a requirement of this machine is false".to_string(),
        };
        let d = Diagnostic::new(codes::E0904, r.span, what);
        self.report(d.label(format!("{} {} {}", show(&a), r.relation, show(&b))));
    }

    /// A value that can be compared; a name that means nothing is reported.
    fn known(&mut self, v: Val, span: Span) -> Option<Val> {
        match v {
            Val::Unknown => None,
            Val::Word(w) if !w.contains('.') => {
                let name = Name { text: w.clone(), span };
                match self.scope.contains_key(w.as_str()) {
                    true => {
                        let what = format!("`{w}` has no value of its own");
                        self.report(Diagnostic::new(codes::E0207, span, what));
                    }
                    false => {
                        self.lookup(&name, "a value");
                    }
                }
                None
            }
            Val::Word(w) => {
                let head = w.split('.').next().unwrap_or("").to_string();
                let end = span.start + head.len() as u32;
                self.lookup(&Name { text: head, span: Span { end, ..span } }, "a part");
                None
            }
            v => Some(v),
        }
    }

    /// A machine without a core runs nothing.
    pub(crate) fn check_cores(&mut self) {
        let known = self.groups.iter().all(|g| g.count > 0) && self.m.unknown.is_empty();
        let cores = self.elements.iter().any(|e| e.part.ty.core.is_some());
        if cores || self.m.lost || self.m.alone || !known {
            return;
        }
        let d = Diagnostic::new(codes::E0901, self.m.span, "this machine has no core");
        self.report(d.note("`hetemu run` has nothing to execute"));
    }
}
