//! Runs a test on a machine of its own.

use super::codes::*;
use super::{Act, Address, Condition, Op, Pattern, Setup, Spanned, Suite, Test, Value, ValueKind};
use crate::{Builder, Error, Jit, Machine, Stop, Until};
use hetemu_lang::diag::suggest;
use hetemu_lang::{Diagnostic, Severity, Span};
use hetemu_machine::{Outcome as Guest, Saved};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// Virtual time for a wait, if nothing says more.
const WITHIN: Duration = Duration::from_secs(10);
/// Lines of output that a failure shows.
const SHOWN: usize = 8;

/// How a test went.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// All steps are done.
    Passed,
    /// A step failed.
    Failed(Box<Diagnostic>),
    /// A file that it needs is not there.
    Skipped(String),
}

/// A test that was run.
#[derive(Debug, Clone)]
pub struct Tested {
    /// Its name.
    pub name: String,
    /// Where hot code was compiled.
    pub jit: Jit,
    /// How it went.
    pub outcome: Outcome,
    /// Virtual time.
    pub time: Duration,
    /// Instructions of all cores.
    pub instructions: u64,
    /// Time on the host's clock.
    pub took: Duration,
    /// What the guest said on its console.
    pub output: String,
}

type Done<T> = Result<T, Box<Diagnostic>>;

/// Runs a test of a suite.
pub fn run(suite: &Suite, test: &Test, jit: Jit) -> Tested {
    let begun = Instant::now();
    let missing = test.setup.needs.iter().find(|(path, _)| !suite.folder.join(path).exists());
    let mut tested = Tested {
        name: test.name.clone(),
        jit,
        outcome: Outcome::Passed,
        time: Duration::ZERO,
        instructions: 0,
        took: Duration::ZERO,
        output: String::new(),
    };
    if let Some((path, _)) = missing {
        tested.outcome = Outcome::Skipped(format!("{path} is not there"));
        return tested;
    }
    match build(&test.setup, &suite.folder, test.span, jit) {
        Err(d) => tested.outcome = Outcome::Failed(d),
        Ok(machine) => {
            let within = test.setup.within.unwrap_or(WITHIN);
            let (never, states) = (Vec::new(), BTreeMap::new());
            let mut live = Live { machine, never, within, states };
            for step in &test.steps {
                if let Err(d) = live.step(&step.act, step.span) {
                    tested.outcome = Outcome::Failed(d);
                    break;
                }
            }
            tested.time = live.machine.time();
            tested.instructions = live.machine.instructions();
            tested.output = live.machine.output().unwrap_or_default();
        }
    }
    tested.took = begun.elapsed();
    tested
}

/// A path as the test's file means it.
fn beside(folder: &Path, path: &str) -> String {
    let full = folder.join(path);
    if full.exists() { full.display().to_string() } else { path.to_string() }
}

/// A plug's value: the path in it is relative to the test's file.
fn plugged(folder: &Path, value: &str) -> String {
    let (kind, rest) = match value.split_once(':') {
        Some((kind, rest)) if kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') => {
            (Some(kind), rest)
        }
        _ => (None, value),
    };
    let (path, options) = match rest.split_once(',') {
        Some((path, options)) => (path, Some(options)),
        None => (rest, None),
    };
    let mut out = beside(folder, path);
    if let Some(kind) = kind {
        out = format!("{kind}:{out}");
    }
    if let Some(options) = options {
        out = format!("{out},{options}");
    }
    out
}

fn build(setup: &Setup, folder: &Path, span: Span, jit: Jit) -> Done<Machine> {
    let Some((what, at)) = &setup.machine else {
        let d = Diagnostic::new(E1407, span, "this test has no machine");
        return Err(Box::new(d.help("write `machine = NAME` above it")));
    };
    let failed = |e: Error| {
        let d = Diagnostic::new(E1407, *at, format!("the machine `{what}` cannot be made"));
        Box::new(noted(d, &e))
    };
    let mut builder = Builder::find(&beside(folder, what)).map_err(failed)?.jit(jit);
    for (name, value, _) in &setup.set {
        builder = builder.set(name, value);
    }
    for (name, value, _) in &setup.plug {
        builder = builder.plug(name, plugged(folder, value));
    }
    for (file, _) in &setup.image {
        let arg = crate::image(file);
        builder = builder.image_at(beside(folder, &arg.path), arg.at);
    }
    if let Some((name, _)) = &setup.profile {
        builder = builder.profile(name);
    }
    if let Some(on) = setup.semihosting {
        builder = builder.semihosting(on);
    }
    if let Some(args) = &setup.args {
        builder = builder.args(args);
    }
    builder = builder.strict(setup.strict.unwrap_or(false)).seed(setup.seed.unwrap_or(0));
    builder.build().map_err(failed)
}

