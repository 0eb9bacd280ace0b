//! Golden tests: each `tests/lang/*.hm` is checked against `tests/lang/types.kdl`, and what is said
//! about it stands in the `.stderr` file beside it. `HETEMU_BLESS=1` writes those files anew.
//!
//! A file is called after its code, with a word where there are several (`E0304-alias.hm`). A first
//! line `// --set a=1 --plug b=c` gives the arguments of the command line.

mod common;

use hetemu_lang::lock::{Lock, Locked, compare};
use hetemu_lang::{
    Checked, Overrides, SourceMap, all_codes, apply_fixes, check_with, explain, render, to_json,
};
use hetemu_testing::Goldens;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn cases() -> Vec<PathBuf> {
    let dir = std::fs::read_dir(common::data()).expect("tests/lang");
    let mut files: Vec<PathBuf> = dir.flatten().map(|e| e.path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "hm"));
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}

fn argument(text: &str, option: &str) -> Option<String> {
    let words: Vec<&str> = text.lines().next().unwrap_or("").split_whitespace().collect();
    words.windows(2).find(|w| w[0] == option).map(|w| w[1].to_string())
}

fn arguments(text: &str, option: &str) -> Vec<(String, String)> {
    let first = text.lines().next().unwrap_or("");
    let words: Vec<&str> = first.split_whitespace().collect();
    let after = words.windows(2).filter(|w| w[0] == option);
    after.filter_map(|w| w[1].split_once('=')).map(|(a, b)| (a.into(), b.into())).collect()
}

fn run(name: &str, text: &str, catalog: &hetemu_schema::Catalog) -> (Checked, SourceMap) {
    let (mut sources, file) = SourceMap::single(name, text);
    let (set, plug) = (arguments(text, "--set"), arguments(text, "--plug"));
    let overrides = Overrides::from_args(&mut sources, &set, &plug);
    let mut checked = check_with(&mut sources, file, catalog, &overrides, &common::Parts);
    if let (Some(graph), Some(path)) = (&checked.graph, argument(text, "--locked")) {
        let lock = std::fs::read_to_string(common::data().join(path)).expect("a lock");
        let mut sink = hetemu_lang::diag::Sink::default();
        let lock = Lock::read(&lock, 0, &mut sink);
        let now = Locked::of(&checked, graph, &sources);
        let locked = lock.machines.get(name);
        let at = checked.typed.span;
        let found = compare(locked, &now, &checked.ingredients, graph, at);
        checked.diagnostics.extend(found);
    }
    if let (Some(graph), Some(path)) = (&checked.graph, argument(text, "--svd")) {
        let list = std::fs::read_to_string(common::data().join(&path)).expect("a list");
        let all = peripherals(&list);
        let found = hetemu_lang::svd::compare(graph, &all, "chip.svd", checked.typed.span);
        checked.diagnostics.extend(found);
    }
    (checked, sources)
}

/// `NAME BASE SIZE IRQ=NUMBER ...` a line: what the reader of SVD files would give.
fn peripherals(list: &str) -> Vec<hetemu_lang::svd::Peripheral> {
    let number = |t: &str| u64::from_str_radix(t.trim_start_matches("0x"), 16).expect("a number");
    let line = |l: &str| {
        let words: Vec<&str> = l.split_whitespace().collect();
        let irqs = words.iter().skip(3).filter_map(|w| w.split_once('='));
        hetemu_lang::svd::Peripheral {
            name: words[0].into(),
            base: number(words[1]),
            size: number(words[2]),
            interrupts: irqs.map(|(n, k)| (n.into(), k.parse().expect("a number"))).collect(),
            span: hetemu_lang::source::NOWHERE,
        }
    };
    list.lines().map(line).collect()
}

#[test]
fn messages_are_as_written_down() {
    let catalog = common::test_types();
    let mut goldens = Goldens::default();
    for path in cases() {
        let name = stem(&path);
        let text = std::fs::read_to_string(&path).expect("a case");
        let (checked, sources) = run(&format!("{name}.hm"), &text, &catalog);
        let shown = render(&checked.diagnostics, &sources, false, 100);
        goldens.compare(path.with_extension("stderr"), &shown);
    }
    goldens.agree();
}

#[test]
fn a_case_shows_its_code_and_no_other_error() {
    let catalog = common::test_types();
    for path in cases() {
        let name = stem(&path);
        let Some((code, rest)) = name.split_at_checked(5).filter(|(c, _)| explain(c).is_some())
        else {
            continue;
        };
        let text = std::fs::read_to_string(&path).expect("a case");
        let (checked, _) = run(&name, &text, &catalog);
        let found: BTreeSet<&str> = checked.diagnostics.iter().map(|d| d.code.id()).collect();
        if rest.is_empty() {
            assert_eq!(found, BTreeSet::from([code]), "{name}");
        } else if !rest.contains("none") && !rest.contains("set") {
            assert!(found.contains(code), "{name}: {found:?}");
        }
    }
}

