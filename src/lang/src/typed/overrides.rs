//! What the command line sets: `--set name=value` and `--plug name=value`.
//!
//! The arguments are put into a file of their own in the source map, so that a message can point
//! into the command line as it points into a machine's text.

use super::Machine;
use super::set::{Setter, nothing, set};
use crate::diag::{Diagnostic, Sink, codes, suggest};
use crate::expr::{Expr, ExprKind, Name};
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
    /// `--profile`
    pub profile: Option<super::TypeRef>,
    /// Versions of names that say none, from a lock file.
    pub locked: std::collections::BTreeMap<String, u32>,
}

impl Overrides {
    /// From `(name, value)` pairs; adds the file `<command line>` to the map if there are any.
    pub fn from_args(
        sources: &mut SourceMap,
        set: &[(String, String)],
        plug: &[(String, String)],
    ) -> Overrides {
        Overrides::with_profile(sources, set, plug, None)
    }

    /// As [`Overrides::from_args`], with a profile: `NAME`, `NAME@VERSION` or a path.
    pub fn with_profile(
        sources: &mut SourceMap,
        set: &[(String, String)],
        plug: &[(String, String)],
        profile: Option<&str>,
    ) -> Overrides {
        let mut out = Overrides::default();
        if set.is_empty() && plug.is_empty() && profile.is_none() {
            return out;
        }
        let file = sources.files().count() as FileId;
        let mut text = String::new();
        if let Some(p) = profile {
            text.push_str("--profile ");
            let start = text.len() as u32;
            text.push_str(p);
            let span = Span { file, start, end: text.len() as u32 };
            text.push(' ');
            let (name, version) = match p.split_once('@') {
                Some((n, v)) => (n, v.parse().ok()),
                None => (p, None),
            };
            out.profile = Some(super::TypeRef { name: name.into(), version, span });
        }
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
    let first = overrides.set.iter().chain(&overrides.plug).next();
    m.arguments = first.map(|o| o.name.span.file);
    let by = Setter { layer: u32::MAX, outermost: true };
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
            Some(s) => set(m, s, by, sink),
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
