//! Diagnostics for continuous integration: annotations of GitHub Actions, and JUnit's XML that
//! test dashboards read.

use super::{Diagnostic, Severity};
use crate::render;
use crate::source::SourceMap;
use std::fmt::Write;

/// One `::error file=...,line=...::message` a diagnostic ("Workflow commands" of GitHub's docs).
pub fn to_github(diags: &[Diagnostic], sources: &SourceMap) -> String {
    let mut out = String::new();
    for d in diags {
        let level = match d.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let span = d.span();
        let place = sources.get(span.file).map(|f| {
            let ((line, col), (last, end)) = (f.line_col(span.start), f.line_col(span.end));
            let name = property(&f.name);
            // Columns are for one line only.
            match line == last {
                true => format!("file={name},line={line},col={col},endColumn={end},"),
                false => format!("file={name},line={line},endLine={last},"),
            }
        });
        let mut text = d.message.clone();
        for h in &d.help {
            _ = write!(text, "\nhelp: {}", h.message);
        }
        for n in &d.notes {
            _ = write!(text, "\nnote: {n}");
        }
        let place = place.unwrap_or_default();
        _ = writeln!(out, "::{level} {place}title={}::{}", d.code.id(), data(&text));
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// One suite a file; each error is a failed case, and a file without one is a case that passed.
pub fn to_junit(files: &[(&str, &[Diagnostic], &SourceMap)]) -> String {
    let errors = |d: &[Diagnostic]| d.iter().filter(|d| d.severity == Severity::Error).count();
    let failures: usize = files.iter().map(|(_, d, _)| errors(d)).sum();
    let tests: usize = files.iter().map(|(_, d, _)| errors(d).max(1)).sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    _ = writeln!(
        out,
        "<testsuites name=\"hetemu check\" tests=\"{tests}\" failures=\"{failures}\">"
    );
    for (name, diags, sources) in files {
        let (failed, name) = (errors(diags), attribute(name));
        let tests = failed.max(1);
        _ = writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\" errors=\"0\">"
        );
        if failed == 0 {
            _ = writeln!(out, "    <testcase classname=\"{name}\" name=\"check\"/>");
        }
        for d in diags.iter().filter(|d| d.severity == Severity::Error) {
            let title = attribute(&format!("{} {}", d.code.id(), sources.place(d.span())));
            let message = attribute(&d.message);
            let shown = element(&render(std::slice::from_ref(d), sources, false, 100));
            _ = writeln!(out, "    <testcase classname=\"{name}\" name=\"{title}\">");
            let code = d.code.id();
            _ = writeln!(
                out,
                "      <failure type=\"{code}\" message=\"{message}\">{shown}</failure>"
            );
            out.push_str("    </testcase>\n");
        }
        let rest: Vec<Diagnostic> =
            diags.iter().filter(|d| d.severity != Severity::Error).cloned().collect();
        if !rest.is_empty() {
            let shown = element(&render(&rest, sources, false, 100));
            _ = writeln!(out, "    <system-out>{shown}</system-out>");
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// Text of an element. Characters that XML 1.0 does not allow become blanks.
fn element(text: &str) -> String {
    let legal = |c: char| matches!(c, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}');
    let legal = |c: char| if legal(c) || c > '\u{ffff}' { c } else { ' ' };
    let text: String = text.chars().map(legal).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn attribute(text: &str) -> String {
    element(text).replace('"', "&quot;").replace('\n', "&#10;")
}
