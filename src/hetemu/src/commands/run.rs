//! `hetemu run`: makes a machine, runs it, says how it ended.

use super::look::{Kept, Looking};
use super::stats::{self, Timing};
use super::{OK, STUCK, TIMEOUT, USAGE, WRONG, complain, load};
use crate::cli::{Jit, Run, Switch};
use crate::drive::{Drive, Ended, Limits, Seat};
use crate::saving::Saving;
use clap::ArgMatches;
use hetemu::find::Base;
use hetemu::plugs::{self, Plug, Shared};
use hetemu::registry;
use hetemu::script::{Script, Step, unescape};
use hetemu_control::{Handle, Queue, Session, snapshot};
use hetemu_engine::EngineConfig;
use hetemu_gdb as gdb;
use hetemu_graph::Graph;
use hetemu_host::{Bell, Console, Line, Serial, Spec, open};
use hetemu_machine::{Hosts, ImageArg, Options, Outcome, Registry, Report, Running};
use hetemu_schema::PlugKind;
use regex::bytes::Regex;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

pub(crate) fn run(args: &Run, matches: &ArgMatches, started: Instant) -> u8 {
    match try_run(args, matches, started) {
        Ok(code) | Err(code) => code,
    }
}

fn report(r: &Report) {
    let _ = write!(std::io::stderr(), "{r}");
}

/// What makes a live machine of a checked graph, at once or when a client says so.
#[derive(Clone)]
struct Maker {
    args: Arc<Run>,
    registry: Arc<Registry>,
    images: Vec<ImageArg>,
    base: Base,
    script: Shared,
    bell: Bell,
    console: Seat,
    handle: Handle,
    /// Servers for GDB, from the time when there is something to debug.
    debuggers: Arc<Mutex<Vec<gdb::Server>>>,
    /// What looks on, and the files that were read: for the end of the run.
    looking: Arc<Mutex<Option<(Looking, Kept)>>>,
}

impl Maker {
    fn make(&self, graph: Graph) -> Result<Running, Refused> {
        let looking = Looking::new(&self.args.look, &graph).map_err(Refused::Usage)?;
        let files = Kept::new(&self.base, &looking);
        let (hosts, console) =
            opened(&graph, &self.base, &self.script, &self.bell).map_err(Refused::Usage)?;
        let mut options = options(&self.args);
        options.engine.jit &= !looking.interprets();
        // The terminal is given back before anything is reported.
        let registry = self.registry.clone();
        let made = hetemu::realize(graph, registry, options, hosts, &self.images, &files);
        let mut machine = made.map_err(Refused::Machine)?;
        if let Some(file) = &self.args.state.snapshot {
            let loaded = snapshot::load(&mut machine, file);
            loaded.map_err(|e| Refused::Usage(e.report()))?;
        }
        self.tape(&mut machine).map_err(Refused::Usage)?;
        looking.begin(&mut machine).map_err(Refused::Usage)?;
        let servers = debuggers(&self.args, &self.handle, &machine).map_err(Refused::Gdb)?;
        self.debuggers.lock().unwrap_or_else(PoisonError::into_inner).extend(servers);
        self.console.take(console);
        *self.looking.lock().unwrap_or_else(PoisonError::into_inner) = Some((looking, files));
        Ok(machine)
    }
}

impl Maker {
    /// Begins to record or to replay, if that is asked for.
    fn tape(&self, machine: &mut Running) -> Result<(), Report> {
        let failed = |path: &Path, e: std::io::Error| Report {
            code: "E1003",
            message: format!("the recording `{}`: {e}", path.display()),
            notes: Vec::new(),
        };
        if let Some(path) = &self.args.state.replay {
            machine.replay(&std::fs::read(path).map_err(|e| failed(path, e))?)?;
        }
        if let Some(path) = &self.args.state.record {
            machine.record(Box::new(File::create(path).map_err(|e| failed(path, e))?))?;
        }
        Ok(())
    }
}

/// Why no machine was made.
enum Refused {
    /// The command line, or a file that it names.
    Usage(Report),
    /// The machine itself.
    Machine(hetemu::Error),
    /// A server for GDB.
    Gdb(String),
}

