//! A machine from its draft to its end, as those outside see it.

use crate::event::{Event, Listener, Reason};
use hetemu_graph::Graph;
use hetemu_hw::time::Ps;
use hetemu_machine::{DebugStop, Outcome, Report, Running, Step};
use std::any::Any;

/// What a machine does. The names are QMP's (`query-status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It has not run yet.
    Prelaunch,
    /// It runs.
    Running,
    /// It was stopped by a client or a person.
    Paused,
    /// It stands at a breakpoint.
    Debug,
    /// Its state was saved to go elsewhere.
    PostMigrate,
    /// It is over; it can still be looked at.
    Shutdown,
}

impl Status {
    /// The name in QMP.
    pub fn name(self) -> &'static str {
        match self {
            Status::Prelaunch => "prelaunch",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Debug => "debug",
            Status::PostMigrate => "postmigrate",
            Status::Shutdown => "shutdown",
        }
    }
}

/// Makes the live machine of a checked graph: opens plugs, loads images.
pub type Make = Box<dyn FnMut(Graph) -> Result<Running, Report> + Send>;

/// Why a session could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The machine is a draft.
    #[error("there is no machine yet")]
    NoMachine,
    /// The machine exists.
    #[error("the machine exists already")]
    Exists,
    /// The guest has ended.
    #[error("the machine is over")]
    Over,
    /// The machine could not be made.
    #[error("{}", .0.message)]
    Make(Report),
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// By the machine.
    Machine(Outcome),
    /// A client or a person asked for it.
    Quit,
}

/// What a turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Cores ran.
    Ran,
    /// Every core waits: nothing happens before this time, or ever.
    Idle(Option<Ps>),
    /// The machine does not run: wait for work.
    Paused,
    /// The session has ended.
    Ended,
}

enum Stage {
    Draft { draft: Box<dyn Any + Send>, make: Make },
    Live(Box<Running>),
}

/// A machine and what is known of it outside.
pub struct Session {
    stage: Stage,
    status: Status,
    ended: Option<Ended>,
    /// The guest's end pauses the machine instead of ending the session.
    keep: bool,
    /// Debuggers that want to look at a machine that cannot go on.
    wrecks: u32,
    listeners: Vec<Listener>,
    resets: u32,
}

impl Session {
    /// A session of a machine that exists and waits for [`Session::resume`].
    pub fn new(machine: Running) -> Session {
        let resets = machine.resets();
        Session { resets, ..Session::of(Stage::Live(Box::new(machine))) }
    }

    /// A session without a machine yet: a front end fills the draft and calls
    /// [`Session::realize`].
    pub fn draft(draft: impl Any + Send, make: Make) -> Session {
        Session::of(Stage::Draft { draft: Box::new(draft), make })
    }

    fn of(stage: Stage) -> Session {
        Session {
            stage,
            status: Status::Prelaunch,
            ended: None,
            keep: false,
            wrecks: 0,
            listeners: Vec::new(),
            resets: 0,
        }
    }

    /// The machine's end does not end the session.
    pub fn keep_after_end(&mut self) {
        self.keep = true;
    }

    /// A debugger comes, which wants to look at a machine that cannot go on, or goes. When the last
    /// one goes, such a machine's session ends.
    pub fn keep_wreck(&mut self, on: bool) {
        self.wrecks = if on { self.wrecks + 1 } else { self.wrecks.saturating_sub(1) };
        let over = self.status == Status::Shutdown && self.ended.is_none();
        if over && self.wrecks == 0 && !self.keep {
            self.ended = Some(self.outcome().map_or(Ended::Quit, Ended::Machine));
        }
    }

    /// How the machine ended, if it has.
    fn outcome(&self) -> Option<Outcome> {
        self.machine().ok().and_then(Running::outcome)
    }

    /// Whether there is no machine yet.
    pub fn is_draft(&self) -> bool {
        matches!(self.stage, Stage::Draft { .. })
    }

