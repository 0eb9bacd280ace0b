//! What ends a run, and what did.

use super::{Match, ps};
use hetemu_hw::time::Ps;
use hetemu_machine::{DebugStop, Outcome, Report};
use regex::bytes::Regex;
use std::time::Duration;

/// What ends a run: whatever comes first. An empty one runs to the guest's end.
#[derive(Debug, Clone, Default)]
pub struct Until {
    pub(super) time: Option<Ps>,
    pub(super) insns: Option<u64>,
    /// Plug, pattern, whether it is waited for.
    pub(super) output: Vec<(Option<String>, Regex, bool)>,
    pub(super) breakpoints: Vec<(Option<String>, u64)>,
    pub(super) alone: bool,
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
