//! A session with the editor server over streams in memory, and a disk of a few files.

use hetemu_lang::{Library, Overrides, SourceMap, Text};
use hetemu_lsp::{Checked, Ground, serve};
use hetemu_schema::{Catalog, DeviceType};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Files below `/w`, and one that is shipped.
pub(crate) const BASE: &str = "hm 1

machine base

clock osc = 50 MHz

cpu : riscv.rv32 { bus = main, clk = osc }

bus main {
  0x0000_1000 + 4 KiB    rom   : memory.rom
  0x1000_0000            uart0 : ns16550a { clk = osc }
  0x8000_0000 + 64 MiB   ram   : memory.ram
}
";
pub(crate) const SOC: &str = "hm 1

module soc

param size : size = 1 MiB in 64 KiB .. 16 MiB

clock clk

bus inner {
  0x0000_0000 + size   sram  : memory.ram
  0x1000_0000          uart1 : ns16550a { clk = clk }
}

cpu1 : riscv.rv32 { bus = inner, clk = clk }
";
pub(crate) const BOARD: &str = "hm 1

machine board

clock c = 1 MHz

cpu : riscv.rv32 { bus = main, clk = c }

bus main {
  0x0000_1000 + 4 KiB    rom   : memory.rom
  0x8000_0000 + 64 MiB   ram : memory.ram
}
";

struct Disk;

const FILES: [(&str, &str); 3] =
    [("/w/base.hm", BASE), ("/w/parts/soc.hm", SOC), ("machines/board.hm", BOARD)];

impl Library for Disk {
    fn path(&self, path: &str, beside: &str) -> Result<Text, String> {
        let name = format!("{}/{path}", beside.rsplit_once('/').map_or("", |(f, _)| f));
        let found = FILES.iter().find(|(n, _)| *n == name);
        let text = found.map(|(_, text)| Text { name: name.clone(), text: text.to_string() });
        text.ok_or(format!("there is no {name}"))
    }
    fn named(&self, name: &str, _: &str) -> Vec<Text> {
        let called = |n: &str| n.rsplit('/').next() == Some(&format!("{name}.hm"));
        let found = FILES.iter().filter(|(n, _)| called(n) && !n.contains("parts"));
        found.map(|(n, t)| Text { name: n.to_string(), text: t.to_string() }).collect()
    }
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every schema of the tree.
pub(crate) fn catalog() -> Catalog {
    let mut todo = vec![root().join("devices"), root().join("targets")];
    let mut types: Vec<&'static DeviceType> = Vec::new();
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

pub(crate) fn frame(message: &Value) -> Vec<u8> {
    let body = message.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Everything that the server sends for some bytes, and its exit code.
pub(crate) fn talk(catalog: &Catalog, input: &[u8]) -> (Vec<Value>, u8) {
    let check = |path: &str, text: &str, library: &dyn Library| {
        let (mut sources, file) = SourceMap::single(path, text);
        let none = Overrides::default();
        let c = hetemu_lang::check_with(&mut sources, file, catalog, &none, library);
        let (diagnostics, ingredients) = (c.diagnostics, c.ingredients);
        Checked { diagnostics, sources, graph: c.graph, ingredients }
    };
    let place = |name: &str| Some(name.to_string()).filter(|n| n.starts_with("/w/"));
    let ground = Ground { catalog, check: &check, library: &Disk, place: &place };
    let mut output = Vec::new();
    let code = serve(input, &mut output, &ground).expect("a stream in memory");
    let mut out = Vec::new();
    let mut rest = output.as_slice();
    while let Some(at) = rest.windows(4).position(|w| w == b"\r\n\r\n") {
        let head = std::str::from_utf8(&rest[..at]).expect("a header");
        let len = head.strip_prefix("Content-Length: ").expect("a length");
        let len: usize = len.parse().expect("a number");
        let body = &rest[at + 4..at + 4 + len];
        out.push(serde_json::from_slice(body).expect("JSON"));
        rest = &rest[at + 4 + len..];
    }
    (out, code)
}