    /// The draft, for the front end that fills it.
    pub fn draft_mut<T: 'static>(&mut self) -> Option<&mut T> {
        match &mut self.stage {
            Stage::Draft { draft, .. } => draft.downcast_mut(),
            Stage::Live(_) => None,
        }
    }

    /// Makes the machine of a checked graph. A failure leaves the draft.
    pub fn realize(&mut self, graph: Graph) -> Result<(), Error> {
        let Stage::Draft { make, .. } = &mut self.stage else { return Err(Error::Exists) };
        let machine = make(graph).map_err(Error::Make)?;
        self.resets = machine.resets();
        self.stage = Stage::Live(Box::new(machine));
        Ok(())
    }

    /// The machine.
    pub fn machine(&self) -> Result<&Running, Error> {
        match &self.stage {
            Stage::Live(machine) => Ok(machine),
            Stage::Draft { .. } => Err(Error::NoMachine),
        }
    }

    /// The machine, standing between two steps.
    pub fn machine_mut(&mut self) -> Result<&mut Running, Error> {
        match &mut self.stage {
            Stage::Live(machine) => Ok(machine),
            Stage::Draft { .. } => Err(Error::NoMachine),
        }
    }

    /// What the machine does.
    pub fn status(&self) -> Status {
        self.status
    }

    /// How the session ended, once it has.
    pub fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    /// Virtual time; 0 while there is no machine.
    pub fn now(&self) -> Ps {
        self.machine().map_or(0, Running::now)
    }

    /// Tells this listener what happens from now on.
    pub fn listen(&mut self, listener: Listener) {
        self.listeners.push(listener);
    }

    /// Tells everybody.
    pub fn tell(&mut self, event: &Event) {
        let now = self.now();
        self.listeners.retain_mut(|listener| listener(event, now));
    }

    /// Lets the machine run. Nothing happens if it does.
    pub fn resume(&mut self) -> Result<(), Error> {
        self.machine()?;
        match self.status {
            Status::Running => {}
            Status::Shutdown => return Err(Error::Over),
            _ => {
                self.status = Status::Running;
                self.tell(&Event::Resumed);
            }
        }
        Ok(())
    }

    /// Stops the machine between two instructions. Nothing happens if it does not run.
    pub fn pause(&mut self) -> Result<(), Error> {
        self.machine()?;
        if self.status == Status::Running {
            self.status = Status::Paused;
            self.tell(&Event::Stopped);
        }
        Ok(())
    }

    /// Marks the machine, which stands still, as gone elsewhere.
    pub fn migrated(&mut self) {
        self.status = Status::PostMigrate;
    }

    /// Resets everything; a machine that ended can then run again.
    pub fn reset(&mut self, why: Reason) -> Result<(), Error> {
        self.machine_mut()?.reset_now();
        self.resets = self.machine()?.resets();
        if self.status == Status::Shutdown {
            self.status = Status::Paused;
        }
        self.tell(&Event::Reset(why));
        Ok(())
    }

    /// The machine's state was set from outside: one that was over can run again.
    pub fn restored(&mut self) {
        self.resets = self.machine().map_or(0, Running::resets);
        if self.status == Status::Shutdown && self.ended.is_none() {
            self.status = Status::Paused;
        }
    }

    /// Ends the session.
    pub fn quit(&mut self, why: Reason) {
        if self.ended.is_none() {
            self.ended = Some(Ended::Quit);
            self.status = Status::Shutdown;
            self.tell(&Event::Shutdown(why));
        }
    }

    /// A debugger had the machine go back to an earlier moment of its run: it stands there, even if
    /// it was over.
    pub fn went_back(&mut self) {
        if self.ended.is_none() && self.status != Status::Running {
            self.status = Status::Debug;
        }
        self.resets = self.machine().map_or(self.resets, Running::resets);
    }

    /// The machine stands at a stop of a debugger.
    pub fn stopped(&mut self, stop: DebugStop) {
        self.status = Status::Debug;
        self.tell(&Event::Debug(stop));
        self.tell(&Event::Stopped);
    }

    /// Runs the machine one step, if it is to run.
    pub fn turn(&mut self) -> Turn {
        self.turn_with(Running::step)
    }

    /// As [`Session::turn`], with another way to run.
    pub fn turn_with(&mut self, run: impl FnOnce(&mut Running) -> Step) -> Turn {
        if self.ended.is_some() {
            return Turn::Ended;
        }
        let (Stage::Live(machine), Status::Running) = (&mut self.stage, self.status) else {
            return Turn::Paused;
        };
        let step = run(machine);
        let resets = machine.resets();
        if resets != self.resets {
            self.resets = resets;
            self.tell(&Event::Reset(Reason::Guest));
        }
        match step {
            Step::Ran => Turn::Ran,
            Step::Idle(next) => Turn::Idle(next),
            Step::Debug(stop) => {
                self.stopped(stop);
                Turn::Paused
            }
            Step::Stopped => {
                self.status = Status::Paused;
                self.tell(&Event::Stopped);
                Turn::Paused
            }
            Step::Ended => self.over(),
        }
    }

    /// The machine has ended.
    fn over(&mut self) -> Turn {
        self.status = Status::Shutdown;
        let outcome = self.outcome();
        let stuck = matches!(outcome, Some(Outcome::Stuck(_)));
        if let Some(outcome) = outcome.clone() {
            self.tell(&Event::Ended(outcome));
        }
        let keep = self.keep || self.wrecks > 0 && stuck;
        if !keep {
            self.ended = Some(outcome.map_or(Ended::Quit, Ended::Machine));
        }
        self.tell(&Event::Shutdown(Reason::Guest));
        if keep { Turn::Paused } else { Turn::Ended }
    }
}
