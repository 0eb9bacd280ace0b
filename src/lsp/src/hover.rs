//! What stands in the box over a word: types, sizes, decoded addresses, wires.

use crate::document::Document;
use crate::server::range;
use hetemu_graph::{Graph, Part, PartId, Span, Target, flatten, names};
use hetemu_lang::outline::{Role, Statement, around};
use hetemu_schema::{Catalog, DeviceType, Literal, Lookup, Property, doc, units};
use serde_json::{Value, json};
use std::fmt::Write;

pub(crate) fn hover(d: &mut Document, catalog: &Catalog, at: usize) -> Value {
    let Some((statement, word)) = d.word(at) else { return Value::Null };
    let outer: Vec<Statement> = around(d.outline(), word.span.start).into_iter().cloned().collect();
    let text = match &word.role {
        Role::Type => match text_named(d, word.span) {
            Some(text) => Some(text),
            None => find(catalog, &word.text).map(type_text),
        },
        Role::Own => {
            let owner = outer.last();
            let ty = owner.and_then(|s| s.ty.as_deref()).and_then(|ty| find(catalog, ty));
            // What a module is given has the module's name before it.
            let module = owner.and_then(|s| s.name.as_ref()).map(|n| &n.text);
            match (ty, module) {
                (Some(ty), _) => own_text(ty, &word.text),
                (None, Some(m)) => named(d, &format!("{m}.{}", word.text)),
                _ => None,
            }
        }
        Role::Declares | Role::Name => named(d, &word.text).or_else(|| {
            let ty = statement.words.iter().find(|w| w.role == Role::Type)?;
            let text = text_named(d, ty.span).filter(|_| word.role == Role::Declares)?;
            Some(format!("**{}** : {text}", word.text))
        }),
        // A part inside of a module, or a port of a part.
        Role::Member(of) => named(d, &format!("{of}.{}", word.text)).or_else(|| {
            let g = d.graph.as_ref()?;
            let part = element(g, of).or_else(|| element(g, of.split('.').next()?));
            own_text(part?.1.ty, &word.text)
        }),
        Role::Number => d.graph.as_ref().and_then(|g| row_text(g, &statement)),
        Role::Word => text_named(d, word.span),
    };
    match text {
        Some(text) => json!({
            "contents": { "kind": "markdown", "value": text },
            "range": d.lines.range(&d.text, word.span),
        }),
        None => Value::Null,
    }
}

fn named(d: &Document, name: &str) -> Option<String> {
    d.graph.as_ref().and_then(|g| name_text(g, name))
}

/// The machine, overlay or module that a word names: what it says of itself, and where it is.
fn text_named(d: &Document, word: Span) -> Option<String> {
    let checked = d.checked.as_ref()?;
    let at = (word.file, word.start);
    let i = checked.ingredients.iter().find(|i| (i.span.0, i.span.1) == at)?;
    let file = checked.sources.get(i.file)?;
    Some(format!("{} `{}@{}`\n\nin `{}`", i.kind, i.name, i.version, file.name))
}

/// A type by `name` or `name@version`.
pub(crate) fn find(catalog: &Catalog, name: &str) -> Option<&'static DeviceType> {
    let (name, version) = match name.split_once('@') {
        Some((n, v)) => (n, Some(v.parse().ok()?)),
        None => (name, None),
    };
    match catalog.find(name, version) {
        Lookup::Found(ty) => Some(ty),
        _ => None,
    }
}

/// The reference of a type without its registers, which fill screens.
fn type_text(ty: &'static DeviceType) -> String {
    let page = doc::markdown(ty, &[], 3);
    let end = page.find("\n#### Region").unwrap_or(page.len());
    let mut out = page.get(..end).unwrap_or(&page).trim_end().to_string();
    for r in ty.regions {
        let size = r.size.and_then(|s| s.eval(|_| None));
        let size = size.map_or(String::from("as long as its row"), units::size);
        _ = write!(out, "\n\nRegion `{}`: {size}, {} registers", r.name, r.regs.len());
    }
    out
}

/// A property or port of a type.
pub(crate) fn own_text(ty: &'static DeviceType, name: &str) -> Option<String> {
    let of = format!("`{}`", ty.full_name());
    if let Some(p) = ty.prop(name) {
        return Some(format!("**{name}**: {}\n\nproperty of {of}{}", prop_type(p), doc_of(p.doc)));
    }
    if let Some(c) = ty.clock(name) {
        let need = c.default_hz.map(|hz| format!(", {} if not driven", units::frequency(hz)));
        return Some(format!("**{name}**: clock input of {of}{}", need.unwrap_or_default()));
    }
    if let Some(l) = ty.link(name) {
        return Some(format!("**{name}**: takes a {} plug, of {of}", l.kind.word()));
    }
    if let Some(m) = ty.master(name) {
        return Some(format!("**{name}**: bus port of {of}, accesses up to {} bytes", m.width));
    }
    let (signal, word) = match (ty.output(name), ty.input(name)) {
        (Some(s), _) => (s, "output"),
        (None, Some(s)) => (s, "input"),
        (None, None) => {
            let r = ty.region(name)?;
            return Some(format!("**{name}**: region of {of}, {} registers", r.regs.len()));
        }
    };
    let need = if signal.optional { "" } else { ", required" };
    Some(format!("**{name}**: {word} of {of}{need}{}", doc_of(signal.doc)))
}

