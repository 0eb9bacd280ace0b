//! A thread that compiles while the guest runs on.
//!
//! What it makes changes when code is compiled, never what the guest sees: a region does what the
//! interpreter does, at the same instruction counts.

use super::compiler::{Compiler, Job};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The thread, as its cluster sees it. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Worker {
    jobs: Sender<Box<Job>>,
    done: Receiver<Done>,
}

/// A job that is done.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) job: Box<Job>,
    /// Unless Cranelift refused it.
    pub(crate) code: Option<Vec<u8>>,
    /// Host time that it took.
    pub(crate) spent: Duration,
}

impl Done {
    /// Does a job.
    pub(crate) fn of(compiler: &mut Compiler, job: Box<Job>) -> Done {
        let started = Instant::now();
        let code = compiler.region(&job);
        Done { job, code, spent: started.elapsed() }
    }
}

impl Worker {
    /// Starts the thread; none if the host has none to give.
    pub(crate) fn start() -> Option<Worker> {
        let (jobs, todo) = channel::<Box<Job>>();
        let (give, done) = channel();
        let work = move || {
            let Some(mut compiler) = Compiler::new() else { return };
            for job in todo {
                if give.send(Done::of(&mut compiler, job)).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new().name("hetemu-compiler".into()).spawn(work).ok()?;
        Some(Worker { jobs, done })
    }

    /// Hands a job over; gives it back if the thread is gone.
    pub(crate) fn send(&self, job: Box<Job>) -> Result<(), Box<Job>> {
        self.jobs.send(job).map_err(|e| e.0)
    }

    /// A job that is done.
    pub(crate) fn done(&self) -> Result<Done, TryRecvError> {
        self.done.try_recv()
    }
}
