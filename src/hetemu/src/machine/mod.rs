//! A machine in a program: made, run, looked into, talked to.
//!
//! A [`Machine`] is driven by its caller alone: it has no thread, no host's clock and no terminal,
//! so that the same calls give the same run every time. Serial plugs belong to the caller unless
//! the [`Builder`] attached the host to them. It stands on [`Session`], as QMP, GDB and the console
//! do.

mod build;
mod wire;

pub use build::{Builder, Jit, image, realize};
pub use wire::Match;

use crate::Loaded;
use hetemu_control::{Session, Status, Turn};
use hetemu_hw::time::{Ps, SECOND};
use hetemu_machine::{
    CoreId, DebugStop, DebugWhy, Debugger, Limit, Outcome, Report, Running, Step,
};
use regex::bytes::Regex;
use std::collections::BTreeMap;
use std::time::Duration;
use wire::Wire;

/// Why something did not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such machine.
    #[error("{0}")]
    NotFound(String),
    /// The machine's text has mistakes: all of them, with its texts.
    #[error("{}", rendered(.0))]
    Wrong(Box<Loaded>),
    /// Parts that have no model: a report each.
    #[error("{}", .0.iter().map(|r| r.to_string()).collect::<String>().trim_end())]
    Missing(Vec<Report>),
    /// The machine cannot be made, or its state cannot be read.
    #[error("{}", .0.to_string().trim_end())]
    Report(#[from] Report),
    /// The session could not do it.
    #[error("{0}")]
    Session(#[from] hetemu_control::Error),
    /// No plug of this name belongs to the caller.
    #[error("no serial plug `{name}` belongs to the caller; there is {known}")]
    NoPlug {
        /// What was asked for.
        name: String,
        /// Names that would do.
        known: String,
    },
    /// There is nothing of this name.
    #[error("nothing here is called `{name}`{}", .meant.as_ref().map(|m| format!("; did you mean `{m}`?")).unwrap_or_default())]
    NoName {
        /// What was asked for.
        name: String,
        /// The nearest name that exists.
        meant: Option<String>,
    },
    /// A byte of a stretch is no memory, or `view` is nothing that has a view.
    #[error("`{view}` sees no memory of {len} bytes at {at:#x}")]
    NoMemory {
        /// Core, cluster or bus.
        view: String,
        /// First address.
        at: u64,
        /// Bytes.
        len: usize,
    },
    /// Memory is seen by cores, clusters and buses, and this is none.
    #[error("`{name}` is no core, cluster or bus, and so sees no memory; there is {known}")]
    NoView {
        /// What was asked for.
        name: String,
        /// Names that would do.
        known: String,
    },
    /// A value that does not fit.
    #[error("{0}")]
    Value(String),
    /// A pattern that is no regular expression.
    #[error("{0}")]
    Pattern(#[from] regex::Error),
    /// The output that was waited for did not come.
    #[error("expected output did not come: {pattern}\n{}", .stop.reason())]
    Expected {
        /// The pattern.
        pattern: String,
        /// Why the wait is over.
        stop: Stop,
        /// What the guest said since the last match.
        output: String,
    },
}

fn rendered(loaded: &Loaded) -> String {
    let text = hetemu_lang::render(&loaded.diagnostics, &loaded.sources, false, 100);
    text.trim_end().to_string()
}

/// What ends a run: whatever comes first. An empty one runs to the guest's end.
#[derive(Debug, Clone, Default)]
pub struct Until {
    time: Option<Ps>,
    insns: Option<u64>,
    /// Plug, pattern, whether it is waited for.
    output: Vec<(Option<String>, Regex, bool)>,
    breakpoints: Vec<(Option<String>, u64)>,
    alone: bool,
}

impl Until {
    /// Nothing but the guest's end.
    pub fn end() -> Until {
        Until::default()
    }

    /// So long from now, in virtual time.
    pub fn time(mut self, time: Duration) -> Until {
        self.time = Some(ps(time));
        self
    }

    /// So many instructions of all cores together.
    pub fn instructions(mut self, n: u64) -> Until {
        self.insns = Some(n);
        self
    }

    /// Output of a plug (without a name: of the console) that matches. Several can be given; the
    /// match says which it was, in their order.
    pub fn output(mut self, plug: Option<&str>, pattern: Regex) -> Until {
        self.output.push((plug.map(str::to_string), pattern, true));
        self
    }

    /// Output that must not come: it ends the run, too, but the run does not wait for it.
    pub fn never(mut self, plug: Option<&str>, pattern: Regex) -> Until {
        self.output.push((plug.map(str::to_string), pattern, false));
        self
    }

    /// The caller will send nothing: a guest that can only go on with input is stuck, and the run
    /// is over at once. So it is while output is waited for.
    pub fn alone(mut self) -> Until {
        self.alone = true;
        self
    }

    /// A core (without a name: any) stands before the instruction at this virtual address, in
    /// whatever address space.
    pub fn reaches(mut self, core: Option<&str>, address: u64) -> Until {
        self.breakpoints.push((core.map(str::to_string), address));
        self
    }
}

/// Why a run stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The time is over.
    Time,
    /// The instructions are done.
    Instructions,
    /// A pattern matched.
    Output(Match),
    /// A core stands at a breakpoint, or touched what is watched.
    Debug(DebugStop),
    /// The guest ended, or cannot go on.
    Ended(Outcome),
    /// Every core waits, and nothing that could wake one will happen: the report says where.
    Idle(Box<Report>),
}

impl Stop {
    /// A sentence for people.
    pub fn reason(&self) -> String {
        match self {
            Stop::Time => String::from("the time for it is over"),
            Stop::Instructions => String::from("the instructions for it are done"),
            Stop::Output(_) => String::from("other output came"),
            Stop::Debug(_) => String::from("a core stands at a stop of a debugger"),
            Stop::Ended(Outcome::Exit(code)) => format!("the guest ended with {code}"),
            Stop::Ended(Outcome::Stuck(report)) => report.to_string().trim_end().to_string(),
            Stop::Idle(report) => report.to_string().trim_end().to_string(),
        }
    }
}

/// A live machine.
///
/// ```
/// use std::time::Duration;
///
/// # fn main() -> Result<(), hetemu::Error> {
/// let mut machine = hetemu::Builder::find("opentitan")?.build()?;
/// machine.expect("hello: .* are up", Duration::from_secs(1))?;
/// machine.expect("> ", Duration::from_secs(1))?;
/// assert_eq!(machine.device("uart", "CTRL.TX")?, 1);
///
/// machine.send("exit 7\r")?;
/// assert_eq!(machine.run_to_end(Duration::from_secs(1))?, 7);
/// # Ok(())
/// # }
/// ```
pub struct Machine {
    session: Session,
    wires: BTreeMap<String, Wire>,
    talks: Option<String>,
    /// Breakpoints of its own, beside those of debuggers.
    debugger: Debugger,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.machine().map(|m| m.graph().name.clone()).unwrap_or_default();
        f.debug_struct("Machine").field("name", &name).field("time", &self.time()).finish()
    }
}

