//! A machine in a program: made, run, looked into, talked to.
//!
//! A [`Machine`] is driven by its caller alone: it has no thread, no host's clock and no terminal,
//! so that the same calls give the same run every time. Serial plugs belong to the caller unless
//! the [`Builder`] attached the host to them. It stands on [`Session`], as QMP, GDB and the console
//! do.

mod build;
mod error;
mod look;
mod state;
mod until;
mod wire;

pub use build::{Builder, Jit, image, realize};
pub use error::Error;
pub use until::{Stop, Until};
pub use wire::Match;

use hetemu_control::{Session, Status, Turn};
use hetemu_hw::time::{Ps, SECOND};
use hetemu_machine::{DebugStop, DebugWhy, Debugger, Limit, Outcome, Running, Step};
use regex::bytes::Regex;
use std::collections::BTreeMap;
use std::time::Duration;
use wire::Wire;

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
}
