//! Tracefiles of lcov, for genhtml and editors: which lines of the source have run.
//!
//! geninfo(1), "FILES". What is counted are lines and functions whose code was entered, not how
//! often: each count is 0 or 1.

use super::coverage::Program;
use super::lines::rows;
use hetemu_engine::Executed;
use std::collections::BTreeMap;
use std::fmt::Write;

/// One source file.
#[derive(Default)]
struct File {
    lines: BTreeMap<u64, bool>,
    /// First line, name and whether it has run.
    functions: BTreeMap<String, (u64, bool)>,
}

/// The text, and how many lines have run of how many.
pub(super) fn write(programs: &[Program], executed: &[Executed]) -> (String, (usize, usize)) {
    let ran = Ran::new(executed);
    let mut files: BTreeMap<String, File> = BTreeMap::new();
    for program in programs {
        let mut rows = rows(program);
        rows.sort_by_key(|r| (r.start, r.end, r.line));
        for row in &rows {
            let file = files.entry(row.file.clone()).or_default();
            *file.lines.entry(row.line).or_insert(false) |= ran.touches(row.start, row.end);
        }
        let Ok(symbols) = super::symbols(&program.bytes, program.base) else { continue };
        for s in symbols.iter().filter(|s| s.function && s.size > 0) {
            // The row that the function begins with.
            let at = rows.partition_point(|r| r.start <= s.addr);
            let Some(row) = rows.get(at.wrapping_sub(1)).filter(|r| s.addr < r.end) else {
                continue;
            };
            let hit = ran.touches(s.addr, s.addr.saturating_add(s.size));
            let functions = &mut files.entry(row.file.clone()).or_default().functions;
            functions.entry(s.name.clone()).or_insert((row.line, false)).1 |= hit;
        }
    }
    let mut out = String::new();
    let (mut hit, mut found) = (0, 0);
    for (name, file) in &files {
        let _ = writeln!(out, "TN:\nSF:{}", name.replace(['\n', '\r'], "?"));
        for (function, (line, _)) in &file.functions {
            let _ = writeln!(out, "FN:{line},{function}");
        }
        for (function, (_, hit)) in &file.functions {
            let _ = writeln!(out, "FNDA:{},{function}", u8::from(*hit));
        }
        let ran = file.functions.values().filter(|f| f.1).count();
        let _ = writeln!(out, "FNF:{}\nFNH:{ran}", file.functions.len());
        for (line, hit) in &file.lines {
            let _ = writeln!(out, "DA:{line},{}", u8::from(*hit));
        }
        let ran = file.lines.values().filter(|h| **h).count();
        let _ = writeln!(out, "LF:{}\nLH:{ran}\nend_of_record", file.lines.len());
        hit += ran;
        found += file.lines.len();
    }
    (out, (hit, found))
}

/// Addresses that have run, as ranges that do not touch.
struct Ran(Vec<(u64, u64)>);

impl Ran {
    fn new(executed: &[Executed]) -> Ran {
        let mut list: Vec<(u64, u64)> =
            executed.iter().map(|e| (e.va, e.va.saturating_add(e.len.into()))).collect();
        list.sort_unstable();
        let mut out: Vec<(u64, u64)> = Vec::new();
        for (start, end) in list {
            match out.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => out.push((start, end)),
            }
        }
        Ran(out)
    }

    /// Whether anything from `start` on, before `end`, has run.
    fn touches(&self, start: u64, end: u64) -> bool {
        let next = self.0.partition_point(|r| r.1 <= start);
        self.0.get(next).is_some_and(|r| r.0 < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_touch() {
        let block = |va, len| Executed { va, len, insns: 1 };
        let ran = Ran::new(&[block(0x10, 8), block(0x14, 8), block(0x30, 2)]);
        assert_eq!(ran.0, [(0x10, 0x1c), (0x30, 0x32)]);
        let hits = [(0, 0x10), (0, 0x11), (0x1b, 0x20), (0x1c, 0x30), (0x31, 0x40), (0x32, 0x40)];
        assert_eq!(hits.map(|(a, b)| ran.touches(a, b)), [false, true, true, false, true, false]);
    }
}
