//! The loop that gives a machine the host's time: input, limits, the Ctrl-A menu, pacing.
//!
//! A machine runs as fast as it can. While every core waits, virtual time follows the host's clock
//! if a person or a program may still send something, so that a clock on the guest's screen is
//! right and the host's processor rests; else it jumps to the next event, so that a run with nobody
//! there is over soon. `--pace` says either for good.

use crate::cli::Pace;
use crate::console::Shared;
use hetemu_host::{Bell, Command, Console, MENU, Serial};
use hetemu_hw::time::{Ps, SECOND};
use hetemu_machine::{Host, Outcome, Running, Step};
use std::time::{Duration, Instant};

/// How far behind the host's clock virtual time may fall before it no longer tries to catch up.
const BEHIND: Duration = Duration::from_millis(100);
/// Steps between looks at the host's clock.
const STEPS: u32 = 16;

/// What limits a run.
pub(crate) struct Limits {
    pub(crate) deadline: Option<Instant>,
    pub(crate) virtual_end: Option<Ps>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// By the machine.
    Machine(Outcome),
    /// The script is done.
    Script,
    /// A limit: the virtual one, or the host's.
    Limit {
        /// Which.
        virt: bool,
    },
    /// A person, or the reader of our output, is gone.
    Person,
}

/// The run.
pub(crate) struct Drive<'a> {
    pub(crate) machine: &'a mut Running,
    pub(crate) console: Option<Console>,
    pub(crate) script: Shared,
    pub(crate) bell: Bell,
    pub(crate) limits: Limits,
    pub(crate) pace: Pace,
    /// Cores run on threads of their own.
    pub(crate) parallel: bool,
}

/// What the threads of a parallel run may ask while the driver waits for them.
struct Meanwhile<'a> {
    bell: &'a Bell,
    limits: &'a Limits,
    console: Option<&'a Console>,
    script: &'a Shared,
    pace: Pace,
}

impl Host for Meanwhile<'_> {
    fn wait(&self, limit: Duration) {
        let left = self.limits.deadline.map(|d| d.saturating_duration_since(Instant::now()));
        self.bell.wait(left.map_or(limit, |left| left.min(limit)));
    }

    fn ring(&self) {
        self.bell.ring();
    }

    fn skips(&self, live: bool) -> bool {
        match self.pace {
            Pace::Auto => !live,
            Pace::Host => false,
            Pace::Free => true,
        }
    }

    fn wants(&self, now: Ps) -> bool {
        self.limits.deadline.is_some_and(|d| Instant::now() >= d)
            || self.limits.virtual_end.is_some_and(|t| now >= t)
            || self.console.is_some_and(|c| c.broken() || c.has_command())
            || self.script.lock().done()
    }
}

/// A point at which both clocks were looked at.
struct Anchor {
    host: Instant,
    at: Ps,
}

fn ps(d: Duration) -> Ps {
    Ps::try_from(d.as_nanos().saturating_mul(1000)).unwrap_or(Ps::MAX)
}

fn host(ps: Ps) -> Duration {
    Duration::from_nanos(ps / (SECOND / 1_000_000_000))
}

