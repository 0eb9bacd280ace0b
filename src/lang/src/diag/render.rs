//! Diagnostics for people: miette's graphical form, to a text.

use super::{Diagnostic, Severity};
use crate::source::{SourceFile, SourceMap};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteSpanContents, SourceCode,
    ThemeStyles,
};
use std::borrow::Cow;
use std::fmt::Write;

/// How many messages are shown; the rest are counted.
const SHOWN: usize = 20;

/// The messages as a person reads them, at most 20 and a count of the rest. `colour` is for
/// terminals; without it the text is plain and the same everywhere. `width` is in characters.
pub fn render(diags: &[Diagnostic], sources: &SourceMap, colour: bool, width: usize) -> String {
    let styles = if colour { ThemeStyles::ansi() } else { ThemeStyles::none() };
    let mut theme = GraphicalTheme::unicode();
    theme.styles = styles;
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(width.clamp(40, 400))
        .with_links(false)
        .with_wrap_lines(true)
        .with_context_lines(0);
    let mut out = String::new();
    for d in diags.iter().take(SHOWN) {
        let report = Report::new(d, sources);
        let mut one = String::new();
        if handler.render_report(&mut one, &report).is_err() {
            one = report.message.clone();
        }
        for line in one.lines() {
            out.push_str(line.trim_end());
            out.push('\n');
        }
        footers(&mut out, d, sources, colour, width);
        out.push('\n');
    }
    if let Some(rest) = diags.len().checked_sub(SHOWN).filter(|n| *n > 0) {
        let errors = diags.iter().skip(SHOWN).filter(|d| d.severity == Severity::Error).count();
        let _ = writeln!(out, "and {rest} more ({errors} of them errors)");
    }
    out
}

/// What stands below the text: places in other files, advice, facts; each on its own lines.
fn footers(out: &mut String, d: &Diagnostic, sources: &SourceMap, colour: bool, width: usize) {
    let file = d.span().file;
    let elsewhere = d.labels.iter().filter(|l| l.span.file != file);
    let see = elsewhere.map(|l| ("see", format!("{}: {}", sources.place(l.span), l.text)));
    let help = d.help.iter().map(|h| ("help", h.message.clone()));
    let notes = d.notes.iter().map(|n| ("note", n.clone()));
    for (word, text) in see.chain(help).chain(notes) {
        let head = match colour {
            true => format!("  \u{1b}[36m{word}:\u{1b}[0m "),
            false => format!("  {word}: "),
        };
        out.push_str(&head);
        let mut column = word.len() + 4;
        for (i, w) in blanked(&text).split(' ').enumerate() {
            let len = w.chars().count();
            if i > 0 && column + 1 + len > width.max(40) {
                out.push_str("\n        ");
                column = 8;
            } else if i > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(w);
            column += len;
        }
        out.push('\n');
    }
}

/// One message as miette wants it, with the labels of the primary file.
#[derive(Debug)]
struct Report<'a> {
    d: &'a Diagnostic,
    message: String,
    source: Option<Shown<'a>>,
    labels: Vec<LabeledSpan>,
}

/// A text that miette may read; only the lines around the labels are looked for. Control characters
/// are blanked: a text must not drive the reader's terminal.
#[derive(Debug)]
struct Shown<'a> {
    file: &'a SourceFile,
    text: Cow<'a, str>,
}

impl<'a> Shown<'a> {
    fn new(file: &'a SourceFile) -> Shown<'a> {
        Shown { file, text: blanked(&file.text) }
    }
}

/// A text with blanks for control characters, of the same length in bytes.
fn blanked(text: &str) -> Cow<'_, str> {
    let control = |c: char| c.is_ascii_control() && c != '\n' && c != '\t';
    if text.contains(control) { text.replace(control, " ").into() } else { text.into() }
}

impl SourceCode for Shown<'_> {
    fn read_span<'b>(
        &'b self,
        span: &miette::SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'b> + 'b>, miette::MietteError> {
        let file = self.file;
        let (start, end) = (span.offset(), span.offset() + span.len());
        let ((line, col), (last, _)) = (file.line_col(start as u32), file.line_col(end as u32));
        let first = line.saturating_sub(before).max(1);
        let (from, to) = (file.line_start(first), file.line_end(last + after));
        // Whole lines, with the column of the place itself: the header shows that.
        let data = self.text.as_bytes().get(from..to).ok_or(miette::MietteError::OutOfBounds)?;
        let span = miette::SourceSpan::new(from.into(), to - from);
        let count = last + after - first + 1;
        let name = file.name.clone();
        Ok(Box::new(MietteSpanContents::new_named(name, data, span, first - 1, col - 1, count)))
    }
}

impl<'a> Report<'a> {
    fn new(d: &'a Diagnostic, sources: &'a SourceMap) -> Report<'a> {
        let primary = d.span();
        let file = sources.get(primary.file);
        let mut labels = Vec::new();
        for l in &d.labels {
            let text = (!l.text.is_empty()).then(|| blanked(&l.text).into_owned());
            let (start, len) = (l.span.start as usize, (l.span.end - l.span.start) as usize);
            if l.span.file != primary.file {
                continue;
            }
            if l.primary {
                labels.push(LabeledSpan::new_primary_with_span(text, (start, len)));
            } else {
                labels.push(LabeledSpan::new_with_span(text, (start, len)));
            }
        }
        let source = file.map(Shown::new);
        let words = blanked(&d.message);
        let message = format!("{}[{}]: {words}", d.severity.word(), d.code.id());
        Report { d, message, source, labels }
    }
}

impl std::fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.d.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|s| s as &dyn SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (self.source.is_some()).then(|| Box::new(self.labels.iter().cloned()) as Box<_>)
    }
}