/// Whether a stop is one of those that a run waits for.
fn wanted(stops: &[(usize, Option<usize>, u64)], stop: &DebugStop) -> bool {
    let here = |core: &Option<usize>| core.is_none_or(|core| core == stop.core);
    stop.why != DebugWhy::Breakpoint
        || stops.iter().any(|(cluster, core, _)| *cluster == stop.cluster && here(core))
}

fn ps(d: Duration) -> Ps {
    Ps::try_from(d.as_nanos().saturating_mul(1000)).unwrap_or(Ps::MAX)
}

impl Machine {
    pub(crate) fn new(
        mut session: Session,
        wires: BTreeMap<String, Wire>,
        talks: Option<String>,
    ) -> Result<Machine, Error> {
        session.keep_after_end();
        let debugger = session.machine_mut()?.debugger();
        Ok(Machine { session, wires, talks, debugger })
    }

    /// The session below, for what this type has no word for.
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// The live machine below.
    pub fn machine(&self) -> Result<&Running, Error> {
        Ok(self.session.machine()?)
    }

    /// The live machine below, to change.
    pub fn machine_mut(&mut self) -> Result<&mut Running, Error> {
        Ok(self.session.machine_mut()?)
    }

    /// Virtual time since power-on.
    pub fn time(&self) -> Duration {
        Duration::from_nanos(self.session.now() / (SECOND / 1_000_000_000))
    }

