//! What the tests of the language share: catalogues and files.

#![allow(dead_code)]

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
