//! Damaged machines: the samples with lines and tokens deleted, doubled and shifted. Nothing
//! panics, every mistake has a code, and one mistake gives few messages.

mod common;

use hetemu_lang::{
    Diagnostic, Overrides, Severity, SourceMap, check, check_bytes, render, to_json,
};
use hetemu_schema::Catalog;

fn run(text: &str, catalog: &Catalog) -> (Vec<Diagnostic>, SourceMap) {
    let (sources, file) = SourceMap::single("x.hm", text);
    let checked = check(&sources, file, catalog, &Overrides::default());
    let errors = checked.count(Severity::Error);
    assert_eq!(checked.graph.is_none(), errors > 0, "no graph without an error, or the reverse");
    (checked.diagnostics, sources)
}

/// One damage must not give more than `most` errors; returns what did.
fn damage(what: &str, text: &str, most: usize, catalog: &Catalog, bad: &mut Vec<String>) {
    let (diags, sources) = run(text, catalog);
    let errors: Vec<_> = diags.iter().filter(|d| d.severity == Severity::Error).collect();
    if errors.len() > most {
        let shown = render(&diags, &sources, false, 100);
        bad.push(format!("=== {what}: {} errors\n{shown}", errors.len()));
    }
    // Both forms of every message can be made.
    assert!(diags.is_empty() || to_json(&diags, &sources).lines().count() == diags.len());
    for d in &diags {
        let s = d.span();
        assert!(s.start <= s.end && s.end as usize <= text.len(), "{what}: {d:?}");
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn without(lines: &[&str], skip: usize) -> String {
    let kept = lines.iter().enumerate().filter(|(i, _)| *i != skip);
    kept.map(|(_, l)| *l).collect()
}

#[test]
fn samples_pass_without_a_warning() {
    let catalog = common::all_types();
    for (name, text) in common::samples() {
        let (diags, sources) = run(&text, &catalog);
        let worse = diags.iter().filter(|d| d.severity > Severity::Note).count();
        assert_eq!(worse, 0, "{name}\n{}", render(&diags, &sources, false, 100));
        assert_eq!(diags.len(), usize::from(name == "trio"), "{name}");
    }
}

#[test]
fn a_deleted_line_gives_at_most_three_errors() {
    let catalog = common::all_types();
    let mut bad = Vec::new();
    for (name, text) in common::samples() {
        let all = lines(&text);
        for i in 0..all.len() {
            let what = format!("{name} without line {}: {}", i + 1, all[i].trim());
            damage(&what, &without(&all, i), deleted(all[i]), &catalog, &mut bad);
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// How many errors may follow from the loss of a line: three, but where a name is lost that many
/// others use, each use is an error of its own.
fn deleted(line: &str) -> usize {
    let _ = line;
    3
}

#[test]
fn a_doubled_line_gives_at_most_three_errors() {
    let catalog = common::all_types();
    let mut bad = Vec::new();
    for (name, text) in common::samples() {
        let all = lines(&text);
        for i in 0..all.len() {
            let mut twice = all.clone();
            twice.insert(i, all[i]);
            let what = format!("{name} with line {} twice: {}", i + 1, all[i].trim());
            damage(&what, &twice.concat(), 3, &catalog, &mut bad);
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn a_shifted_line_gives_at_most_four_errors() {
    let catalog = common::all_types();
    let mut bad = Vec::new();
    for (name, text) in common::samples() {
        let all = lines(&text);
        for i in 0..all.len().saturating_sub(1) {
            let mut swapped = all.clone();
            swapped.swap(i, i + 1);
            let what = format!("{name} with line {} one down: {}", i + 1, all[i].trim());
            damage(&what, &swapped.concat(), 4, &catalog, &mut bad);
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// Words, numbers and signs, with their bytes.
fn tokens(text: &str) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    let mut comment = false;
    for (i, c) in text.char_indices() {
        comment = (comment || text[i..].starts_with("//")) && c != '\n';
        if comment || c.is_whitespace() {
            continue;
        }
        let word = c.is_alphanumeric() || c == '_';
        let end = i + c.len_utf8();
        match out.last_mut() {
            Some(last)
                if word
                    && last.1 == i
                    && text[last.0..i].chars().all(|c| c.is_alphanumeric() || c == '_') =>
            {
                last.1 = end;
            }
            _ => out.push((i, end)),
        }
    }
    out
}

#[test]
fn a_deleted_token_gives_at_most_four_errors() {
    let catalog = common::all_types();
    let mut bad = Vec::new();
    for (name, text) in common::samples() {
        for (start, end) in tokens(&text) {
            let cut = format!("{}{}", &text[..start], &text[end..]);
            let line = text[..start].matches('\n').count() + 1;
            let what = format!("{name} without `{}` in line {line}", &text[start..end]);
            damage(&what, &cut, 4, &catalog, &mut bad);
        }
    }
    assert!(bad.is_empty(), "{} of them\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn every_cut_and_every_odd_byte_is_survived() {
    let catalog = common::all_types();
    for (_, text) in common::samples() {
        let bytes = text.as_bytes();
        for i in (0..bytes.len()).step_by(97) {
            check_bytes(&bytes[..i], &catalog);
            let mut odd = bytes.to_vec();
            odd[i] = 0xff;
            check_bytes(&odd, &catalog);
            for c in *b"{}[]()\"/-\n0" {
                odd[i] = c;
                check_bytes(&odd, &catalog);
            }
        }
    }
}

#[test]
fn depth_and_length_have_an_end() {
    let catalog = common::all_types();
    let head = "hm 1\nmachine x\n";
    let chain: String = (0..5000).map(|i| format!("let a{i} = a{} + 1\n", i + 1)).collect();
    let mut flood = String::from("cpu : riscv.rv32 { bus = b0 }\n");
    for b in 0..12 {
        let rows: String =
            (0..12).map(|r| format!(" {:#x} + 0x1_0000 b{}\n", r << 16, b + 1)).collect();
        flood.push_str(&format!("bus b{b} {{\n{rows}}}\n"));
    }
    flood.push_str("bus b12 {\n 0 + 64 KiB r : memory.ram\n}\n");
    let cases = [
        flood,
        format!("let a = {}1{}", "(".repeat(50_000), ")".repeat(50_000)),
        format!("let a = {}1", "-".repeat(50_000)),
        format!("let a = 1{}", " + 1".repeat(50_000)),
        format!("let a = {}", "[".repeat(50_000)),
        "{".repeat(50_000),
        "}".repeat(50_000),
        "a : b {".repeat(10_000),
        format!("a.{}b = 1", "a.".repeat(50_000)),
        chain,
        "let a = 99999999999999999999999999999999999999999999\n".to_string(),
        "let a = 0x8000_0000_0000_0000 * 0x8000_0000_0000_0000 * 4 * 4 * 4 TiB".to_string(),
        "rv[i < 18446744073709551615] : riscv.rv64 { bus = b }\nbus b {\n 0 + 1 a : memory.ram\n}"
            .into(),
        "bus b {\n 0xFFFF_FFFF_FFFF_FFFF + 0xFFFF_FFFF_FFFF_FFFF a : memory.ram\n}".to_string(),
        "bus b {\n 0 .. 0xFFFF_FFFF_FFFF_FFFF a : memory.ram\n}".to_string(),
    ];
    for c in cases {
        let checked = check_bytes(format!("{head}{c}\n").as_bytes(), &catalog);
        assert!(checked.count(Severity::Error) > 0, "{}", &c[..40.min(c.len())]);
    }
}

/// A small generator of numbers, so that a failure can be repeated.
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as usize
}

#[test]
fn random_mixtures_of_the_samples_are_survived() {
    let catalog = common::all_types();
    let samples = common::samples();
    let all: String = samples.iter().map(|(_, t)| t.as_str()).collect();
    let pieces: Vec<&str> = tokens(&all).iter().map(|(a, b)| &all[*a..*b]).collect();
    let glue = [" ", " ", " ", "\n", "\n", "", ", ", ";", " { ", " }\n", "[", "]", " -> ", " = "];
    let rounds = std::env::var("HETEMU_ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(400);
    let mut state = 0x9E37_79B9_7F4A_7C15;
    for _ in 0..rounds {
        let mut text = String::from("hm 1\nmachine x\n");
        for (_, sample) in &samples {
            let lines = lines(sample);
            let from = next(&mut state) % lines.len();
            let to = (from + next(&mut state) % 12).min(lines.len());
            text.extend(lines[from..to].iter().copied());
            for _ in 0..next(&mut state) % 8 {
                text.push_str(pieces[next(&mut state) % pieces.len()]);
                text.push_str(glue[next(&mut state) % glue.len()]);
            }
        }
        let (diags, sources) = run(&text, &catalog);
        let shown = render(&diags, &sources, true, 80);
        assert!(diags.is_empty() || !shown.is_empty());
    }
}

/// Composed machines and the texts that they are made of.
fn composed() -> Vec<(String, String)> {
    let mut out = Vec::new();
    for folder in [common::data(), common::data().join("parts")] {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let ours = name.starts_with("E07")
                || name.contains("none")
                || path.to_string_lossy().contains("parts");
            if ours && (name.ends_with(".hm") || name.ends_with(".toml")) {
                out.push((name, std::fs::read_to_string(&path).expect("a text")));
            }
        }
    }
    out.sort();
    out
}

#[test]
fn damaged_compositions_are_survived() {
    let catalog = common::test_types();
    let all = composed();
    assert!(all.len() > 25, "{}", all.len());
    let tokens_of: Vec<Vec<(usize, usize)>> = all.iter().map(|(_, t)| tokens(t)).collect();
    let rounds = std::env::var("HETEMU_ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(40);
    let mut state = 0x1234_5678_9ABC_DEF1;
    let check = |name: &str, text: String| {
        let (mut sources, file) = SourceMap::single(name, text);
        let library = common::Parts;
        let overrides = Overrides::default();
        let checked = hetemu_lang::check_with(&mut sources, file, &catalog, &overrides, &library);
        let errors = checked.count(Severity::Error);
        assert_eq!(checked.graph.is_none(), errors > 0, "{name}: {:?}", checked.diagnostics);
        let shown = render(&checked.diagnostics, &sources, false, 100);
        assert!(checked.diagnostics.is_empty() || !shown.is_empty());
        hetemu_lang::expand(&checked, &sources);
        errors
    };
    for ((name, text), tokens) in all.iter().zip(&tokens_of) {
        for i in 0..lines(text).len() {
            check(name, without(&lines(text), i));
        }
        for _ in 0..rounds {
            // One token gone, doubled, or another text's.
            let (start, end) = tokens[next(&mut state) % tokens.len()];
            let other = next(&mut state) % all.len();
            let (a, b) = tokens_of[other][next(&mut state) % tokens_of[other].len()];
            let word = match next(&mut state) % 3 {
                0 => "",
                1 => &all[other].1[a..b],
                _ => &text[start..end],
            };
            let twice = if word == &text[start..end] { " " } else { "" };
            check(name, format!("{}{word}{twice}{word}{}", &text[..start], &text[end..]));
        }
    }
}
