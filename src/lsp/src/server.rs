//! The state of a connection, and which answer each method has.

use crate::document::Document;
use crate::names::Names;
use crate::{Check, actions, complete, hover, wire};
use hetemu_lang::outline::{Kind, Statement};
use hetemu_lang::{Diagnostic, Severity, SourceMap};
use hetemu_schema::Catalog;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Result, Write};

/// JSON-RPC's and the protocol's error codes.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const REQUEST_FAILED: i32 = -32803;

pub(crate) struct Server<'a, W> {
    catalog: &'a Catalog,
    check: &'a Check<'a>,
    output: W,
    documents: BTreeMap<String, Document>,
    /// Texts whose diagnostics are not yet sent.
    unsent: Vec<String>,
    shut_down: bool,
}

/// What a request gets: a result, or a reason for an error.
type Answer = std::result::Result<Value, String>;

impl<'a, W: Write> Server<'a, W> {
    pub(crate) fn new(catalog: &'a Catalog, check: &'a Check<'a>, output: W) -> Self {
        let (documents, unsent) = (BTreeMap::new(), Vec::new());
        Server { catalog, check, output, documents, unsent, shut_down: false }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        u8::from(!self.shut_down)
    }

    pub(crate) fn broken(&mut self, why: &str) -> Result<()> {
        self.error(&Value::Null, PARSE_ERROR, why)
    }

    /// Nobody has said anything more: the diagnostics of what changed are sent.
    pub(crate) fn idle(&mut self) -> Result<()> {
        for uri in std::mem::take(&mut self.unsent) {
            let Some(document) = self.documents.get_mut(&uri) else { continue };
            document.check(self.check);
            let message = diagnostics(document);
            wire::write(&mut self.output, &message)?;
        }
        Ok(())
    }

    /// Takes a message; `true` for `exit`.
    pub(crate) fn take(&mut self, message: Value) -> Result<bool> {
        let method = message.get("method").and_then(Value::as_str).unwrap_or("").to_string();
        let params = message.get("params").cloned().unwrap_or(Value::Null);
        match message.get("id") {
            _ if method == "exit" => return Ok(true),
            Some(id) if !method.is_empty() => self.request(&id.clone(), &method, &params)?,
            // An answer to something that we asked; we ask nothing.
            Some(_) if message.get("result").or(message.get("error")).is_some() => {}
            Some(id) => self.error(&id.clone(), INVALID_REQUEST, "there is no method")?,
            None => self.notification(&method, &params)?,
        }
        Ok(false)
    }

    fn error(&mut self, id: &Value, code: i32, text: &str) -> Result<()> {
        let error = json!({ "code": code, "message": text });
        wire::write(&mut self.output, &json!({ "jsonrpc": "2.0", "id": id, "error": error }))
    }

