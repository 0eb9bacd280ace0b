//! The loop that gives a machine the host's time: work from outside, input, limits, the Ctrl-A
//! menu, pacing.
//!
//! A machine runs as fast as it can. While every core waits, virtual time follows the host's clock
//! if a person or a program may still send something, so that a clock on the guest's screen is
//! right and the host's processor rests; else it jumps to the next event, so that a run with nobody
//! there is over soon. `--pace` says either for good.

use crate::cli::Pace;
use crate::saving::Saving;
use hetemu::plugs::Shared;
use hetemu_control::{Queue, Reason, Session, Turn, Waiting};
use hetemu_host::{Bell, Command, Console, Line, MENU, Serial};
use hetemu_hw::time::{Ps, SECOND};
use hetemu_machine::{Host, Outcome, Running, Step};
use std::sync::{Arc, Mutex, PoisonError};
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
    /// A client or a person asked for it, or the reader of our output is gone.
    Asked,
}

impl From<hetemu_control::Ended> for Ended {
    fn from(ended: hetemu_control::Ended) -> Ended {
        match ended {
            hetemu_control::Ended::Machine(outcome) => Ended::Machine(outcome),
            hetemu_control::Ended::Quit => Ended::Asked,
        }
    }
}

/// Where the console sits, once a machine that uses standard input and output is made.
#[derive(Clone, Default)]
pub(crate) struct Seat(Arc<Mutex<Option<Console>>>);

impl Seat {
    /// The console, if there is one.
    pub(crate) fn get(&self) -> Option<Console> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Seats it.
    pub(crate) fn take(&self, console: Option<Console>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = console;
    }
}

/// The run.
pub(crate) struct Drive<'a> {
    pub(crate) session: &'a mut Session,
    pub(crate) queue: &'a mut Queue,
    pub(crate) console: Seat,
    pub(crate) script: Shared,
    pub(crate) bell: Bell,
    pub(crate) limits: Limits,
    pub(crate) pace: Pace,
    /// Cores run on threads of their own.
    pub(crate) parallel: bool,
    pub(crate) saving: Saving,
    /// What a person types at the monitor.
    pub(crate) line: Line,
}

