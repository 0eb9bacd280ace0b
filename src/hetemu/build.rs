//! Embeds the shipped machines, profiles and built firmware, so that the binary works from any
//! directory.

use std::fmt::Write;
use std::path::{Path, PathBuf};

fn collect(dir: &Path, out: &mut Vec<PathBuf>) {
    println!("cargo::rerun-if-changed={}", dir.display());
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for path in entries.flatten().map(|e| e.path()) {
        if path.is_dir() {
            collect(&path, out);
        } else if path
            .extension()
            .is_some_and(|e| e == "hm" || e == "toml" || e == "elf" || e == "bin")
        {
            println!("cargo::rerun-if-changed={}", path.display());
            out.push(path);
        }
    }
}

fn main() {
    let manifest = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let mut text = String::new();
    for (folder, list, doc) in [
        ("machines", "FILES", "Path below `machines/`, content."),
        ("profiles", "PROFILES", "Path below `profiles/`, content."),
    ] {
        let folder = Path::new(&manifest).join("../..").join(folder);
        let mut files = Vec::new();
        collect(&folder, &mut files);
        files.sort();
        writeln!(text, "/// {doc}\npub(super) static {list}: &[(&str, &[u8])] = &[")
            .expect("a string");
        for file in &files {
            let Ok(name) = file.strip_prefix(&folder) else { continue };
            writeln!(text, "    ({:?}, include_bytes!({:?})),", name, file).expect("a string");
        }
        text.push_str("];\n");
    }
    let out = std::env::var("OUT_DIR").expect("cargo sets it");
    std::fs::write(Path::new(&out).join("embedded.rs"), text)
        .expect("the output directory is writable");
}