    /// Instructions that all cores have retired.
    pub fn instructions(&self) -> u64 {
        self.machine().map_or(0, Running::retired)
    }

    /// Names of the cores.
    pub fn cores(&self) -> Vec<String> {
        let machine = self.machine();
        machine.map(|m| m.cores().map(|(_, n)| n.to_string()).collect()).unwrap_or_default()
    }

    /// How the guest ended, once it has.
    pub fn outcome(&self) -> Option<Outcome> {
        self.machine().ok()?.outcome()
    }

    /// Runs until something stops it. Time and instructions are exact: the next run goes on as if
    /// there had been no stop.
    ///
    /// # Errors
    /// Only if a plug of `until` does not exist.
    pub fn run(&mut self, until: &Until) -> Result<Stop, Error> {
        let mut watched: BTreeMap<String, Vec<(usize, Regex)>> = BTreeMap::new();
        for (i, (plug, pattern, _)) in until.output.iter().enumerate() {
            let name = self.plug_name(plug.as_deref())?;
            watched.entry(name).or_default().push((i, pattern.clone()));
        }
        // Without a wait for output the caller may send something afterwards.
        let waits =
            until.output.iter().any(|(.., waited)| *waited) || !until.breakpoints.is_empty();
        let open = !waits && !until.alone && (until.time.is_some() || until.insns.is_some());
        for (name, wire) in &self.wires {
            let patterns = watched.get(name).into_iter().flatten();
            wire.set_open(open);
            wire.watch(patterns.map(|(_, p)| p.clone()).collect());
        }
        let at = until.time.map_or(Ps::MAX, |t| self.session.now().saturating_add(t));
        let insns = until.insns.unwrap_or(u64::MAX);
        let stops = self.set_breakpoints(until)?;
        self.machine_mut()?.set_limit(Limit { insns, at });
        let stop = loop {
            match self.turns(at, open, &watched) {
                Ok(Stop::Debug(stop)) if !stops.is_empty() && !wanted(&stops, &stop) => {}
                stop => break stop,
            }
        };
        let debugger = self.debugger;
        if let Ok(machine) = self.session.machine_mut() {
            machine.set_limit(Limit::default());
            for (cluster, ..) in stops {
                machine.set_breakpoints(debugger, cluster, &[]);
            }
        }
        for wire in self.wires.values() {
            wire.watch(Vec::new());
        }
        self.session.pause()?;
        stop
    }

    /// Sets the breakpoints of a run: cluster, core (or any), address.
    fn set_breakpoints(
        &mut self,
        until: &Until,
    ) -> Result<Vec<(usize, Option<usize>, u64)>, Error> {
        let mut all = Vec::new();
        for (core, at) in &until.breakpoints {
            match core {
                Some(name) => {
                    let core = self.core(name)?;
                    all.push((core.cluster, Some(core.core), *at));
                }
                None => {
                    let clusters = self.machine()?.graph().clusters.len();
                    all.extend((0..clusters).map(|c| (c, None, *at)));
                }
            }
        }
        let debugger = self.debugger;
        let machine = self.machine_mut()?;
        for (cluster, ..) in &all {
            let here = all.iter().filter(|(c, ..)| c == cluster);
            let addresses: Vec<u64> = here.map(|(.., at)| *at).collect();
            machine.set_breakpoints(debugger, *cluster, &addresses);
        }
        Ok(all)
    }

