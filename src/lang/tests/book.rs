//! The machines that the book prints are whole, without a warning, and in form.

mod common;

use hetemu_lang::{Overrides, SourceMap, check, format, render};
use std::path::{Path, PathBuf};

fn pages(folder: &Path, into: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path()) {
        if path.is_dir() {
            pages(&path, into);
        } else if path.extension().is_some_and(|e| e == "md") {
            into.push(path);
        }
    }
}

/// The blocks of a page that are whole files.
fn texts(page: &str) -> Vec<&str> {
    let blocks = page.split("```hm\n").skip(1).filter_map(|b| b.split_once("\n```"));
    blocks.map(|(text, _)| text).filter(|t| t.starts_with("hm 1")).collect()
}

#[test]
fn machines_of_the_book_are_whole() {
    let catalog = common::all_types();
    let mut files = Vec::new();
    pages(&common::root().join("docs"), &mut files);
    let (mut machines, mut modules) = (0, 0);
    files.retain(|f| !f.display().to_string().contains("reference"));
    for file in files {
        let name = file.display().to_string();
        let page = std::fs::read_to_string(&file).expect("a page");
        for text in texts(&page) {
            let text = format!("{text}\n");
            let formatted = format(&text, 0).unwrap_or_else(|e| panic!("{name}: {e:?}"));
            if text.contains("\nmodule ") {
                modules += 1;
                continue;
            }
            machines += 1;
            assert!(formatted == text, "{name}: not in form\n{formatted}");
            // What a machine extends is found by who runs it, not by the language.
            if text.contains(" extends ") {
                continue;
            }
            let (sources, id) = SourceMap::single(name.as_str(), text);
            let checked = check(&sources, id, &catalog, &Overrides::default());
            let shown = render(&checked.diagnostics, &sources, false, 100);
            assert!(checked.diagnostics.is_empty(), "{name}\n{shown}");
        }
    }
    assert!(machines >= 1 && modules >= 1, "{machines} machines, {modules} modules");
}