fn doc_of(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("\n\n{text}") }
}

/// The type of a property with its range and default.
pub(crate) fn prop_type(p: &Property) -> String {
    let number = |n| p.ty.number(n);
    let mut out = p.ty.to_string();
    match p.default {
        Some(Literal::Int(n)) => _ = write!(out, " = {}", number(n)),
        Some(Literal::Bool(b)) => _ = write!(out, " = {b}"),
        Some(Literal::Str(s)) => _ = write!(out, " = {s}"),
        None if p.optional => out.push_str(", optional"),
        None => out.push_str(", required"),
    }
    if let Some(max) = p.max {
        _ = write!(out, " in {} .. {}", number(p.min.unwrap_or(0)), number(max));
    }
    out
}

/// A part by its name; of an array the first element.
pub(crate) fn element<'g>(g: &'g Graph, name: &str) -> Option<(PartId, &'g Part)> {
    let first = format!("{name}[0]");
    g.parts().find(|(_, p)| p.name == name || p.name == first)
}

fn name_text(g: &Graph, name: &str) -> Option<String> {
    if let Some((id, part)) = element(g, name) {
        return Some(part_text(g, id, part, name));
    }
    if let Some(c) = g.clocks.iter().find(|c| c.name == name) {
        return Some(format!("clock **{name}** = {}", units::frequency(c.hz)));
    }
    if let Some(v) = g.params.get(name) {
        return Some(format!("param **{name}** = {}", names::value(v, None)));
    }
    if let Some(p) = g.plugs.iter().find(|p| p.name == name) {
        let what = p.value.as_deref().unwrap_or("nothing");
        return Some(format!("plug **{name}** for {}: {what}", p.kind.word()));
    }
    let (i, bus) = g.buses.iter().enumerate().find(|(_, b)| b.name == name)?;
    let by = g.initiators().filter(|(.., b)| b.0 as usize == i);
    let by: Vec<&str> = by.map(|(id, ..)| g.part(id).name.as_str()).collect();
    let driven = if by.is_empty() { "nobody".to_string() } else { names_of(&by) };
    let rows = bus.rows.len();
    let bits = bus.addr_bits;
    Some(format!("bus **{name}**: {bits} address bits, {rows} rows, driven by {driven}"))
}

fn names_of(names: &[&str]) -> String {
    let all: Vec<String> = names.iter().map(|n| n.to_string()).collect();
    hetemu_graph::names::collapse(&all)
}

fn part_text(g: &Graph, id: PartId, part: &Part, name: &str) -> String {
    let ty = part.ty;
    let elements = g.parts().filter(|(_, p)| p.name.starts_with(&format!("{name}["))).count();
    let count = if elements > 0 { format!(" x {elements}") } else { String::new() };
    let mut out = format!("**{name}** : `{}`{count}\n\n{}\n", ty.full_name(), ty.summary);
    if !part.doc.is_empty() {
        _ = write!(out, "\n{}\n", part.doc);
    }
    let mut rows = String::new();
    for bus in &g.buses {
        for r in &bus.rows {
            if let Target::Region { part: p, region, .. } = r.target
                && p == id
            {
                let last = r.base.saturating_add(r.size - 1);
                let place = format!("{} .. {}", names::at(bus, r.base), names::at(bus, last));
                let region = ty.regions.get(region as usize).map_or("", |x| x.name);
                let size = units::size(r.size);
                _ = writeln!(rows, "- `{}` `{place}` ({size}) {region}", bus.name);
            }
        }
    }
    // What each initiator sees of it, where that is not the row itself.
    for (who, _, bus) in g.initiators() {
        for r in flatten(g, bus).iter().filter(|r| !r.via.is_empty()) {
            if matches!(r.to, hetemu_graph::Flat::Region { part: p, .. } if p == id) {
                let (a, b) = (names::at(g.bus(bus), r.start), names::at(g.bus(bus), r.last));
                _ = writeln!(rows, "- `{}` sees it at `{a} .. {b}`", g.part(who).name);
            }
        }
    }
    if !rows.is_empty() {
        _ = write!(out, "\n{rows}");
    }
    let mut wires = String::new();
    for w in &g.wires {
        if w.from.part == id || w.to.part == id {
            let (from, to) = (names::port(g, w.from, false), names::port(g, w.to, true));
            _ = writeln!(wires, "- `{from} -> {to}`");
        }
    }
    if !wires.is_empty() {
        _ = write!(out, "\n{wires}");
    }
    out
}

/// The addresses of a row.
fn row_text(g: &Graph, s: &Statement) -> Option<String> {
    let inside = |span: Span| span.file == 0 && range(s.head).contains(&(span.start as usize));
    let (bus, row) = g.buses.iter().find_map(|b| {
        let row = b.rows.iter().find(|r| inside(r.span))?;
        Some((b, row))
    })?;
    let last = row.base.saturating_add(row.size - 1);
    let (from, to) = (names::at(bus, row.base), names::at(bus, last));
    Some(format!("`{}` `{from} .. {to}`, {}", bus.name, units::size(row.size)))
}
