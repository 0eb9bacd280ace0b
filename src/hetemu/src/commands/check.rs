//! `hetemu check`: every mistake of machine files.

use super::{OK, USAGE, WRONG, complain, count};
use crate::cli::{Check, CheckFormat};
use hetemu::codes::E0903;
use hetemu::{Loaded, find, registry};
use hetemu_graph::{Flat, Graph, flatten, show};
use hetemu_lang::lock::{Locked, compare};
use hetemu_lang::{Diagnostic, Severity, SourceMap, Span, to_github, to_junit, to_sarif};
use hetemu_schema::RegionKind;
use std::collections::BTreeSet;
use std::time::Instant;

pub(crate) fn run(args: &Check, started: Instant) -> u8 {
    let registry = registry::registry();
    let settings = args.setting.settings();
    let (mut wrong, mut checked) = (false, 0usize);
    let mut unreadable = false;
    let mut done = Vec::new();
    for what in &args.files {
        let source = match find::find(what) {
            Ok(source) => source,
            Err(e) => {
                complain(e);
                unreadable = true;
                continue;
            }
        };
        let mut loaded = hetemu::check(&source, &settings, registry.catalog());
        checked += 1;
        if args.fix {
            loaded = fix(loaded, &source, args, &registry);
        }
        unreadable |= beside(&mut loaded, &source, args);
        unreadable |= images(&mut loaded, args);
        deny(&mut loaded.diagnostics, &args.deny);
        wrong |= count(&loaded, Severity::Error) > 0;
        match args.format {
            CheckFormat::Text => {
                super::print(&line(&name(what, &loaded), &loaded));
                super::show(&loaded);
            }
            CheckFormat::Json => {
                super::print(&hetemu_lang::to_json(&loaded.diagnostics, &loaded.sources))
            }
            CheckFormat::Github => super::print(&to_github(&loaded.diagnostics, &loaded.sources)),
            CheckFormat::Sarif | CheckFormat::Junit => {}
        }
        if matches!(args.format, CheckFormat::Sarif | CheckFormat::Junit) {
            // One document for all files.
            let diagnostics = std::mem::take(&mut loaded.diagnostics);
            done.push((source.name.clone(), diagnostics, loaded.sources.clone()));
        }
        let Some(graph) = &loaded.graph else { continue };
        if let Some(view) = &args.view {
            match show::view_text(graph, view) {
                Some(text) => super::print(&text),
                None => {
                    complain(format!("nothing with a view is called `{view}` in {what}"));
                    unreadable = true;
                }
            }
        }
    }
    if args.format == CheckFormat::Sarif {
        let all: Vec<_> = done.iter().map(|(_, d, s)| (d.as_slice(), s)).collect();
        super::print(&to_sarif(&all));
    }
    if args.format == CheckFormat::Junit {
        let all: Vec<_> = done.iter().map(|(n, d, s)| (n.as_str(), d.as_slice(), s)).collect();
        super::print(&to_junit(&all));
    }
    if args.format == CheckFormat::Text {
        let s = if checked == 1 { "" } else { "s" };
        super::print(&format!(
            "checked {checked} machine{s} in {} ms\n",
            started.elapsed().as_millis()
        ));
    }
    match (unreadable, wrong) {
        (true, _) => USAGE,
        (false, true) => WRONG,
        (false, false) => OK,
    }
}

/// The machine's name if the text could be read, else the file's.
fn name(what: &str, loaded: &Loaded) -> String {
    match &loaded.graph {
        Some(g) if !g.name.is_empty() => g.name.clone(),
        _ => {
            let stem = std::path::Path::new(what).file_stem().and_then(|s| s.to_str());
            stem.unwrap_or(what).to_string()
        }
    }
}

