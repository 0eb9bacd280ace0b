//! Looking into a running machine: traces, profiles, counts.
//!
//! Nothing of this is in the way of a machine that nobody looks at. What must see instructions one
//! by one, or at exact counts, divides the runs of a core into pieces: the engine runs the same
//! with any division, so an observed machine behaves as one that is not.

mod event;
mod filter;
mod profile;
mod step;

pub use event::{Event, Kind, Names, TraceSink, What};
pub use filter::{Only, Rule, TraceSpec, number};
pub use profile::Profile;
pub(crate) use step::run;

use crate::report::Report;
use crate::run::Running;
use filter::Filter;
use hetemu_engine::{Accessed, CodeRange, Executed, Trap};
use hetemu_graph::{Flat, flatten};
use hetemu_hw::time::Ps;
use hetemu_loader::Symbols;
use hetemu_schema::Signal;

/// An image in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Its file, as the text or the command line names it.
    pub path: String,
    /// How far it was moved from its own addresses.
    pub base: u64,
    /// Address and length of each segment on the core's bus.
    pub ranges: Vec<(u64, u64)>,
}

/// Traps of a core by cause.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traps {
    exceptions: Vec<u64>,
    interrupts: Vec<u64>,
}

/// Causes that are kept apart; more count as the last one.
const CAUSES: usize = 256;

impl Traps {
    pub(crate) fn add(&mut self, trap: &Trap) {
        let all = if trap.interrupt { &mut self.interrupts } else { &mut self.exceptions };
        let cause = (trap.cause as usize).min(CAUSES - 1);
        if all.len() <= cause {
            all.resize(cause + 1, 0);
        }
        if let Some(n) = all.get_mut(cause) {
            *n += 1;
        }
    }
}

/// How often a core took a trap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrapCount {
    /// The core.
    pub core: String,
    /// Not an exception.
    pub interrupt: bool,
    /// The instruction set's number.
    pub cause: u32,
    /// It in words.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// Where device registers lie on a cluster's bus.
#[derive(Debug)]
pub(crate) struct Window {
    cluster: usize,
    slot: usize,
    region: u32,
    offset: u64,
    start: u64,
    last: u64,
}

/// Who looks on.
#[derive(Default)]
pub(crate) struct Observer {
    pub(crate) names: Names,
    filter: Filter,
    sink: Option<Box<dyn TraceSink>>,
    error: Option<String>,
    /// Events that may still be taken.
    room: u64,
    windows: Vec<Window>,
    /// The core that runs, and the address of its instruction.
    who: Option<((usize, usize), u64)>,
    /// Steps of each core, and since when it waits.
    cores: Vec<Vec<Seen>>,
    state_every: u64,
    profile: Option<Profile>,
    /// While an instruction is run: what happens meanwhile comes after it.
    held: Option<Vec<Event>>,
    /// The last interrupt that was taken: when, and its handler.
    handler: Option<(Ps, u64)>,
    /// Inputs of the cores, by cluster.
    inputs: Vec<&'static [Signal]>,
    /// Names of exceptions and interrupts, by cluster.
    causes: Vec<[Vec<String>; 2]>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    steps: u64,
    waits: Option<Ps>,
}

impl Observer {
    /// Takes an event, if it is wanted.
    fn event(&mut self, event: Event) {
        if self.sink.is_none() || !self.filter.takes(&event) {
            return;
        }
        match &mut self.held {
            Some(held) => held.push(event),
            None => self.emit(&event),
        }
    }

    fn emit(&mut self, event: &Event) {
        let Some(sink) = &mut self.sink else { return };
        if self.room == 0 {
            return;
        }
        self.room -= 1;
        if let Err(e) = sink.event(event, &self.names) {
            self.error = Some(e.to_string());
            (self.sink, self.room) = (None, 0);
        }
    }

    /// Whether events of a kind may still be taken.
    fn wants(&self, kind: Kind) -> bool {
        self.room > 0 && self.filter.has(kind)
    }

    pub(crate) fn sent(&mut self, at: Ps, plug: &str, bytes: &[u8]) {
        if self.wants(Kind::Plug) {
            let what = What::Sent { plug: plug.to_string(), bytes: bytes.to_vec() };
            self.event(Event { at, core: self.who.map(|w| w.0), pc: self.who.map(|w| w.1), what });
        }
    }

    pub(crate) fn accessing(&mut self, core: (usize, usize), pc: u64) {
        self.who = Some((core, pc));
    }

    pub(crate) fn accessed(&mut self, at: Ps, cluster: usize, a: Accessed) {
        let what = What::Mem { store: a.store, va: a.va, size: a.size, value: a.value };
        self.event(Event { at, core: Some((cluster, a.core)), pc: Some(a.pc), what });
    }

