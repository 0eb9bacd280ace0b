//! The state of a connection, and which answer each method has.

use crate::buffers::{Buffers, Open};
use crate::document::Document;
use crate::names::{self, Names};
use crate::{Checked, Ground, actions, complete, hover, texts, wire};
use hetemu_lang::outline::{Kind, Statement};
use hetemu_lang::{Diagnostic, Severity};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Result, Write};

/// JSON-RPC's and the protocol's error codes.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const REQUEST_FAILED: i32 = -32803;

pub(crate) struct Server<'a, W> {
    ground: Ground<'a>,
    output: W,
    documents: BTreeMap<String, Document>,
    /// Texts whose diagnostics are not yet sent.
    unsent: Vec<String>,
    shut_down: bool,
}

/// What a request gets: a result, or a reason for an error.
type Answer = std::result::Result<Value, String>;

impl<'a, W: Write> Server<'a, W> {
    pub(crate) fn new(ground: Ground<'a>, output: W) -> Self {
        let (documents, unsent) = (BTreeMap::new(), Vec::new());
        Server { ground, output, documents, unsent, shut_down: false }
    }

    /// What is open now.
    fn buffers(&self) -> Buffers<'a> {
        let open = |d: &Document| Open { uri: d.uri.clone(), text: d.text.clone() };
        Buffers::new(self.ground, self.documents.values().map(open))
    }

    /// Texts that are made of a changed one are checked again; without a path, of any.
    fn changed(&mut self, uri: &str, any: bool) {
        let buffers = self.buffers();
        let key = buffers.key(&crate::buffers::path(uri));
        let key = (!any).then_some(key.as_str());
        for (other, d) in self.documents.iter_mut().filter(|(u, _)| *u != uri) {
            if d.hangs_on(&buffers, key) {
                d.checked = None;
                if !self.unsent.contains(other) {
                    self.unsent.push(other.clone());
                }
            }
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        u8::from(!self.shut_down)
    }

    pub(crate) fn broken(&mut self, why: &str) -> Result<()> {
        self.error(&Value::Null, PARSE_ERROR, why)
    }

    /// Nobody has said anything more: the diagnostics of what changed are sent.
    pub(crate) fn idle(&mut self) -> Result<()> {
        let unsent = std::mem::take(&mut self.unsent);
        if unsent.is_empty() {
            return Ok(());
        }
        let buffers = self.buffers();
        for uri in unsent {
            let Some(document) = self.documents.get_mut(&uri) else { continue };
            document.check(&self.ground, &buffers);
            let message = diagnostics(document, &buffers);
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
                self.changed(&uri, true);
                self.unsent.push(uri);
            }
            "textDocument/didChange" => {
                let Some(document) = self.documents.get_mut(&uri) else { return Ok(()) };
                document.version = version;
                let changes = params.get("contentChanges").and_then(Value::as_array);
                for change in changes.into_iter().flatten() {
                    document.change(change);
                }
                self.changed(&uri, false);
                if !self.unsent.contains(&uri) {
                    self.unsent.push(uri);
                }
            }
            "textDocument/didClose" => {
                self.unsent.retain(|u| *u != uri);
                if self.documents.remove(&uri).is_some() {
                    let none = publish(&uri, None, &[]);
                    wire::write(&mut self.output, &none)?;
                    self.changed(&uri, true);
                }
            }
            "workspace/didChangeWatchedFiles" => self.changed("", true),
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
            "textDocument/references"
            | "textDocument/documentHighlight"
            | "textDocument/prepareRename"
            | "textDocument/rename" => self.everywhere(uri, method, params),
            "textDocument/hover"
            | "textDocument/definition"
            | "textDocument/completion"
            | "textDocument/formatting"
            | "textDocument/codeAction"
            | "textDocument/documentSymbol"
            | "textDocument/inlayHint"
            | "textDocument/foldingRange" => {
                let buffers = self.buffers();
                match self.documents.get_mut(uri) {
                    Some(document) => {
                        document.check(&self.ground, &buffers);
                        about(document, &self.ground, &buffers, method, params)
                    }
                    None => Err(format!("{uri} is not open")),
                }
            }
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

    /// A request about a name wherever it stands.
    fn everywhere(&mut self, uri: &str, method: &str, params: &Value) -> Answer {
        let buffers = self.buffers();
        let Some(d) = self.documents.get(uri) else {
            return Err(format!("{uri} is not open"));
        };
        let at = d.lines.offset(&d.text, params.get("position").unwrap_or(&Value::Null));
        let name = crate::buffers::path(uri);
        self.documents.values_mut().for_each(|d| d.check(&self.ground, &buffers));
        let names = Names::at(&self.documents, uri, &buffers, at);
        let d = self.documents.get(uri);
        Ok(match (method, names) {
            ("textDocument/rename", None) => {
                return Err("here stands no name of this machine".into());
            }
            ("textDocument/prepareRename", None) => Value::Null,
            (_, None) => json!([]),
            ("textDocument/rename", Some(names)) => {
                names.rename(params.get("newName").and_then(Value::as_str).unwrap_or(""))?
            }
            ("textDocument/prepareRename", Some(names)) => match (names.renamed()?, d) {
                (Some(w), Some(d)) => {
                    json!({ "range": d.lines.range(&d.text, w.span), "placeholder": w.text })
                }
                _ => Value::Null,
            },
            ("textDocument/documentHighlight", Some(names)) => names.highlights(&name),
            (_, Some(names)) => {
                let without = Some(&Value::Bool(false));
                names.references(params.pointer("/context/includeDeclaration") != without)
            }
        })
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
fn about(
    d: &mut Document,
    ground: &Ground<'_>,
    buffers: &Buffers<'_>,
    method: &str,
    params: &Value,
) -> Answer {
    let catalog = ground.catalog;
    let position = params.get("position").unwrap_or(&Value::Null);
    let at = d.lines.offset(&d.text, position);
    Ok(match method {
        "textDocument/hover" => hover::hover(d, catalog, at),
        "textDocument/completion" => complete::complete(d, catalog, at),
        "textDocument/formatting" => actions::format(d),
        "textDocument/codeAction" => actions::actions(d, buffers, params),
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
        "textDocument/definition" => names::definition(d, buffers, at)?,
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

fn diagnostics(d: &Document, buffers: &Buffers<'_>) -> Value {
    let Some(checked) = &d.checked else { return publish(&d.uri, d.version, &[]) };
    let shown = |x: &Diagnostic| diagnostic(d, x, checked, buffers);
    let all: Vec<Value> = checked.diagnostics.iter().map(shown).collect();
    publish(&d.uri, d.version, &all)
}

/// A diagnostic as the protocol has it. One that lies in another file is shown where this one names
/// what brings that in.
pub(crate) fn diagnostic(
    d: &Document,
    x: &Diagnostic,
    checked: &Checked,
    buffers: &Buffers<'_>,
) -> Value {
    let sources = &checked.sources;
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
        f => match texts::bringer(&checked.ingredients, f) {
            Some(s) => d.lines.range(&d.text, s),
            None => d.lines.range("", hetemu_lang::Span::default()),
        },
    };
    if x.span().file != 0 {
        text.push_str(&format!("\n{}", sources.place(x.span())));
    }
    let own = usize::from(x.span().file == 0);
    let related = x.labels.iter().skip(own).filter_map(|l| {
        let place = match l.span.file {
            0 => json!({ "uri": d.uri, "range": here(l.span) }),
            _ => names::location(buffers, sources, l.span)?,
        };
        let text = if l.text.is_empty() { &x.message } else { &l.text };
        Some(json!({ "location": place, "message": text }))
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
