//! Every line of every sample, made wrong in the ways that people make it wrong: each mistake gets
//! one code, and the code is the expected kind.

mod common;

use hetemu_lang::{Overrides, Severity, SourceMap, check};
use hetemu_schema::Catalog;
use std::collections::BTreeSet;

/// A way to make a line wrong, and the codes that may name it.
struct Mutation {
    what: &'static str,
    make: fn(&str) -> Option<String>,
    codes: &'static [&'static str],
}

fn replace(line: &str, from: &str, to: &str) -> Option<String> {
    let (code, comment) = line.split_once("//").map_or((line, None), |(a, b)| (a, Some(b)));
    let at = code.find(from)?;
    let quoted = code[..at].matches('"').count() % 2 == 1;
    let comment = comment.map_or(String::new(), |c| format!("//{c}"));
    (!quoted).then(|| format!("{}{comment}", code.replacen(from, to, 1)))
}

/// The word behind a sign gets a tail.
fn misspelt(line: &str, sign: &str) -> Option<String> {
    let code = line.split("//").next()?;
    let at = code.find(sign)? + sign.len();
    let rest = &code[at..];
    let start = at + rest.len() - rest.trim_start().len();
    let word = code[start..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let end = start + word.unwrap_or(code.len() - start);
    let first = code[start..].chars().next()?;
    let name = first.is_ascii_alphabetic() && end > start;
    name.then(|| format!("{}_zz{}", &line[..end], &line[end..]))
}

const MUTATIONS: &[Mutation] = &[
    Mutation { what: "another arrow", make: |l| replace(l, "->", "=>"), codes: &["E0103"] },
    Mutation {
        what: "a unit of another language",
        make: |l| replace(l, "KiB", "KB").or_else(|| replace(l, "MiB", "MB")),
        codes: &["E0201"],
    },
    Mutation {
        what: "a wire to a part that is not there",
        make: |l| misspelt(l, "->"),
        codes: &["E0302"],
    },
    Mutation {
        what: "a wire from a part that is not there",
        make: |l| misspelt(l, "<-"),
        codes: &["E0302"],
    },
    Mutation {
        what: "a type that is not there",
        make: |l| misspelt(l, " : ").filter(|_| !l.trim_start().starts_with("p")),
        codes: &["E0304"],
    },
    Mutation {
        what: "a property that is not there",
        make: |l| {
            let (left, right) = l.split_once(" = ").or_else(|| l.split_once(" =  "))?;
            let name = left.trim();
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let inside = l.starts_with("  ") && plain && !name.is_empty();
            inside.then(|| format!("  {name}z = {right}"))
        },
        codes: &["E0801"],
    },
    Mutation {
        what: "no colon",
        make: |l| replace(l, " : ", "   ").filter(|_| l.trim_start().starts_with("0x")),
        codes: &["E0101", "E0105"],
    },
    Mutation {
        what: "a comment of another language",
        make: |l| (!l.trim().is_empty()).then(|| format!("# x\n{l}")),
        codes: &["E0110"],
    },
    Mutation {
        what: "a word too many",
        make: |l| {
            (l.trim_start().starts_with("0x") && !l.contains(['{', '/']))
                .then(|| format!("{} zz", l.trim_end()))
        },
        codes: &["E0109", "E0105", "E0101"],
    },
    Mutation {
        what: "an address that is far too large",
        make: |l| {
            let rest = l.strip_prefix("  0x")?;
            Some(format!("  0xFFFF_FFFF_FFFF_{rest}"))
        },
        codes: &["E0203", "E0207"],
    },
];

/// The codes of the errors of a text.
fn errors(text: &str, catalog: &Catalog) -> Vec<&'static str> {
    let (sources, file) = SourceMap::single("x.hm", text);
    let checked = check(&sources, file, catalog, &Overrides::default());
    let errors = checked.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    errors.map(|d| d.code.id()).collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn each_mistake_in_each_line_has_one_code() {
    let catalog = common::all_types();
    let mut bad = Vec::new();
    let mut made = 0;
    for (name, text) in common::samples() {
        let lines: Vec<&str> = text.lines().collect();
        for (i, line) in lines.iter().enumerate() {
            for m in MUTATIONS {
                let Some(wrong) = (m.make)(line).filter(|w| w != line) else { continue };
                let mut all = lines.clone();
                all[i] = &wrong;
                let found = errors(&(all.join("\n") + "\n"), &catalog);
                made += 1;
                if found.len() != 1 || !m.codes.contains(&found[0]) {
                    bad.push(format!("{name}:{}: {}: {found:?}\n    {wrong}", i + 1, m.what));
                }
            }
        }
    }
    assert!(made > 300, "only {made} mutants");
    assert!(bad.is_empty(), "{} of {made}\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn every_line_that_says_something_is_mutated() {
    for (name, text) in common::samples() {
        for line in text.lines().filter(|l| !l.trim().is_empty() && !l.trim().starts_with("//")) {
            let some = MUTATIONS.iter().any(|m| (m.make)(line).is_some());
            assert!(some, "{name}: {line}");
        }
    }
}