    pub(crate) fn trapped(&mut self, at: Ps, core: (usize, usize), trap: Trap) {
        let Trap { interrupt, cause, value, pc, handler } = trap;
        if interrupt {
            self.handler = Some((at, handler));
        }
        if self.wants(Kind::Trap) || (interrupt && self.wants(Kind::Irq)) {
            let names = self.causes.get(core.0).and_then(|c| c.get(usize::from(interrupt)));
            let name = names.and_then(|n| n.get(cause as usize)).cloned().unwrap_or_default();
            let what = What::Trap { interrupt, cause, name, value, handler };
            self.event(Event { at, core: Some(core), pc: Some(pc), what });
        }
    }

    pub(crate) fn line(&mut self, at: Ps, target: &str, input: String, level: bool) {
        let what = What::Line { target: target.to_string(), input, level };
        self.event(Event { at, core: None, pc: None, what });
    }

    pub(crate) fn wants_lines(&self) -> bool {
        self.wants(Kind::Irq)
    }

    /// Inputs of a cluster's cores.
    pub(crate) fn inputs(&self, cluster: usize) -> &'static [Signal] {
        self.inputs.get(cluster).copied().unwrap_or_default()
    }

    /// An access of device registers; `place`: slot, region, offset.
    pub(crate) fn mmio(
        &mut self,
        at: Ps,
        cluster: usize,
        place: (usize, u32, u64),
        named: impl FnOnce() -> (String, Option<String>),
        (size, store, value): (u8, bool, Option<u64>),
    ) {
        let who = self.who;
        if !self.wants(Kind::Mmio) {
            return;
        }
        let (slot, region, offset) = place;
        let pa = self.windows.iter().find_map(|w| {
            let here = (w.cluster, w.slot, w.region) == (cluster, slot, region);
            let skip = offset.checked_sub(w.offset)?;
            let pa = w.start.checked_add(skip)?;
            (here && pa <= w.last).then_some(pa)
        });
        let (device, register) = named();
        let what = What::Mmio { device, register, offset, pa, store, size, value };
        self.event(Event { at, core: who.map(|w| w.0), pc: who.map(|w| w.1), what });
    }
}

impl Running {
    /// Someone looks from now on.
    fn observer(&mut self) -> &mut Observer {
        let m = &mut self.m;
        m.world.observer.get_or_insert_with(|| {
            let digits = |c: &hetemu_engine::Cluster| match c.cores() {
                0 => 8,
                _ => usize::from(c.cpu(0).layout().bits) / 4,
            };
            let names = Names {
                cores: m.core_names.clone(),
                digits: m.clusters.iter().map(digits).collect(),
                symbols: m.symbols.clone(),
            };
            // Counts go on from where the cores stand: the machine may have been restored.
            let seen = |c: &hetemu_engine::Cluster| {
                let one = |i| Seen { steps: c.steps(i), waits: None };
                (0..c.cores()).map(one).collect()
            };
            let cores = m.clusters.iter().map(seen).collect();
            let inputs = m.infos.iter().map(|i| i.first().map_or(&[][..], |i| i.config.ty.inputs));
            let causes = m.clusters.iter().map(|c| match c.cores() {
                0 => Default::default(),
                _ => [
                    (0..64).map(|n| c.cpu(0).describe(n)).collect(),
                    (0..64).map(|n| c.cpu(0).describe_interrupt(n)).collect(),
                ],
            });
            let (inputs, causes) = (inputs.collect(), causes.collect());
            Box::new(Observer { names, cores, inputs, causes, ..Observer::default() })
        })
    }

    /// Another state was set: who looks on counts on from there.
    pub(crate) fn resumed(&mut self) {
        let Some(observer) = &mut self.m.world.observer else { return };
        for (cluster, cores) in self.m.clusters.iter().zip(&mut observer.cores) {
            for (i, seen) in cores.iter_mut().enumerate() {
                *seen = Seen { steps: cluster.steps(i), waits: None };
            }
        }
        (observer.who, observer.held, observer.handler) = (None, None, None);
    }

    /// Adds symbols of programs that the machine does not load itself.
    pub fn add_symbols(&mut self, symbols: Symbols) {
        if let Some(observer) = &mut self.m.world.observer {
            observer.names.symbols.merge(symbols.clone());
        }
        self.m.symbols.merge(symbols);
    }

    /// A machine whose cores run at the same time has no order that could be shown.
    fn must_be_ordered(&self, what: &str) -> Result<(), Report> {
        if !self.m.options.engine.parallel {
            return Ok(());
        }
        Err(Report::new("E1010", format!("{what} needs cores that run one after another"))
            .note("help", "leave --parallel out"))
    }

