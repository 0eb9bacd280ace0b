//! Clocks: each a frequency, the tree without circles.

use super::Cx;
use super::values::{Num, Val};
use crate::diag::{Diagnostic, codes};
use crate::expr::{Dim, Expr, Name};

impl Cx<'_> {
    pub(crate) fn check_clocks(&mut self) {
        for i in 0..self.m.clocks.len() {
            self.clock_value(i);
        }
    }

    /// The frequency of an expression: above 0, a fraction of a hertz being rounded.
    pub(crate) fn clock_hz(&mut self, e: &Expr) -> Val {
        let n = match self.eval(e, None) {
            Val::Num(n) => n,
            Val::Unknown => return Val::Unknown,
            Val::Word(w) => {
                let name = Name { text: w, span: e.span };
                if let Some(entity) = self.lookup(&name, "a clock") {
                    self.wrong_kind(&name, entity, "a clock");
                }
                return Val::Unknown;
            }
            other => {
                let what = format!("a clock is a frequency, and this is {}", other.words());
                self.report(Diagnostic::new(codes::E0206, e.span, what));
                return Val::Unknown;
            }
        };
        if n.dim != Dim::Frequency {
            let what = format!("a clock is a frequency, and {} is {}", n.show(), n.dim.words());
            let mut d = Diagnostic::new(codes::E0202, e.span, what);
            if n.dim == Dim::One {
                let hz = Num { dim: Dim::Frequency, ..n }.show();
                d = d.fix(format!("write `{hz}`"), e.span, hz);
            } else if let Some(hz) = n.inverse(Dim::Frequency).filter(|_| n.dim == Dim::Duration) {
                let (time, hz) = (n.show(), hz.show());
                d = d.fix(format!("{time} is the period of {hz}"), e.span, hz);
            }
            self.report(d);
            return Val::Unknown;
        }
        if hz(n).is_none_or(|f| f == 0) {
            let what = format!("a clock of {} does not tick", n.show());
            self.report(Diagnostic::new(codes::E0205, e.span, what));
            return Val::Unknown;
        }
        Val::Num(n)
    }
}

/// Whole hertz, rounded to the nearest.
pub(crate) fn hz(n: Num) -> Option<u64> {
    let half = n.d / 2;
    u64::try_from(n.n.checked_add(half)?.div_euclid(n.d)).ok()
}
