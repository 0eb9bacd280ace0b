//! A diff as text, JSON and Markdown.

use super::{Change, Class, Diff, Sign};
use crate::model::Span;
use serde_json::{Value as Json, json};
use std::fmt::Write;

/// `old -> new` of a change; one of them where the other does not exist.
fn values(c: &Change) -> String {
    match (c.sign, c.old.is_empty(), c.new.is_empty()) {
        (Sign::Changed, true, true) => "changed".into(),
        (Sign::Changed, ..) => {
            let or = |s: &str| if s.is_empty() { "none".to_string() } else { s.to_string() };
            format!("{} -> {}", or(&c.old), or(&c.new))
        }
        (Sign::Added, _, false) if c.subject == "wire" => format!("-> {}", c.new),
        (Sign::Removed, false, _) if c.subject == "wire" => format!("-> {}", c.old),
        (Sign::Added, ..) => c.new.clone(),
        (Sign::Removed, ..) => c.old.clone(),
    }
}

pub(super) fn text(d: &Diff) -> String {
    let title = match d.names.0 == d.names.1 {
        true => d.names.1.clone(),
        false => format!("{} -> {}", d.names.0, d.names.1),
    };
    let Some(class) = d.class() else { return format!("{title:<55} equal\n") };
    let mut out = format!("{title:<55} {}\n", class.sentence());
    let width = |f: fn(&Change) -> usize, most: usize| {
        d.changes.iter().map(f).filter(|w| *w <= most).max().unwrap_or(0)
    };
    let w1 = width(|c| c.subject.len(), 24);
    let w2 = width(|c| if values(c).is_empty() { 0 } else { c.fact.len() }, 40);
    for c in &d.changes {
        let line = format!("{} {:w1$}   {:w2$}   {}", c.sign.mark(), c.subject, c.fact, values(c));
        _ = writeln!(out, "{}", line.trim_end());
    }
    if let Some(line) = saved(d) {
        _ = writeln!(out, "{line}");
    }
    _ = writeln!(out, "{}", counts(d));
    out
}

fn saved(d: &Diff) -> Option<String> {
    let s = &d.saved;
    let reasons: Vec<&str> = s.converted.iter().chain(&s.lost).map(String::as_str).collect();
    if reasons.is_empty() {
        return None;
    }
    let verdict = if s.loadable() { "loadable" } else { "not loadable" };
    let reasons = reasons.join("; ");
    Some(format!("saved states of the old machine: {verdict} ({reasons})"))
}

/// Three classes always, the others where they occur.
fn counts(d: &Diff) -> String {
    let always = [Class::Guest, Class::Host, Class::Cosmetic];
    let words: Vec<String> = Class::ALL
        .iter()
        .map(|(_, class)| (*class, d.count(*class)))
        .filter(|(class, n)| *n > 0 || always.contains(class))
        .map(|(class, n)| format!("{n} {}", class.sentence()))
        .collect();
    words.join(", ")
}

pub(super) fn json(d: &Diff) -> Json {
    let place = |files: &[String], span: Option<Span>| {
        let span = span.filter(|s| *s != Span::default())?;
        let file = files.get(span.file as usize)?;
        Some(json!({ "file": file, "start": span.start, "end": span.end }))
    };
    let changes: Vec<Json> = d
        .changes
        .iter()
        .map(|c| {
            json!({
                "class": c.class.word(),
                "sign": c.sign.mark().to_string(),
                "subject": c.subject,
                "fact": c.fact,
                "old": c.old,
                "new": c.new,
                "old_span": place(&d.files.0, c.old_span),
                "new_span": place(&d.files.1, c.new_span),
            })
        })
        .collect();
    let counts: serde_json::Map<String, Json> =
        Class::ALL.iter().map(|(word, class)| ((*word).into(), json!(d.count(*class)))).collect();
    json!({
        "old": d.names.0,
        "new": d.names.1,
        "class": d.class().map(Class::word),
        "changes": changes,
        "saved_states": {
            "loadable": d.saved.loadable(),
            "converted": d.saved.converted,
            "lost": d.saved.lost,
        },
        "counts": counts,
    })
}

/// Rows of one table; a comment of a review has 65,536 characters at most.
const MOST: usize = 100;

/// Fit for a review: what a program can notice is in sight, the rest behind a fold. The first line
/// lets a script find its earlier comment.
pub(super) fn markdown(d: &Diff) -> String {
    let mut out = format!("<!-- hetemu diff {} -->\n", d.names.1.replace("--", "-"));
    let title = match d.names.0 == d.names.1 {
        true => format!("`{}`", d.names.1),
        false => format!("`{}` → `{}`", d.names.0, d.names.1),
    };
    let Some(class) = d.class() else { return format!("{out}### {title}: equal\n") };
    _ = write!(out, "### {title}: {}\n\n", class.sentence());
    let (strong, weak): (Vec<&Change>, Vec<&Change>) =
        d.changes.iter().partition(|c| c.class <= Class::Timing);
    if !strong.is_empty() {
        table(&mut out, &strong);
        out.push('\n');
    }
    if let Some(line) = saved(d) {
        let sign = if d.saved.loadable() { "✅" } else { "⚠️" };
        _ = write!(out, "{sign} S{}.\n\n", line.trim_start_matches('s'));
    }
    if !weak.is_empty() {
        let (host, cosmetic) = (d.count(Class::Host), d.count(Class::Cosmetic));
        _ = write!(out, "<details><summary>{host} host-only, {cosmetic} cosmetic</summary>\n\n");
        table(&mut out, &weak);
        out.push_str("\n</details>\n\n");
    }
    _ = writeln!(out, "{}", counts(d));
    out
}

fn table(out: &mut String, changes: &[&Change]) {
    out.push_str("| | class | what | fact | old | new |\n|---|---|---|---|---|---|\n");
    let code = |s: &str| match s {
        "" => String::new(),
        // A bar would end the cell, also within code; a backquote would end the code.
        s => format!("`{}`", s.replace('|', "\\|").replace('\n', " ").replace('`', "'")),
    };
    for c in changes.iter().take(MOST) {
        _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            c.sign.mark(),
            c.class.word(),
            code(&c.subject),
            code(&c.fact),
            code(&c.old),
            code(&c.new)
        );
    }
    if changes.len() > MOST {
        _ = writeln!(out, "\n… and {} more.", changes.len() - MOST);
    }
}
