//! `hetemu snapshot`: states of machines in files.

use super::{DIFFERENT, OK, USAGE, print};
use crate::cli::Format;
use crate::cli::state::Snapshot;
use clap::ArgMatches;
use hetemu_control::snapshot as files;
use hetemu_machine::{About, Report};
use hetemu_snapshot::{Container, Memory, Survey};
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

mod diff;

pub(crate) fn run(what: Snapshot, matches: Option<&ArgMatches>, started: Instant) -> u8 {
    let below = matches.and_then(|m| m.subcommand()).map(|(_, m)| m);
    match (what, below) {
        (Snapshot::Save { at, to, mut run }, Some(m)) => {
            run.state.save_at.push((at, to));
            run.state.save_only = true;
            run.sort_profiles();
            super::run::run(&run, m, started)
        }
        (Snapshot::Load { file, mut run }, Some(m)) => {
            run.state.snapshot = Some(file);
            run.sort_profiles();
            super::run::run(&run, m, started)
        }
        (Snapshot::Inspect { file, format }, _) => code(inspect(&file, format)),
        (Snapshot::Diff { old, new }, _) => code(diff::run(&old, &new)),
        _ => USAGE,
    }
}

fn code(done: Result<u8, Report>) -> u8 {
    done.unwrap_or_else(|r| {
        let _ = write!(std::io::stderr(), "{r}");
        USAGE
    })
}

/// A file and what it says of itself.
fn read(file: &Path) -> Result<(Container, About), Report> {
    let container = files::open(file).map_err(|e| e.report())?;
    let about = About::of(&container).map_err(|e| bad(file, &e))?;
    Ok((container, about))
}

fn bad(file: &Path, e: &hetemu_snapshot::Error) -> Report {
    let message = format!("the snapshot `{}`: {e}", file.display());
    Report { code: e.code(), message, notes: Vec::new() }
}

fn hex(id: &[u8]) -> String {
    id.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

fn bytes(n: u64) -> String {
    match n {
        0..10_240 => format!("{n} B"),
        10_240..10_485_760 => format!("{} KiB", n >> 10),
        _ => format!("{} MiB", n >> 20),
    }
}

/// How many pages are where, in words.
fn pages(s: &Survey) -> String {
    let kinds = [(s.data, "stored"), (s.initial, "as in the images"), (s.zeros, "became zero")];
    let said = kinds
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{n} page{} {what}", if *n == 1 { "" } else { "s" }));
    let mut said: Vec<String> = said.collect();
    if s.on_base {
        said.push("the rest as in the base".into());
    }
    if said.is_empty() { "all zeros".into() } else { said.join(", ") }
}

fn inspect(file: &Path, format: Format) -> Result<u8, Report> {
    let (container, about) = read(file)?;
    let mut rows = Vec::new();
    for s in container.sections() {
        let survey = match s.name.starts_with("memory:") {
            true => Some(Memory::survey(&s.name, &s.bytes).map_err(|e| bad(file, &e))?),
            false => None,
        };
        rows.push((s, survey));
    }
    let size: usize = container.sections().iter().map(|s| s.bytes.len()).sum();
    if format == Format::Json {
        let sections: Vec<_> = rows
            .iter()
            .map(|(s, survey)| {
                let mut row =
                    json!({ "name": s.name, "version": s.version, "bytes": s.bytes.len() });
                if let Some(m) = survey {
                    row["memory"] = json!({
                        "size": m.size, "data_pages": m.data, "initial_pages": m.initial,
                        "zero_pages": m.zeros, "on_base": m.on_base,
                    });
                }
                row
            })
            .collect();
        let base = about.base.as_ref().map(|(id, name)| json!({ "id": hex(id), "file": name }));
        let all = json!({
            "format": container.format, "id": hex(&container.id), "machine": about.machine,
            "semantic_hash": about.hash, "time_ps": about.at, "instructions": about.retired,
            "base": base, "sections": sections,
        });
        print(&format!("{all:#}\n"));
        return Ok(OK);
    }
    let mut out = String::new();
    let at = Duration::from_nanos(about.at / 1000);
    let _ = writeln!(out, "machine       {}", about.machine);
    let _ = writeln!(out, "virtual time  {at:?}");
    let _ = writeln!(out, "instructions  {}", about.retired);
    let _ = writeln!(out, "format        {}, {}", container.format, bytes(size as u64));
    let _ = writeln!(out, "id            {}", hex(&container.id));
    let _ = writeln!(out, "semantic hash {}", about.hash);
    if let Some((id, name)) = &about.base {
        let _ = writeln!(out, "builds on     {name} ({})", hex(id));
    }
    let _ = writeln!(out);
    let width = rows.iter().map(|r| r.0.name.len()).max().unwrap_or(0);
    for (s, survey) in &rows {
        let _ =
            write!(out, "{:width$}  v{:<3} {:>9}", s.name, s.version, bytes(s.bytes.len() as u64));
        if let Some(m) = survey {
            let _ = write!(out, "  of {}: {}", bytes(m.size), pages(m));
        }
        out.push('\n');
    }
    print(&out);
    Ok(OK)
}

fn different(any: bool) -> u8 {
    if any { DIFFERENT } else { OK }
}