impl Refused {
    /// Says it; gives the exit code.
    fn code(&self) -> u8 {
        match self {
            Refused::Usage(r) => {
                report(r);
                USAGE
            }
            Refused::Machine(e) => refused(e),
            Refused::Gdb(e) => {
                complain(format!("--gdb: {e}"));
                USAGE
            }
        }
    }

    /// As one report, for a client.
    fn report(self) -> Report {
        match self {
            Refused::Usage(r) | Refused::Machine(hetemu::Error::Report(r)) => r,
            Refused::Machine(hetemu::Error::Missing(mut all)) if !all.is_empty() => {
                let mut first = all.remove(0);
                let more: Vec<String> = all.into_iter().map(|r| r.message).collect();
                if !more.is_empty() {
                    first.message = format!("{}; {}", first.message, more.join("; "));
                }
                first
            }
            Refused::Gdb(e) => {
                Report { code: "E1004", message: format!("--gdb: {e}"), notes: Vec::new() }
            }
            Refused::Machine(e) => {
                Report { code: "E1005", message: e.to_string(), notes: Vec::new() }
            }
        }
    }
}

fn try_run(args: &Run, matches: &ArgMatches, started: Instant) -> Result<u8, u8> {
    super::sandbox::possible(args)?;
    let mut needs = None;
    let script = Shared::new(script(args, matches)?);
    let bell = Bell::new();
    let registry = Arc::new(registry::registry());
    let (mut queue, handle) = Queue::new(bell.clone());
    let mut maker = Maker {
        args: Arc::new(args.clone()),
        registry: registry.clone(),
        images: args.image.iter().map(|i| hetemu::image(i)).collect(),
        base: Base::Folder(PathBuf::new()),
        script: script.clone(),
        bell: bell.clone(),
        console: Seat::default(),
        handle: handle.clone(),
        debuggers: Arc::default(),
        looking: Arc::default(),
    };
    let (mut session, checked_at) = match &args.machine {
        Some(machine) => {
            let mut settings = args.settings();
            let found = find_plugs(args, machine, &mut settings, &registry);
            let (source, _, graph) = found?;
            let checked_at = started.elapsed();
            maker.base = source.base;
            needs = Some(super::sandbox::needs(args, &graph, &maker.base));
            let made = maker.make(graph).map_err(|e| e.code())?;
            (Session::new(made), checked_at)
        }
        None => {
            let make = maker.clone();
            let draft = super::qmp::draft(args);
            let make = move |graph| make.make(graph).map_err(Refused::report);
            (Session::draft(draft, Box::new(make)), started.elapsed())
        }
    };
    let servers = super::qmp::start(args, &handle, &registry)?;
    super::sandbox::confine(args, needs);
    let timing = Timing {
        started,
        checked: checked_at,
        ready: started.elapsed(),
        first_ns: stats::monotonic_ns(),
    };
    let limits = Limits {
        deadline: args.timeout.map(|t| Instant::now() + t),
        virtual_end: args
            .vtimeout
            .map(|t| u64::try_from(t.as_nanos().saturating_mul(1000)).unwrap_or(u64::MAX)),
    };
    if !args.paused && !servers.wait() {
        // A draft goes on when its client says so.
        let _ = session.resume();
    }
    let mut drive = Drive {
        session: &mut session,
        queue: &mut queue,
        console: maker.console.clone(),
        script: script.clone(),
        bell,
        limits,
        pace: args.pace,
        parallel: args.parallel,
        saving: Saving::new(&args.state),
        line: Line::default(),
    };
    let ended = drive.run();
    // A state may be due just where the run ends.
    if let Ok(machine) = drive.session.machine_mut() {
        drive.saving.due(machine);
    }
    let (failed, missed) = (std::mem::take(&mut drive.saving.failed), drive.saving.next());
    drop(drive);
    // Clients that still wait for an answer get one.
    drop(queue);
    servers.finish();
    maker.debuggers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let console = maker.console.get();
    let Ok(machine) = session.machine_mut() else { return Ok(unmade(&ended, args)) };
    // What follows the guest's output begins on a line of its own.
    let below = console.as_ref().is_some_and(|c| (c.interactive() || args.stats) && c.mid_line());
    let recorded = machine.end_tape();
    machine.close_plugs();
    maker.console.take(None);
    drop(console);
    if below {
        let _ = writeln!(std::io::stderr());
    }
    let mut code = finish(machine, &ended, &script, args);
    summarise(machine);
    failed.iter().for_each(report);
    if let Err(e) = &recorded {
        complain(format!("the recording is not whole: {e}"));
    }
    if let Some(at) = missed {
        let at = std::time::Duration::from_nanos(at / 1000);
        complain(format!("--save-at {at:?}: the run was over at {:?}", time_of(machine)));
    }
    if code == OK && (missed.is_some() || !failed.is_empty() || recorded.is_err()) {
        code = USAGE;
    }
    let looking = maker.looking.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((looking, files)) = looking
        && let Err(r) = looking.end(machine, &files)
    {
        report(&r);
        code = if code == OK { USAGE } else { code };
    }
    if args.stats {
        stats::print(machine, &timing, args.format);
    }
    Ok(code)
}

