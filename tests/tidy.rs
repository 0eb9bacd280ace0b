//! House rules that a compiler does not hold: see `docs/dev` and ARCHITECTURE.md.
//!
//! Every exemption is a line in a list here, with its reason.

use hetemu_testing::root;
use std::fs;
use std::path::Path;

const ROOTS: [&str; 6] = ["src", "devices", "targets", "xtask", "tests", "fuzz"];
const LONGEST_FILE: usize = 700;
const WIDEST_LINE: usize = 100;

/// Where `unsafe` is allowed, and for what.
const UNSAFE: &[(&str, &str)] = &[
    ("src/engine/src/ram.rs", "guest memory is mapped, shared and written by compiled code"),
    ("src/engine/src/ram/", "guest memory by pages, while no core runs"),
    ("src/engine/src/mmu/", "the soft TLB's host addresses"),
    ("src/engine/src/tlb.rs", "the soft TLB's host addresses"),
    ("src/engine/src/space.rs", "where the main memory lies, for page walks"),
    ("src/engine/src/frame.rs", "the state that compiled code touches by offset"),
    ("src/engine/src/jit/", "machine code"),
    ("src/engine/src/float/bulk.rs", "the host's float unit and its flags"),
];

/// Files that may be longer, and why.
const LONG: &[(&str, &str)] = &[];

/// Files with wider lines, and why.
const WIDE: &[(&str, &str)] = &[
    ("src/engine/src/interp/op.rs", "tables inside macros"),
    ("src/engine/src/interp/run.rs", "tables inside macros"),
    ("src/graph/src/show/svg.rs", "a style sheet"),
    ("src/graph/src/show/view.rs", "output as it is printed"),
];

/// Layers without any state of their own: two machines run in one process.
const STATELESS: [&str; 12] = [
    "src/schema",
    "src/hw",
    "src/isa",
    "src/graph",
    "src/lang",
    "src/engine",
    "src/machine",
    "src/loader",
    "src/host",
    "devices",
    "targets",
    "src/hetemu/src/lib.rs",
];

struct Source {
    path: String,
    text: String,
}

fn walk(folder: &Path, root: &Path, into: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if !path.ends_with("target") && !path.ends_with("corpus") {
                walk(&path, root, into);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).expect("UTF-8 source");
            let path = path.strip_prefix(root).expect("inside").display().to_string();
            into.push(Source { path, text });
        }
    }
}

fn sources() -> Vec<Source> {
    let root = root();
    let mut all = Vec::new();
    for folder in ROOTS {
        walk(&root.join(folder), &root, &mut all);
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(all.len() > 100, "only {} sources found", all.len());
    all
}

fn exempt(list: &[(&str, &str)], path: &str) -> bool {
    list.iter().any(|(p, reason)| {
        assert!(!reason.is_empty(), "{p} needs a reason");
        path == *p || p.ends_with('/') && path.starts_with(p)
    })
}

/// The code of a line, without comments and the contents of simple strings.
fn code(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => drop(chars.next()),
            '"' => quoted = !quoted,
            '/' if !quoted && chars.peek() == Some(&'/') => break,
            _ if !quoted => out.push(c),
            _ => {}
        }
    }
    out
}

fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(part);
        let after = text[at + word.len()..].chars().next().is_some_and(part);
        !before && !after
    })
}

#[track_caller]
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} places:\n{}", wrong.len(), wrong.join("\n"));
}

/// Lines with a reason to complain, as `path:line: text`.
fn lines(sources: &[Source], bad: impl Fn(&Source, &str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for s in sources {
        for (i, line) in s.text.lines().enumerate() {
            if bad(s, line) {
                wrong.push(format!("{}:{}: {}", s.path, i + 1, line.trim()));
            }
        }
    }
    wrong
}

#[test]
fn every_module_says_what_it_is() {
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|s| !s.text.starts_with("//! ") || s.text.starts_with("//! ..."))
        .map(|s| s.path.clone())
        .collect();
    none(&wrong);
}

#[test]
fn files_are_short() {
    let wrong: Vec<String> = sources()
        .iter()
        .filter(|s| !exempt(LONG, &s.path))
        .map(|s| (s.text.lines().count(), &s.path))
        .filter(|(n, _)| *n > LONGEST_FILE)
        .map(|(n, path)| format!("{path}: {n} lines"))
        .collect();
    none(&wrong);
}

#[test]
fn lines_are_narrow_and_clean() {
    let bad = |s: &Source, line: &str| {
        // A message is found by its text, so it is not broken; rustfmt leaves such lines alone.
        let free = line.contains('"') || exempt(WIDE, &s.path);
        let wide = line.chars().count() > WIDEST_LINE && !free;
        wide || line.ends_with(' ') || line.contains('\t')
    };
    none(&lines(&sources(), bad));
}

#[test]
fn unsafe_code_stays_in_its_modules() {
    let sources = sources();
    let bad = |s: &Source, line: &str| {
        has_word(&code(line), concat!("un", "safe")) && !exempt(UNSAFE, &s.path)
    };
    none(&lines(&sources, bad));
    // A list that names nothing any more would let in what is not meant.
    for (path, _) in UNSAFE {
        assert!(sources.iter().any(|s| s.path.starts_with(path)), "{path} is gone");
    }
}

#[test]
fn unsafe_code_is_explained() {
    let mut wrong = Vec::new();
    for s in sources() {
        let all: Vec<&str> = s.text.lines().collect();
        for (i, line) in all.iter().enumerate() {
            let c = code(line);
            let opens =
                c.contains(concat!("un", "safe {")) || c.contains(concat!("un", "safe impl"));
            let above = &all[i.saturating_sub(8)..=i];
            if opens && !above.iter().any(|l| l.contains("SAFETY:")) {
                wrong.push(format!("{}:{}: {}", s.path, i + 1, line.trim()));
            }
        }
    }
    none(&wrong);
}

#[test]
fn no_global_state() {
    const KINDS: [&str; 8] =
        ["Mutex", "RwLock", "Atomic", "LazyLock", "OnceLock", "OnceCell", "RefCell", "Cell<"];
    let bad = |s: &Source, line: &str| {
        let code = code(line);
        let state = has_word(&code, "static") && KINDS.iter().any(|k| code.contains(k));
        let named =
            ["static mut", "thread_local!", "lazy_static!"].iter().any(|k| code.contains(k));
        named || state && STATELESS.iter().any(|layer| s.path.starts_with(layer))
    };
    none(&lines(&sources(), bad));
}

#[test]
fn nothing_is_left_undone() {
    let marks = ["TO", "FIX", "XX"].iter().zip(["DO", "ME", "X"]).map(|(a, b)| format!("{a}{b}"));
    let marks: Vec<String> = marks.collect();
    let calls = ["to", "unimple", "d"].iter().zip(["do!", "mented!", "bg!"]);
    let calls: Vec<String> = calls.map(|(a, b)| format!("{a}{b}")).collect();
    let bad = |_: &Source, line: &str| {
        let code = code(line);
        marks.iter().any(|m| has_word(line, m))
            || calls.iter().any(|m| has_word(&code, m.trim_end_matches('!')) && code.contains(m))
    };
    none(&lines(&sources(), bad));
}
