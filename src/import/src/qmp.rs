//! QMP scripts: lines of `qmp-shell` (`device_add driver=x id=y`) or JSON commands, one a line.
//!
//! Carried are the commands that build a machine: `device_add`, `sysbus-mmio-map` (with and without
//! `x-`), and `qom-set` of properties and interrupt lines. QEMU numbers interrupt lines
//! (`sysbus-irq[0]`, `unnamed-gpio-in[1]`); here they get the names of the schema, in its order.

use crate::codes;
use crate::qom::{Builder, Command};
use crate::{Imported, Options};
use hetemu_lang::source::FileId;
use hetemu_lang::{Diagnostic, SourceMap, Span};
use hetemu_schema::Catalog;
use serde_json::Value as Json;

pub(crate) use crate::qom::integer;

/// Reads a script.
pub fn import(sources: &SourceMap, file: FileId, catalog: &Catalog, options: &Options) -> Imported {
    let text = sources.get(file).map_or("", |f| f.text.as_str());
    let stem = sources.get(file).map_or("machine", |f| file_stem(&f.name));
    let mut b = Builder::new(catalog, stem);
    b.d.doc.push(format!("Imported from the QMP script {stem}."));
    let mut at = 0u32;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let start = at + (line.len() - line.trim_start().len()) as u32;
        let span = Span { file, start, end: start + trimmed.len() as u32 };
        at += line.len() as u32;
        if trimmed.is_empty() || trimmed.starts_with('#') || trimmed.starts_with("//") {
            continue;
        }
        match command(trimmed, span) {
            Some(c) => b.command(&c),
            None => b.d.say(Diagnostic::new(codes::E1201, span, "this line is no command")),
        }
    }
    b.cpu(options.cpu.as_deref());
    b.renamed_lines();
    b.d.finish(options)
}

/// The name of a file without folders and ending.
pub(crate) fn file_stem(name: &str) -> &str {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    base.split('.').next().filter(|s| !s.is_empty()).unwrap_or("machine")
}

/// A line as `qmp-shell` reads it, or a JSON object.
fn command(line: &str, span: Span) -> Option<Command> {
    if line.starts_with('{') {
        let json: Json = serde_json::from_str(line).ok()?;
        let name = json.get("execute").or_else(|| json.get("exec-oob"))?.as_str()?.to_string();
        let args = match json.get("arguments") {
            Some(Json::Object(map)) => map.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
            _ => Vec::new(),
        };
        return Some(Command { name, args, span });
    }
    let mut words = words(line).into_iter();
    let name = words.next()?;
    if name.contains('=') {
        return None;
    }
    let mut args = Vec::new();
    for word in words {
        let (key, value) = word.split_once('=')?;
        args.push((key.to_string(), value_of(value)));
    }
    Some(Command { name, args, span })
}

/// Words; quotes and brackets keep blanks together.
fn words(line: &str) -> Vec<String> {
    let (mut out, mut word) = (Vec::new(), String::new());
    let (mut quote, mut depth) = (None, 0u32);
    for c in line.chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') if depth == 0 => {
                quote = Some(c);
                continue;
            }
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth = depth.saturating_sub(1),
            (None, c) if c.is_whitespace() && depth == 0 => {
                if !word.is_empty() {
                    out.push(std::mem::take(&mut word));
                }
                continue;
            }
            _ => {}
        }
        let closing = quote.is_none() && depth == 0 && matches!(c, '"' | '\'');
        if !closing {
            word.push(c);
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

fn value_of(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_string()))
}
