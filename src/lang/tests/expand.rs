//! Expanded machines are the machines that they were made from: over the samples, every
//! case without an error, and machines made at random. (`tests/profiles.rs` does what is shipped.)

mod common;

use hetemu_graph::{Class, Detail, diff, json_text};
use hetemu_lang::{Checked, Library, NoLibrary, Overrides, SourceMap, check_with, expand, render};
use hetemu_schema::Catalog;
use hetemu_testing::Goldens;
use std::path::Path;

fn run(name: &str, text: &str, catalog: &Catalog, library: &dyn Library) -> (Checked, SourceMap) {
    let (mut sources, file) = SourceMap::single(name, text);
    (check_with(&mut sources, file, catalog, &Overrides::default(), library), sources)
}

/// Expands a machine without errors, checks the result, compares; gives the text.
fn round(name: &str, text: &str, catalog: &Catalog, library: &dyn Library) -> Option<String> {
    let (checked, sources) = run(name, text, catalog, library);
    let graph = checked.graph.as_ref()?;
    if checked.typed.alone {
        return None;
    }
    let expanded = expand(&checked, &sources).expect("no error").text;
    let (again, map) = run("expanded.hm", &expanded, catalog, &NoLibrary);
    let shown = render(&again.diagnostics, &map, false, 100);
    let Some(other) = &again.graph else { panic!("{name}\n{expanded}\n{shown}") };
    let changes = diff(graph, other);
    let none = Class::ALL.iter().all(|(_, c)| !changes.reaches(*c));
    assert!(none, "{name}\n{}\n{expanded}", changes.text());
    assert_eq!(json_text(graph, Detail::Guest), json_text(other, Detail::Guest), "{name}");
    // Of an expanded machine nothing is left to expand but the places.
    let bare = |t: &str| {
        let code = t.lines().map(|l| l.split("  // ").next().unwrap_or("").trim_end());
        code.filter(|l| !l.starts_with("// param")).collect::<Vec<_>>().join("\n")
    };
    let twice = expand(&again, &map).expect("no error").text;
    assert_eq!(bare(&expanded).replace("\n\n\n", "\n\n"), bare(&twice), "{name}");
    Some(expanded)
}

fn machines(folder: &Path) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|e| e == "hm" || e == "toml") {
            let text = std::fs::read_to_string(&path).expect("a text");
            out.push((path.display().to_string(), text));
        }
    }
    out.sort();
    out
}

#[test]
fn samples() {
    let catalog = common::all_types();
    for (name, text) in common::samples() {
        assert!(round(&name, &text, &catalog, &NoLibrary).is_some(), "{name} has errors");
    }
}

#[test]
fn cases_without_errors() {
    let catalog = common::test_types();
    let mut count = 0;
    for (name, text) in machines(&common::data()) {
        count += usize::from(round(&name, &text, &catalog, &common::Parts).is_some());
    }
    assert!(count >= 5, "{count}");
}

#[test]
fn who_decided_stands_behind_each_value() {
    let catalog = common::test_types();
    let text = std::fs::read_to_string(common::data().join("compose-none.hm")).expect("a case");
    let expanded = round("compose-none.hm", &text, &catalog, &common::Parts).expect("no errors");
    Goldens::one(common::data().join("compose-none.expanded"), &expanded);
}

/// A small generator of numbers, so that a failure can be repeated.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 11
}

