//! `hetemu machines`: what a bare name finds.

use super::OK;
use crate::cli::{Format, Machines};
use hetemu::{Settings, find, registry};
use hetemu_lang::syntax::ast::HeadKind;
use serde_json::json;
use std::collections::BTreeMap;

pub(crate) fn run(args: &Machines) -> u8 {
    let registry = registry::registry();
    let mut where_from: BTreeMap<String, String> =
        find::shipped().map(|n| (n.to_string(), String::from("shipped"))).collect();
    for (name, path) in find::in_folders() {
        where_from.insert(name, path.display().to_string());
    }
    let mut rows = Vec::new();
    for (name, from) in &where_from {
        let loaded = find::find(name)
            .ok()
            .map(|source| hetemu::check(&source, &Settings::default(), registry.catalog()));
        // Overlays and modules lie beside machines and are none.
        if loaded.as_ref().is_some_and(|l| l.kind != HeadKind::Machine) {
            continue;
        }
        let doc = loaded.and_then(|l| l.graph.map(|g| g.doc));
        // The first sentence, wherever its lines break.
        let doc = doc.map(|d| d.replace('\n', " "));
        let doc =
            doc.map(|d| d.split_once(". ").map_or(d.clone(), |(first, _)| format!("{first}.")));
        rows.push((name, from, doc));
    }
    if args.format == Format::Json {
        let list: Vec<_> = rows
            .iter()
            .map(|(name, from, doc)| {
                let checks = doc.is_some();
                json!({ "name": name, "from": from, "doc": doc, "checks": checks })
            })
            .collect();
        super::print(&format!("{}\n", json!(list)));
        return OK;
    }
    for (name, from, doc) in rows {
        let doc = doc.unwrap_or_else(|| String::from("(has errors: see hetemu check)"));
        super::print(&format!("{name:20} {from:28} {doc}\n"));
    }
    OK
}