/// What an error says, as notes.
fn noted(mut d: Diagnostic, e: &Error) -> Diagnostic {
    match e {
        Error::Wrong(loaded) => {
            let errors = loaded.diagnostics.iter().filter(|d| d.severity == Severity::Error);
            for e in errors.take(3) {
                let place = loaded.sources.place(e.span());
                d = d.note(format!("{place}: {}: {}", e.code.id(), e.message));
            }
            let name = loaded.sources.get(loaded.file).map_or("FILE", |f| f.name.as_str());
            d.help(format!("`hetemu check {name}` shows all of it"))
        }
        Error::Report(report) => report_notes(d, report),
        Error::Missing(reports) => reports.iter().take(3).fold(d, report_notes),
        e => e.to_string().lines().fold(d, |d, line| d.note(line)),
    }
}

fn report_notes(d: Diagnostic, r: &hetemu_machine::Report) -> Diagnostic {
    let d = d.note(format!("{}: {}", r.code, r.message));
    let lines = r.notes.iter().flat_map(|(label, text)| {
        text.lines().take(SHOWN).map(move |line| format!("{label}: {line}"))
    });
    lines.fold(d, |d, line| d.note(line))
}

/// What is looked at.
enum Seen {
    Number(u64),
    Bytes(Vec<u8>),
}

impl Seen {
    fn text(&self) -> String {
        match self {
            Seen::Number(n) if *n < 10 => n.to_string(),
            Seen::Number(n) => format!("{n:#x} ({n})"),
            Seen::Bytes(b) => format!("{:?}", String::from_utf8_lossy(b)),
        }
    }
}

struct Live {
    machine: Machine,
    never: Vec<Pattern>,
    within: Duration,
    states: BTreeMap<String, Saved>,
}

impl Live {
    fn until(&self, time: Duration) -> Until {
        let plug = |p: &Pattern| p.plug.as_ref().map(|(n, _)| n.clone());
        let none = Until::end().time(time);
        self.never.iter().fold(none, |u, p| u.never(plug(p).as_deref(), p.regex.clone()))
    }

    /// A failure with what is known of the machine.
    fn told(&self, d: Diagnostic, plug: Option<&str>) -> Box<Diagnostic> {
        let rest = self.machine.rest(plug).unwrap_or_default();
        let lines: Vec<&str> = rest.lines().filter(|l| !l.trim().is_empty()).collect();
        let from = lines.len().saturating_sub(SHOWN);
        let mut d = d.note(format!("virtual time {:?}", self.machine.time()));
        if let Ok(machine) = self.machine.machine() {
            d = machine.where_it_is().into_iter().fold(d, |d, line| d.note(line));
        }
        if lines.is_empty() {
            return Box::new(d.note("the guest has said nothing since the last match"));
        }
        d = d.note("since the last match the guest has said:");
        let shown = lines.get(from..).unwrap_or(&[]);
        Box::new(shown.iter().fold(d, |d, line| d.note(format!("| {line}"))))
    }

    /// Runs, and fails if output comes that must not.
    fn run(&mut self, until: &Until, span: Span) -> Done<Stop> {
        let stop = self.machine.run(until).map_err(|e| named(span, &e))?;
        if let Stop::Output(hit) = &stop
            && let Some(never) = self.never.get(hit.pattern)
        {
            let d = Diagnostic::new(E1404, span, format!("{} came", never.text))
                .label("while the machine did this")
                .note(format!("it is {:?}", String::from_utf8_lossy(&hit.text)));
            return Err(self.told(d, never.plug.as_ref().map(|(n, _)| n.as_str())));
        }
        Ok(stop)
    }

