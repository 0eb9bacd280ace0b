//! Runs a plan and says where emulators differ.

use super::emulators::{self, Engine, Qemu, Scratch};
use super::generate::snippets;
use super::image::{self, Snippet};
use super::tables::Tables;
use super::{Plan, Xlen};
use hetemu_target_riscv::table::{ALIASES, FIELDS, ROWS};
use std::fmt::Write;
use std::path::Path;

/// What a run showed.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Instructions of snippets that were executed at least (loops count once).
    pub instructions: u64,
    /// Reports of what differs, one an engine.
    pub differences: Vec<String>,
}

/// Runs a plan on QEMU and on hetemu with each of some engines.
///
/// # Errors
/// Says what could not be run at all.
pub fn run(plan: &Plan, qemu: &Qemu, hetemu: &Path, engines: &[Engine]) -> Result<Outcome, String> {
    let snippets = snippets(plan);
    let instructions = snippets.iter().map(|s| u64::from(s.instructions) * u64::from(s.runs)).sum();
    let file = Scratch::new("diff.bin", &image::build(plan, &snippets, None))?;
    let expected = qemu.run(&file.0)?;
    if !expected.contains("\ndone") {
        return Err(format!("QEMU does not finish:\n{}\n{}", tail(&expected), plan.command()));
    }
    let mut outcome = Outcome { instructions, differences: Vec::new() };
    for &engine in engines {
        let got = emulators::hetemu(hetemu, plan.xlen, engine, &file.0)?;
        if let Some(number) = first_difference(&expected, &got) {
            let report = explain(plan, &snippets, qemu, hetemu, engine, number, &got)?;
            outcome.differences.push(report);
        }
    }
    Ok(outcome)
}

/// The number of the first snippet whose lines differ: lines stand in the order of numbers.
fn first_difference(expected: &str, got: &str) -> Option<u32> {
    let mut got = got.lines();
    for (number, line) in expected.lines().enumerate() {
        if got.next() != Some(line) {
            return Some(number as u32);
        }
    }
    None
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(6)..].join("\n")
}

fn explain(
    plan: &Plan,
    snippets: &[Snippet],
    qemu: &Qemu,
    hetemu: &Path,
    engine: Engine,
    number: u32,
    got: &str,
) -> Result<String, String> {
    let name = Engine::ALL.iter().find(|(_, e)| *e == engine).map_or("", |(w, _)| w);
    let mut out = format!("hetemu ({name}) differs from QEMU at snippet {number}\n");
    let _ = writeln!(out, "  {} --engine {name} --only {number}", plan.command());
    let Some(snippet) = snippets.get(number as usize) else {
        out += &tail(got);
        return Ok(out);
    };
    let file = Scratch::new("diff.bin", &image::build(plan, snippets, Some(number)))?;
    let expected = qemu.run(&file.0)?;
    let got = emulators::hetemu(hetemu, plan.xlen, engine, &file.0)?;
    out += &listing(plan.xlen, &snippet.code);
    out += &states(&expected, &got);
    Ok(out)
}

/// Disassembly of a snippet.
pub fn listing(xlen: Xlen, code: &[u8]) -> String {
    let tables = Tables::new(xlen);
    let mut out = String::new();
    let mut at = 0;
    while let Some(low) = code.get(at..at + 2) {
        let mut bytes = [low[0], low[1], 0, 0];
        let length = if low[0] & 3 == 3 { 4 } else { 2 };
        if let (4, Some(high)) = (length, code.get(at + 2..at + 4)) {
            bytes[2..].copy_from_slice(high);
        }
        let word = u32::from_le_bytes(bytes);
        let _ = writeln!(
            out,
            "  {at:4x}  {word:0w$x}{:p$}  {}",
            "",
            text(&tables, word),
            w = length * 2,
            p = 8 - length * 2
        );
        at += length;
    }
    out
}

fn text(tables: &Tables, word: u32) -> String {
    let Some(insn) = tables.decode(word) else { return "(illegal)".into() };
    let alias = ALIASES.iter().find(|a| a.len == insn.len && a.matches(word, tables.set(), FIELDS));
    let row = alias.or_else(|| ROWS.get(usize::from(insn.row)));
    row.map_or_else(String::new, |row| {
        row.text(word, FIELDS, |field, value| match field.style {
            "x" | "f" => format!("{}{value}", field.style),
            "rm" => {
                [",rne", ",rtz", ",rdn", ",rup", ",rmm", ",5", ",6", ""][value as usize & 7].into()
            }
            _ => value.to_string(),
        })
    })
}

/// What differs in the first run that differs, with the registers that it began with.
fn states(expected: &str, got: &str) -> String {
    let mut out = String::new();
    let mut input = "";
    let mut got_lines = got.lines();
    for line in expected.lines() {
        if line.starts_with("in ") {
            input = line;
        }
        let other = got_lines.next().unwrap_or("(nothing)");
        if other == line {
            continue;
        }
        let _ = writeln!(out, "  QEMU and hetemu, where they differ:");
        let (ours, theirs): (Vec<&str>, Vec<&str>) =
            (other.split_whitespace().collect(), line.split_whitespace().collect());
        for (i, word) in theirs.iter().enumerate() {
            if ours.get(i) != Some(word) {
                let _ = writeln!(out, "    {word:28} {}", ours.get(i).unwrap_or(&"-"));
            }
        }
        if ours.len() > theirs.len() || !other.starts_with(&line[..line.len().min(3)]) {
            let _ = writeln!(out, "    QEMU:   {line}\n    hetemu: {other}");
        }
        let _ = writeln!(out, "  {input}");
        return out;
    }
    out += "  the closer look shows no difference: the code before it matters\n";
    out += &tail(got);
    out
}