/// A machine of the test types: memories, UARTs, timers, modules, an array of cores, with values
/// and wires by chance, above a base by chance.
fn machine(state: &mut u64) -> String {
    let mut roll = |n: u64| next(state) % n;
    let derived = roll(2) == 0;
    let mut out = String::from("hm 1\n\n");
    let mut irq = 6;
    if derived {
        let base = ["base", "small@1", "small@2", "fixed"][roll(4) as usize];
        let with = ["", " with loud", " with quiet"][roll(3) as usize];
        out.push_str(&format!("machine x extends {base}{with}\n\n"));
        if base == "fixed" && with == " with loud" {
            return String::from("hm 1\nmachine x extends fixed\n");
        }
        if roll(2) == 0 {
            out.push_str(&format!("ram_size = {} KiB\n", 4 << roll(5)));
        }
        match roll(4) {
            0 => out.push_str("remove uart.irq\n"),
            1 => out.push_str("rewire uart.irq -> plic[3]\n"),
            2 => out.push_str("also uart.irq -> plic[3]\n"),
            _ => out.push_str("remove timer\n"),
        }
        if roll(2) == 0 {
            out.push_str("replace ram : memory.rom\n");
        }
        out.push_str("bus more {\n");
    } else {
        let n = 1 + roll(4);
        out.push_str("machine x\n\nparam n : count = 3 in 1 .. 9\nclock osc = 24 MHz / 7\n");
        out.push_str("let step = 8 KiB\n");
        out.push_str(&format!(
            "cpu[k < {n}] : t.core {{ bus = main, hart = {}*k + n }}\n",
            roll(3)
        ));
        if roll(2) == 0 {
            out.push_str(&format!("cpu[{}].hart = {}\n", roll(n), roll(90)));
        }
        out.push_str("plic : t.plic\n");
        out.push_str("bus main {\n  0 + 64 KiB low : memory.ram\n  0x2000_0000 plic\n");
        out.push_str("  0x4000_0000 + 1 MiB more\n}\nbus more {\n");
        if roll(2) == 0 {
            out.push_str(&format!("  addr = {}\n", 24 + roll(30)));
        }
        if roll(2) == 0 {
            out.push_str("  unmapped = ones\n");
        }
    }
    let mut after = String::new();
    for k in 0..roll(6) {
        let at = k * 0x1_0000;
        match roll(5) {
            0 => {
                let flags = ["", " ro", " wo"][roll(3) as usize];
                out.push_str(&format!(
                    "  {at:#x} + {} KiB r{k}{flags} : memory.ram\n",
                    4 << roll(3)
                ));
                out.push_str(&format!("  {:#x} + 4 KiB r{k} over\n", at + 0x1000));
            }
            1 => {
                let parity = ["none", "even", "odd"][roll(3) as usize];
                out.push_str(&format!(
                    "  {at:#x} u{k} : t.uart@1 {{ parity = {parity}, label = \"a b{k}\", irq -> plic[{irq}] }}\n"
                ));
                irq += 1;
            }
            2 => out.push_str(&format!(
                "  {at:#x} t{k} : t.timer {{ clk = osc{}, period = {} us }}\n",
                ["", " / 3", " * 2"][roll(3) as usize],
                1 + roll(50)
            )),
            3 => {
                after.push_str(&format!(
                    "m{k} : tile {{ clk = osc, depth = {}, irq[0..1] -> plic[{irq}..{}] }}\n",
                    1 + roll(100),
                    irq + 1
                ));
                out.push_str(&format!("  {at:#x} + 8 KiB m{k}.apb\n"));
                irq += 2;
            }
            _ => {
                after.push_str(&format!(
                    "/// A pair.\np{k} : pair {{ clk = osc, sys = main, irq[1] -> plic[{irq}] }}\n"
                ));
                out.push_str(&format!("  {at:#x} + 8 KiB p{k}.a.apb\n"));
                irq += 1;
            }
        }
    }
    out.push_str("}\n");
    out.push_str(&after);
    out
}

#[test]
fn machines_by_chance() {
    let catalog = common::test_types();
    let rounds = std::env::var("HETEMU_ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(300);
    let mut state = 0x2545_F491_4F6C_DD1D;
    let mut sound = 0;
    for k in 0..rounds {
        let text = machine(&mut state);
        let name = format!("chance{k}.hm");
        match round(&name, &text, &catalog, &common::Parts) {
            Some(_) => sound += 1,
            None => {
                let (checked, sources) = run(&name, &text, &catalog, &common::Parts);
                let shown = render(&checked.diagnostics, &sources, false, 100);
                assert!(!checked.diagnostics.is_empty(), "{text}\n{shown}");
            }
        }
    }
    assert!(sound * 2 > rounds, "only {sound} of {rounds} machines are sound");
}
