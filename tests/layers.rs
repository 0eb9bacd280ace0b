//! Holds the layers of ARCHITECTURE.md: who may depend on whom, read from `cargo metadata`.

use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// What the crates of the workspace may use of each other. `schema` is the vocabulary of all. Order
/// and contents are the table in ARCHITECTURE.md.
const LAYERS: &[(&str, &[&str])] = &[
    ("src/schema", &[]),
    ("src/hw", &[]),
    ("src/isa", &[]),
    ("src/graph", &[]),
    ("src/lang", &["graph"]),
    ("src/lsp", &["graph", "lang"]),
    ("src/import", &["graph", "lang"]),
    ("src/engine", &["hw", "isa"]),
    ("src/loader", &["graph"]),
    ("src/host", &["hw", "machine"]),
    ("src/snapshot", &[]),
    ("src/machine", &["graph", "hw", "isa", "engine", "loader", "snapshot"]),
    ("src/control", &["graph", "hw", "machine", "host", "snapshot"]),
    ("src/qmp", &["graph", "hw", "lang", "import", "machine", "control"]),
    ("src/gdb", &["hw", "isa", "machine", "control"]),
    ("src/sandbox", &[]),
    ("src/testing", &[]),
    ("python", &["lang", "machine"]),
    ("devices/", &["hw"]),
    ("targets/", &["hw", "isa"]),
];

/// What tests of a layer may use besides.
const TESTS: &[(&str, &[&str])] = &[
    ("src/schema", &["dev-*", "target-*"]),
    ("src/isa", &["target-*"]),
    ("src/engine", &["target-*"]),
    ("src/machine", &["lang", "dev-*", "target-*"]),
    ("src/lang", &["dev-*", "target-*"]),
    ("src/import", &["dev-*", "target-*", "machine"]),
    ("src/graph", &["lang"]),
    ("targets/", &["engine"]),
];

/// Software of others that belongs to few crates: operating system, compiler, parsers.
const FOREIGN: &[(&str, &[&str])] = &[
    ("smoltcp", &["src/host"]),
    ("rustix", &["src/engine", "src/host", "src/hetemu"]),
    ("cranelift-", &["src/engine"]),
    ("rustc_apfloat", &["src/engine"]),
    ("pest", &["src/lang"]),
    ("roxmltree", &["src/import"]),
    ("miette", &["src/lang", "src/hetemu"]),
    ("kdl", &["src/schema"]),
    ("clap", &["src/hetemu", "xtask"]),
    ("pyo3", &["python"]),
    ("landlock", &["src/sandbox"]),
    ("seccompiler", &["src/sandbox"]),
    ("object", &["src/loader", "src/hetemu"]),
];

struct Crate {
    folder: String,
    /// Name and kind (`normal`, `dev`, `build`).
    uses: Vec<(String, String)>,
}

fn text(v: &Value) -> &str {
    v.as_str().unwrap_or("")
}

fn crates() -> Vec<Crate> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().expect("the workspace");
    let out = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(&root)
        .output()
        .expect("cargo metadata");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let all: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    let packages = all["packages"].as_array().expect("packages");
    let crates = packages.iter().map(|package| {
        let manifest = std::path::Path::new(text(&package["manifest_path"]));
        let folder = manifest.parent().and_then(|p| p.strip_prefix(&root).ok()).expect("inside");
        let dependency = |d: &Value| {
            let kind = d["kind"].as_str().unwrap_or("normal");
            (text(&d["name"]).to_string(), kind.to_string())
        };
        let uses = package["dependencies"].as_array().expect("list").iter().map(dependency);
        Crate { folder: folder.display().to_string(), uses: uses.collect() }
    });
    crates.collect()
}

fn allowed<'a>(table: &[(&str, &'a [&'a str])], folder: &str) -> Option<&'a [&'a str]> {
    let fits = |at: &str| if at.ends_with('/') { folder.starts_with(at) } else { folder == at };
    table.iter().find(|(at, _)| fits(at)).map(|(_, names)| *names)
}

fn fits(list: &[&str], name: &str) -> bool {
    list.iter().any(|p| match p.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => *p == name,
    })
}

#[test]
fn crates_use_only_the_layers_below_them() {
    let crates = crates();
    assert!(crates.len() > 15, "metadata shows only {} crates", crates.len());
    let mut wrong = Vec::new();
    for c in &crates {
        if c.folder == "src/hetemu" || c.folder == "xtask" {
            continue;
        }
        let Some(may) = allowed(LAYERS, &c.folder) else {
            wrong.push(format!("{} is in no layer", c.folder));
            continue;
        };
        let in_tests = allowed(TESTS, &c.folder).unwrap_or(&[]);
        for (name, kind) in &c.uses {
            let Some(name) = name.strip_prefix("hetemu-") else { continue };
            // Build scripts compile schemas and decode tables with the crates that define them.
            let fine = match kind.as_str() {
                "build" => ["schema", "isa"].contains(&name),
                "dev" => {
                    ["schema", "testing"].contains(&name) || fits(may, name) || fits(in_tests, name)
                }
                _ => name == "schema" || fits(may, name),
            };
            if !fine {
                wrong.push(format!("{} may not use {name} ({kind})", c.folder));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn foreign_crates_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for c in crates() {
        for (name, kind) in &c.uses {
            let rule = FOREIGN.iter().find(|(n, _)| name.starts_with(n));
            if let Some((_, homes)) = rule
                && kind != "dev"
                && !homes.contains(&c.folder.as_str())
            {
                wrong.push(format!(
                    "{} uses {name}, which belongs to {}",
                    c.folder,
                    homes.join(", ")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn devices_and_targets_are_named_only_by_the_binary() {
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for c in crates() {
        for (name, kind) in &c.uses {
            let part = name.starts_with("hetemu-dev-") || name.starts_with("hetemu-target-");
            if part && kind == "normal" {
                users.entry(c.folder.clone()).or_default().push(name.clone());
            }
        }
    }
    users.remove("src/hetemu");
    users.remove("xtask");
    assert!(users.is_empty(), "{users:?}");
}
