//! The entry for build scripts: `decode.table` in, `$OUT_DIR/decode.rs` and `decode.holes` out.

pub use super::check::{check, holes};
pub use super::emit::emit;
pub use super::parse::{Table, parse};

use std::path::Path;

/// Compiles a table for `include!(concat!(env!("OUT_DIR"), "/decode.rs"))`.
///
/// # Panics
/// With all messages of the table's mistakes: that is how a build script fails.
pub fn compile(path: &str) {
    println!("cargo:rerun-if-changed={path}");
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let (rust, report) = match compile_text(&text) {
        Ok(out) => out,
        Err(errors) => panic!("{path}:\n{}", errors.join("\n")),
    };
    let out = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    for (name, text) in [("decode.rs", rust), ("decode.holes", report)] {
        let file = Path::new(&out).join(name);
        std::fs::write(&file, text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }
}

/// Compiles a table to Rust and to the list of encodings that no row claims.
///
/// # Errors
/// Every mistake, each with its line.
pub fn compile_text(text: &str) -> Result<(String, String), Vec<String>> {
    let table = parse(text)?;
    check(&table)?;
    let mut report = String::new();
    for len in table.lengths() {
        let holes = holes(&table, len);
        let free: u64 = holes.iter().map(|h| h.encodings(len)).sum();
        report += &format!("# {len} bytes: {free} encodings in {} holes\n", holes.len());
        for hole in holes {
            report += &format!("{}\n", hole.text(len));
        }
    }
    Ok((emit(&table), report))
}
