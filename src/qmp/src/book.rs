//! The book's reference of commands and events, made of the tables.

use crate::commands::{EVENTS, GROUPS};
use crate::types::{Member, Type, When};
use std::fmt::Write;

/// The page, Markdown.
pub fn page() -> String {
    let mut out = String::from("# QMP commands and events\n\n");
    out.push_str("Made of the tables that the server itself works with. ");
    out.push_str("[QMP](../qmp.md) says how to speak it.\n");
    for group in GROUPS {
        let _ = write!(out, "\n## {}\n", group.title);
        for c in group.commands {
            let _ = write!(out, "\n### `{}`\n\n{}\n", c.name, c.doc);
            let mut facts = Vec::new();
            if c.when == When::Always {
                facts.push("works before the machine exists");
            }
            if c.oob() {
                facts.push("may be out of band");
            }
            if c.features.contains(&"unstable") {
                facts.push("unstable");
            }
            if !facts.is_empty() {
                let _ = write!(out, "\n*{}.*\n", sentence(&facts.join("; ")));
            }
            members(&mut out, "argument", c.args);
            if c.open {
                out.push_str("\nFurther arguments are properties of the type.\n");
            }
            if let Some(ty) = c.returns {
                let _ = write!(out, "\nReturns {}.\n", words(ty));
                members(&mut out, "member", inner(ty));
            }
        }
    }
    out.push_str("\n## Events\n");
    for e in EVENTS {
        let _ = write!(out, "\n### `{}`\n\n{}\n", e.name, e.doc);
        members(&mut out, "data", e.data);
    }
    out
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |c| c.to_uppercase().chain(chars).collect())
}

fn members(out: &mut String, title: &str, members: &[Member]) {
    if members.is_empty() {
        return;
    }
    let _ = write!(out, "\n| {title} | type | |\n|---|---|---|\n");
    for m in members {
        let name = if m.optional { format!("`{}`?", m.name) } else { format!("`{}`", m.name) };
        let _ = writeln!(out, "| {name} | {} | {} |", words(m.ty), m.doc);
    }
}

/// The members of what a type is made of.
fn inner(ty: Type) -> &'static [Member] {
    match ty {
        Type::Object(o) => o.members,
        Type::List(e) => inner(*e),
        _ => &[],
    }
}

fn words(ty: Type) -> String {
    match ty {
        Type::Str => "string".into(),
        Type::Int => "integer".into(),
        Type::Number => "number".into(),
        Type::Bool => "boolean".into(),
        Type::Any => "any value".into(),
        Type::List(e) => format!("a list of {}", words(*e)),
        Type::Object(o) => format!("`{}`", o.name),
        Type::Enum(e) => e.values.iter().map(|v| format!("`{v}`")).collect::<Vec<_>>().join(", "),
    }
}
