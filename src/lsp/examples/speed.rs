//! How long the editor server takes to answer on a machine of many lines: `cargo run --release -p
//! hetemu-lsp --example speed [LINES [derived]]`. Each request follows a change, so it includes a
//! check.

use hetemu_lang::{Library, NoLibrary, Overrides, SourceMap};
use hetemu_lsp::{Checked, Ground, serve};
use hetemu_schema::Catalog;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

fn catalog() -> Catalog {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut todo = vec![root.join("devices"), root.join("targets")];
    let mut types = Vec::new();
    while let Some(dir) = todo.pop() {
        for path in std::fs::read_dir(dir).expect("a folder").flatten().map(|e| e.path()) {
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "kdl") {
                let text = std::fs::read_to_string(&path).expect("a schema");
                let more = hetemu_schema::build::read(&text, "x.kdl").expect("a sound schema");
                types.extend(more.into_iter().map(|t| &*Box::leak(Box::new(t))));
            }
        }
    }
    Catalog::new(types)
}

/// A machine of serial ports, four lines each.
fn machine(lines: usize) -> String {
    let mut out = String::from("hm 1\n\nmachine big\n\nclock c = 50 MHz\n");
    out.push_str("cpu : riscv.rv64 { bus = main, clk = c, meip <- plic.target[0] }\n");
    out.push_str("bus main {\n  0x0000_1000 + 4 KiB   rom : memory.rom\n");
    out.push_str("  0x0C00_0000   plic : riscv.plic { sources = 1023, targets = 2 }\n");
    for i in 0..lines / 4 {
        let base = 0x1000_0000 + i * 0x1000;
        _ = writeln!(out, "  {base:#x}   u{i} : ns16550a {{\n    clk = c");
        match i < 1023 {
            true => _ = writeln!(out, "    irq -> plic[{}]\n  }}", i + 1),
            false => _ = writeln!(out, "    // nobody hears it\n  }}"),
        }
    }
    out.push_str("}\n");
    out
}

struct Pipe(Receiver<Vec<u8>>, Vec<u8>);

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.1.is_empty() {
            self.1 = self.0.recv().unwrap_or_default();
        }
        let n = self.1.len().min(into.len());
        into[..n].copy_from_slice(&self.1[..n]);
        self.1.drain(..n);
        Ok(n)
    }
}

struct Out(Sender<Vec<u8>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let _ = self.0.send(bytes.to_vec());
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn main() {
    let lines = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(5_000);
    let (to, input) = channel::<Vec<u8>>();
    let (output, from) = channel();
    std::thread::spawn(move || {
        let catalog = catalog();
        let check = |path: &str, text: &str, library: &dyn Library| {
            let (mut sources, file) = SourceMap::single(path, text);
            let none = Overrides::default();
            let c = hetemu_lang::check_with(&mut sources, file, &catalog, &none, library);
            let (diagnostics, ingredients) = (c.diagnostics, c.ingredients);
            Checked { diagnostics, sources, graph: c.graph, ingredients }
        };
        let place = |_: &str| None;
        let library = &NoLibrary;
        let ground = Ground { catalog: &catalog, check: &check, library, place: &place };
        serve(Pipe(input, Vec::new()), Out(output), &ground).expect("channels");
    });
    let text = machine(lines);
    let frame = |message: Value| {
        let body = message.to_string();
        format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    };
    let uri = "file:///big.hm";
    let document = json!({ "uri": uri, "version": 1, "text": text });
    let send = |message: Value| to.send(frame(message)).expect("the server runs");
    let wait = |what: &str| {
        let mut seen = String::new();
        while !seen.contains(what) {
            seen.push_str(&String::from_utf8_lossy(&from.recv().expect("an answer")));
        }
    };
    send(json!({ "method": "textDocument/didOpen", "params": { "textDocument": document } }));
    wait("publishDiagnostics");
    // With `derived` a machine that is made from it is open too.
    if std::env::args().any(|a| a == "derived") {
        let text = "hm 1\n\nmachine top extends big\n\nu1.clk = c\n";
        let document = json!({ "uri": "file:///top.hm", "version": 1, "text": text });
        send(json!({ "method": "textDocument/didOpen", "params": { "textDocument": document } }));
        wait("publishDiagnostics");
    }
    println!("{} lines", text.lines().count());
    let line = text.lines().count() / 2 / 4 * 4 + 1;
    let methods = [
        "hover",
        "definition",
        "references",
        "completion",
        "documentSymbol",
        "inlayHint",
        "codeAction",
        "formatting",
    ];
    for (k, method) in std::iter::once("publishDiagnostics").chain(methods).enumerate() {
        let mut times = Vec::new();
        for i in 0..15 {
            let id = k * 100 + i;
            let place = json!({ "line": line, "character": 0 });
            let change = json!({ "range": { "start": place, "end": place }, "text": " " });
            let begin = Instant::now();
            send(json!({ "method": "textDocument/didChange", "params": {
                "textDocument": { "uri": uri, "version": id }, "contentChanges": [change] } }));
            if k > 0 {
                send(json!({ "id": id, "method": format!("textDocument/{method}"), "params": {
                    "textDocument": { "uri": uri },
                    "position": { "line": line, "character": 24 },
                    "range": { "start": { "line": 0, "character": 0 },
                               "end": { "line": 60, "character": 0 } } } }));
                wait(&format!("\"id\":{id},"));
            } else {
                wait("publishDiagnostics");
            }
            times.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        println!("{method:20} median {:6.1} ms, worst {:6.1} ms", times[7], times[14]);
    }
}
