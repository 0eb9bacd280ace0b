//! Test files: the shipped ones pass, on the machines that they are for; the wrong ones of
//! `tests/suites` are told, each as its golden has it (`HETEMU_BLESS=1` writes them).

use hetemu::Jit;
use hetemu::suite::{self, Outcome};
use hetemu_lang::{SourceMap, render};
use hetemu_testing::{Goldens, required, root};
use regex::Regex;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).expect("a folder").flatten();
    let mut all: Vec<_> = entries.map(|e| e.path()).collect();
    all.retain(|p| p.extension().is_some_and(|e| e == "hmt"));
    all.sort();
    assert!(!all.is_empty(), "{folder} has no tests");
    all
}

fn hetemu(args: &[&str]) -> (Option<i32>, String, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_hetemu"))
        .current_dir(root())
        .arg("test")
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("hetemu runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (out.status.code(), text(&out.stdout), text(&out.stderr))
}

#[test]
fn shipped_tests_pass() {
    let files = files("tests/machines");
    let mut args: Vec<&str> = files.iter().filter_map(|p| p.to_str()).collect();
    args.extend(required().then_some("--no-skip"));
    let (code, out, err) = hetemu(&args);
    assert_eq!(code, Some(0), "{out}\n{err}");
}

/// Reads a file and runs all of its tests; gives every diagnostic as a person sees it.
fn told(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a test file");
    let mut sources = SourceMap::new();
    let name = path.strip_prefix(root()).expect("a file of the tree");
    let file = sources.add(name.display().to_string(), text);
    let (mut read, diagnostics) = suite::read(&sources, file);
    if !diagnostics.is_empty() {
        return render(&diagnostics, &sources, false, 100);
    }
    read.folder = root().join(&read.folder);
    let mut out = String::new();
    for test in &read.tests {
        let runs = [Jit::Off, Jit::Sync].map(|jit| suite::run(&read, test, jit));
        let [a, b] = &runs;
        let same = (&a.outcome, a.time, a.instructions) == (&b.outcome, b.time, b.instructions);
        assert!(same, "{:?} depends on the engine: {runs:?}", test.name);
        let shown = match &a.outcome {
            Outcome::Passed => String::from("passed\n\n"),
            Outcome::Skipped(why) => format!("skipped: {why}\n\n"),
            Outcome::Failed(d) => render(std::slice::from_ref(d), &sources, false, 100),
        };
        out.push_str(&format!("{}\n{shown}", test.name));
    }
    out
}

/// The same for firmware that was built anew: without times, addresses and registers.
fn plain(text: &str) -> String {
    let rules = [
        (r"virtual time [0-9.a-zµ]+", "virtual time T"),
        (r"0x[0-9A-F]{4}_[0-9A-F]{4}( <[^>]*>)?", "0xPLACE"),
        (r"\b0x8[0-9a-f]{3}( \([0-9]+\))?", "0xPLACE"),
        (r"(?m)^  note: (registers|core|then|access|first|pc):.*\n", ""),
        (r"[0-9]+ instructions", "N instructions"),
        ("this is \"[^\n]*\", not", "this is TEXT, not"),
    ];
    rules.iter().fold(text.to_string(), |text, (rule, with)| {
        Regex::new(rule).expect("a rule").replace_all(&text, *with).into_owned()
    })
}

#[test]
fn what_is_wrong_is_told() {
    let mut goldens = Goldens::default();
    for path in files("tests/suites") {
        let code = path.file_stem().and_then(|s| s.to_str()).unwrap_or("");
        let code = code.split('-').next().unwrap_or("");
        let now = plain(&told(&path).replace(&format!("{}/", root().display()), ""));
        assert!(now.contains(&format!("error[{code}]")), "{code} is not told:\n{now}");
        goldens.compare(path.with_extension("stderr"), &now);
    }
    goldens.agree();
    for code in suite::codes::ALL {
        let golden = root().join(format!("tests/suites/{}.stderr", code.id()));
        assert!(golden.is_file(), "{} has no golden", code.id());
    }
}

#[test]
fn results_for_programs() {
    let path = "tests/suites/E1405.hmt";
    let (code, out, _) = hetemu(&[path, "--format", "json", "--filter", "number|range"]);
    assert_eq!((code, out.lines().count()), (Some(4), 2), "{out}");
    for part in
        ["\"suite\":\"values\"", "\"result\":\"failed\"", "\"code\":\"E1405\"", "\"line\":8"]
    {
        assert!(out.contains(part), "{part} is missing: {out}");
    }
    let (code, out, _) = hetemu(&[path, "--format", "junit", "--jobs", "1"]);
    assert_eq!(code, Some(4), "{out}");
    let head = "<testsuite name=\"values\" errors=\"0\" tests=\"4\" failures=\"4\" skipped=\"0\">";
    for part in [head, "<failure type=\"E1405\" message=\"this is 0x8080", "</testsuites>\n"] {
        assert!(out.contains(part), "{part} is missing: {out}");
    }
    let (code, out, _) = hetemu(&[path, "--format", "github", "--filter", "number"]);
    assert_eq!(code, Some(4), "{out}");
    assert!(out.starts_with("::error file=tests/suites/E1405.hmt,line=8,"), "{out}");
    let (code, out, _) = hetemu(&[path, "--list"]);
    assert_eq!(code, Some(0));
    assert!(out.starts_with("tests/suites/E1405.hmt: values: number\n"), "{out}");
    assert_eq!(hetemu(&[path, "--filter", "nothing"]).0, Some(2));
    assert_eq!(hetemu(&["tests/suites/none.hmt"]).0, Some(2));
    assert_eq!(hetemu(&["tests/suites/E1401.hmt"]).0, Some(1));
}
