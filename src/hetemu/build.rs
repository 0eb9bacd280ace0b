//! Embeds the shipped machines and their built firmware, so that the binary works from any
//! directory.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn collect(dir: &Path, out: &mut Vec<PathBuf>) {
    println!("cargo::rerun-if-changed={}", dir.display());
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for path in entries.flatten().map(|e| e.path()) {
        if path.is_dir() {
            collect(&path, out);
        } else if path.extension().is_some_and(|e| e == "hm" || e == "elf" || e == "bin") {
            println!("cargo::rerun-if-changed={}", path.display());
            out.push(path);
        }
    }
}

fn main() {
    let manifest = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let machines = Path::new(&manifest).join("../../machines");
    let mut files = Vec::new();
    collect(&machines, &mut files);
    files.sort();
    let mut text = String::from(
        "/// Path below `machines/`, content.\npub(super) static FILES: &[(&str, &[u8])] = &[\n",
    );
    for file in &files {
        let Ok(name) = file.strip_prefix(&machines) else { continue };
        writeln!(text, "    ({:?}, include_bytes!({:?})),", name, file).expect("a string");
    }
    text.push_str("];\n");
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    std::fs::write(Path::new(&out).join("embedded.rs"), text)
        .expect("the output directory is writable");
}
