//! One slice: cores take turns, the one that is furthest behind first, until all have reached its
//! end.
//!
//! Where a slice stands is plain data, so that a run can be stopped between any two instructions,
//! for a debugger or a snapshot, and goes on with the same turns as if it had not been.

use super::Running;
use crate::debug::{DebugStop, DebugWhy};
use crate::observe;
use crate::phases::CoreInfo;
use hetemu_engine::{Ran, Stop};
use hetemu_hw::time::Ps;

/// Where a slice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slice {
    /// No core runs beyond it. What happens meanwhile may bring it closer.
    pub(crate) end: Ps,
    /// The latest time that a core has reached.
    pub(crate) last: Ps,
    /// Whose turn was not over: cluster and core.
    pub(crate) turn: Option<(usize, usize)>,
}

impl Slice {
    pub(crate) fn new(now: Ps, end: Ps) -> Slice {
        Slice { end, last: now, turn: None }
    }
}

/// How far steps may run; then [`super::Step::Stopped`] comes instead of the rest of the slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// So many more instructions of all cores together, those that raise an exception counted.
    pub insns: u64,
    /// Until some core has come to this virtual time.
    pub at: Ps,
}

impl Default for Limit {
    /// None.
    fn default() -> Limit {
        Limit { insns: u64::MAX, at: Ps::MAX }
    }
}

/// Why a slice was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// It is over.
    Over,
    /// The limit is reached.
    Limit,
    /// A debugger's stop.
    Debug(DebugStop),
}

impl Running {
    /// Limits the steps that follow. Where they stop changes nothing about the run.
    pub fn set_limit(&mut self, limit: Limit) {
        self.limit = limit;
    }

    /// What is left of the limit.
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// Runs the slice on.
    pub(super) fn run_slice(&mut self) -> Left {
        let Some(mut slice) = self.slice else { return Left::Over };
        loop {
            let (c, core, start) = match slice.turn {
                Some((c, core)) if !self.debug.holds(c, core) => (c, core, self.time(c, core)),
                _ => match self.next_core(slice.end) {
                    Some(next) => next,
                    None => break,
                },
            };
            let Some(ps) = self.info(c, core).map(|info| info.ps_per_insn) else { break };
            let budget = slice.end.saturating_sub(start).div_ceil(ps);
            let until = self.limit.at.saturating_sub(start).div_ceil(ps);
            let step = self.debug.steps(c, core);
            let most = if step.is_some() { 1 } else { u64::MAX };
            let allowed = budget.min(self.limit.insns).min(until).min(most);
            if allowed == 0 && budget > 0 {
                self.slice = Some(slice);
                return Left::Limit;
            }
            let elsewhere = self.watch_elsewhere(c, core, slice.turn.is_none());
            let info = self.m.infos.get(c).and_then(|i| i.get(core));
            let (Some(cluster), Some(info)) = (self.m.clusters.get_mut(c), info) else { break };
            let world = &mut self.m.world;
            // In the middle of a turn somebody may have touched the machine from outside.
            let touched = slice.turn.is_some() && world.stop;
            (world.slice_end, world.stop, world.cluster, world.now) =
                (slice.end, touched, c, start);
            let mut ran = match world.observer {
                _ if touched => Ran { retired: 0, stop: Stop::Event },
                None => cluster.run(core, world, start, ps, allowed),
                Some(_) => {
                    let target = self.m.registry.target(info.isa);
                    observe::run(cluster, core, world, &(info, target), start, allowed)
                }
            };
            let t = start.saturating_add(ran.retired.saturating_mul(ps));
            world.now = t;
            self.limit.insns = self.limit.insns.saturating_sub(ran.retired);
            slice.last = slice.last.max(t);
            let inside = |(first, last)| (first..=last).contains(&cluster.pc(core));
            let stepped = step.is_some_and(|range| ran.retired > 0 && !range.is_some_and(inside));
            let debug = match cluster.take_hit(core) {
                Some(hit) => Some(hit.into()),
                None => stepped.then_some(DebugWhy::Step),
            };
            let debug = debug.map(|why| DebugStop { cluster: c, core, why });
            self.end_reservations(c, &elsewhere);
            let world = &mut self.m.world;
            if ran.stop == Stop::Debug || ran.stop == Stop::Budget && allowed < budget {
                if !world.stop {
                    self.catch_up(c, core, t);
                    slice.turn = Some((c, core));
                    if debug.is_none() && step.is_some() {
                        continue;
                    }
                    self.slice = Some(slice);
                    return debug.map_or(Left::Limit, Left::Debug);
                }
                // A run in one piece would have seen it here.
                ran.stop = Stop::Event;
            }
            slice.turn = None;
            // Who waits for another core in a loop lets the others have the rest of the slice.
            self.catch_up(c, core, if ran.stop == Stop::Pause { t.max(slice.end) } else { t });
            self.deliver();
            if let Some(suspicion) = self.m.world.suspicion.take() {
                self.suspect(suspicion);
            }
            let world = &mut self.m.world;
            if world.end.is_some() || world.reset_wanted {
                break;
            }
            if let Some(next) = world.events.next() {
                slice.end = slice.end.min(next.max(t));
            }
            // An answer to what was just sent comes in at the next step.
            if ran.stop == Stop::Event && world.stop && ran.retired < budget {
                slice.end = slice.end.min(t.max(world.now));
            }
            if let Some(stop) = debug {
                self.slice = Some(slice);
                return Left::Debug(stop);
            }
        }
        self.end_slice(slice);
        Left::Over
    }

