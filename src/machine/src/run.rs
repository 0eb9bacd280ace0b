//! A running machine.
//!
//! The virtual clock is advanced by executed instructions. Cores run in slices that end at the next
//! event or quantum; within a slice the core that is furthest behind runs first, so that the order
//! is the same in every run. Events lie at slice ends, and a device that sets an earlier timer ends
//! the slice early: one core sees exact times, several see each other no later than a quantum.
//!
//! A slice can be left in its middle ([`Running::set_limit`]) and goes on with the next step as if
//! nothing had happened: where it stands is state of the machine ([`slice`]).

mod crash;
mod slice;

use crate::debug::{DebugStop, Debugging};
use crate::history::History;
use crate::phases::Realized;
use crate::plug::Stores;
use crate::report::Report;
use crate::stats::Counts;
use crate::trouble::{Taken, Watch};
use crate::wiring::Sink;
use crate::world::{Carried, CoreSignal, End, Suspicion};
use hetemu_engine::Cluster;
use hetemu_hw::time::{Ps, SECOND};
use slice::Left;
pub use slice::Limit;
pub(crate) use slice::Slice;

/// Longest slice of a machine with one core, and with several.
const QUANTUM_ONE: Ps = SECOND / 1000;
const QUANTUM_MANY: Ps = SECOND / 50_000;
/// Longest slice while a word of memory must be watched.
const QUANTUM_HTIF: Ps = SECOND / 200_000;
/// Instructions of a slice of a machine with one core, at least: beginning one takes as long as
/// some hundred instructions, and a slow core has few in a millisecond.
const LEAST_ONE: u64 = 100_000;
/// Slices without anything but instructions before a closed loop is looked for, first after so many
/// of them, then after twice as many each time, at last after every so many.
const QUIET_SLICES: u32 = 4;
const QUIET_MOST: u32 = 1024;
/// Longest closed loop in instructions, and how often a state must come back.
const CIRCLE: u32 = 64;
const CIRCLES: u32 = 3;

/// How a machine ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The guest reported this exit code.
    Exit(i32),
    /// The guest cannot go on, or strict mode stopped it.
    Stuck(Report),
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Cores ran.
    Ran,
    /// Every core waits: nothing happens before this time, or ever.
    Idle(Option<Ps>),
    /// A debugger's stop: the machine goes on where it stands with the next step.
    Debug(DebugStop),
    /// The limit was reached ([`Running::set_limit`]), perhaps in the middle of a slice: the next
    /// step goes on there.
    Stopped,
    /// It is over: ask [`Running::outcome`].
    Ended,
}

/// A running machine.
pub struct Running {
    pub(crate) m: Realized,
    /// Local time of each core, by cluster.
    pub(crate) times: Vec<Vec<Ps>>,
    pub(crate) quantum: Ps,
    /// The slice that was left in its middle.
    pub(crate) slice: Option<Slice>,
    limit: Limit,
    pub(crate) debug: Debugging,
    pub(crate) history: Option<History>,
    pub(crate) quiet: u32,
    /// Slices of one instruction that are left to find a closed loop in, and what had moved before.
    pub(crate) probe: Option<(u32, u64)>,
    /// A state that the core came by while nothing else moved, and how often it came back.
    pub(crate) circle: (u64, u32),
    pub(crate) moves: u64,
    pub(crate) helpers: u64,
    pub(crate) resets: u32,
}

impl Running {
    pub(crate) fn start(mut m: Realized) -> Running {
        if m.options.engine.parallel {
            m.split_clusters();
        }
        let times: Vec<Vec<Ps>> = m.core_names.iter().map(|c| vec![0; c.len()]).collect();
        let cores: usize = times.iter().map(Vec::len).sum();
        let tick = m.infos.first().and_then(|i| i.first()).map_or(1, |i| i.ps_per_insn);
        let one = QUANTUM_ONE.max(tick.saturating_mul(LEAST_ONE));
        let usual = if cores > 1 { QUANTUM_MANY } else { one };
        let set = m.graph.settings.get("quantum").and_then(|v| v.as_int());
        let mut quantum = set.map_or(usual, |ns| ns.saturating_mul(1000).max(1000));
        if m.world.htif.is_some() {
            quantum = quantum.min(QUANTUM_HTIF);
        }
        let mut running = Running {
            m,
            times,
            quantum,
            slice: None,
            limit: Limit::default(),
            debug: Debugging::default(),
            history: None,
            quiet: 0,
            probe: None,
            circle: (0, 0),
            moves: 0,
            helpers: 0,
            resets: 0,
        };
        running.reset();
        running
    }