    fn step(&mut self, act: &Act, span: Span) -> Done<()> {
        match act {
            Act::Expect(pattern, within) => self.expect(pattern, *within, span),
            Act::Never(pattern) => {
                self.never.push(pattern.clone());
                Ok(())
            }
            Act::Send(bytes, plug) => {
                let name = plug.as_ref().map(|(n, _)| n.as_str());
                let at = plug.as_ref().map_or(span, |(_, at)| *at);
                self.machine.send_on(name, bytes).map_err(|e| named(at, &e))
            }
            Act::RunTime(time) => self.runs(self.until(*time), false, span),
            Act::RunInstructions(n) => {
                let until = self.until(Duration::MAX).instructions(*n);
                self.runs(until, true, span)
            }
            Act::RunTo(at, core, within) => self.run_to(at, core.as_ref(), *within, span),
            Act::Check(condition) => match self.holds(condition)? {
                None => Ok(()),
                Some((message, at)) => Err(Box::new(
                    Diagnostic::new(E1405, at, message)
                        .note(format!("virtual time {:?}", self.machine.time())),
                )),
            },
            Act::Wait(condition, within) => self.wait(condition, *within, span),
            Act::Write(place, value) => self.write(place, value),
            Act::Reset => self.machine.reset().map_err(|e| named(span, &e)),
            Act::Snapshot(name) => {
                let state = self.machine.snapshot(self.states.values().next_back());
                let state = state.map_err(|e| Box::new(noted(lost(span), &e)))?;
                self.states.insert(name.clone(), state);
                Ok(())
            }
            Act::Restore((name, at)) => {
                let Some(state) = self.states.get(name) else {
                    let known = suggest::list(self.states.keys().map(String::as_str));
                    let d = Diagnostic::new(E1402, *at, format!("no snapshot is called `{name}`"));
                    let none = self.states.is_empty();
                    let help =
                        if none { "none was taken".into() } else { format!("there is {known}") };
                    return Err(Box::new(d.help(help)));
                };
                self.machine.restore(state).map_err(|e| Box::new(noted(lost(span), &e)))
            }
            Act::Exit(code, within) => self.exit(*code, *within, span),
            Act::Stuck(code, within) => self.stuck(code.as_deref(), *within, span),
        }
    }

    fn expect(&mut self, pattern: &Pattern, within: Option<Duration>, span: Span) -> Done<()> {
        let within = within.unwrap_or(self.within);
        let plug = pattern.plug.as_ref().map(|(n, _)| n.as_str());
        let until = self.until(within).output(plug, pattern.regex.clone());
        let stop = self.run(&until, span)?;
        if let Stop::Output(_) = stop {
            return Ok(());
        }
        let d =
            Diagnostic::new(E1403, span, format!("expected output did not come: {}", pattern.text));
        Err(self.told(why(d, &stop, within), plug))
    }

    /// Runs to a limit; the guest must not end before it.
    fn runs(&mut self, until: Until, insns: bool, span: Span) -> Done<()> {
        let stop = self.run(&until, span)?;
        match stop {
            Stop::Time if !insns => Ok(()),
            Stop::Instructions => Ok(()),
            stop => {
                let d = Diagnostic::new(E1408, span, "the machine did not run so far");
                Err(self.told(why(d, &stop, Duration::ZERO), None))
            }
        }
    }

    fn run_to(
        &mut self,
        at: &Address,
        core: Option<&Spanned>,
        within: Option<Duration>,
        span: Span,
    ) -> Done<()> {
        let address = self.address(at)?;
        let within = within.unwrap_or(self.within);
        let until = self.until(within).reaches(core.map(|(n, _)| n.as_str()), address);
        match self.run(&until, core.map_or(span, |(_, at)| *at))? {
            Stop::Debug(_) => Ok(()),
            stop => {
                let message = format!("no core came to {address:#x}");
                Err(self.told(why(Diagnostic::new(E1408, span, message), &stop, within), None))
            }
        }
    }

    fn wait(&mut self, c: &Condition, within: Option<Duration>, span: Span) -> Done<()> {
        let within = within.unwrap_or(self.within);
        let end = self.machine.time() + within;
        let tick = (within / 10_000).clamp(Duration::from_micros(1), Duration::from_millis(1));
        loop {
            let Some((message, at)) = self.holds(c)? else { return Ok(()) };
            let over = self.machine.time() >= end;
            let until = self.until(tick);
            let stop = if over { Stop::Time } else { self.run(&until, span)? };
            if over || stop != Stop::Time {
                // It may hold at the very end.
                if self.holds(c)?.is_none() {
                    return Ok(());
                }
                return Err(
                    self.told(why(Diagnostic::new(E1405, at, message), &stop, within), None)
                );
            }
        }
    }

    fn exit(&mut self, code: Option<i32>, within: Option<Duration>, span: Span) -> Done<()> {
        let within = within.unwrap_or(self.within);
        let until = self.until(within).alone();
        let stop = self.run(&until, span)?;
        let d = match (&stop, code) {
            (Stop::Ended(Guest::Exit(_)), None) => return Ok(()),
            (Stop::Ended(Guest::Exit(is)), Some(code)) if *is == code => return Ok(()),
            (Stop::Ended(Guest::Exit(is)), Some(code)) => {
                Diagnostic::new(E1406, span, format!("the guest ended with {is}, not with {code}"))
            }
            _ => why(Diagnostic::new(E1406, span, "the guest did not end"), &stop, within),
        };
        Err(self.told(d, None))
    }