impl Drive<'_> {
    pub(crate) fn run(&mut self) -> Ended {
        if self.parallel {
            return self.run_parallel();
        }
        let mut anchor = Anchor { host: Instant::now(), at: self.machine.now() };
        let mut steps = 0u32;
        loop {
            match self.machine.step() {
                Step::Ran => {}
                Step::Ended => {
                    return match self.machine.outcome() {
                        Some(outcome) => Ended::Machine(outcome),
                        None => Ended::Person,
                    };
                }
                Step::Idle(next) => {
                    if self.script.lock().done() {
                        return Ended::Script;
                    }
                    if let Some(ended) = self.over() {
                        return ended;
                    }
                    if let Some(ended) = self.idle(next, &mut anchor) {
                        return ended;
                    }
                    continue;
                }
            }
            steps = steps.wrapping_add(1);
            if steps.is_multiple_of(STEPS) || self.script.lock().done() {
                if self.script.lock().done() {
                    return Ended::Script;
                }
                if let Some(ended) = self.over() {
                    return ended;
                }
            }
        }
    }

    /// All cores at once: the machine is looked at only when there is a reason.
    fn run_parallel(&mut self) -> Ended {
        loop {
            let step = self.machine.run_parallel(&Meanwhile {
                bell: &self.bell,
                limits: &self.limits,
                console: self.console.as_ref(),
                script: &self.script,
                pace: self.pace,
            });
            if self.script.lock().done() {
                return Ended::Script;
            }
            match step {
                Step::Ended => {
                    let outcome = self.machine.outcome();
                    return outcome.map_or(Ended::Person, Ended::Machine);
                }
                Step::Idle(_) => {
                    let report = self.machine.hang_report();
                    return Ended::Machine(Outcome::Stuck(report));
                }
                Step::Ran => {}
            }
            if let Some(ended) = self.over() {
                return ended;
            }
        }
    }

    /// Limits, menu commands, a reader that is gone.
    fn over(&mut self) -> Option<Ended> {
        let late = self.limits.deadline.is_some_and(|d| Instant::now() >= d);
        let far = self.limits.virtual_end.is_some_and(|t| self.machine.now() >= t);
        if late || far {
            return Some(Ended::Limit { virt: !late });
        }
        let console = self.console.clone()?;
        if console.broken() {
            return Some(Ended::Person);
        }
        while let Some(command) = console.command() {
            match command {
                Command::Exit => return Some(Ended::Person),
                Command::Help => console.say(MENU),
                Command::Summary => {
                    console.say("\n");
                    console.say(&self.machine.summary());
                }
                Command::Timestamps => {
                    let on = console.toggle_stamps();
                    console.say(if on { "\n(time stamps on)\n" } else { "\n(time stamps off)\n" });
                }
                Command::Monitor => {
                    if self.monitor(&console) {
                        return Some(Ended::Person);
                    }
                }
            }
        }
        None
    }

    /// Talks with a person; true if the run shall end.
    fn monitor(&mut self, console: &Console) -> bool {
        console.say("\nmonitor: the machine is stopped; help lists commands, cont goes on\n");
        loop {
            match console.ask("(hetemu) ").as_deref().map(str::trim) {
                None | Some("quit" | "q" | "exit") => return true,
                Some("cont" | "c") => return false,
                Some(line) => console.say(&self.machine.monitor(line)),
            }
        }
    }

    /// Every core waits until `next`, or until something comes in.
    fn idle(&mut self, next: Option<Ps>, anchor: &mut Anchor) -> Option<Ended> {
        let live = self.machine.live();
        let paced = match self.pace {
            Pace::Auto => live,
            Pace::Host => true,
            Pace::Free => false,
        };
        match next {
            None if !live => {
                return Some(Ended::Machine(Outcome::Stuck(self.machine.hang_report())));
            }
            Some(t) if !paced => {
                self.machine.skip_to(self.limit(t));
                return None;
            }
            _ => {}
        }
        let now = Instant::now();
        let due = next.map(|t| (anchor.host + host(t.saturating_sub(anchor.at)), t));
        if let Some((due, t)) = due
            && due <= now
        {
            if now - due > BEHIND {
                *anchor = Anchor { host: now, at: t };
            }
            self.machine.skip_to(self.limit(t));
            return None;
        }
        let mut wait = due.map_or(Duration::from_secs(1), |(due, _)| due - now);
        if let Some(deadline) = self.limits.deadline {
            wait = wait.min(deadline.saturating_duration_since(now));
        }
        self.bell.wait(wait.min(Duration::from_secs(1)));
        let target = anchor.at.saturating_add(ps(anchor.host.elapsed()));
        self.machine.skip_to(self.limit(target));
        None
    }

    fn limit(&self, t: Ps) -> Ps {
        self.limits.virtual_end.map_or(t, |end| t.min(end))
    }
}