fn plural(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

fn line(name: &str, loaded: &Loaded) -> String {
    let errors = count(loaded, Severity::Error);
    let warnings = count(loaded, Severity::Warning);
    let notes = loaded.diagnostics.len() - errors - warnings;
    let mut extra: Vec<String> = Vec::new();
    if errors > 0 {
        extra.push(plural(errors, "error"));
    }
    if warnings > 0 {
        extra.push(plural(warnings, "warning"));
    }
    let Some(g) = loaded.graph.as_ref().filter(|_| errors == 0) else {
        return format!("{name:<14} {}\n", extra.join(", "));
    };
    if notes > 0 {
        extra.push(plural(notes, "note"));
    }
    let views: BTreeSet<_> = g.initiators().map(|(.., bus)| bus).collect();
    let count = |n: usize, word: &str| {
        let text = plural(n, word);
        let (n, word) = text.split_once(' ').unwrap_or((&text, ""));
        format!("{n:>4} {word}")
    };
    let mut out = format!(
        "{name:<14} ok {} {} {}",
        count(g.parts.len(), "part"),
        count(g.wires.len(), "wire"),
        count(views.len(), "view")
    );
    for e in extra {
        out.push_str(&format!("   {e}"));
    }
    out.push('\n');
    out
}

/// What stands beside the machine: the vendor's description and the lock. Gives whether something
/// could not be read.
fn beside(loaded: &mut Loaded, source: &find::Source, args: &Check) -> bool {
    let Some(graph) = &loaded.graph else { return false };
    let mut unreadable = false;
    for path in &args.svd {
        match svd(graph, path, loaded.typed.span, &mut loaded.sources) {
            Ok(found) => loaded.diagnostics.extend(found),
            Err(e) => {
                complain(e);
                unreadable = true;
            }
        }
    }
    if args.lock || args.locked {
        let now = Locked::of_parts(&loaded.ingredients, graph, &loaded.sources);
        let Some((path, file)) = hetemu::lock_of(source) else {
            complain(format!("{}: what is shipped has no lock", source.name));
            return true;
        };
        if args.locked {
            let locked = loaded.lock.as_ref().and_then(|lock| lock.machines.get(&file));
            let at = loaded.typed.span;
            let found = compare(locked, &now, &loaded.ingredients, graph, at);
            loaded.diagnostics.extend(found);
        } else {
            let mut lock = loaded.lock.clone().unwrap_or_default();
            lock.machines.insert(file, now);
            if let Err(e) = std::fs::write(&path, lock.text()) {
                complain(format!("{}: {e}", path.display()));
                unreadable = true;
            }
        }
    }
    unreadable
}

/// What a CMSIS-SVD file says otherwise.
fn svd(
    graph: &Graph,
    path: &str,
    machine: Span,
    sources: &mut SourceMap,
) -> Result<Vec<Diagnostic>, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{path}: {e}"))?;
    let text = String::from_utf8_lossy(&bytes);
    let device = hetemu_import::svd::read(&text).map_err(|(e, _)| format!("{path}: {e}"))?;
    let file = sources.add(path, text.as_ref());
    let all: Vec<_> = device
        .peripherals
        .iter()
        .map(|p| {
            let ends = p.blocks.iter().map(|(offset, size)| offset.saturating_add(*size));
            let (start, end) = (p.range.start as u32, p.range.end as u32);
            hetemu_lang::svd::Peripheral {
                name: p.name.clone(),
                base: p.base,
                size: ends.max().unwrap_or(0),
                interrupts: p.interrupts.clone(),
                span: Span { file, start, end: end.min(start.saturating_add(1)) },
            }
        })
        .collect();
    Ok(hetemu_lang::svd::compare(graph, &all, path, machine))
}

/// What `--deny` names counts as an error: `warnings`, `unstable`, or a code.
fn deny(diagnostics: &mut [Diagnostic], what: &[String]) {
    for d in diagnostics {
        let named = |w: &String| match w.as_str() {
            "warnings" => d.severity == Severity::Warning,
            "unstable" => d.code.id() == "W0805",
            code => d.code.id().eq_ignore_ascii_case(code),
        };
        if what.iter().any(named) {
            d.severity = Severity::Error;
        }
    }
}

/// Rounds of fixes: one may lay open the next.
const ROUNDS: usize = 10;

