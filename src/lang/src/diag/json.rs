//! Diagnostics for programs: one JSON object a line, after the model of rustc.

use super::{Diagnostic, Label};
use crate::source::{SourceMap, Span};
use serde_json::{Value, json};

/// One object a line: `{code, severity, message, spans, help, notes, path, view}`.
pub fn to_json(diags: &[Diagnostic], sources: &SourceMap) -> String {
    let mut out = String::new();
    for d in diags {
        out.push_str(&object(d, sources).to_string());
        out.push('\n');
    }
    out
}

fn object(d: &Diagnostic, sources: &SourceMap) -> Value {
    let spans: Vec<Value> = d.labels.iter().map(|l| label(l, sources)).collect();
    let help: Vec<Value> = d
        .help
        .iter()
        .map(|h| {
            let edits: Vec<Value> = h
                .edits
                .iter()
                .map(|e| json!({"span": place(e.span, sources), "text": e.text}))
                .collect();
            let applicability = if edits.is_empty() { "advice" } else { "machine" };
            json!({"message": h.message, "edits": edits, "applicability": applicability})
        })
        .collect();
    json!({
        "code": d.code.id(),
        "severity": d.severity.word(),
        "message": d.message,
        "spans": spans,
        "help": help,
        "notes": d.notes,
        "path": d.path,
        "view": d.view,
    })
}

fn label(l: &Label, sources: &SourceMap) -> Value {
    let mut v = place(l.span, sources);
    if let Some(o) = v.as_object_mut() {
        o.insert("label".into(), json!(l.text));
        o.insert("primary".into(), json!(l.primary));
    }
    v
}

fn place(span: Span, sources: &SourceMap) -> Value {
    let Some(file) = sources.get(span.file) else {
        return json!({"file": null});
    };
    let (line, col) = file.line_col(span.start);
    json!({
        "file": file.name,
        "byte_start": span.start,
        "byte_end": span.end,
        "line": line,
        "col": col,
    })
}
