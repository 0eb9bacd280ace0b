//! Plugs: each of a kind that the host has.

use super::Cx;
use crate::diag::{Diagnostic, codes, suggest};
use hetemu_schema::PlugKind;

impl Cx<'_> {
    pub(crate) fn check_plugs(&mut self) {
        for p in &self.m.plugs {
            if PlugKind::from_word(&p.kind.name).is_some() {
                continue;
            }
            let what = format!("there is no plug kind `{}`", p.kind.name);
            let d = Diagnostic::new(codes::E0304, p.kind.span, what);
            let names = PlugKind::ALL.iter().map(|(w, _)| *w);
            let d = match suggest::nearest(&p.kind.name, names.clone()) {
                Some(near) => d.fix(format!("did you mean `{near}`?"), p.kind.span, near),
                None => d,
            };
            self.sink.push(d.note(format!("kinds are {}", suggest::list(names))));
        }
    }
}
