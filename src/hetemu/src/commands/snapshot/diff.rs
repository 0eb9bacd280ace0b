//! `hetemu snapshot diff`: what became of a machine between two states.
//!
//! For registers by name a machine is made from each file's own graph, without images and hosts;
//! it never runs.

use super::{bad, different, print, read};
use hetemu::registry;
use hetemu_graph::{Graph, diff, from_json};
use hetemu_machine::{About, Declared, FileError, Hosts, Options, Report, Running};
use hetemu_schema::PlugKind;
use hetemu_snapshot::{Container, Memory, PAGE, Stored};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Stretches of memory that are listed.
const LISTED: usize = 16;

pub(super) fn run(old_path: &Path, new_path: &Path) -> Result<u8, Report> {
    let (old, old_about) = read(old_path)?;
    let (new, new_about) = read(new_path)?;
    let mut out = String::new();
    let mut any = false;
    if old_about.graph != new_about.graph {
        let graph = |about: &About| from_json(&about.graph, registry::registry().catalog());
        match (graph(&old_about), graph(&new_about)) {
            (Ok(old), Ok(new)) => {
                let diff = diff(&old, &new);
                any |= !diff.changes.is_empty();
                out.push_str(&diff.text());
            }
            _ => out
                .push_str("the machines differ, and this program does not know all their types\n"),
        }
    }
    let times = [&old_about, &new_about].map(|a| Duration::from_nanos(a.at / 1000));
    let passed = new_about.retired.abs_diff(old_about.retired);
    let _ = writeln!(out, "virtual time  {:?} -> {:?}", times[0], times[1]);
    let _ =
        writeln!(out, "instructions  {} -> {} ({passed})", old_about.retired, new_about.retired);
    any |= old_about.at != new_about.at || passed > 0;
    let names: BTreeSet<&str> =
        [&old, &new].into_iter().flat_map(|c| c.sections()).map(|s| s.name.as_str()).collect();
    let looks = (look(&old, &old_about), look(&new, &new_about));
    for name in names {
        if matches!(name, "about" | "graph") {
            continue;
        }
        let (a, b) = (old.get(name), new.get(name));
        if let (Some(a), Some(b)) = (a, b)
            && a == b
        {
            continue;
        }
        if name.starts_with("memory:") {
            any |= memory(name, (&old, old_path), (&new, new_path), &mut out)?;
            continue;
        }
        any = true;
        // A core's registers are in two sections, and are listed once.
        if let Some(core) = name.strip_prefix("cpu:")
            && old.get(&format!("core:{core}")) != new.get(&format!("core:{core}"))
        {
            continue;
        }
        match (a, b) {
            (Some(_), None) => _ = writeln!(out, "{name}  is gone"),
            (None, Some(_)) => _ = writeln!(out, "{name}  is new"),
            _ => values(name, &looks, &mut out),
        }
    }
    print(&out);
    Ok(different(any))
}

/// Values of a part or core by name in both states.
fn values(name: &str, looks: &(Option<Running>, Option<Running>), out: &mut String) {
    let (Some(old), Some(new)) = (&looks.0, &looks.1) else {
        _ = writeln!(out, "{name}  differs");
        return;
    };
    let of = |m: &Running| -> BTreeMap<String, u64> {
        let (kind, part) = name.split_once(':').unwrap_or((name, ""));
        let all = match kind {
            "part" => m.device_values(part).unwrap_or_default(),
            "cpu" | "core" => m.core_named(part).map(|c| m.core_registers(c)).unwrap_or_default(),
            _ => Vec::new(),
        };
        all.into_iter().collect()
    };
    let (a, b) = (of(old), of(new));
    let changed: Vec<(&String, &u64)> =
        b.iter().filter(|(k, v)| a.get(*k).is_some_and(|w| w != *v)).collect();
    if changed.is_empty() {
        _ = writeln!(out, "{name}  differs in what has no name");
    }
    for (key, value) in changed {
        let before = a.get(key).copied().unwrap_or(0);
        _ = writeln!(out, "{name}  {key}  {before:#x} -> {value:#x}");
    }
}