/// What the threads of a parallel run may ask while the driver waits for them.
struct Meanwhile<'a> {
    bell: &'a Bell,
    limits: &'a Limits,
    console: Option<Console>,
    script: &'a Shared,
    work: &'a Waiting,
    pace: Pace,
    save_at: Option<Ps>,
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
            || self.save_at.is_some_and(|t| now >= t)
            || self.console.as_ref().is_some_and(|c| c.broken() || c.has_command())
            || self.script.lock().done()
            || self.work.any()
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
        let mut anchor = Anchor { host: Instant::now(), at: self.session.now() };
        let mut steps = 0u32;
        loop {
            if self.queue.waiting().any() {
                self.queue.serve(self.session);
            }
            let turn = match (self.parallel, self.saving.next()) {
                (true, _) => self.parallel_turn(),
                (false, None) => self.session.turn(),
                (false, Some(_)) => self.session.turn_with(|m| self.saving.step(m)),
            };
            steps = steps.wrapping_add(1);
            let busy = turn == Turn::Ran && !self.parallel;
            if busy && !steps.is_multiple_of(STEPS) && !self.script.lock().done() {
                continue;
            }
            if let Some(ended) = self.over() {
                return ended;
            }
            match turn {
                Turn::Ran | Turn::Ended => {}
                Turn::Idle(_) if self.parallel => return self.hang(),
                Turn::Idle(next) => {
                    if let Some(ended) = self.idle(next, &mut anchor) {
                        return ended;
                    }
                }
                Turn::Paused => {
                    self.sleep(Duration::from_secs(1));
                    anchor = Anchor { host: Instant::now(), at: self.session.now() };
                }
            }
        }
    }

    /// All cores at once: the machine is looked at only when there is a reason.
    fn parallel_turn(&mut self) -> Turn {
        if let Ok(machine) = self.session.machine_mut() {
            self.saving.due(machine);
        }
        let meanwhile = Meanwhile {
            bell: &self.bell,
            limits: &self.limits,
            console: self.console.get(),
            script: &self.script,
            work: self.queue.waiting(),
            pace: self.pace,
            save_at: self.saving.next(),
        };
        self.session.turn_with(|machine| match machine.run_parallel(&meanwhile) {
            Step::Idle(_) => Step::Idle(None),
            step => step,
        })
    }

    /// Waits for something from outside, at most so long.
    fn sleep(&self, most: Duration) {
        let left = self.limits.deadline.map(|d| d.saturating_duration_since(Instant::now()));
        self.bell.wait(left.map_or(most, |left| left.min(most)));
    }

    fn hang(&mut self) -> Ended {
        match self.session.machine_mut() {
            Ok(machine) => Ended::Machine(Outcome::Stuck(machine.hang_report())),
            Err(_) => Ended::Asked,
        }
    }

    /// The end of the session or script, limits, menu commands, a reader that is gone.
    fn over(&mut self) -> Option<Ended> {
        if self.script.lock().done() {
            return Some(Ended::Script);
        }
        if let Some(ended) = self.session.ended() {
            return Some(ended.clone().into());
        }
        let replay = self.session.machine().ok().and_then(Running::replays);
        if self.saving.done() || replay.is_some_and(|r| r.over) {
            return Some(Ended::Asked);
        }
        let late = self.limits.deadline.is_some_and(|d| Instant::now() >= d);
        let far = self.limits.virtual_end.is_some_and(|t| self.session.now() >= t);
        if late || far {
            return Some(Ended::Limit { virt: !late });
        }
        let console = self.console.get()?;
        if console.broken() {
            return Some(Ended::Asked);
        }
        while let Some(command) = console.command() {
            match command {
                Command::Exit => self.session.quit(Reason::Person),
                Command::Help => console.say(MENU),
                Command::Summary => {
                    console.say("\n");
                    if let Ok(machine) = self.session.machine() {
                        console.say(&machine.summary());
                    }
                }
                Command::Timestamps => {
                    let on = console.toggle_stamps();
                    console.say(if on { "\n(time stamps on)\n" } else { "\n(time stamps off)\n" });
                }
                Command::Monitor => {
                    self.monitor(&console);
                }
            }
        }
        None
    }

    /// Talks with a person while the machine stands still; others are served meanwhile.
    fn monitor(&mut self, console: &Console) {
        console.say("\nmonitor: the machine is stopped; help lists commands, cont goes on\n");
        let _ = self.session.pause();
        loop {
            let words = self.session.monitor_words();
            let (queue, session) = (&mut *self.queue, &mut *self.session);
            let answer = console.ask(&mut self.line, "(hetemu) ", &words, &mut || {
                queue.serve(session);
                session.ended().is_none()
            });
            match answer.as_deref().map(str::trim) {
                None | Some("quit" | "q" | "exit") => return self.session.quit(Reason::Person),
                Some("cont" | "c") => {
                    if let Err(e) = self.session.resume() {
                        console.say(&format!("{e}\n"));
                    }
                    return;
                }
                Some(line) => {
                    let none = || format!("`{line}` is no command; help lists them\n");
                    let text = self.session.monitor(line).unwrap_or_else(none);
                    console.say(&text);
                }
            }
        }
    }

    /// Every core waits until `next`, or until something comes in.
    fn idle(&mut self, next: Option<Ps>, anchor: &mut Anchor) -> Option<Ended> {
        let ends = [self.limits.virtual_end, self.saving.next()];
        let end = ends.into_iter().flatten().min();
        let limit = |t: Ps| end.map_or(t, |end| t.min(end));
        let Ok(machine) = self.session.machine_mut() else { return None };
        if let Some(replay) = machine.replays() {
            let Some(to) = next.into_iter().chain(replay.next).min() else {
                return Some(Ended::Asked);
            };
            machine.skip_to(limit(to));
            return None;
        }
        let live = machine.live();
        let paced = match self.pace {
            Pace::Auto => live,
            Pace::Host => true,
            Pace::Free => false,
        };
        match next {
            None if !live => {
                return Some(Ended::Machine(Outcome::Stuck(machine.hang_report())));
            }
            Some(t) if !paced => {
                machine.skip_to(limit(t));
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
            machine.skip_to(limit(t));
            return None;
        }
        let wait = due.map_or(Duration::from_secs(1), |(due, _)| due - now);
        self.sleep(wait.min(Duration::from_secs(1)));
        let target = anchor.at.saturating_add(ps(anchor.host.elapsed()));
        let Ok(machine) = self.session.machine_mut() else { return None };
        machine.skip_to(limit(target));
        None
    }
}