    fn turns(
        &mut self,
        at: Ps,
        open: bool,
        watched: &BTreeMap<String, Vec<(usize, Regex)>>,
    ) -> Result<Stop, Error> {
        loop {
            for (name, patterns) in watched {
                if let Some(mut hit) = self.wires.get(name).and_then(Wire::hit) {
                    hit.pattern = patterns.get(hit.pattern).map_or(0, |(i, _)| *i);
                    return Ok(Stop::Output(hit));
                }
            }
            if self.session.status() == Status::Shutdown {
                let outcome = self.outcome().unwrap_or(Outcome::Exit(0));
                return Ok(Stop::Ended(outcome));
            }
            self.session.resume()?;
            let mut last = None;
            let turn = self.session.turn_with(|machine| {
                let step = machine.step();
                last = Some(step);
                step
            });
            let machine = self.session.machine_mut()?;
            match (turn, last) {
                (Turn::Ran | Turn::Ended, _) => {}
                (Turn::Idle(Some(next)), _) if next <= at => machine.skip_to(next),
                (Turn::Idle(next), _) if next.is_some() || open && at != Ps::MAX => {
                    machine.skip_to(at);
                    return Ok(Stop::Time);
                }
                (Turn::Idle(_), _) => return Ok(Stop::Idle(Box::new(machine.hang_report()))),
                (Turn::Paused, Some(Step::Debug(stop))) => return Ok(Stop::Debug(stop)),
                (Turn::Paused, _) if machine.outcome().is_some() => {}
                (Turn::Paused, _) if machine.limit().insns == 0 => return Ok(Stop::Instructions),
                (Turn::Paused, _) => return Ok(Stop::Time),
            }
        }
    }

    /// Runs for so long in virtual time.
    ///
    /// ```
    /// # fn main() -> Result<(), hetemu::Error> {
    /// use std::time::Duration;
    /// let mut machine = hetemu::Builder::find("opentitan")?.build()?;
    /// machine.run_for(Duration::from_micros(100))?;
    /// assert_eq!(machine.time(), Duration::from_micros(100));
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_for(&mut self, time: Duration) -> Result<Stop, Error> {
        self.run(&Until::end().time(time))
    }

    /// Runs so many instructions of all cores together; those that raise an exception count.
    pub fn step(&mut self, instructions: u64) -> Result<Stop, Error> {
        self.run(&Until::end().instructions(instructions))
    }

    /// Runs to the guest's end and gives its exit code.
    ///
    /// # Errors
    /// [`Error::Report`] if the guest is stuck, [`Error::Expected`] if it does not end in time.
    pub fn run_to_end(&mut self, within: Duration) -> Result<i32, Error> {
        match self.run(&Until::end().time(within).alone())? {
            Stop::Ended(Outcome::Exit(code)) => Ok(code),
            Stop::Ended(Outcome::Stuck(report)) => Err(Error::Report(report)),
            Stop::Idle(report) => Err(Error::Report(*report)),
            stop => {
                let output = self.rest(None).unwrap_or_default();
                Err(Error::Expected { pattern: "the guest's end".into(), stop, output })
            }
        }
    }

    /// Waits for output of the console that matches a regular expression, from the end of the last
    /// match on. The machine stops right behind the output that completes the match.
    ///
    /// # Errors
    /// [`Error::Expected`] if it does not come within this virtual time, or never can.
    pub fn expect(&mut self, pattern: &str, within: Duration) -> Result<Match, Error> {
        self.expect_on(None, pattern, within)
    }

    /// As [`Machine::expect`], on a plug.
    pub fn expect_on(
        &mut self,
        plug: Option<&str>,
        pattern: &str,
        within: Duration,
    ) -> Result<Match, Error> {
        let regex = Regex::new(pattern)?;
        match self.run(&Until::end().time(within).output(plug, regex))? {
            Stop::Output(found) => Ok(found),
            stop => {
                let output = self.rest(plug)?;
                Err(Error::Expected { pattern: pattern.to_string(), stop, output })
            }
        }
    }

