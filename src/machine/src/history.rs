//! Going back: states taken on the way, and what came in from outside since each.
//!
//! A machine is where it was by going to the last state before that and running on from there, with
//! the same input at the same times and nobody hearing what it sends. Going on from a point in the
//! past is another future: what came in later has no part in it.

use crate::access::CoreId;
use crate::debug::{DebugStop, DebugWhy};
use crate::report::Report;
use crate::run::{Limit, Running, Step};
use crate::saved::Saved;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Steps of all cores together between two states.
const EVERY: u64 = 50_000_000;
/// States that are kept: the oldest go first.
const MOST: usize = 64;

/// Bytes that a tape is written to.
#[derive(Debug, Clone, Default)]
struct Reel(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Reel {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Point {
    steps: u64,
    saved: Saved,
    /// What came in after it.
    reel: Reel,
}

/// States of the past.
#[derive(Default)]
pub(crate) struct History {
    points: VecDeque<Point>,
    /// Steps at which the next state is due.
    next: u64,
    /// The machine went back, and has not gone on yet.
    past: bool,
    /// The way is gone over again: no states are taken.
    again: bool,
}

/// Where going back ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Back {
    /// At a stop.
    Stop(DebugStop),
    /// Where the history begins.
    Begin,
}

impl Running {
    /// Keeps states of what happens from now on, so that the machine can go back to here. Costs
    /// time and memory for each.
    ///
    /// # Errors
    /// E1210: cores run at the same time, a tape is in use, or there are shared folders; E1206: a
    /// core's target cannot be saved.
    pub fn keep_history(&mut self) -> Result<(), Report> {
        if self.history.is_some() {
            return Ok(());
        }
        if !self.m.world.stores.folder.is_empty() {
            return Err(Report::new("E1210", "shared folders cannot be taken back"));
        }
        self.may_use_tape()?;
        self.history = Some(History::default());
        let taken = self.take_point();
        if taken.is_err() {
            self.forget_history();
        }
        taken
    }

    /// Keeps none any more.
    pub fn forget_history(&mut self) {
        if self.history.take().is_some() {
            self.stop_reel();
        }
    }

    /// How many states there are to go back to, and the steps of all cores since the oldest.
    pub fn history(&self) -> Option<(usize, u64)> {
        let history = self.history.as_ref()?;
        let first = history.points.front().map_or(0, |p| p.steps);
        Some((history.points.len(), self.steps_done().saturating_sub(first)))
    }

    fn steps_done(&self) -> u64 {
        self.m.clusters.iter().flat_map(|c| (0..c.cores()).map(|i| c.steps(i))).sum()
    }

    fn steps_of(&self, at: CoreId) -> u64 {
        let cluster = self.m.clusters.get(at.cluster).filter(|c| at.core < c.cores());
        cluster.map_or(0, |c| c.steps(at.core))
    }

    fn take_point(&mut self) -> Result<(), Report> {
        let steps = self.steps_done();
        let Some(mut history) = self.history.take() else { return Ok(()) };
        self.stop_reel();
        let taken = self.save(history.points.back().map(|p| &p.saved));
        let done = match taken {
            Ok(saved) => {
                let reel = Reel::default();
                self.start_reel(Box::new(reel.clone()));
                history.points.push_back(Point { steps, saved, reel });
                if history.points.len() > MOST {
                    history.points.pop_front();
                }
                Ok(())
            }
            Err(report) => Err(report),
        };
        (history.next, history.past) = (steps.saturating_add(EVERY), false);
        self.history = Some(history);
        done
    }

    /// Before a step: takes a state if one is due.
    pub(crate) fn remember(&mut self) {
        let Some(history) = &self.history else { return };
        if history.again || !history.past && self.steps_done() < history.next {
            return;
        }
        // A machine that has just ended cannot be saved, and needs not.
        let _ = self.take_point();
    }

    /// Goes back to where a core was before its last instruction.
    ///
    /// # Errors
    /// E1210: no history is kept.
    pub fn step_back(&mut self, at: CoreId) -> Result<Back, Report> {
        let wanted = self.steps_of(at).saturating_sub(1);
        let here = self.steps_done();
        self.again(|m| {
            let mut distance = 1;
            loop {
                let target = here.saturating_sub(distance);
                let begin = m.go_to(target)?;
                if m.steps_of(at) <= wanted {
                    while m.steps_of(at) < wanted && m.steps_done() < here {
                        let target = m.steps_done() + 1;
                        m.run_to(target, |_| {});
                    }
                    let (cluster, core) = (at.cluster, at.core);
                    return Ok(Back::Stop(DebugStop { cluster, core, why: DebugWhy::Step }));
                }
                if begin {
                    return Ok(Back::Begin);
                }
                distance = distance.saturating_mul(4);
            }
        })
    }

    /// Goes back to the last stop of debuggers before here.
    ///
    /// # Errors
    /// E1210: no history is kept.
    pub fn run_back(&mut self) -> Result<Back, Report> {
        let mut end = self.steps_done();
        self.again(|m| {
            loop {
                let begin = m.go_to_point_before(end)?;
                let start = m.steps_done();
                let mut last = None;
                m.run_to(end, |stop| last = Some(stop));
                if let Some((steps, stop)) = last {
                    m.go_to(steps)?;
                    return Ok(Back::Stop(stop));
                }
                if begin {
                    m.go_to(start)?;
                    return Ok(Back::Begin);
                }
                end = start;
            }
        })
    }

    /// Does what goes over the past again: unheard, and without limits of others.
    fn again(
        &mut self,
        work: impl FnOnce(&mut Running) -> Result<Back, Report>,
    ) -> Result<Back, Report> {
        match &mut self.history {
            Some(history) => (history.again, history.past) = (true, true),
            None => return Err(Report::new("E1210", "no history is kept")),
        }
        self.stop_reel();
        self.set_steps(&[], &[]);
        let limit = self.limit();
        self.m.world.muted = true;
        let done = work(self);
        self.m.world.muted = false;
        self.set_limit(limit);
        self.stop_reel();
        let steps = self.steps_done();
        if let Some(history) = &mut self.history {
            history.again = false;
            // The first state stays, wherever it is.
            while history.points.len() > 1 && history.points.back().is_some_and(|p| p.steps > steps)
            {
                history.points.pop_back();
            }
        }
        done
    }

    /// Goes to the last state before so many steps; true if it is the oldest.
    fn go_to_point_before(&mut self, steps: u64) -> Result<bool, Report> {
        let Some(history) = self.history.take() else { return Ok(true) };
        let at = history.points.iter().rposition(|p| p.steps < steps).unwrap_or(0);
        let mut done = Ok(());
        if let Some(point) = history.points.get(at) {
            self.stop_reel();
            done = self.rewind(&point.saved);
            let bytes = point.reel.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            self.play_reel(&bytes);
        }
        self.history = Some(history);
        done.map(|()| at == 0)
    }

    /// Goes to where so many steps were done, or to the beginning; true if it is that.
    fn go_to(&mut self, steps: u64) -> Result<bool, Report> {
        let oldest = self.history.as_ref().and_then(|h| h.points.front()).map_or(0, |p| p.steps);
        self.go_to_point_before(steps.saturating_add(1))?;
        self.run_to(steps, |_| {});
        Ok(steps <= oldest)
    }

    /// Runs on to so many steps; tells of the stops before that.
    fn run_to(&mut self, steps: u64, mut stops: impl FnMut((u64, DebugStop))) {
        loop {
            let done = self.steps_done();
            if done >= steps {
                return;
            }
            self.set_limit(Limit { insns: steps - done, ..Limit::default() });
            match self.step() {
                Step::Ran | Step::Stopped => {}
                Step::Debug(stop) => {
                    let done = self.steps_done();
                    if done < steps {
                        stops((done, stop));
                    }
                }
                Step::Idle(next) => {
                    let input = self.replays().and_then(|r| r.next);
                    let now = self.now();
                    let Some(next) = next.into_iter().chain(input).min() else { return };
                    self.skip_to(next);
                    if self.now() == now {
                        return;
                    }
                }
                Step::Ended => return,
            }
        }
    }
}
