//! The commands, one file each.

mod check;
mod completions;
mod device;
mod diff;
mod doc;
mod expand;
mod explain;
mod export;
mod fmt;
mod graph;
mod import;
mod look;
mod lsp;
mod machines;
mod profiles;
mod qmp;
mod run;
mod sandbox;
mod snapshot;
mod stats;
mod target;
mod test;

use crate::cli::{Cli, Command, Configured, Run, Setting};
use clap::ArgMatches;
use hetemu::find::{self, Source};
use hetemu::{Loaded, Settings};
use hetemu_graph::Graph;
use hetemu_lang::Severity;
use hetemu_schema::Catalog;
use std::io::{IsTerminal, Write};
use std::time::Instant;

/// Nothing to report.
pub(crate) const OK: u8 = 0;
/// The files are wrong.
pub(crate) const WRONG: u8 = 1;
/// Bad command line or unreadable file.
pub(crate) const USAGE: u8 = 2;
/// `diff` found differences, or `fmt --check` would change a file.
pub(crate) const DIFFERENT: u8 = 3;
/// A run ended by its own limit, or an expectation did not come.
pub(crate) const TIMEOUT: u8 = 4;
/// The guest cannot go on.
pub(crate) const STUCK: u8 = 5;

/// Runs a command; gives the exit code.
pub(crate) fn dispatch(cli: Cli, matches: &ArgMatches, started: Instant) -> u8 {
    let sub = matches.subcommand().map(|(_, m)| m);
    match cli.command {
        Command::Run(mut args) => match sub {
            Some(m) => {
                args.sort_profiles();
                run::run(&args, m, started)
            }
            None => USAGE,
        },
        Command::Test(args) => test::run(&args, started),
        Command::Snapshot(what) => snapshot::run(what, sub, started),
        Command::Check(args) => check::run(&args, started),
        Command::Fmt(args) => fmt::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Lsp { .. } => lsp::run(),
        Command::Expand(args) => expand::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Doc(args) => doc::run(&args),
        Command::Device(args) => device::run(&args),
        Command::Target(args) => target::run(&args),
        Command::Machines(args) => machines::run(&args),
        Command::Profiles(args) => profiles::run(&args),
        Command::Completions { shell } => completions::run(shell),
    }
}

/// Writes to standard output; a reader that is gone is no fault.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// A message of our own on standard error.
pub(crate) fn complain(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "hetemu: {text}");
}

/// Writes diagnostics to standard error.
pub(crate) fn show(loaded: &Loaded) {
    if loaded.diagnostics.is_empty() {
        return;
    }
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let text = hetemu_lang::render(&loaded.diagnostics, &loaded.sources, colour, 100);
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// How many diagnostics of a severity there are.
pub(crate) fn count(loaded: &Loaded, severity: Severity) -> usize {
    loaded.diagnostics.iter().filter(|d| d.severity == severity).count()
}

impl Setting {
    pub(crate) fn settings(&self) -> Settings {
        Settings { set: self.set.clone(), plug: self.plug.clone(), profile: None }
    }
}

impl Configured {
    pub(crate) fn settings(&self) -> Settings {
        Settings { profile: self.profile.clone(), ..self.setting.settings() }
    }
}

impl Run {
    /// `--profile` names a profile of machines, or the file of the profiler.
    fn sort_profiles(&mut self) {
        for text in std::mem::take(&mut self.look.profiles) {
            if find::is_profile(&text) {
                self.profile = Some(text);
            } else {
                self.look.profile = Some(text);
            }
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings { profile: self.profile.clone(), ..self.setting.settings() }
    }
}

/// A machine for a command that needs its graph: errors are shown, and the exit code is given. What
/// is less than an error is shown by `check` only.
pub(crate) fn load(
    what: &str,
    setting: &Settings,
    catalog: &Catalog,
) -> Result<(Source, Loaded, Graph), u8> {
    let source = find::find(what).map_err(|e| {
        complain(e);
        USAGE
    })?;
    load_source(source, setting, catalog)
}

/// As [`load`], for a text that is there already.
pub(crate) fn load_source(
    source: Source,
    setting: &Settings,
    catalog: &Catalog,
) -> Result<(Source, Loaded, Graph), u8> {
    let mut loaded = hetemu::check(&source, setting, catalog);
    match loaded.graph.take() {
        Some(graph) if count(&loaded, Severity::Error) == 0 => Ok((source, loaded, graph)),
        _ => {
            show(&loaded);
            Err(WRONG)
        }
    }
}
