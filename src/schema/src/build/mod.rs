//! The KDL reader and the code generator (feature `build`).
//!
//! A build script calls [`compile`]; tools and tests call [`read`]. The KDL form is described in
//! `src/schema/FORM.md`. Nothing here panics on what a file holds: every mistake is a
//! [`SchemaError`] with its place, and all of a file are reported.

mod emit;
mod node;
mod ports;
mod read;
mod regs;
mod values;

pub use emit::emit;
pub use read::read;

use crate::types::DeviceType;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A mistake in a schema file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// The file as it was named to the reader.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl std::error::Error for SchemaError {}

/// Reads every `schema.kdl` below `root` and writes `$OUT_DIR/schemas.rs`.
///
/// For build scripts: prints what Cargo needs, and ends the build with all errors of all files.
pub fn compile(root: impl AsRef<Path>) {
    let out = std::env::var_os("OUT_DIR").map(PathBuf::from);
    match (compile_to_text(root.as_ref(), &mut |line| println!("{line}")), out) {
        (Ok(text), Some(out)) => {
            if let Err(e) = fs::write(out.join("schemas.rs"), text) {
                give_up(&[format!("{}: {e}", out.display())]);
            }
        }
        (Ok(_), None) => give_up(&["OUT_DIR is not set: compile() is for build scripts".into()]),
        (Err(errors), _) => give_up(&errors),
    }
}

fn give_up(errors: &[String]) {
    for e in errors {
        println!("cargo::error={e}");
        eprintln!("{e}");
    }
    std::process::exit(1);
}

/// The generated text for all schemas below `root`; `cargo` gets the lines for Cargo.
fn compile_to_text(root: &Path, cargo: &mut dyn FnMut(String)) -> Result<String, Vec<String>> {
    let mut files = Vec::new();
    let mut errors = Vec::new();
    walk(root, &mut files, &mut errors, cargo);
    files.sort();
    let mut types: Vec<DeviceType> = Vec::new();
    for file in &files {
        match fs::read_to_string(file) {
            Err(e) => errors.push(format!("{}: {e}", file.display())),
            Ok(text) => match read(&text, &file.display().to_string()) {
                Ok(more) => types.extend(more),
                Err(more) => errors.extend(more.iter().map(SchemaError::to_string)),
            },
        }
    }
    types.sort_by_key(|t| (t.name, t.version));
    for pair in types.windows(2) {
        if let [a, b] = pair
            && (a.name, a.version) == (b.name, b.version)
        {
            errors.push(format!("{}: `{}` is described twice", root.display(), a.full_name()));
        }
    }
    if errors.is_empty() { Ok(emit(&types)) } else { Err(errors) }
}

fn walk(
    dir: &Path,
    files: &mut Vec<PathBuf>,
    errors: &mut Vec<String>,
    cargo: &mut dyn FnMut(String),
) {
    cargo(format!("cargo::rerun-if-changed={}", dir.display()));
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) => return errors.push(format!("{}: {e}", dir.display())),
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files, errors, cargo);
        } else if entry.file_name() == "schema.kdl" {
            cargo(format!("cargo::rerun-if-changed={}", path.display()));
            files.push(path);
        }
    }
}