fn time_of(machine: &Running) -> std::time::Duration {
    std::time::Duration::from_nanos(machine.now() / 1000)
}

/// The machine of the command line; `--serial` is what its first serial plugs get.
fn find_plugs(
    args: &Run,
    machine: &str,
    settings: &mut hetemu::Settings,
    registry: &Registry,
) -> Result<(hetemu::find::Source, hetemu::Loaded, Graph), u8> {
    let loaded = load(machine, settings, registry.catalog())?;
    if args.serial.is_empty() {
        return Ok(loaded);
    }
    let plugs = loaded.2.plugs.iter().filter(|p| p.kind == PlugKind::Serial);
    let names: Vec<String> = plugs.map(|p| p.name.clone()).collect();
    if args.serial.len() > names.len() {
        complain(format!("`{machine}` has {} serial plugs: {}", names.len(), names.join(", ")));
        return Err(USAGE);
    }
    settings.plug.extend(names.into_iter().zip(args.serial.iter().cloned()));
    load(machine, settings, registry.catalog())
}

/// The end of a run in which no machine was made.
fn unmade(ended: &Ended, args: &Run) -> u8 {
    match ended {
        Ended::Limit { .. } => {
            let limit = args.timeout.unwrap_or_default();
            complain(format!("no end within {limit:?}: no machine was made"));
            TIMEOUT
        }
        _ => OK,
    }
}

/// Says why a machine cannot be made.
fn refused(e: &hetemu::Error) -> u8 {
    match e {
        hetemu::Error::Missing(reports) => reports.iter().for_each(report),
        hetemu::Error::Report(r) => {
            report(r);
            // Files and the command line, as opposed to the machine.
            if matches!(r.code, "E1003" | "E1007" | "E1009") {
                return USAGE;
            }
        }
        other => complain(other),
    }
    WRONG
}

/// Servers for GDB.
fn debuggers(args: &Run, handle: &Handle, machine: &Running) -> Result<Vec<gdb::Server>, String> {
    let clusters: Vec<String> = machine.graph().clusters.iter().map(|c| c.name.clone()).collect();
    let mut servers = Vec::new();
    for text in &args.gdb {
        let spec = gdb::Spec::parse(text)?;
        let server = gdb::Server::start(&spec, handle, &clusters).map_err(|e| e.to_string())?;
        if matches!(spec.place, gdb::Place::Tcp(_, 0)) {
            complain(format!("gdb at {}", server.place()));
        }
        servers.push(server);
    }
    Ok(servers)
}

/// Steps of the script, in the order of the command line.
fn script(args: &Run, matches: &ArgMatches) -> Result<Script, u8> {
    let wrong = |e: String| {
        complain(e);
        USAGE
    };
    let mut steps: Vec<(usize, Step)> = Vec::new();
    let places = |name: &str| matches.indices_of(name).into_iter().flatten();
    for (at, text) in places("expect").zip(&args.expect) {
        let regex = Regex::new(text).map_err(|e| wrong(format!("--expect: {e}")))?;
        steps.push((at, Step::Expect(regex)));
    }
    for (at, text) in places("send").zip(&args.send) {
        steps.push((at, Step::Send(unescape(text).map_err(|e| wrong(format!("--send: {e}")))?)));
    }
    steps.sort_by_key(|(at, _)| *at);
    Ok(Script::new(steps.into_iter().map(|(_, step)| step).collect()))
}