    /// Traces from now on. A trace of loads and stores needs a machine without a JIT.
    ///
    /// # Errors
    /// E1010: a filter names what does not exist, or cores run at the same time.
    pub fn trace(&mut self, spec: &TraceSpec, sink: Box<dyn TraceSink>) -> Result<(), Report> {
        self.must_be_ordered("a trace")?;
        let world = &self.m.world;
        let mut parts: Vec<String> = world.slots.iter().map(|s| s.path.clone()).collect();
        parts.extend(self.m.core_names.iter().flatten().cloned());
        let plugs: Vec<String> = world.plugs.iter().map(|p| p.name.clone()).collect();
        let mut windows = Vec::new();
        for (cluster, view) in self.m.views.iter().enumerate() {
            for range in flatten(&self.m.graph, *view) {
                let Flat::Region { part, region, offset } = range.to else { continue };
                let Some(slot) = world.slots.iter().position(|s| s.part == part) else { continue };
                let (start, last) = (range.start, range.last);
                windows.push(Window { cluster, slot, region, offset, start, last });
            }
        }
        let every = spec.rules.iter().find_map(|r| match r.only {
            Some(Only::Every(n)) => Some(n),
            _ => None,
        });
        let observer = self.observer();
        observer.filter = Filter::new(spec, &observer.names, &parts, &plugs)?;
        observer.sink = Some(sink);
        observer.room = spec.limit;
        observer.windows = windows;
        observer.state_every = every.unwrap_or(0);
        for cluster in &mut self.m.clusters {
            if spec.has(Kind::Mem) {
                cluster.watch_memory(true);
            }
            cluster.watch_devices(true);
        }
        Ok(())
    }

    /// Ends a trace.
    ///
    /// # Errors
    /// What writing it failed with, then or earlier.
    pub fn end_trace(&mut self) -> Result<(), String> {
        let Some(observer) = &mut self.m.world.observer else { return Ok(()) };
        for (c, cores) in observer.cores.clone().iter().enumerate() {
            for (i, seen) in cores.iter().enumerate() {
                if let Some(at) = seen.waits {
                    let what = What::Wait { until: None };
                    observer.event(Event { at, core: Some((c, i)), pc: None, what });
                }
            }
        }
        if let Some(e) = observer.error.take() {
            return Err(e);
        }
        let Some(mut sink) = observer.sink.take() else { return Ok(()) };
        sink.finish(&observer.names).map_err(|e| e.to_string())
    }

    /// Samples every core from now on, each so many of its instructions.
    ///
    /// # Errors
    /// E1010: cores run at the same time.
    pub fn start_profile(&mut self, every: u64) -> Result<(), Report> {
        self.must_be_ordered("a profile")?;
        self.observer().profile = Some(Profile::new(every));
        Ok(())
    }

    /// The samples so far.
    pub fn profile(&self) -> Option<&Profile> {
        self.m.world.observer.as_ref()?.profile.as_ref()
    }

    /// Has blocks of code noted when they first run.
    pub fn record_blocks(&mut self) {
        self.m.clusters.iter_mut().for_each(hetemu_engine::Cluster::record_blocks);
    }

    /// Blocks that have run since, of all clusters.
    pub fn executed(&self) -> Vec<Executed> {
        let mut all: Vec<Executed> = self.m.clusters.iter().flat_map(|c| c.executed()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Has compiled code noted.
    pub fn record_code(&mut self) {
        self.m.clusters.iter_mut().for_each(hetemu_engine::Cluster::record_code);
    }

    /// Compiled code since, of all clusters.
    pub fn compiled(&self) -> impl Iterator<Item = CodeRange> {
        self.m.clusters.iter().flat_map(|c| c.compiled().iter().copied())
    }

    /// Images in memory.
    pub fn loaded(&self) -> &[Loaded] {
        &self.m.loaded
    }

    /// Symbols of all programs.
    pub fn symbols(&self) -> &Symbols {
        &self.m.symbols
    }

    /// Traps so far, by core, exceptions first.
    pub fn trap_counts(&self) -> Vec<TrapCount> {
        let mut out = Vec::new();
        for (c, cores) in self.m.world.traps.iter().enumerate() {
            let Some(cluster) = self.m.clusters.get(c) else { continue };
            for (i, traps) in cores.iter().enumerate() {
                let cpu = cluster.cpu(i);
                let mut add = |interrupt, cause: u32, count| {
                    let name = match interrupt {
                        true => cpu.describe_interrupt(cause),
                        false => cpu.describe(cause),
                    };
                    let core = self.m.world.core_name(c, i).to_string();
                    out.push(TrapCount { core, interrupt, cause, name, count });
                };
                for (interrupt, counts) in [(false, &traps.exceptions), (true, &traps.interrupts)] {
                    for (cause, n) in (0..).zip(counts).filter(|(_, n)| **n > 0) {
                        add(interrupt, cause, *n);
                    }
                }
            }
        }
        out
    }

    /// Reads and writes of cores so far, by part; only those with any.
    pub fn device_counts(&self) -> Vec<(String, u64, u64)> {
        let slots = self.m.world.slots.iter();
        slots
            .map(|s| (s.path.clone(), s.accesses[0], s.accesses[1]))
            .filter(|(_, reads, writes)| reads + writes > 0)
            .collect()
    }
}
