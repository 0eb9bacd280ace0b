//! What the command line sets: `--set name=value` and `--plug name=value`.
//!
//! The arguments are put into a file of their own in the source map, so that a message can point
//! into the command line as it points into a machine's text.

use super::{Machine, Setting};
use crate::diag::{Diagnostic, Sink, codes, suggest};
use crate::expr::{Expr, ExprKind, Name, Path};
use crate::source::{FileId, SourceMap, Span};

/// One argument.
#[derive(Debug, Clone)]
pub struct Override {
    /// Param, `part.property` or plug.
    pub name: Name,
    /// Its value as written.
    pub value: Name,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--set`
    pub set: Vec<Override>,
    /// `--plug`
    pub plug: Vec<Override>,
}

impl Overrides {
    /// From `(name, value)` pairs; adds the file `<command line>` to the map if there are any.
    pub fn from_args(
        sources: &mut SourceMap,
        set: &[(String, String)],
        plug: &[(String, String)],
    ) -> Overrides {
        let mut out = Overrides::default();
        if set.is_empty() && plug.is_empty() {
            return out;
        }
        let file = sources.files().count() as FileId;
        let mut text = String::new();
        let both = set.iter().map(|a| (a, "--set ")).chain(plug.iter().map(|a| (a, "--plug ")));
        for ((name, value), option) in both {
            let mut word = |w: &str, before: &str| {
                text.push_str(before);
                let start = text.len() as u32;
                text.push_str(w);
                Name { text: w.into(), span: Span { file, start, end: text.len() as u32 } }
            };
            let name = word(name, option);
            let value = word(value, "=");
            text.push(' ');
            match option {
                "--set " => out.set.push(Override { name, value }),
                _ => out.plug.push(Override { name, value }),
            }
        }
        sources.add("<command line>", text);
        out
    }
}

/// Puts the arguments into the machine; they win over its text.
pub(crate) fn apply(m: &mut Machine, overrides: &Overrides, sink: &mut Sink) {
    for o in &overrides.set {
        let text = format!("{}={}", o.name, o.value);
        let base = o.name.span.start as usize;
        let mut parsed = crate::syntax::parse_setting(&text, base, o.name.span.file, sink);
        let text_param = |p: &super::Param| p.name.text == o.name.text && p.ty.name == "string";
        if parsed.is_none() || m.params.iter().any(text_param) {
            // Text, whether or not it is an expression too: `--set args=console=ttyS0`.
            let path = format!("{}=0", o.name);
            parsed = crate::syntax::parse_setting(&path, base, o.name.span.file, sink);
            if let Some(s) = &mut parsed {
                s.value = Expr { kind: ExprKind::Str(o.value.text.clone()), span: o.value.span };
            }
        }
        match parsed {
            Some(s) => set_outermost(m, s, sink),
            None => sink.push(nothing(m, &o.name)),
        }
    }
    for o in &overrides.plug {
        match m.plugs.iter_mut().find(|p| p.name.text == o.name.text) {
            Some(p) => p.value = Some(o.value.clone()),
            None => {
                let names: Vec<&str> = m.plugs.iter().map(|p| p.name.text.as_str()).collect();
                let what = format!("this machine has no plug `{}`", o.name);
                let mut d = Diagnostic::new(codes::E0302, o.name.span, what);
                if let Some(near) = suggest::nearest(&o.name.text, names.iter().copied()) {
                    d = d.help(format!("did you mean `{near}`?"));
                }
                d = match names.is_empty() {
                    true => d.note("it has no plugs at all"),
                    false => d.note(format!("plugs are {}", suggest::list(names))),
                };
                sink.push(d);
            }
        }
    }
}

/// A setting of the command line: what the text says of the same thing is dropped.
fn set_outermost(m: &mut Machine, s: Setting, sink: &mut Sink) {
    if let [head, prop] = s.path.segs.as_slice()
        && let Some(part) = m.parts.iter_mut().find(|p| p.name.text == head.name.text)
    {
        part.settings.retain(|old| old.path.dotted() != prop.name.text);
    }
    set(m, s, sink);
}

/// Puts a setting that stands outside of parts where it belongs: `machine.x`, a param, or
/// `part.property`.
pub(super) fn set(m: &mut Machine, mut s: Setting, sink: &mut Sink) {
    let head = s.path.head().to_string();
    if head == "machine" && s.path.segs.len() == 2 {
        s.path.segs.remove(0);
        m.settings.push(s);
        return;
    }
    if s.path.single().is_some()
        && let Some(p) = m.params.iter_mut().find(|p| p.name.text == head)
    {
        p.default = Some(s.value);
        return;
    }
    let whole = s.path.segs.first().is_some_and(|f| f.index.is_none());
    if s.path.segs.len() == 2
        && whole
        && let Some(p) = m.parts.iter_mut().find(|p| p.name.text == head)
    {
        s.path = Path { segs: s.path.segs.split_off(1), span: s.path.span };
        p.settings.push(s);
        return;
    }
    if !m.lost && !m.unknown.contains(&head) {
        let at = Name { text: s.path.dotted(), span: s.path.span };
        sink.push(nothing(m, &at));
    }
}

/// Nothing has this name that could be set.
fn nothing(m: &Machine, name: &Name) -> Diagnostic {
    let head = name.text.split(['.', '[']).next().unwrap_or("");
    if let Some((_, e)) = m.declared().find(|(n, _)| n.text == head) {
        let what = format!("`{name}` cannot be set: `{head}` is {}", e.words());
        let d = Diagnostic::new(codes::E0306, name.span, what);
        return d.help("params and `part.property` can be set");
    }
    let what = format!("nothing in this machine is called `{head}`");
    let d = Diagnostic::new(codes::E0302, name.span, what);
    match suggest::nearest(head, m.declared().map(|(n, _)| n.text.as_str())) {
        Some(near) => d.help(format!("did you mean `{near}`?")),
        None => d,
    }
}