    fn notification(&mut self, method: &str, params: &Value) -> Result<()> {
        let text_document = params.get("textDocument").unwrap_or(&Value::Null);
        let uri = text_document.get("uri").and_then(Value::as_str).unwrap_or("").to_string();
        let version = text_document.get("version").and_then(Value::as_i64);
        match method {
            "textDocument/didOpen" => {
                let text = text_document.get("text").and_then(Value::as_str).unwrap_or("");
                self.documents.insert(uri.clone(), Document::new(&uri, version, text));
                self.unsent.push(uri);
            }
            "textDocument/didChange" => {
                let Some(document) = self.documents.get_mut(&uri) else { return Ok(()) };
                document.version = version;
                let changes = params.get("contentChanges").and_then(Value::as_array);
                for change in changes.into_iter().flatten() {
                    document.change(change);
                }
                if !self.unsent.contains(&uri) {
                    self.unsent.push(uri);
                }
            }
            "textDocument/didClose" => {
                self.unsent.retain(|u| *u != uri);
                if self.documents.remove(&uri).is_some() {
                    let none = publish(&uri, None, &[]);
                    wire::write(&mut self.output, &none)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn request(&mut self, id: &Value, method: &str, params: &Value) -> Result<()> {
        let uri = params.pointer("/textDocument/uri").and_then(Value::as_str).unwrap_or("");
        let answer = match method {
            "initialize" => Ok(capabilities()),
            "shutdown" => {
                self.shut_down = true;
                Ok(Value::Null)
            }
            "textDocument/hover"
            | "textDocument/definition"
            | "textDocument/references"
            | "textDocument/documentHighlight"
            | "textDocument/prepareRename"
            | "textDocument/rename"
            | "textDocument/completion"
            | "textDocument/formatting"
            | "textDocument/codeAction"
            | "textDocument/documentSymbol"
            | "textDocument/inlayHint"
            | "textDocument/foldingRange" => match self.documents.get_mut(uri) {
                Some(document) => {
                    document.check(self.check);
                    about(document, self.catalog, method, params)
                }
                None => Err(format!("{uri} is not open")),
            },
            _ => {
                let text = format!("{method} is not known here");
                return self.error(id, METHOD_NOT_FOUND, &text);
            }
        };
        match answer {
            Ok(result) => {
                let message = json!({ "jsonrpc": "2.0", "id": id, "result": result });
                wire::write(&mut self.output, &message)
            }
            Err(text) => self.error(id, REQUEST_FAILED, &text),
        }
    }
}

fn capabilities() -> Value {
    json!({
        "capabilities": {
            "positionEncoding": "utf-16",
            "textDocumentSync": { "openClose": true, "change": 2 },
            "hoverProvider": true,
            "definitionProvider": true,
            "referencesProvider": true,
            "documentHighlightProvider": true,
            "renameProvider": { "prepareProvider": true },
            "completionProvider": { "triggerCharacters": [".", ":", ">", "-", "=", "[", " "] },
            "documentFormattingProvider": true,
            "codeActionProvider": { "codeActionKinds": ["quickfix", "source.fixAll"] },
            "documentSymbolProvider": true,
            "inlayHintProvider": true,
            "foldingRangeProvider": true,
        },
        "serverInfo": { "name": "hetemu", "version": env!("CARGO_PKG_VERSION") },
    })
}

/// A request about a text and, mostly, a place in it.
fn about(d: &mut Document, catalog: &Catalog, method: &str, params: &Value) -> Answer {
    let position = params.get("position").unwrap_or(&Value::Null);
    let at = d.lines.offset(&d.text, position);
    let uri = d.uri.clone();
    Ok(match method {
        "textDocument/hover" => hover::hover(d, catalog, at),
        "textDocument/completion" => complete::complete(d, catalog, at),
        "textDocument/formatting" => actions::format(d),
        "textDocument/codeAction" => actions::actions(d, params),
        "textDocument/inlayHint" => actions::inlay_hints(d, params),
        "textDocument/documentSymbol" => {
            let statements = d.outline().to_vec();
            statements.iter().filter_map(|s| symbol(d, s)).collect()
        }
        "textDocument/foldingRange" => {
            let statements = d.outline().to_vec();
            let all = hetemu_lang::outline::all(&statements);
            let fold = |s: &&Statement| {
                let range = d.lines.range(&d.text, s.block?);
                let (start, end) = (range.pointer("/start/line")?, range.pointer("/end/line")?);
                (start != end).then(|| json!({ "startLine": start, "endLine": end }))
            };
            all.iter().filter_map(fold).collect()
        }
        "textDocument/definition" => match Names::at(d, at).declared() {
            Some(span) => json!({ "uri": uri, "range": d.lines.range(&d.text, span) }),
            None => Value::Null,
        },
        "textDocument/references" => {
            let with = params.pointer("/context/includeDeclaration") != Some(&Value::Bool(false));
            let names = Names::at(d, at);
            let place = |s| json!({ "uri": uri, "range": d.lines.range(&d.text, s) });
            names.places(with).into_iter().map(place).collect()
        }
        "textDocument/documentHighlight" => {
            let names = Names::at(d, at);
            let place = |s| json!({ "range": d.lines.range(&d.text, s) });
            names.places(true).into_iter().map(place).collect()
        }
        "textDocument/prepareRename" => match Names::at(d, at).renamed() {
            Some((span, text)) => {
                json!({ "range": d.lines.range(&d.text, span), "placeholder": text })
            }
            None => Value::Null,
        },
        "textDocument/rename" => {
            let new = params.get("newName").and_then(Value::as_str).unwrap_or("");
            let edits = Names::at(d, at).rename(d, new)?;
            let edit = |s| json!({ "range": d.lines.range(&d.text, s), "newText": new });
            let edits: Vec<Value> = edits.into_iter().map(edit).collect();
            json!({ "changes": { uri: edits } })
        }
        _ => Value::Null,
    })
}

/// `SymbolKind` of the protocol.
fn symbol_kind(kind: Kind) -> u32 {
    match kind {
        Kind::Machine => 2,
        Kind::Param => 13,
        Kind::Let => 14,
        Kind::Clock => 24,
        Kind::Plug => 11,
        Kind::Bus => 5,
        _ => 19,
    }
}

fn symbol(d: &Document, s: &Statement) -> Option<Value> {
    let (name, place) = match (&s.name, s.kind) {
        (Some(name), _) => (name.text.clone(), name.span),
        (None, Kind::Machine) => (d.text.get(range(s.head))?.to_string(), s.head),
        _ => return None,
    };
    let children: Vec<Value> = s.items.iter().filter_map(|i| symbol(d, i)).collect();
    Some(json!({
        "name": name,
        "detail": s.ty.clone().unwrap_or_default(),
        "kind": symbol_kind(s.kind),
        "range": d.lines.range(&d.text, s.span),
        "selectionRange": d.lines.range(&d.text, place),
        "children": children,
    }))
}

pub(crate) fn range(span: hetemu_lang::Span) -> std::ops::Range<usize> {
    span.start as usize..span.end as usize
}

fn publish(uri: &str, version: Option<i64>, all: &[Value]) -> Value {
    json!({
        "jsonrpc": "2.0",
        "method": "textDocument/publishDiagnostics",
        "params": { "uri": uri, "version": version, "diagnostics": all },
    })
}

fn diagnostics(d: &Document) -> Value {
    let Some(checked) = &d.checked else { return publish(&d.uri, d.version, &[]) };
    let shown = |x: &Diagnostic| diagnostic(d, x, &checked.sources);
    let all: Vec<Value> = checked.diagnostics.iter().map(shown).collect();
    publish(&d.uri, d.version, &all)
}

/// A diagnostic as the protocol has it. One that lies in another file is shown at the beginning.
pub(crate) fn diagnostic(d: &Document, x: &Diagnostic, sources: &SourceMap) -> Value {
    let severity = match x.severity {
        Severity::Error => 1,
        Severity::Warning => 2,
        Severity::Note => 3,
    };
    let mut text = x.message.clone();
    if let Some(label) = x.labels.first().filter(|l| !l.text.is_empty()) {
        text.push_str(&format!("\n{}", label.text));
    }
    for h in &x.help {
        text.push_str(&format!("\nhelp: {}", h.message));
    }
    for n in &x.notes {
        text.push_str(&format!("\nnote: {n}"));
    }
    let here = |s: hetemu_lang::Span| match s.file {
        0 => d.lines.range(&d.text, s),
        _ => d.lines.range("", hetemu_lang::Span::default()),
    };
    if x.span().file != 0 {
        text.push_str(&format!("\n{}", sources.place(x.span())));
    }
    let others = x.labels.iter().skip(1).filter(|l| l.span.file == 0);
    let related = others.map(|l| {
        let place = json!({ "uri": d.uri, "range": here(l.span) });
        json!({ "location": place, "message": l.text })
    });
    let mut out = json!({
        "range": here(x.span()),
        "severity": severity,
        "code": x.code.id(),
        "source": "hetemu",
        "message": text,
        "relatedInformation": related.collect::<Vec<_>>(),
    });
    if x.code.id() == "W0804"
        && let Some(o) = out.as_object_mut()
    {
        o.insert("tags".into(), json!([2]));
    }
    out
}
