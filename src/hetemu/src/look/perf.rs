//! Names of compiled code for `perf`: `/tmp/perf-PID.map`.
//!
//! Linux, tools/perf/Documentation/jit-interface.txt: a line `START SIZE NAME` for each function,
//! in hex without prefix. Later lines hold where code was replaced.

use hetemu_loader::Symbols;
use hetemu_machine::Running;
use std::fmt::Write;

/// The content of the file.
pub fn map(machine: &Running) -> String {
    let mut out = String::new();
    for code in machine.compiled() {
        let name = name(machine.symbols(), code.va);
        let _ = writeln!(out, "{:x} {:x} {name}", code.host, code.len);
    }
    out
}

/// `guest:main+0x10`.
fn name(symbols: &Symbols, va: u64) -> String {
    match symbols.function(va) {
        Some(s) if s.addr == va => format!("guest:{}", s.name),
        Some(s) => format!("guest:{}+{:#x}", s.name, va - s.addr),
        None => format!("guest:{va:#x}"),
    }
}