    /// Power-on reset of everything; memory keeps its content.
    fn reset(&mut self) {
        let world = &mut self.m.world;
        world.fifo.clear();
        world.core_signals.clear();
        world.events.clear();
        world.alarms.clear();
        world.reset_wanted = false;
        world.suspicion = None;
        for watch in world.watches.iter_mut().flatten() {
            watch.clear();
        }
        for slot in &mut world.slots {
            slot.timers.clear();
        }
        for sink in world.routes.reset() {
            if let Sink::Core { cluster, core, input, line } = sink
                && let Some(c) = self.m.clusters.get_mut(cluster)
            {
                c.signal(core, input, line, false);
            }
        }
        for cluster in &mut self.m.clusters {
            (0..cluster.cores()).for_each(|core| cluster.reset(core));
        }
        for slot in 0..world.slots.len() {
            world.call(slot, |dev, cx| dev.reset(cx));
        }
        world.drain();
        self.quiet = 0;
        (self.slice, self.probe) = (None, None);
    }

    /// A reset that the guest asked for: images are loaded anew.
    pub(crate) fn reset_again(&mut self) {
        self.resets += 1;
        let loaded = self.m.loads.apply(false);
        self.reset();
        if let Err(report) = loaded {
            self.m.world.finish(End::Stuck(Box::new(report)));
        }
    }

    /// A reset from outside, now.
    pub fn reset_now(&mut self) {
        self.note_reset();
        self.m.world.end = None;
        self.reset_again();
    }

    /// Hands signals to cores; one that waited goes on at the time of the signal.
    pub(crate) fn deliver(&mut self) {
        let now = self.m.world.now;
        while let Some(signal) = self.m.world.core_signals.pop_front() {
            let CoreSignal { cluster, core, input, line, value } = signal;
            let Some(c) = self.m.clusters.get_mut(cluster) else { continue };
            let waited = c.waiting(core);
            self.m.world.line_at_core(&signal);
            match value {
                Carried::Level(level) => c.signal(core, input, line, level),
                Carried::Rate(hz) => {
                    c.cpu_mut(core).0.rate(input, hz, now);
                    self.m.pace(cluster, core);
                }
            }
            if waited {
                self.catch_up(cluster, core, now);
            }
        }
    }

    pub(crate) fn catch_up(&mut self, cluster: usize, core: usize, now: Ps) {
        if let Some(t) = self.times.get_mut(cluster).and_then(|c| c.get_mut(core)) {
            *t = (*t).max(now);
        }
    }

    /// The core that is furthest behind and can run before `end`.
    fn next_core(&self, end: Ps) -> Option<(usize, usize, Ps)> {
        let mut best: Option<(usize, usize, Ps)> = None;
        for (c, times) in self.times.iter().enumerate() {
            let Some(cluster) = self.m.clusters.get(c) else { continue };
            for (i, t) in times.iter().enumerate() {
                let first = *t < end && best.is_none_or(|b| *t < b.2);
                if first && !cluster.waiting(i) && !self.debug.holds(c, i) {
                    best = Some((c, i, *t));
                }
            }
        }
        best
    }

