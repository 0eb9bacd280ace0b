//! Checks machine files against the schemas of the source tree, without the rest of hetemu:
//! `cargo run -p hetemu-lang --example check -- FILE... [--json]`.

use hetemu_lang::{Overrides, SourceMap, check, render, to_json};
use hetemu_schema::{Catalog, DeviceType};
use std::path::Path;

fn main() {
    let catalog =
        Catalog::new(schemas(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").as_path()));
    let args: Vec<String> = std::env::args().skip(1).collect();
    let json = args.iter().any(|a| a == "--json");
    for name in args.iter().filter(|a| !a.starts_with("--")) {
        let Ok(text) = std::fs::read_to_string(name) else {
            eprintln!("{name}: cannot be read");
            continue;
        };
        let (sources, file) = SourceMap::single(name, text);
        let start = std::time::Instant::now();
        let checked = check(&sources, file, &catalog, &Overrides::default());
        let time = start.elapsed();
        if json {
            print!("{}", to_json(&checked.diagnostics, &sources));
        } else {
            print!("{}", render(&checked.diagnostics, &sources, false, 100));
        }
        match &checked.graph {
            Some(g) => println!(
                "{name}: ok, {} parts, {} wires, {} messages, {time:?}",
                g.parts.len(),
                g.wires.len(),
                checked.diagnostics.len()
            ),
            None => println!("{name}: {} messages, {time:?}", checked.diagnostics.len()),
        }
    }
}

/// Every schema below `devices/` and `targets/`.
fn schemas(root: &Path) -> Vec<&'static DeviceType> {
    let mut todo = vec![root.join("devices"), root.join("targets")];
    let mut types = Vec::new();
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "kdl") {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                match hetemu_schema::build::read(&text, &path.display().to_string()) {
                    Ok(more) => {
                        types.extend(more.into_iter().map(|t| &*Box::leak(Box::new(t))));
                    }
                    Err(e) => eprintln!("{}: {e:?}", path.display()),
                }
            }
        }
    }
    types
}
