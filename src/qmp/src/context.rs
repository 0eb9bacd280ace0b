//! What commands work on.

use crate::draft::Draft;
use crate::error::Error;
use crate::jobs::Jobs;
use crate::types::{Args, Command, Run, When, check};
use hetemu_control::{Handle, Session};
use hetemu_machine::Registry;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A machine that ships, for `query-machines`.
#[derive(Debug, Clone, Default)]
pub struct MachineInfo {
    /// Name.
    pub name: String,
    /// One line.
    pub doc: String,
}

/// A host's end that clients can see, for `query-chardev`.
#[derive(Debug, Clone, Default)]
pub struct Chardev {
    /// Name of the plug, or of the server.
    pub label: String,
    /// Where it leads: `stdio`, `unix:/run/qmp`.
    pub filename: String,
}

/// What all clients share, beside the machine.
pub struct Monitor {
    /// All types and targets.
    pub registry: Arc<Registry>,
    /// `--name`
    pub name: Option<String>,
    /// Machines that ship.
    pub machines: Vec<MachineInfo>,
    /// Where clients come in.
    pub servers: Vec<Chardev>,
    /// The machine waits for `cont` when it is ready.
    pub paused: bool,
    /// Folder of files that commands name; `None`: the working directory.
    pub jobs: Mutex<Jobs>,
}

impl Monitor {
    /// Of this program's types.
    pub fn new(registry: Arc<Registry>) -> Monitor {
        Monitor {
            registry,
            name: None,
            machines: Vec::new(),
            servers: Vec::new(),
            paused: false,
            jobs: Mutex::default(),
        }
    }

    /// The jobs.
    pub fn jobs(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a command on the machine's thread works on.
pub struct Context<'a> {
    /// The machine, or its draft.
    pub session: &'a mut Session,
    /// What all clients share.
    pub monitor: &'a Monitor,
}

impl Context<'_> {
    /// Checks whether it is the time for a command, then its arguments, and carries it out.
    pub fn run(&mut self, command: &Command, args: &Args) -> Result<Value, Error> {
        if command.when == When::Ready && self.session.is_draft() {
            return Err(Error::new(format!(
                "The command '{}' is permitted only after machine initialization has completed",
                command.name
            )));
        }
        check(command.args, &args.0, command.open, "")?;
        match command.run {
            Run::Machine(run) => run(self, args),
            Run::Plain(run) => run(self.monitor, args),
        }
    }

    /// The draft, while there is no machine.
    pub fn draft(&mut self) -> Option<&mut Draft> {
        self.session.draft_mut()
    }
}

/// Carries a command out from a client's thread: where it belongs.
pub fn carry_out(
    handle: &Handle,
    monitor: &Arc<Monitor>,
    command: &'static Command,
    args: Args,
) -> Result<Value, Error> {
    match command.run {
        Run::Plain(run) => {
            check(command.args, &args.0, command.open, "")?;
            run(monitor, &args)
        }
        Run::Machine(_) => {
            let monitor = monitor.clone();
            handle
                .call(move |session| Context { session, monitor: &monitor }.run(command, &args))?
        }
    }
}
