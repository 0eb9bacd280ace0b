//! Applies the edits that diagnostics propose (`hetemu check --fix`).

use super::{Diagnostic, Edit};
use crate::source::{FileId, SourceMap};

/// The text of a file after every fix that does not touch another one, and how many were made. Of
/// several proposals of one diagnostic the first with edits counts; it is made whole or not at all.
pub fn apply_fixes(diags: &[Diagnostic], sources: &SourceMap, file: FileId) -> (String, usize) {
    let text = sources.get(file).map_or("", |f| f.text.as_str());
    let mut taken: Vec<&Edit> = Vec::new();
    let mut made = 0;
    for d in diags {
        let Some(help) = d.help.iter().find(|h| !h.edits.is_empty()) else { continue };
        let fits = help.edits.iter().all(|e| {
            e.span.file == file
                && text.get(e.span.start as usize..e.span.end as usize).is_some()
                && taken.iter().all(|t| !touch(t, e))
        });
        if fits {
            taken.extend(&help.edits);
            made += 1;
        }
    }
    taken.sort_by_key(|e| (e.span.start, e.span.end));
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for e in taken {
        out.push_str(text.get(at..e.span.start as usize).unwrap_or(""));
        out.push_str(&e.text);
        at = e.span.end as usize;
    }
    out.push_str(text.get(at..).unwrap_or(""));
    (out, made)
}

fn touch(a: &Edit, b: &Edit) -> bool {
    a.span.start <= b.span.end && b.span.start <= a.span.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes;
    use crate::source::Span;

    #[test]
    fn fixes_that_touch_are_made_one_at_a_time() {
        let (map, file) = SourceMap::single("a", "4 GB + 2 KB");
        let at = |start, end| Span { file, start, end };
        let d = |s: Span, t: &str| Diagnostic::new(codes::E0201, s, "x").fix("y", s, t);
        let all = [d(at(2, 4), "GiB"), d(at(2, 4), "MiB"), d(at(9, 11), "KiB")];
        assert_eq!(apply_fixes(&all, &map, file), ("4 GiB + 2 KiB".into(), 2));
    }
}