    fn stuck(&mut self, code: Option<&str>, within: Option<Duration>, span: Span) -> Done<()> {
        let within = within.unwrap_or(self.within);
        let until = self.until(within).alone();
        let stop = self.run(&until, span)?;
        let report = match &stop {
            Stop::Ended(Guest::Stuck(report)) => Some(report),
            Stop::Idle(report) => Some(&**report),
            _ => None,
        };
        let d = match (report, code) {
            (Some(_), None) => return Ok(()),
            (Some(r), Some(code)) if r.code == code => return Ok(()),
            (Some(r), Some(code)) => {
                let message = format!("the guest is stuck with {}, not with {code}", r.code);
                report_notes(Diagnostic::new(E1406, span, message), r)
            }
            _ => why(Diagnostic::new(E1406, span, "the guest did not get stuck"), &stop, within),
        };
        Err(self.told(d, None))
    }

    fn write(&mut self, place: &Value, value: &Value) -> Done<()> {
        let value = self.value(value)?;
        let fits = |e: Error| named(place.span, &e);
        match (&place.kind, value) {
            (ValueKind::Name(name), Seen::Number(n)) => {
                let (core, register) = self.core_register(name, place.span)?;
                self.machine.set_register(&core, &register, n).map_err(fits)
            }
            (ValueKind::Memory { width, virt: false, view, at }, value) => {
                let address = self.address(at)?;
                let bytes = match value {
                    Seen::Bytes(bytes) => bytes,
                    Seen::Number(n) => self.bytes_of(view, n, *width),
                };
                self.machine.write_memory(view, address, &bytes).map_err(fits)
            }
            (ValueKind::Memory { width, view, at, .. }, value) => {
                let address = self.address(at)?;
                let bytes = match value {
                    Seen::Bytes(bytes) => bytes,
                    Seen::Number(n) => self.bytes_of(view, n, *width),
                };
                self.machine.write_virtual(view, address, &bytes).map_err(fits)
            }
            _ => {
                let d = Diagnostic::new(E1402, place.span, "nothing can be written here");
                Err(Box::new(d.help("write a core's register, or memory: `u32 ram[0x1000]`")))
            }
        }
    }

    /// A number as the memory that a view shows holds it.
    fn bytes_of(&self, view: &str, n: u64, width: u8) -> Vec<u8> {
        let width = if width == 0 { 8 } else { usize::from(width) };
        let mut bytes = n.to_le_bytes().get(..width).unwrap_or_default().to_vec();
        if self.machine.is_big_endian(view) {
            bytes.reverse();
        }
        bytes
    }

    /// `core.register`, split.
    fn core_register(&self, name: &str, span: Span) -> Done<(String, String)> {
        for (i, _) in name.match_indices('.') {
            let (core, register) = (name.get(..i).unwrap_or(""), name.get(i + 1..).unwrap_or(""));
            if self.machine.core(core).is_ok() {
                return Ok((core.to_string(), register.to_string()));
            }
        }
        let cores = self.machine.cores();
        let d = Diagnostic::new(E1402, span, format!("`{name}` is no register of a core"));
        let list = suggest::list(cores.iter().map(String::as_str));
        Err(Box::new(d.help(format!("write CORE.REGISTER; the machine has {list}"))))
    }

    fn named(&self, name: &str, span: Span) -> Done<u64> {
        for (i, _) in name.match_indices('.') {
            let (part, rest) = (name.get(..i).unwrap_or(""), name.get(i + 1..).unwrap_or(""));
            if self.machine.core(part).is_ok() {
                return self.machine.register(part, rest).map_err(|e| named(span, &e));
            }
            let Ok(machine) = self.machine.machine() else { continue };
            if machine.device_names().any(|n| n == part) {
                return self.machine.device(part, rest).map_err(|e| named(span, &e));
            }
        }
        if let Ok(at) = self.machine.symbol(name) {
            return Ok(at);
        }
        let mut all = self.machine.cores();
        if let Ok(machine) = self.machine.machine() {
            all.extend(machine.device_names().map(str::to_string));
            all.extend(machine.symbols().iter().map(|s| s.name.clone()));
        }
        let head = name.split('.').next().unwrap_or(name);
        let d = Diagnostic::new(E1402, span, format!("there is no core, part or symbol `{head}`"));
        let meant = suggest::nearest(head, all.iter().map(String::as_str));
        Err(Box::new(match meant {
            Some(meant) => d.help(format!("did you mean `{meant}`?")),
            None => d,
        }))
    }