    /// Has a cluster, one of whose cores is about to run, watch what cores of other clusters have
    /// reserved; gives those.
    fn watch_elsewhere(&mut self, at: usize, core: usize, begins: bool) -> Vec<(usize, usize)> {
        let several = self.m.clusters.len() > 1;
        let (mut owners, mut lines) = (Vec::new(), Vec::new());
        for (c, cluster) in self.m.clusters.iter_mut().enumerate() {
            if begins {
                cluster.begin_turn((c == at).then_some(core));
            }
            if several && c != at {
                for (core, line) in cluster.reserved(None) {
                    owners.push((c, core));
                    lines.push(line);
                }
            }
        }
        if several && let Some(cluster) = self.m.clusters.get_mut(at) {
            cluster.watch_foreign(lines);
        }
        owners
    }

    /// Ends the reservations of other clusters whose lines the last run has stored to.
    fn end_reservations(&mut self, at: usize, owners: &[(usize, usize)]) {
        if owners.is_empty() {
            return;
        }
        let Some(cluster) = self.m.clusters.get_mut(at) else { return };
        for lost in cluster.watch_foreign(Vec::new()) {
            if let Some((c, core)) = owners.get(lost)
                && let Some(cluster) = self.m.clusters.get_mut(*c)
            {
                cluster.unreserve(*core);
            }
        }
    }

    /// Sets the time at which the machine stands after a slice.
    fn end_slice(&mut self, slice: Slice) {
        self.slice = None;
        let Slice { end, last, .. } = slice;
        let world = &mut self.m.world;
        world.slice_end = 0;
        // If all wait, time stands where the last one stopped.
        let all_wait = self
            .m
            .clusters
            .iter()
            .all(|cluster| (0..cluster.cores()).all(|core| cluster.waiting(core)));
        world.now = if all_wait { last.min(end).max(last) } else { end.max(last.min(end)) };
        if world.end.is_some() || world.reset_wanted {
            world.now = last;
        }
    }

    fn info(&self, cluster: usize, core: usize) -> Option<&CoreInfo> {
        self.m.infos.get(cluster)?.get(core)
    }

    /// A core's own time.
    fn time(&self, cluster: usize, core: usize) -> Ps {
        self.times.get(cluster).and_then(|c| c.get(core)).copied().unwrap_or(0)
    }
}