/// Makes the proposed edits, writes or shows them, and checks what results.
fn fix(
    loaded: Loaded,
    source: &find::Source,
    args: &Check,
    registry: &hetemu_machine::Registry,
) -> Loaded {
    let old = loaded.sources.get(loaded.file).map_or(String::new(), |f| f.text.clone());
    let (mut loaded, mut text, mut made) = (loaded, old.clone(), 0);
    for _ in 0..ROUNDS {
        let (better, n) =
            hetemu_lang::apply_fixes(&loaded.diagnostics, &loaded.sources, loaded.file);
        if n == 0 || better == text {
            break;
        }
        made += n;
        let fixed = find::Source { bytes: better.clone().into_bytes(), ..source.clone() };
        loaded = hetemu::check(&fixed, &args.setting.settings(), registry.catalog());
        text = better;
    }
    if made == 0 {
        return loaded;
    }
    let fixes = plural(made, "fix").replace("fixs", "fixes");
    if args.dry_run || source.base == find::Base::Embedded {
        super::print(&hetemu::text_diff(&source.name, &old, &text));
        complain(format!("{}: {fixes}, not written", source.name));
    } else if let Err(e) = std::fs::write(&source.name, &text) {
        complain(format!("{}: {e}", source.name));
    } else {
        complain(format!("{}: {fixes}", source.name));
    }
    loaded
}

/// Whether the images of the command line fit. Gives whether one could not be read.
fn images(loaded: &mut Loaded, args: &Check) -> bool {
    let Some(graph) = &loaded.graph else { return false };
    let mut unreadable = false;
    for image in &args.image {
        match fits(graph, image, args.view.as_deref(), loaded.typed.span) {
            Ok(found) => loaded.diagnostics.extend(found),
            Err(e) => {
                complain(e);
                unreadable = true;
            }
        }
    }
    unreadable
}

/// Every segment of a program must lie in memory of the core of `--view`, else of the first
/// cluster. What does not is told at the machine's name.
fn fits(
    graph: &Graph,
    path: &str,
    view: Option<&str>,
    machine: Span,
) -> Result<Vec<Diagnostic>, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{path}: {e}"))?;
    let image = hetemu_loader::load(&bytes).map_err(|e| format!("{path}: {e}"))?;
    let named = |c: &&hetemu_graph::Cluster| view.is_some_and(|v| c.name == v);
    let cluster = graph.clusters.iter().find(named).or(graph.clusters.first());
    let first = cluster.and_then(|c| c.cores.first()).map(|id| graph.part(*id));
    let Some((core, bus)) = first.and_then(|p| Some((p, *p.masters.values().next()?))) else {
        return Ok(Vec::new());
    };
    let memory: Vec<_> = flatten(graph, bus)
        .into_iter()
        .filter_map(|r| match r.to {
            Flat::Region { part, region, .. } => {
                let kind = graph.part(part).ty.regions.get(region as usize)?.kind;
                let is = matches!(kind, RegionKind::Ram | RegionKind::Rom);
                is.then(|| (r.start, r.last, graph.part(part).name.clone()))
            }
            Flat::Hole(_) => None,
        })
        .collect();
    let hex = hetemu_graph::names::hex;
    let near = |at: u64| {
        memory.iter().min_by_key(|(s, l, _)| if at < *s { s - at } else { at.saturating_sub(*l) })
    };
    let mut out = Vec::new();
    let mut miss = |what: String, at: u64| {
        let text = format!("firmware {path} {what}, which `{}` sees as unmapped", core.name);
        let mut d =
            Diagnostic::new(E0903, machine, text).path(core.name.clone()).view(core.name.clone());
        if let Some((s, l, name)) = near(at) {
            d = d.note(format!("nearest memory: {name} {} .. {}", hex(*s), hex(*l)));
        }
        out.push(d);
    };
    if image.floats() {
        return Ok(Vec::new());
    }
    for s in &image.segments {
        let last = s.addr.saturating_add(s.size - 1);
        let mut at = s.addr;
        let covered = loop {
            match memory.iter().find(|(a, b, _)| *a <= at && at <= *b) {
                Some((_, end, _)) if *end >= last => break true,
                Some((_, end, _)) => at = end + 1,
                None => break false,
            }
        };
        if !covered {
            miss(format!("loads {} .. {}", hex(s.addr), hex(last)), s.addr);
        }
    }
    if let Some(entry) = image.entry
        && !memory.iter().any(|(a, b, _)| *a <= entry && entry <= *b)
    {
        miss(format!("begins at {}", hex(entry)), entry);
    }
    Ok(out)
}