    /// Takes input, handles what is due and runs one slice, or the rest of one.
    pub fn step(&mut self) -> Step {
        if self.m.world.end.is_some() {
            return Step::Ended;
        }
        self.remember();
        if self.slice.is_none() {
            let now = self.m.world.now;
            let end = match self.probe {
                Some(_) => now.saturating_add(self.tick()),
                None => match self.begin() {
                    Ok(end) => end,
                    Err(idle) => return idle,
                },
            };
            self.debug.floor = now;
            self.slice = Some(Slice::new(now, end));
        }
        match self.run_slice() {
            Left::Over => {}
            Left::Limit => return Step::Stopped,
            Left::Debug(stop) => {
                self.set_steps(&[], &[]);
                return Step::Debug(stop);
            }
        }
        if self.probe.is_none() {
            self.m.world.poll_htif();
        }
        if self.m.world.end.is_some() {
            return Step::Ended;
        }
        match self.probe {
            None => self.look_for_closed_loop(),
            Some((left, moves)) => self.probed(left, moves),
        }
        Step::Ran
    }

    /// What comes before a slice; gives its end.
    fn begin(&mut self) -> Result<Ps, Step> {
        self.m.world.slice_end = 0;
        self.reset_by_tape();
        self.m.world.poll_plugs();
        let now = self.m.world.now;
        for (cluster, core) in self.m.world.run_due(now) {
            self.catch_up(cluster, core, now);
            if let Some(c) = self.m.clusters.get_mut(cluster) {
                c.alarm(core, now);
            }
        }
        if self.m.world.reset_wanted {
            self.reset_again();
        }
        self.deliver();
        let next = self.m.world.events.next();
        if self.next_core(Ps::MAX).is_none() {
            return Err(Step::Idle(next));
        }
        Ok(now.saturating_add(self.quantum).min(next.unwrap_or(Ps::MAX)).max(now.saturating_add(1)))
    }

    /// Virtual time of an instruction of the first core.
    fn tick(&self) -> Ps {
        self.m.infos.first().and_then(|i| i.first()).map_or(1, |i| i.ps_per_insn)
    }

    pub(crate) fn suspect(&mut self, suspicion: Suspicion) {
        let report = match suspicion {
            Suspicion::Compare(cluster, core) => {
                let watch = self.m.world.watches.get_mut(cluster).and_then(|c| c.get_mut(core));
                let both = self.m.clusters.get(cluster).zip(watch);
                if !both.is_some_and(|(c, watch)| gets_nowhere(c, core, watch)) {
                    return;
                }
                self.same_exception(cluster, core)
            }
            Suspicion::DoubleFault(cluster, core) => {
                let watch = self.m.world.watches.get_mut(cluster).and_then(|c| c.get_mut(core));
                let both = self.m.clusters.get(cluster).zip(watch);
                if let Some((c, watch)) = both
                    && is_call_beside_handler(c, core, watch)
                {
                    watch.clear();
                    return;
                }
                self.double_fault(cluster, core)
            }
            Suspicion::Unanswered(cluster, what) => self.strict_stop(cluster, what),
        };
        self.m.world.finish(End::Stuck(Box::new(report)));
    }

    /// A core that runs, while no device, event or input can change anything, and comes back to the
    /// same registers at times far apart, runs in a circle for ever. (Far apart, because a loop
    /// that waits for its own clock has the same registers too, until the clock's next tick.)
    fn look_for_closed_loop(&mut self) {
        let world = &self.m.world;
        let one = self.times.iter().flatten().count() == 1;
        // A helper may have read a clock: the same registers may then go on differently.
        let helpers = self.m.clusters.iter().map(|c| c.stats().helpers).sum();
        let moved = world.moves != self.moves
            || helpers != self.helpers
            || world.events.len() > 0
            || world.htif.is_some();
        (self.moves, self.helpers) = (world.moves, helpers);
        if !one || moved || self.live() {
            (self.quiet, self.circle) = (0, (0, 0));
            return;
        }
        self.quiet = self.quiet.wrapping_add(1);
        let looks = self.quiet.is_power_of_two() && self.quiet >= QUIET_SLICES;
        if looks || self.quiet.is_multiple_of(QUIET_MOST) {
            self.look_at_circle(CIRCLE, self.m.world.moves);
        }
    }

