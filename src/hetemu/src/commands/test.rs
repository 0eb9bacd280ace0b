//! `hetemu test`: scripted runs, many at once.

use super::{OK, TIMEOUT, USAGE, WRONG, complain};
use crate::cli::{Jit, Test, TestFormat};
use hetemu::suite::{self, Outcome, Suite, Tested, Totals};
use hetemu_lang::{Diagnostic, Severity, SourceMap};
use regex::Regex;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Instant;

/// A file that was read.
struct Read {
    name: String,
    sources: SourceMap,
    suite: Suite,
}

pub(crate) fn run(args: &Test, started: Instant) -> u8 {
    let filter = match args.filter.as_deref().map(Regex::new).transpose() {
        Ok(filter) => filter,
        Err(e) => {
            complain(format!("--filter: {e}"));
            return USAGE;
        }
    };
    let (mut files, mut wrong) = (Vec::new(), false);
    for path in &args.files {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) => {
                complain(format!("{path}: {e}"));
                return USAGE;
            }
        };
        let mut sources = SourceMap::new();
        let file = sources.add(path.as_str(), String::from_utf8_lossy(&bytes));
        let (suite, diagnostics) = suite::read(&sources, file);
        if !diagnostics.is_empty() {
            tell(&diagnostics, &sources, args.format);
            wrong |= diagnostics.iter().any(|d| d.severity == Severity::Error);
        }
        files.push(Read { name: path.clone(), sources, suite });
    }
    if wrong {
        return WRONG;
    }
    let wanted = |file: &Read, name: &str| {
        let full = format!("{}: {name}", file.suite.name);
        filter.as_ref().is_none_or(|f| f.is_match(&full))
    };
    let mut jobs = Vec::new();
    for (f, file) in files.iter().enumerate() {
        for (t, test) in file.suite.tests.iter().enumerate() {
            if wanted(file, &test.name) {
                jobs.extend(engines(args, test).into_iter().map(|jit| (f, t, jit)));
            }
        }
    }
    if args.list {
        list(&files, &jobs);
        return OK;
    }
    if jobs.is_empty() {
        complain("there is nothing to run: no test has such a name");
        return USAGE;
    }
    let (totals, results) = work(args, &files, &jobs);
    finish(args, &files, results, totals, started)
}

/// Where a test's hot code is compiled, a run each.
fn engines(args: &Test, test: &suite::Test) -> Vec<hetemu::Jit> {
    match args.jit {
        Some(Jit::Off) => vec![hetemu::Jit::Off],
        Some(Jit::Sync) => vec![hetemu::Jit::Sync],
        Some(Jit::On) => vec![hetemu::Jit::On],
        None if test.setup.jit.is_empty() => vec![hetemu::Jit::default()],
        None => test.setup.jit.clone(),
    }
}

fn list(files: &[Read], jobs: &[(usize, usize, hetemu::Jit)]) {
    let mut before = None;
    for (f, t, _) in jobs {
        let Some(file) = files.get(*f) else { continue };
        if before != Some((f, t))
            && let Some(test) = file.suite.tests.get(*t)
        {
            super::print(&format!("{}: {}: {}\n", file.name, file.suite.name, test.name));
        }
        before = Some((f, t));
    }
}

/// Runs everything, on several threads; results are told in the order of the files.
fn work(
    args: &Test,
    files: &[Read],
    jobs: &[(usize, usize, hetemu::Jit)],
) -> (Totals, Vec<(usize, Tested)>) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.jobs.unwrap_or(cores).clamp(1, jobs.len());
    let next = AtomicUsize::new(0);
    let (sender, receiver) = channel();
    let (mut totals, mut results) = (Totals::default(), Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let Some((f, t, jit)) = jobs.get(n) else { return };
                    let Some(file) = files.get(*f) else { return };
                    let Some(test) = file.suite.tests.get(*t) else { return };
                    if sender.send((n, *f, suite::run(&file.suite, test, *jit))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let (mut ready, mut told, mut head) = (BTreeMap::new(), 0, None);
        for (n, f, tested) in receiver {
            ready.insert(n, (f, tested));
            while let Some((f, tested)) = ready.remove(&told) {
                told += 1;
                totals.add(&tested.outcome);
                if let Some(file) = files.get(f) {
                    if args.format == TestFormat::Text && head != Some(f) {
                        super::print(&format!("{}  {}\n", file.suite.name, file.name));
                        head = Some(f);
                    }
                    let tests = jobs.iter().filter(|(of, ..)| *of == f);
                    let several = tests.clone().count() > {
                        let mut all: Vec<_> = tests.map(|(_, t, _)| *t).collect();
                        all.dedup();
                        all.len()
                    };
                    told_now(args, file, &tested, several);
                }
                results.push((f, tested));
            }
        }
    });
    (totals, results)
}

/// Tells a result as it comes.
fn told_now(args: &Test, file: &Read, tested: &Tested, several: bool) {
    match args.format {
        TestFormat::Text => super::print(&suite::line(tested, several)),
        TestFormat::Json => {
            super::print(&suite::to_json(&file.suite.name, tested, &file.sources));
            return;
        }
        _ => {}
    }
    if let Outcome::Failed(d) = &tested.outcome
        && args.format != TestFormat::Junit
    {
        tell(std::slice::from_ref(d), &file.sources, args.format);
    }
}

fn tell(diagnostics: &[Diagnostic], sources: &SourceMap, format: TestFormat) {
    match format {
        TestFormat::Github => super::print(&hetemu_lang::to_github(diagnostics, sources)),
        TestFormat::Json => super::print(&hetemu_lang::to_json(diagnostics, sources)),
        _ => {
            let err = std::io::stderr();
            let colour = err.is_terminal() && std::env::var_os("NO_COLOR").is_none();
            let text = hetemu_lang::render(diagnostics, sources, colour, 100);
            let _ = err.lock().write_all(text.as_bytes());
        }
    }
}

fn finish(
    args: &Test,
    files: &[Read],
    results: Vec<(usize, Tested)>,
    totals: Totals,
    started: Instant,
) -> u8 {
    if args.format == TestFormat::Junit {
        let mut suites: Vec<_> =
            files.iter().map(|f| (f.suite.name.clone(), Vec::new(), &f.sources)).collect();
        for (f, tested) in results {
            if let Some((_, all, _)) = suites.get_mut(f) {
                all.push(tested);
            }
        }
        super::print(&suite::to_junit(&suites));
    }
    if matches!(args.format, TestFormat::Text | TestFormat::Github) {
        let Totals { passed, failed, skipped } = totals;
        let all = totals.all();
        let s = if all == 1 { "" } else { "s" };
        let took = started.elapsed().as_millis();
        super::print(&format!(
            "{all} run{s}: {passed} passed, {failed} failed, {skipped} skipped in {took} ms\n"
        ));
    }
    if args.no_skip && totals.skipped > 0 || totals.failed > 0 { TIMEOUT } else { OK }
}
