//! What the tests of the language share: catalogues and files.

#![allow(dead_code)]

use hetemu_lang::{Library, Text};
use hetemu_schema::{Catalog, DeviceType};
use std::path::{Path, PathBuf};

/// The root of the source tree.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `tests/lang/`.
pub(crate) fn data() -> PathBuf {
    root().join("tests/lang")
}

fn read(path: &Path, types: &mut Vec<&'static DeviceType>) {
    let text = std::fs::read_to_string(path).expect("a schema file");
    let name = path.display().to_string();
    let more = hetemu_schema::build::read(&text, &name).expect("a sound schema file");
    types.extend(more.into_iter().map(|t| &*Box::leak(Box::new(t))));
}

/// The types of `tests/lang/types.kdl`: they do not change when a device does.
pub(crate) fn test_types() -> Catalog {
    let mut types = Vec::new();
    read(&data().join("types.kdl"), &mut types);
    Catalog::new(types)
}

/// Every schema of the tree.
pub(crate) fn all_types() -> Catalog {
    let mut todo = vec![root().join("devices"), root().join("targets")];
    let mut types = Vec::new();
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "kdl") {
                read(&path, &mut types);
            }
        }
    }
    Catalog::new(types)
}

/// The samples that must pass without an error or a warning.
pub(crate) fn samples() -> Vec<(String, String)> {
    ["opentitan", "trio", "q35"]
        .iter()
        .map(|n| {
            let path = data().join(format!("samples/{n}.hm"));
            (n.to_string(), std::fs::read_to_string(path).expect("a sample"))
        })
        .collect()
}

/// Texts that the cases name: `tests/lang/parts/`, and paths below `tests/lang/`.
pub(crate) struct Parts;

impl Parts {
    fn all() -> Vec<PathBuf> {
        let dir = std::fs::read_dir(data().join("parts")).expect("tests/lang/parts");
        let mut files: Vec<PathBuf> = dir.flatten().map(|e| e.path()).collect();
        files.sort();
        files
    }
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().expect("a name").to_string_lossy();
    stem.split('@').next().unwrap_or("").to_string()
}

fn text(path: &Path) -> Text {
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    Text { name, text: std::fs::read_to_string(path).expect("a text") }
}

impl Library for Parts {
    fn path(&self, path: &str, _: &str) -> Result<Text, String> {
        let path = data().join(path);
        if path.is_file() { Ok(text(&path)) } else { Err("there is no such file".into()) }
    }
    fn named(&self, name: &str, _: &str) -> Vec<Text> {
        Parts::all().iter().filter(|p| stem(p) == name).map(|p| text(p)).collect()
    }
    fn names(&self) -> Vec<String> {
        Parts::all().iter().map(|p| stem(p)).collect()
    }
}
