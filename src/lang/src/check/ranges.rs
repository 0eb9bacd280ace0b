//! Params at both ends of their ranges: a machine that holds for one value only should not offer
//! others.

use crate::diag::{Severity, Sink};
use crate::typed::Machine;
use hetemu_schema::Catalog;

/// Checks a sound machine again with each param at the ends of its range, the others as they are.
/// Of each end the first error is reported as a warning, at its own place, with the value that
/// brings it about.
pub(crate) fn ends_of_ranges(m: &Machine, catalog: &Catalog, sink: &mut Sink) {
    for (i, p) in m.params.iter().enumerate() {
        let Some((low, high)) = &p.range else { continue };
        for (end, word) in [(low, "lower"), (high, "upper")] {
            let mut other = m.clone();
            if let Some(param) = other.params.get_mut(i) {
                param.default = Some(end.clone());
            }
            let mut quiet = Sink::default();
            if super::check(&other, catalog, &mut quiet).0.is_some() {
                continue;
            }
            let found = quiet.finish();
            if let Some(mut d) = found.into_iter().find(|d| d.severity == Severity::Error) {
                // The machine as it stands can be built.
                d.severity = Severity::Warning;
                d.message = format!("{}, with param `{}` at its {word} end", d.message, p.name);
                sink.push(d.also(end.span, format!("the {word} end of `{}`", p.name)));
            }
        }
    }
}
