//! Diagnostics for people: miette's graphical form, to a text.

use super::{Diagnostic, Severity};
use crate::source::{SourceFile, SourceMap};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteSpanContents, SourceCode, ThemeStyles,
};
use std::fmt::Write;

/// How many messages are shown; the rest are counted.
const SHOWN: usize = 20;

/// The messages as a person reads them, at most 20 and a count of the rest. `colour` is for terminals;
/// without it the text is plain and the same everywhere. `width` is in characters.
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
        out.push('\n');
    }
    if let Some(rest) = diags.len().checked_sub(SHOWN).filter(|n| *n > 0) {
        let errors = diags.iter().skip(SHOWN).filter(|d| d.severity == Severity::Error).count();
        let _ = writeln!(out, "and {rest} more ({errors} of them errors)");
    }
    out
}

/// One message as miette wants it: the labels of the primary file on its text, those of other files as
/// related places.
#[derive(Debug)]
struct Report<'a> {
    d: &'a Diagnostic,
    message: String,
    help: Option<String>,
    source: Option<Borrowed<'a>>,
    labels: Vec<LabeledSpan>,
}

/// A text that miette may read; only the lines around the labels are looked for.
#[derive(Debug)]
struct Borrowed<'a>(&'a SourceFile);

impl SourceCode for Borrowed<'_> {
    fn read_span<'b>(
        &'b self,
        span: &miette::SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'b> + 'b>, miette::MietteError> {
        let c = self.0.text.read_span(span, before, after)?;
        let name = self.0.name.clone();
        let (span, line, col) = (*c.span(), c.line(), c.column());
        // The lines are inside `self.0.text`; the box of `c` is not needed to keep them.
        let data = self.0.text.as_bytes().get(span.offset()..span.offset() + span.len());
        let data = data.ok_or(miette::MietteError::OutOfBounds)?;
        Ok(Box::new(MietteSpanContents::new_named(name, data, span, line, col, c.line_count())))
    }
}

impl<'a> Report<'a> {
    fn new(d: &'a Diagnostic, sources: &'a SourceMap) -> Report<'a> {
        let primary = d.span();
        let file = sources.get(primary.file);
        let mut help: Vec<String> = Vec::new();
        let mut labels = Vec::new();
        for l in &d.labels {
            let text = (!l.text.is_empty()).then(|| l.text.clone());
            let (start, len) = (l.span.start as usize, (l.span.end - l.span.start) as usize);
            if l.span.file != primary.file {
                help.push(format!("see {}: {}", sources.place(l.span), l.text));
            } else if l.primary {
                labels.push(LabeledSpan::new_primary_with_span(text, (start, len)));
            } else {
                labels.push(LabeledSpan::new_with_span(text, (start, len)));
            }
        }
        help.extend(d.help.iter().map(|h| h.message.clone()));
        help.extend(d.notes.iter().map(|n| format!("note: {n}")));
        let help = (!help.is_empty()).then(|| help.join("\n"));
        let source = file.map(Borrowed);
        let message = format!("{}[{}]: {}", d.severity.word(), d.code.id(), d.message);
        Report { d, message, help, source, labels }
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
    fn help<'b>(&'b self) -> Option<Box<dyn std::fmt::Display + 'b>> {
        self.help.as_ref().map(|h| Box::new(h) as Box<dyn std::fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|s| s as &dyn SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (self.source.is_some()).then(|| Box::new(self.labels.iter().cloned()) as Box<_>)
    }
}