fn options(args: &Run) -> Options {
    let defaults = EngineConfig::default();
    let engine = EngineConfig {
        jit: args.jit != Jit::Off,
        tier_up: args.tier_up.unwrap_or(defaults.tier_up),
        tier_two: args.tier_two.unwrap_or(defaults.tier_two),
        background: args.jit == Jit::On,
        parallel: args.parallel,
        ..defaults
    };
    Options {
        engine,
        strict: args.strict,
        semihosting: args.semihosting.map(|s| s == Switch::On),
        seed: args.seed.unwrap_or(0),
        unix_time: 0,
        cmdline: args.args.join(" "),
    }
}

/// Opens the back ends of all plugs. The script talks to the serial one on standard input and
/// output, else to the first.
fn opened(
    graph: &Graph,
    base: &Base,
    script: &Shared,
    bell: &Bell,
) -> Result<(Hosts, Option<Console>), Report> {
    let block = plugs::disks(graph, base, |text: &str| complain(text))?;
    let folder = plugs::folders(graph, base)?;
    let specs = plugs::serial(graph)?;
    let scripted = !script.lock().is_empty();
    let talks = specs.iter().position(|(_, s)| *s == Spec::Stdio).unwrap_or(0);
    let mut hosts = Hosts { block, folder, ..Hosts::default() };
    let mut console = None;
    for (i, (name, spec)) in specs.into_iter().enumerate() {
        let failed = |e: String| plugs::failed(&name, e);
        let host: Box<dyn Serial> = match open(&spec, bell).map_err(|e| failed(e.to_string()))? {
            Some(host) => host,
            None if console.is_some() => {
                return Err(failed("another plug has standard input and output".into()));
            }
            None => {
                // A script is the only one to speak, unless a person sits there.
                let read = !scripted || std::io::stdin().is_terminal();
                let c = Console::open(bell, read).map_err(|e| failed(e.to_string()))?;
                console = Some(c.clone());
                Box::new(c)
            }
        };
        let script = (scripted && i == talks).then(|| script.clone());
        hosts.serial.insert(name, Box::new(Plug { host, script }));
    }
    hosts.net = plugs::nets(graph, bell)?;
    Ok((hosts, console))
}

/// Says how a run ended; gives the exit code.
fn finish(machine: &mut Running, ended: &Ended, script: &Shared, args: &Run) -> u8 {
    let waits = script.lock().waits_for().map(str::to_string);
    let missed = |why: &str| {
        if let Some(expected) = &waits {
            complain(format!("{why}: expected output did not come: {expected}"));
        }
        TIMEOUT
    };
    match ended {
        Ended::Script => OK,
        Ended::Asked => OK,
        Ended::Machine(Outcome::Exit(_)) if waits.is_some() => missed("the guest ended"),
        Ended::Machine(Outcome::Exit(code)) => guest_code(*code),
        Ended::Machine(Outcome::Stuck(r)) => {
            report(r);
            if waits.is_some() { missed("the guest is stuck") } else { STUCK }
        }
        Ended::Limit { virt } => {
            let (time, clock) = match virt {
                true => (args.vtimeout, " of virtual time"),
                false => (args.timeout, ""),
            };
            let limit = format!("no end within {:?}{clock}", time.unwrap_or_default());
            for line in machine.where_it_is() {
                complain(format!("{limit}: {line}"));
            }
            missed(&limit)
        }
    }
}

/// A guest's exit code as a process can have it; no failure becomes a success.
fn guest_code(code: i32) -> u8 {
    match (code, code as u8) {
        (0, _) => 0,
        (_, 0) => 1,
        (_, low) => low,
    }
}

fn summarise(machine: &Running) {
    let counts = machine.counts();
    if counts.is_empty() {
        return;
    }
    let accesses = |n: u64| format!("{n} access{}", if n == 1 { "" } else { "es" });
    let mut head = Vec::new();
    if counts.unimplemented_total() > 0 {
        head.push(format!(
            "{} to registers that are not implemented",
            accesses(counts.unimplemented_total())
        ));
    }
    if counts.unmapped_total() > 0 {
        head.push(format!(
            "{} to addresses where nothing is mapped",
            accesses(counts.unmapped_total())
        ));
    }
    complain(head.join(", "));
    for line in counts.lines() {
        let _ = writeln!(std::io::stderr(), "  {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_stay_failures() {
        assert_eq!((guest_code(0), guest_code(3), guest_code(256), guest_code(-1)), (0, 3, 1, 255));
    }
}