    /// One instruction of the search for a closed loop has run.
    fn probed(&mut self, left: u32, moves: u64) {
        self.probe = None;
        let world = &self.m.world;
        if world.moves != moves || world.events.len() > 0 {
            return;
        }
        if left == 0 {
            self.circle = (hash_of(&self.m.clusters), 0);
        } else {
            self.look_at_circle(left, moves);
        }
    }

    /// Whether the core came back to the state that is remembered; else it shall run one
    /// instruction more.
    fn look_at_circle(&mut self, left: u32, moves: u64) {
        if hash_of(&self.m.clusters) != self.circle.0 {
            self.probe = Some((left - 1, moves));
            return;
        }
        self.circle.1 += 1;
        if self.circle.1 >= CIRCLES {
            let report = self.endless_loop();
            self.m.world.finish(End::Stuck(Box::new(report)));
        }
    }

    /// Whether input may still come from the host.
    pub fn live(&self) -> bool {
        self.debug.is_attached() || self.m.world.live()
    }

    /// While every core waits: moves time on, not beyond the next event.
    pub fn skip_to(&mut self, at: Ps) {
        let at = self.m.world.events.next().map_or(at, |next| next.min(at));
        self.m.world.now = self.m.world.now.max(at);
    }

    /// Virtual time.
    pub fn now(&self) -> Ps {
        self.m.world.now
    }

    /// How it ended, once it has.
    pub fn outcome(&self) -> Option<Outcome> {
        Some(match self.m.world.end.as_ref()? {
            End::Exit(code) => Outcome::Exit(*code),
            End::Stuck(report) => Outcome::Stuck((**report).clone()),
        })
    }

    /// Accesses that nothing really answered.
    pub fn counts(&self) -> &Counts {
        &self.m.world.counts
    }

    /// Lets go of the host's ends of all plugs.
    pub fn close_plugs(&mut self) {
        for plug in &mut self.m.world.plugs {
            plug.host = None;
            plug.net = None;
        }
        self.m.world.stores = Stores::default();
    }

    /// Instructions that all cores have retired.
    pub fn retired(&self) -> u64 {
        self.m.clusters.iter().flat_map(|c| (0..c.cores()).map(|i| c.retired(i))).sum()
    }

    /// Resets that the guest has asked for.
    pub fn resets(&self) -> u32 {
        self.resets
    }

    /// Counts of each cluster's engine, by name.
    pub fn engine_stats(&self) -> Vec<(String, hetemu_engine::Stats)> {
        let names = self.m.graph.clusters.iter().map(|c| c.name.clone());
        names.zip(self.m.clusters.iter().map(hetemu_engine::Cluster::stats)).collect()
    }
}

/// A hash of a core's registers.
fn hash(cluster: &Cluster, core: usize) -> u64 {
    let mix = |h: u64, r: &u64| (h ^ r).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17);
    cluster.regs(core).0.iter().fold(0xcbf2_9ce4_8422_2325, mix)
}

/// A hash of the registers of a machine's only core.
fn hash_of(clusters: &[Cluster]) -> u64 {
    clusters.first().map_or(0, |c| hash(c, 0))
}

/// Whether the exceptions of a core, the last of which is suspicious, prove that it gets nowhere.
pub(crate) fn gets_nowhere(cluster: &Cluster, core: usize, watch: &mut Watch) -> bool {
    let meant = |t: &Taken| is_one_of(cluster, core, t, &["call", "breakpoint"]);
    !watch.last.as_ref().is_some_and(meant) && watch.compare(hash(cluster, core))
}

/// Whether the exceptions that look like a handler's own are calls by code that lies behind it.
fn is_call_beside_handler(cluster: &Cluster, core: usize, watch: &Watch) -> bool {
    let last = watch.last.as_ref();
    last.is_some_and(|t| t.pc != t.handler && is_one_of(cluster, core, t, &["call"]))
}

/// Whether an exception is of one of these kinds, by its core's description.
fn is_one_of(cluster: &Cluster, core: usize, taken: &Taken, kinds: &[&str]) -> bool {
    let text = cluster.cpu(core).describe(taken.exception.cause);
    kinds.iter().any(|kind| text.contains(kind))
}
