//! The generated pages of the book are those of the tree; `cargo run -p xtask -- book` writes them
//! (or this test with `HETEMU_BLESS=1`).

#[path = "../../../xtask/src/book.rs"]
mod book;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn generated_pages_are_fresh() {
    if std::env::var_os("HETEMU_BLESS").is_some() {
        book::write(&root()).expect("a writable tree");
    }
    let mut stale = Vec::new();
    for (path, text) in book::pages(&root()).expect("sound schemas") {
        let now = fs::read_to_string(root().join("docs").join(&path)).unwrap_or_default();
        if now != text {
            stale.push(path.display().to_string());
        }
    }
    let hint = "`cargo run -p xtask -- book` writes them anew";
    assert!(stale.is_empty(), "out of date: {}; {hint}", stale.join(", "));
}

/// Targets of the links of a page.
fn links(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for piece in text.split("](").skip(1) {
        if let Some((to, _)) = piece.split_once(')') {
            out.push(to.split('#').next().unwrap_or("").to_string());
        }
    }
    out.retain(|to| !to.is_empty() && !to.contains("://"));
    out
}

fn markdown(folder: &Path, into: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path()) {
        if path.is_dir() && !path.ends_with("dev") {
            markdown(&path, into);
        } else if path.extension().is_some_and(|e| e == "md") {
            into.push(path);
        }
    }
}

#[test]
fn every_page_is_in_the_book_and_every_link_leads_on() {
    let docs = root().join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).expect("a summary");
    let listed = links(&summary);
    let mut pages = Vec::new();
    markdown(&docs, &mut pages);
    let mut wrong = Vec::new();
    for page in &pages {
        let name = page.strip_prefix(&docs).expect("inside").display().to_string();
        if name != "SUMMARY.md" && !listed.contains(&name) {
            wrong.push(format!("{name} is not in SUMMARY.md"));
        }
        let text = fs::read_to_string(page).expect("a page");
        let folder = page.parent().expect("a folder");
        for to in links(&text) {
            // Code such as `a[1](b)` does not stand in prose; files of the tree may be linked.
            if !folder.join(&to).exists() {
                wrong.push(format!("{name}: {to} is not there"));
            }
        }
    }
    assert!(pages.len() > 12 && wrong.is_empty(), "{}", wrong.join("\n"));
}
