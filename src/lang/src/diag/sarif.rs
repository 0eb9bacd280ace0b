//! Diagnostics as SARIF 2.1.0 (OASIS Standard, errata 01), for code scanning services.

use super::{Code, Diagnostic, Edit, Help, Label, Severity};
use crate::source::{SourceMap, Span};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One log with one run: the diagnostics of all files that one command checked.
pub fn to_sarif(files: &[(&[Diagnostic], &SourceMap)]) -> String {
    let all = files.iter().flat_map(|(d, _)| d.iter());
    let used: BTreeSet<Code> = all.map(|d| d.code).collect();
    let rules: Vec<Code> = used.into_iter().collect();
    let mut seen = BTreeMap::new();
    let mut results = Vec::new();
    for (diags, sources) in files {
        results.extend(diags.iter().map(|d| result(d, sources, &rules, &mut seen)));
    }
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "hetemu",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": "https://hetemu.org",
                "rules": rules.iter().map(|c| rule(*c)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn rule(code: Code) -> Value {
    let page = code.page();
    json!({
        "id": code.id(),
        "shortDescription": { "text": code.title() },
        "fullDescription": { "text": first_paragraph(page) },
        "help": { "text": page, "markdown": page },
        "defaultConfiguration": { "level": level(code.severity()) },
    })
}

fn first_paragraph(page: &str) -> String {
    let text = page.split("\n\n").nth(1).unwrap_or(page);
    text.replace('\n', " ").trim().to_string()
}

fn result(
    d: &Diagnostic,
    sources: &SourceMap,
    rules: &[Code],
    seen: &mut BTreeMap<u64, u32>,
) -> Value {
    let mut out = Map::new();
    out.insert("ruleId".into(), json!(d.code.id()));
    out.insert("ruleIndex".into(), json!(rules.binary_search(&d.code).unwrap_or(0)));
    out.insert("level".into(), json!(level(d.severity)));
    out.insert("message".into(), json!({ "text": message(d) }));
    let (first, others) = match d.labels.split_first() {
        Some((first, others)) => (Some(first), others),
        None => (None, &[][..]),
    };
    if let Some(mut place) = first.and_then(|l| location(l.span, sources)) {
        if let (Some(path), Some(o)) = (&d.path, place.as_object_mut()) {
            o.insert("logicalLocations".into(), json!([{ "fullyQualifiedName": path }]));
        }
        out.insert("locations".into(), json!([place]));
    }
    let related = |(i, l): (usize, &Label)| {
        let mut place = location(l.span, sources)?;
        let o = place.as_object_mut()?;
        o.insert("id".into(), json!(i));
        o.insert("message".into(), json!({ "text": l.text }));
        Some(place)
    };
    let related: Vec<Value> = others.iter().enumerate().filter_map(related).collect();
    if !related.is_empty() {
        out.insert("relatedLocations".into(), json!(related));
    }
    // What it is about in the graph names it, so that moving a line opens no new alert.
    let about = d.path.clone().unwrap_or_else(|| sources.text(d.span()).to_string());
    let hash = fnv(&format!("{} {about}", d.code.id()));
    let turn = seen.entry(hash).and_modify(|n| *n += 1).or_insert(1);
    let print = format!("{hash:016x}:{turn}");
    out.insert("partialFingerprints".into(), json!({ "graphPath/v1": print }));
    let fixes: Vec<Value> = d.help.iter().filter_map(|h| fix(h, sources)).collect();
    if !fixes.is_empty() {
        out.insert("fixes".into(), json!(fixes));
    }
    Value::Object(out)
}

/// The message with its advice and facts: viewers show nothing else.
fn message(d: &Diagnostic) -> String {
    let help = d.help.iter().map(|h| format!("\nhelp: {}", h.message));
    let notes = d.notes.iter().map(|n| format!("\nnote: {n}"));
    std::iter::once(d.message.clone()).chain(help).chain(notes).collect()
}

fn location(span: Span, sources: &SourceMap) -> Option<Value> {
    let file = sources.get(span.file)?;
    Some(json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&file.name) },
        "region": region(span, sources)?,
    }}))
}

fn region(span: Span, sources: &SourceMap) -> Option<Value> {
    let file = sources.get(span.file)?;
    let ((line, col), (last, end)) = (file.line_col(span.start), file.line_col(span.end));
    Some(json!({ "startLine": line, "startColumn": col, "endLine": last, "endColumn": end }))
}

fn fix(help: &Help, sources: &SourceMap) -> Option<Value> {
    let mut files: BTreeMap<&str, Vec<&Edit>> = BTreeMap::new();
    for e in &help.edits {
        files.entry(sources.get(e.span.file)?.name.as_str()).or_default().push(e);
    }
    let replacement = |e: &&Edit| {
        let region = region(e.span, sources)?;
        Some(json!({ "deletedRegion": region, "insertedContent": { "text": e.text } }))
    };
    let change = |(name, edits): (&&str, &Vec<&Edit>)| {
        let replacements: Vec<Value> = edits.iter().filter_map(replacement).collect();
        json!({ "artifactLocation": { "uri": uri(name) }, "replacements": replacements })
    };
    let changes: Vec<Value> = files.iter().map(change).collect();
    let text = &help.message;
    (!changes.is_empty())
        .then(|| json!({ "description": { "text": text }, "artifactChanges": changes }))
}

/// A path as a URI reference (RFC 3986): relative ones stay relative.
fn uri(path: &str) -> String {
    let mut out = String::from(if path.starts_with('/') { "file://" } else { "" });
    for b in path.bytes() {
        match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                out.push(char::from(b));
            }
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// FNV-1a, 64 bits: a hash that is the same in every version of this program.
fn fnv(text: &str) -> u64 {
    let step = |h: u64, b: u8| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}