/// The machine of a file with its state, as far as it can be made.
fn look(file: &Container, about: &About) -> Option<Running> {
    let registry = Arc::new(registry::registry());
    let mut graph: Graph = from_json(&about.graph, registry.catalog()).ok()?;
    for plug in graph.plugs.iter_mut().filter(|p| p.kind != PlugKind::Serial) {
        plug.value = None;
    }
    let created = Declared::new(graph).check(registry).ok()?;
    let realized =
        created.create(Options::default(), Hosts::default()).ok()?.wire().realize().ok()?;
    let mut machine = realized.start_empty();
    let mut few = Container::default();
    let wanted = |n: &str| !n.starts_with("memory:") && !n.starts_with("disk:");
    for s in file.sections().iter().filter(|s| wanted(&s.name)) {
        // Without the memories, a state needs no base.
        let bytes = if s.name == "about" { About::without_base(&s.bytes) } else { s.bytes.clone() };
        few.add(s.name.clone(), s.version, bytes);
    }
    let saved = match machine.unpack(few, None) {
        Ok(saved) => saved,
        Err(FileError::Container(_) | FileError::NeedsBase { .. } | FileError::State(_)) => {
            return None;
        }
    };
    machine.rewind(&saved).ok()?;
    Some(machine)
}

/// What is stored of a memory, in a file and those that it builds on.
fn stored(
    name: &str,
    bytes: &[u8],
    file: &Container,
    path: &Path,
    depth: u32,
) -> Result<BTreeMap<u64, Stored>, Report> {
    let fails = |e| bad(path, &e);
    let mut pages = BTreeMap::new();
    let about = About::of(file).map_err(fails)?;
    if let (true, Some((_, base)), 0..256) =
        (Memory::survey(name, bytes).map_err(fails)?.on_base, about.base, depth)
    {
        let base = Path::new(&base).file_name().map(|n| path.with_file_name(n)).unwrap_or_default();
        let (below, _) = read(&base)?;
        if let Some(s) = below.get(name) {
            pages = stored(name, &s.bytes, &below, &base, depth + 1)?;
        }
    }
    for (n, page) in Memory::stored(name, bytes).map_err(fails)? {
        match page {
            Stored::Zeros => _ = pages.remove(&n),
            page => _ = pages.insert(n, page),
        }
    }
    Ok(pages)
}

/// Pages in which a memory differs.
fn memory(
    name: &str,
    old: (&Container, &Path),
    new: (&Container, &Path),
    out: &mut String,
) -> Result<bool, Report> {
    let of = |(file, path): (&Container, &Path)| match file.get(name) {
        Some(s) => stored(name, &s.bytes, file, path, 0).map(Some),
        None => Ok(None),
    };
    let (Some(a), Some(b)) = (of(old)?, of(new)?) else {
        _ = writeln!(out, "{name}  is in one of them only");
        return Ok(true);
    };
    let numbers: BTreeSet<u64> = a.keys().chain(b.keys()).copied().collect();
    let (blank, mut pages) = (Stored::Background, Vec::new());
    for n in numbers {
        if a.get(&n).unwrap_or(&blank) != b.get(&n).unwrap_or(&blank) {
            pages.push(n);
        }
    }
    if pages.is_empty() {
        return Ok(false);
    }
    let plural = if pages.len() == 1 { "page differs" } else { "pages differ" };
    _ = writeln!(out, "{name}  {} {plural}", pages.len());
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    for n in pages {
        match stretches.last_mut() {
            Some((_, end)) if *end == n => *end += 1,
            _ => stretches.push((n, n + 1)),
        }
    }
    for (first, end) in stretches.iter().take(LISTED) {
        let page = PAGE as u64;
        _ = writeln!(out, "  +{:#x} .. +{:#x}", first * page, end * page - 1);
    }
    if stretches.len() > LISTED {
        _ = writeln!(out, "  and {} more", stretches.len() - LISTED);
    }
    Ok(true)
}