    /// Types at the console. The guest sees it when the machine runs on.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
        self.send_on(None, bytes)
    }

    /// Gives a plug input.
    pub fn send_on(&mut self, plug: Option<&str>, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
        self.wire(plug)?.send(bytes.as_ref());
        Ok(())
    }

    /// Everything that the guest sent to the console (the last 16 MiB of it, at least).
    pub fn output(&self) -> Result<String, Error> {
        self.output_on(None)
    }

    /// Everything that the guest sent to a plug.
    pub fn output_on(&self, plug: Option<&str>) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&self.wire(plug)?.output()).into_owned())
    }

    /// What the guest sent to a plug since the last match.
    pub fn rest(&self, plug: Option<&str>) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&self.wire(plug)?.rest()).into_owned())
    }

    /// Names of the serial plugs that belong to the caller.
    pub fn plugs(&self) -> impl Iterator<Item = &str> {
        self.wires.keys().map(String::as_str)
    }

    fn plug_name(&self, plug: Option<&str>) -> Result<String, Error> {
        let name = plug.or(self.talks.as_deref()).unwrap_or("");
        if self.wires.contains_key(name) {
            return Ok(name.to_string());
        }
        let known: Vec<&str> = self.plugs().collect();
        let known = if known.is_empty() { String::from("none") } else { known.join(", ") };
        Err(Error::NoPlug { name: name.to_string(), known })
    }

    fn wire(&self, plug: Option<&str>) -> Result<&Wire, Error> {
        let name = self.plug_name(plug)?;
        self.wires.get(&name).ok_or(Error::NoPlug { name, known: String::new() })
    }

    /// Resets everything, as the board's reset button would: images are loaded anew.
    pub fn reset(&mut self) -> Result<(), Error> {
        self.wires.values().for_each(Wire::forget);
        Ok(self.session.reset(hetemu_control::Reason::Host)?)
    }

    /// A core's number by its name.
    pub fn core(&self, name: &str) -> Result<CoreId, Error> {
        let machine = self.machine()?;
        machine.core_named(name).ok_or_else(|| self.no_name(name, self.cores()))
    }

    fn no_name(&self, name: &str, known: Vec<String>) -> Error {
        let known = known.iter().map(String::as_str);
        let meant = hetemu_lang::diag::suggest::nearest(name, known).map(str::to_string);
        Error::NoName { name: name.to_string(), meant }
    }

    /// A core's register by name: `pc`, `a0`, `mstatus`.
    ///
    /// ```
    /// # fn main() -> Result<(), hetemu::Error> {
    /// let mut machine = hetemu::Builder::find("opentitan")?.build()?;
    /// machine.step(1)?;
    /// let pc = machine.register("ibex", "pc")?;
    /// machine.set_register("ibex", "a0", 0x1234)?;
    /// assert_eq!(machine.register("ibex", "a0")?, 0x1234);
    /// let code = machine.read_memory("ibex", pc, 4)?;
    /// assert_eq!(code.len(), 4);
    /// # Ok(())
    /// # }
    /// ```
    pub fn register(&self, core: &str, name: &str) -> Result<u64, Error> {
        let at = self.core(core)?;
        let machine = self.machine()?;
        machine.core_register(at, name).ok_or_else(|| {
            let known = machine.core_registers(at).into_iter().map(|(n, _)| n).collect();
            self.no_name(name, known)
        })
    }

    /// Sets a core's register.
    pub fn set_register(&mut self, core: &str, name: &str, value: u64) -> Result<(), Error> {
        let at = self.core(core)?;
        self.register(core, name)?;
        match self.machine_mut()?.set_core_register(at, name, value) {
            true => Ok(()),
            false => Err(Error::Value(format!("`{core}.{name}` cannot be set"))),
        }
    }

    /// A device's register (`CTRL`), field (`CTRL.TX`) or other value by name, without the effects
    /// that reading has.
    pub fn device(&self, part: &str, name: &str) -> Result<u64, Error> {
        let machine = self.machine()?;
        let values = machine.device_values(part).ok_or_else(|| {
            self.no_name(part, machine.device_names().map(str::to_string).collect())
        })?;
        let found = values.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
        found.ok_or_else(|| self.no_name(name, values.into_iter().map(|(n, _)| n).collect()))
    }

    /// Reads memory (RAM and ROM) at a physical address as a core, a cluster or a bus sees it.
    pub fn read_memory(&self, view: &str, at: u64, len: usize) -> Result<Vec<u8>, Error> {
        let no = || self.no_memory(view, at, len);
        let machine = self.machine()?;
        // A stretch that is no memory must not cost the host's.
        let last = at.wrapping_add(len.saturating_sub(1) as u64);
        machine.read_physical(view, last, 1).ok_or_else(no)?;
        machine.read_physical(view, at, len).ok_or_else(no)
    }

    /// Writes memory, ROM too.
    pub fn write_memory(&mut self, view: &str, at: u64, bytes: &[u8]) -> Result<(), Error> {
        match self.machine_mut()?.write_physical(view, at, bytes) {
            true => Ok(()),
            false => Err(self.no_memory(view, at, bytes.len())),
        }
    }

    /// What sees memory: cores, clusters, buses.
    fn views(&self) -> Vec<String> {
        let mut all = self.cores();
        if let Ok(machine) = self.machine() {
            let graph = machine.graph();
            all.extend(graph.clusters.iter().map(|c| c.name.clone()));
            all.extend(graph.buses.iter().map(|b| b.name.clone()));
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    fn no_memory(&self, view: &str, at: u64, len: usize) -> Error {
        let known = self.views();
        if known.iter().any(|name| name == view) || self.core(view).is_ok() {
            return Error::NoMemory { view: view.to_string(), at, len };
        }
        let known = hetemu_lang::diag::suggest::list(known.iter().map(String::as_str));
        Error::NoView { name: view.to_string(), known }
    }

    /// Reads memory at a virtual address of a core, as it translates it now.
    pub fn read_virtual(&mut self, core: &str, va: u64, len: usize) -> Result<Vec<u8>, Error> {
        let at = self.core(core)?;
        let bytes = self.machine_mut()?.read_virtual(at, va, len);
        bytes.ok_or_else(|| Error::NoMemory { view: core.to_string(), at: va, len })
    }

    /// Writes memory at a virtual address of a core, RAM only.
    pub fn write_virtual(&mut self, core: &str, va: u64, bytes: &[u8]) -> Result<(), Error> {
        let at = self.core(core)?;
        match self.machine_mut()?.write_virtual(at, va, bytes) {
            true => Ok(()),
            false => Err(Error::NoMemory { view: core.to_string(), at: va, len: bytes.len() }),
        }
    }

    /// Whether numbers in memory have their highest byte first as a core of this name, or the first
    /// core of a cluster, reads them. Of buses: as their initiators are expected to.
    pub fn is_big_endian(&self, view: &str) -> bool {
        let Ok(machine) = self.machine() else { return false };
        let number = || machine.graph().clusters.iter().position(|c| c.name == view);
        let first = || number().map(|cluster| CoreId { cluster, core: 0 });
        let bus = || machine.graph().buses.iter().find(|b| b.name == view).map(|b| b.endian);
        let core = machine.core_named(view).or_else(first);
        let endian = core.and_then(|at| machine.core_layout(at)).map(|l| l.endian).or_else(bus);
        endian == Some(hetemu_schema::Endian::Big)
    }

    /// The address of a symbol of the images that are loaded.
    pub fn symbol(&self, name: &str) -> Result<u64, Error> {
        let symbols = self.machine()?.symbols();
        symbols
            .find(name)
            .ok_or_else(|| self.no_name(name, symbols.iter().map(|s| s.name.clone()).collect()))
    }

    /// What the Ctrl-A c monitor of `hetemu run` answers.
    pub fn monitor(&mut self, line: &str) -> Result<String, Error> {
        Ok(self.machine_mut()?.monitor(line))
    }
}
