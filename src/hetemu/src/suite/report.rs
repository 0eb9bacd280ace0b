//! Results of tests for people and for programs.

use super::{Outcome, Tested};
use crate::Jit;
use hetemu_lang::SourceMap;
use serde_json::{Value, json};
use std::fmt::Write;

/// How many tests went how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Skipped.
    pub skipped: usize,
}

impl Totals {
    /// Counts one more.
    pub fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed(_) => self.failed += 1,
            Outcome::Skipped(_) => self.skipped += 1,
        }
    }

    /// All of them.
    pub fn all(&self) -> usize {
        self.passed + self.failed + self.skipped
    }
}

/// The engine's name in a test file.
fn engine(jit: Jit) -> &'static str {
    match jit {
        Jit::Off => "off",
        Jit::Sync => "sync",
        Jit::On => "on",
    }
}

/// The name of a run: with the engine if there are several.
fn full(t: &Tested, several: bool) -> String {
    match several {
        true => format!("{} [jit {}]", t.name, engine(t.jit)),
        false => t.name.clone(),
    }
}

/// A line for people.
pub fn line(t: &Tested, several: bool) -> String {
    let name = full(t, several);
    match &t.outcome {
        Outcome::Skipped(why) => format!("  skipped  {name}: {why}\n"),
        outcome => {
            let word = if *outcome == Outcome::Passed { "ok" } else { "FAILED" };
            let took = t.took.as_millis();
            let virt = t.time.as_micros() as f64 / 1000.0;
            format!("  {word:7}  {name:44} {virt:>10.3} ms virtual {took:>6} ms\n")
        }
    }
}

/// One object a line.
pub fn to_json(suite: &str, t: &Tested, sources: &SourceMap) -> String {
    let diagnostic = |d| {
        let text = hetemu_lang::to_json(std::slice::from_ref(d), sources);
        serde_json::from_str::<Value>(&text).unwrap_or(Value::Null)
    };
    let (result, why) = match &t.outcome {
        Outcome::Passed => ("passed", Value::Null),
        Outcome::Failed(d) => ("failed", diagnostic(&**d)),
        Outcome::Skipped(why) => ("skipped", json!(why)),
    };
    let object = json!({
        "suite": suite,
        "test": t.name,
        "jit": engine(t.jit),
        "result": result,
        "why": why,
        "virtual_ns": t.time.as_nanos() as u64,
        "instructions": t.instructions,
        "host_ms": t.took.as_millis() as u64,
    });
    format!("{object}\n")
}

/// JUnit's XML: a suite a file.
pub fn to_junit(suites: &[(String, Vec<Tested>, &SourceMap)]) -> String {
    let mut totals = Totals::default();
    suites.iter().flat_map(|(_, all, _)| all).for_each(|t| totals.add(&t.outcome));
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = |t: &Totals| {
        format!("tests=\"{}\" failures=\"{}\" skipped=\"{}\"", t.all(), t.failed, t.skipped)
    };
    _ = writeln!(out, "<testsuites name=\"hetemu test\" {}>", counts(&totals));
    for (suite, all, sources) in suites {
        let mut totals = Totals::default();
        all.iter().for_each(|t| totals.add(&t.outcome));
        let several = all.iter().any(|t| all.iter().any(|u| t.name == u.name && t.jit != u.jit));
        let suite = escape(suite);
        _ = writeln!(out, "  <testsuite name=\"{suite}\" errors=\"0\" {}>", counts(&totals));
        for t in all {
            let (name, took) = (escape(&full(t, several)), t.took.as_secs_f64());
            let head =
                format!("<testcase classname=\"{suite}\" name=\"{name}\" time=\"{took:.3}\"");
            match &t.outcome {
                Outcome::Passed => _ = writeln!(out, "    {head}/>"),
                Outcome::Skipped(why) => {
                    let why = escape(why);
                    _ = writeln!(out, "    {head}><skipped message=\"{why}\"/></testcase>");
                }
                Outcome::Failed(d) => {
                    let shown = hetemu_lang::render(std::slice::from_ref(d), sources, false, 100);
                    let (code, message) = (d.code.id(), escape(&d.message));
                    _ = writeln!(out, "    {head}>");
                    let shown = escape(&shown);
                    _ = writeln!(
                        out,
                        "      <failure type=\"{code}\" message=\"{message}\">{shown}</failure>"
                    );
                    let output = escape(&t.output);
                    _ = writeln!(out, "      <system-out>{output}</system-out>");
                    out.push_str("    </testcase>\n");
                }
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// Text of an element or an attribute. Characters that XML 1.0 does not allow become blanks.
fn escape(text: &str) -> String {
    let legal = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}');
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if legal(c) || c > '\u{ffff}' => out.push(c),
            _ => out.push(' '),
        }
    }
    out
}
