//! The book's reference of commands is that of the tables. `HETEMU_BLESS=1` writes it.

use std::path::Path;

#[test]
fn the_reference_is_that_of_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/qmp.md");
    let head = "<!-- Generated: HETEMU_BLESS=1 cargo test -p hetemu-qmp; do not edit. -->\n\n";
    let page = format!("{head}{}", hetemu_qmp::book::page());
    if std::env::var_os("HETEMU_BLESS").is_some() {
        std::fs::write(&path, &page).expect("written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "docs/reference/qmp.md is out of date");
}

/// What `query-qmp-schema` says is whole: every type that is named is there, once.
#[test]
fn the_schema_is_whole() {
    let registry = hetemu_machine::Registry::new([], [], Vec::new());
    let monitor = hetemu_qmp::Monitor::new(std::sync::Arc::new(registry));
    let command = hetemu_qmp::commands::find("query-qmp-schema").expect("a command");
    let hetemu_qmp::types::Run::Plain(run) = command.run else { panic!("needs a machine") };
    let entities = run(&monitor, &hetemu_qmp::types::Args::default()).expect("a schema");
    let entities = entities.as_array().expect("a list");
    let name = |e: &serde_json::Value| e["name"].as_str().expect("a name").to_string();
    let names: Vec<String> = entities.iter().map(name).collect();
    for (i, n) in names.iter().enumerate() {
        assert!(!names[..i].contains(n), "{n} is there twice");
    }
    for e in entities {
        let mut used: Vec<&serde_json::Value> =
            ["arg-type", "ret-type", "element-type"].iter().filter_map(|key| e.get(*key)).collect();
        if e["meta-type"] == "object" {
            used.extend(e["members"].as_array().expect("members").iter().map(|m| &m["type"]));
        }
        for u in used {
            let u = u.as_str().expect("a name").to_string();
            assert!(names.contains(&u), "{} names {u}, which is not there", name(e));
        }
    }
    assert!(names.iter().filter(|n| *n == "device_add").count() == 1);
}

/// Every command has a sentence; names are unique.
#[test]
fn commands_are_told() {
    let all: Vec<_> = hetemu_qmp::commands::all().collect();
    for (i, c) in all.iter().enumerate() {
        assert!(c.doc.ends_with('.') || c.doc.ends_with(')'), "{}", c.name);
        assert!(all[..i].iter().all(|other| other.name != c.name), "{} twice", c.name);
    }
}
