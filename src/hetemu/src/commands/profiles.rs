//! `hetemu profiles`: named, versioned configurations of machines.

use super::OK;
use crate::cli::{Format, Machines};
use hetemu::{Settings, find, registry};
use hetemu_lang::Severity;
use serde_json::json;

pub(crate) fn run(args: &Machines) -> u8 {
    let registry = registry::registry();
    let mut rows = Vec::new();
    for (text, p) in find::profiles() {
        let name = format!("{}@{}", p.name, p.version);
        let shipped = !std::path::Path::new(&text.name).is_file();
        let from = if shipped { String::from("shipped") } else { text.name.clone() };
        let checks = find::find(&name).ok().is_some_and(|source| {
            let loaded = hetemu::check(&source, &Settings::default(), registry.catalog());
            super::count(&loaded, Severity::Error) == 0
        });
        rows.push((p, from, checks));
    }
    if args.format == Format::Json {
        let list: Vec<_> = rows
            .iter()
            .map(|(p, from, checks)| {
                json!({
                    "name": p.name.text,
                    "version": p.version,
                    "summary": p.summary,
                    "machine": p.machine.name,
                    "open": p.open,
                    "from": from,
                    "checks": checks,
                })
            })
            .collect();
        super::print(&format!("{}\n", json!(list)));
        return OK;
    }
    for (p, from, checks) in rows {
        let name = format!("{}@{}", p.name, p.version);
        let state = if p.open { "open" } else { "frozen" };
        let doc = match checks {
            true => p.summary,
            false => format!("(has errors: see hetemu check {name})"),
        };
        super::print(&format!("{name:24} {state:7} {from:10} {doc}\n"));
    }
    OK
}