    fn address(&self, at: &Address) -> Done<u64> {
        let base = match &at.name {
            Some(name) => self.named(name, at.span)?,
            None => 0,
        };
        Ok(base.wrapping_add(at.add))
    }

    fn value(&mut self, value: &Value) -> Done<Seen> {
        self.value_like(value, None)
    }

    /// A value; `bytes` are as many as the text has that they are compared with.
    fn value_like(&mut self, value: &Value, like: Option<usize>) -> Done<Seen> {
        Ok(match &value.kind {
            ValueKind::Number(n) => Seen::Number(*n),
            ValueKind::Text(bytes) => Seen::Bytes(bytes.clone()),
            ValueKind::Name(name) => Seen::Number(self.named(name, value.span)?),
            ValueKind::Memory { width, virt, view, at } => {
                let address = self.address(at)?;
                let len = match width {
                    0 => like.unwrap_or(1),
                    width => usize::from(*width),
                };
                let bytes = match virt {
                    true => self.machine.read_virtual(view, address, len),
                    false => self.machine.read_memory(view, address, len),
                };
                let mut bytes = bytes.map_err(|e| named(value.span, &e))?;
                if *width == 0 {
                    return Ok(Seen::Bytes(bytes));
                }
                if !self.machine.is_big_endian(view) {
                    bytes.reverse();
                }
                Seen::Number(bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
            }
        })
    }

    /// Nothing if a condition holds, else what is wrong and where.
    fn holds(&mut self, c: &Condition) -> Done<Option<(String, Span)>> {
        let right = self.value(&c.right)?;
        let like = if let Seen::Bytes(b) = &right { Some(b.len()) } else { None };
        let left = self.value_like(&c.left, like)?;
        let upto = match &c.upto {
            Some(value) => Some(self.value(value)?),
            None => None,
        };
        let whole = hetemu_lang::source::join(c.left.span, c.right.span);
        let shown = left.text();
        let (what, holds) = match (&left, &right, &upto) {
            (Seen::Bytes(a), Seen::Bytes(b), None) => match c.op {
                Op::Equal => ("", a == b),
                Op::Unequal => ("other than ", a != b),
                _ => return Err(Box::new(no_order(c.left.span))),
            },
            (Seen::Number(a), Seen::Number(b), upto) => {
                let a = a & c.mask.unwrap_or(u64::MAX);
                match (c.op, upto) {
                    (Op::In, Some(Seen::Number(top))) => ("in ", (*b..=*top).contains(&a)),
                    (Op::Unequal, _) => ("other than ", a != *b),
                    (Op::Less, _) => ("below ", a < *b),
                    (Op::LessEqual, _) => ("at most ", a <= *b),
                    (Op::Greater, _) => ("above ", a > *b),
                    (Op::GreaterEqual, _) => ("at least ", a >= *b),
                    _ => ("", a == *b),
                }
            }
            _ => {
                let d = Diagnostic::new(E1402, whole, "a number and a text cannot be compared");
                return Err(Box::new(d.help("texts are compared with `bytes VIEW[ADDRESS]`")));
            }
        };
        if holds {
            return Ok(None);
        }
        let mask = c.mask.map(|m| format!(" (of which {m:#x} counts)")).unwrap_or_default();
        let top = upto.map(|t| format!(" .. {}", t.text())).unwrap_or_default();
        let message = format!("this is {shown}{mask}, not {what}{}{top}", right.text());
        Ok(Some((message, c.left.span)))
    }
}

fn lost(span: Span) -> Diagnostic {
    Diagnostic::new(E1408, span, "the machine's state cannot be taken or set")
}

fn no_order(span: Span) -> Diagnostic {
    Diagnostic::new(E1402, span, "texts are equal or not; they have no order")
}

/// A mistake in a name, told at its place.
fn named(span: Span, e: &Error) -> Box<Diagnostic> {
    Box::new(Diagnostic::new(E1402, span, e.to_string()))
}

/// Why a wait is over.
fn why(d: Diagnostic, stop: &Stop, within: Duration) -> Diagnostic {
    match stop {
        Stop::Time => d.label(format!("not within {within:?} of virtual time")),
        Stop::Ended(Guest::Stuck(report)) => {
            report_notes(d.label("the guest cannot go on"), report)
        }
        Stop::Idle(report) => report_notes(d.label("the guest waits for nothing"), report),
        stop => d.label(stop.reason()),
    }
}