#[test]
fn every_code_has_a_page_and_a_golden() {
    let names: BTreeSet<String> = cases().iter().map(|p| stem(p)).collect();
    for code in all_codes() {
        let (id, page) = (code.id(), code.page());
        // What is not text cannot be a golden; a unit test shows it.
        assert!(names.contains(id) || id == "E0115", "no tests/lang/{id}.hm");
        let title = format!("# {id}: {}", code.title());
        assert!(page.starts_with(&title), "{id}: the page begins with its title, `{title}`");
        for section in ["## Wrong", "## Right", "## What it prevents"] {
            assert!(page.contains(section), "{id}: no section `{section}`");
        }
    }
}

#[test]
fn every_code_that_the_source_names_is_in_the_table() {
    let mut todo = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut used = BTreeSet::new();
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(path).expect("a source file");
                let words = text.split("codes::").skip(1).filter_map(|t| t.get(..5));
                used.extend(
                    words.filter(|w| w[1..].bytes().all(|b| b.is_ascii_digit())).map(String::from),
                );
            }
        }
    }
    let table: BTreeSet<String> = all_codes().map(|c| c.id().to_string()).collect();
    assert_eq!(used, table, "codes of the source, codes of the table");
}

#[test]
fn fixes_put_it_right() {
    let catalog = common::test_types();
    let mut fixed = 0;
    for path in cases() {
        let name = stem(&path);
        let text = std::fs::read_to_string(&path).expect("a case");
        let (checked, sources) = run(&name, &text, &catalog);
        let first = checked.diagnostics.iter().find(|d| d.help.iter().any(|h| !h.edits.is_empty()));
        let Some(d) = first.filter(|d| d.span().file == 0) else { continue };
        let (better, made) = apply_fixes(std::slice::from_ref(d), &sources, 0);
        assert_eq!(made, 1, "{name}");
        let (after, _) = run(&name, &better, &catalog);
        assert!(
            !after.diagnostics.iter().any(|x| x.code == d.code && x.span() == d.span()),
            "{name}: still there after the fix\n{better}"
        );
        fixed += 1;
    }
    assert!(fixed >= 15, "only {fixed} cases have fixes");
}

#[test]
fn the_form_for_programs_has_every_field() {
    let catalog = common::test_types();
    let text = std::fs::read_to_string(common::data().join("E0405.hm")).expect("a case");
    let (checked, sources) = run("E0405.hm", &text, &catalog);
    let line = to_json(&checked.diagnostics, &sources);
    let v: serde_json::Value = serde_json::from_str(line.trim()).expect("one object a line");
    assert_eq!(v["code"], "E0405");
    assert_eq!(v["severity"], "error");
    assert_eq!(v["path"], "plic[1]");
    assert_eq!(v["spans"][0]["file"], "E0405.hm");
    assert_eq!(v["spans"][0]["primary"], true);
    assert_eq!(v["spans"][1]["primary"], false);
    let (start, end) = (v["spans"][0]["byte_start"].as_u64(), v["spans"][0]["byte_end"].as_u64());
    let (start, end) = (start.expect("a number") as usize, end.expect("a number") as usize);
    assert_eq!(&text[start..end], "irq -> plic[1]");
    assert_eq!(v["spans"][0]["line"], 10);
    assert!(v["help"][0]["message"].as_str().is_some_and(|m| m.contains("plic[2], plic[3]")));
}

#[test]
fn bytes_that_are_not_text_are_named() {
    let checked = hetemu_lang::check_bytes(b"hm 1\nmachine \xff\n", &common::test_types());
    assert_eq!(checked.diagnostics.first().map(|d| d.code.id()), Some("E0115"));
    assert!(checked.graph.is_none());
    // A file that is no text at all gets this one message, and a program says where it belongs.
    let checked = hetemu_lang::check_bytes(b"\x7fELF\x02\x01\0\0\xff }{", &common::test_types());
    let [only] = &checked.diagnostics[..] else { panic!("{:?}", checked.diagnostics) };
    assert!(only.help.first().is_some_and(|h| h.message.contains("--image")));
}

#[test]
fn a_text_does_not_drive_the_terminal() {
    let (sources, file) = SourceMap::single("a.hm", "hm 1\nmachine \x1b[31m\x07!\n");
    let checked = hetemu_lang::check(&sources, file, &common::test_types(), &Overrides::default());
    let shown = hetemu_lang::render(&checked.diagnostics, &sources, false, 80);
    assert!(!checked.diagnostics.is_empty());
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
}
