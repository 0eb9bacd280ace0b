//! Edits: fixes of diagnostics, the one style, and the hints behind rows.

use crate::buffers::Buffers;
use crate::document::Document;
use crate::server::{diagnostic, range};
use hetemu_graph::names::hex;
use hetemu_lang::outline::{Kind, all};
use hetemu_lang::{Diagnostic, apply_fixes};
use serde_json::{Value, json};

/// The whole text in the one style; nothing if it cannot be read or is so already.
pub(crate) fn format(d: &Document) -> Value {
    match hetemu_lang::format(&d.text, 0) {
        Ok(new) if new != d.text => json!([whole(d, &new)]),
        _ => json!([]),
    }
}

fn whole(d: &Document, new: &str) -> Value {
    let start = d.lines.position(&d.text, 0);
    let end = d.lines.position(&d.text, d.text.len());
    json!({ "range": { "start": start, "end": end }, "newText": new })
}

/// The fixes of what is said about a range, and one for all of the text.
pub(crate) fn actions(d: &Document, buffers: &Buffers<'_>, params: &Value) -> Value {
    let Some(checked) = &d.checked else { return json!([]) };
    let at = |name: &str| {
        let place = params.pointer(&format!("/range/{name}")).unwrap_or(&Value::Null);
        d.lines.offset(&d.text, place)
    };
    let (start, end) = (at("start"), at("end"));
    let near = |x: &&Diagnostic| {
        let touches = |s: std::ops::Range<usize>| s.start <= end && start <= s.end;
        x.labels.iter().any(|l| l.span.file == 0 && touches(range(l.span)))
    };
    let mut out = Vec::new();
    for x in checked.diagnostics.iter().filter(near) {
        for h in x.help.iter().filter(|h| !h.edits.is_empty()) {
            if h.edits.iter().any(|e| e.span.file != 0) {
                continue;
            }
            let edit = |e: &hetemu_lang::diag::Edit| json!({ "range": d.lines.range(&d.text, e.span), "newText": e.text });
            let edits: Vec<Value> = h.edits.iter().map(edit).collect();
            let uri = d.uri.clone();
            out.push(json!({
                "title": h.message,
                "kind": "quickfix",
                "diagnostics": [diagnostic(d, x, checked, buffers)],
                "isPreferred": out.is_empty(),
                "edit": { "changes": { uri: edits } },
            }));
        }
    }
    let (all, made) = apply_fixes(&checked.diagnostics, &checked.sources, 0);
    if made > 0 {
        let uri = d.uri.clone();
        out.push(json!({
            "title": format!("Make all {made} fixes of this file"),
            "kind": "source.fixAll",
            "edit": { "changes": { uri: [whole(d, &all)] } },
        }));
    }
    json!(out)
}

/// Behind a row without an end its last address.
pub(crate) fn inlay_hints(d: &mut Document, params: &Value) -> Value {
    let at = |d: &Document, name: &str, none: usize| {
        let place = params.pointer(&format!("/range/{name}"));
        place.map_or(none, |p| d.lines.offset(&d.text, p))
    };
    let (start, end) = (at(d, "start", 0), at(d, "end", d.text.len()));
    // The hints are facts of this very text.
    let sound = d
        .checked
        .as_ref()
        .is_some_and(|c| c.diagnostics.iter().all(|x| x.severity < hetemu_lang::Severity::Error));
    let statements = d.outline().to_vec();
    let Some(graph) = d.graph.as_ref().filter(|_| sound) else { return json!([]) };
    let mut out = Vec::new();
    for bus in &graph.buses {
        for row in bus.rows.iter().filter(|r| r.span.file == 0) {
            let place = range(row.span);
            if place.start < start || place.start > end {
                continue;
            }
            let here = |s: &&&hetemu_lang::outline::Statement| {
                s.kind == Kind::Row && range(s.head).contains(&place.start)
            };
            let Some(s) = all(&statements).iter().find(here).copied() else { continue };
            let Some(word) = s.words.first() else { continue };
            let last = row.base.saturating_add(row.size - 1);
            out.push(json!({
                "position": d.lines.position(&d.text, word.span.end as usize),
                "label": format!(".. {}", hex(last)),
                "paddingLeft": true,
                "paddingRight": true,
                "tooltip": format!("{} bytes", row.size),
            }));
        }
    }
    json!(out)
}
