//! `path = value` from outside of braces: a param, a clock, a plug, a property of a part or of some
//! elements of an array, a setting of a bus or of the machine. The nearer layer wins; within one
//! text a fact is set once.

use super::Machine;
use crate::compose::paths;
use crate::diag::{Diagnostic, Sink, codes, suggest};
use crate::expr::{ExprKind, Name, Path};
use crate::source::Span;
use crate::syntax::ast::Setting;

/// Who sets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setter {
    /// Index in [`Machine::layers`]; the highest for the command line.
    pub(crate) layer: u32,
    /// The command line: of two arguments the last wins.
    pub(crate) outermost: bool,
}

/// Puts a setting where it belongs; what layers below say of the same thing is dropped.
pub(crate) fn set(m: &mut Machine, mut s: Setting, by: Setter, sink: &mut Sink) {
    // Only where the first name is none of its own can it be the beginning of a longer one.
    let own = |n: &Name| n.text == s.path.head();
    if !m.declared().any(|(n, e)| own(n) && !matches!(e, super::Entity::Instance(_))) {
        paths::join(&mut s.path, &|name| m.declared().any(|(n, _)| n.text == name));
    }
    let path = s.path.dotted();
    if let Some(d) = fixed(m, &path, s.path.span, by.layer) {
        sink.push(d);
        return;
    }
    let head = s.path.head().to_string();
    let now = crate::source::join(s.path.span, s.value.span);
    let whole = s.path.segs.first().is_some_and(|f| f.index.is_none());
    let nearer = |old: &Setting| by.outermost || old.path.span.file != s.path.span.file;
    if head == "machine" && s.path.segs.len() == 2 {
        s.path.segs.remove(0);
        let before = replaced(&mut m.settings, &s, nearer);
        m.settings.push(s);
        m.decided_if(&path, before, now);
        return;
    }
    if s.path.single().is_some() {
        let before = if let Some(p) = m.params.iter_mut().find(|p| p.name.text == head) {
            let before = p.default.replace(s.value);
            before.map_or(p.name.span, |e| crate::source::join(p.name.span, e.span))
        } else if let Some((_, e)) = m.clocks.iter_mut().find(|(n, _)| n.text == head) {
            std::mem::replace(e, s.value).span
        } else if let Some(p) = m.plugs.iter_mut().find(|p| p.name.text == head) {
            let Some(text) = plug_word(&s) else {
                let what = format!("`{head}` is a plug: what is plugged in is a word or a text");
                sink.push(Diagnostic::new(codes::E0206, s.value.span, what));
                return;
            };
            let value = Name { text, span: s.value.span };
            p.value.replace(value).map_or(p.name.span, |n| n.span)
        } else {
            return unknown(m, &s, sink);
        };
        m.decided(&path, Some(before), now);
        return;
    }
    if s.path.segs.len() != 2 {
        return unknown(m, &s, sink);
    }
    let inner = |s: &Setting| Path {
        segs: s.path.segs.get(1..).unwrap_or(&[]).to_vec(),
        span: s.path.span,
    };
    let settings = if let Some(p) = m.parts.iter_mut().find(|p| p.name.text == head) {
        if !whole {
            m.elements.push(s);
            return;
        }
        &mut p.settings
    } else if let Some(b) = m.buses.iter_mut().find(|b| b.name.text == head && whole) {
        &mut b.settings
    } else {
        return unknown(m, &s, sink);
    };
    s.path = inner(&s);
    let before =
        replaced(settings, &s, |old| by.outermost || old.path.span.file != s.path.span.file);
    settings.push(s);
    m.decided_if(&path, before, now);
}

impl Machine {
    fn decided_if(&mut self, path: &str, before: Option<Span>, now: Span) {
        if before.is_some() {
            self.decided(path, before, now);
        }
    }
}

/// Drops what is said of the same name by others; gives the place of the last one.
fn replaced(
    settings: &mut Vec<Setting>,
    new: &Setting,
    nearer: impl Fn(&Setting) -> bool,
) -> Option<Span> {
    let name = new.path.dotted();
    let mut before = None;
    settings.retain(|old| {
        let goes = old.path.dotted() == name && nearer(old);
        if goes {
            before = Some(crate::source::join(old.path.span, old.value.span));
        }
        !goes
    });
    before
}

/// What is plugged in, as a word or a text.
fn plug_word(s: &Setting) -> Option<String> {
    match &s.value.kind {
        ExprKind::Str(t) => Some(t.clone()),
        ExprKind::Path(p) => Some(p.dotted()),
        _ => None,
    }
}

/// A layer below has fixed this fact, or the part that it belongs to.
pub(crate) fn fixed(m: &Machine, path: &str, at: Span, layer: u32) -> Option<Diagnostic> {
    let (_, span, by) = m.finals.iter().find(|(p, _, by)| p == path && *by < layer)?;
    let name = m.layers.get(*by as usize).map_or("the base", |l| l.name.as_str());
    let what = format!("`{path}` is fixed by {name} and cannot be changed here");
    Some(Diagnostic::new(codes::E0707, at, what).also(*span, "`final` stands here").path(path))
}

/// A layer below has fixed a fact of this part: it can be neither removed nor replaced.
pub(crate) fn fixed_within(m: &Machine, name: &str, at: Span, layer: u32) -> Option<Diagnostic> {
    let of = |p: &str| p == name || p.strip_prefix(name).is_some_and(|r| r.starts_with('.'));
    let path = m.finals.iter().find(|(p, _, by)| of(p) && *by < layer).map(|(p, ..)| p.clone())?;
    fixed(m, &path, at, layer)
}

fn unknown(m: &Machine, s: &Setting, sink: &mut Sink) {
    if !m.lost && !m.unknown.contains(&s.path.head().to_string()) {
        let at = Name { text: s.path.dotted(), span: s.path.span };
        sink.push(nothing(m, &at));
    }
}

/// Nothing has this name that could be set.
pub(super) fn nothing(m: &Machine, name: &Name) -> Diagnostic {
    let head = name.text.split(['.', '[']).next().unwrap_or("");
    if let Some((_, e)) = m.declared().find(|(n, _)| n.text == head) {
        let what = format!("`{name}` cannot be set: `{head}` is {}", e.words());
        let d = Diagnostic::new(codes::E0306, name.span, what);
        let inside = m.declared().map(|(n, _)| n.text.as_str());
        let near = suggest::nearest(&name.text, inside.filter(|n| n.contains('.')));
        return match near {
            Some(near) => d.help(format!("did you mean `{near}`?")),
            None => d.help("params and `part.property` can be set"),
        };
    }
    let what = format!("nothing in this machine is called `{head}`");
    let d = Diagnostic::new(codes::E0302, name.span, what);
    match suggest::nearest(head, m.declared().map(|(n, _)| n.text.as_str())) {
        Some(near) => d.help(format!("did you mean `{near}`?")),
        None => d,
    }
}
