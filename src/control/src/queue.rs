//! The one queue of work for a session.

use crate::session::Session;
use hetemu_host::Bell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

/// Work that is done before the machine goes on, at most: a client that never stops asking cannot
/// stop the machine.
const BATCH: usize = 64;

type Job = Box<dyn FnOnce(&mut Session) + Send>;

/// The session is over: nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the machine is gone")]
pub struct Gone;

/// The end that the machine's thread serves.
pub struct Queue {
    jobs: Receiver<Job>,
    waiting: Waiting,
}

/// How much work waits: any thread can look.
#[derive(Debug, Clone, Default)]
pub struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    /// Whether there is work. Costs one load.
    pub fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }

    fn more(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    fn less(&self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The end that sends work: one for each front end.
#[derive(Clone)]
pub struct Handle {
    jobs: Sender<Job>,
    waiting: Waiting,
    bell: Bell,
}

impl Queue {
    /// A queue whose handles ring this bell, which the machine's thread sleeps on.
    pub fn new(bell: Bell) -> (Queue, Handle) {
        let (sender, jobs) = channel();
        let waiting = Waiting::default();
        (Queue { jobs, waiting: waiting.clone() }, Handle { jobs: sender, waiting, bell })
    }

    /// How much work waits.
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Does what has been sent, in its order.
    pub fn serve(&mut self, session: &mut Session) {
        for _ in 0..BATCH {
            let Ok(job) = self.jobs.try_recv() else { return };
            self.waiting.less();
            job(session);
        }
    }
}

impl Handle {
    /// Has this done between two steps of the machine and waits for the result.
    pub fn call<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Session) -> R + Send + 'static,
    ) -> Result<R, Gone> {
        let (sender, answer) = channel();
        self.post(move |session| {
            let _ = sender.send(work(session));
        })?;
        answer.recv().map_err(|_| Gone)
    }

    /// Has this done between two steps of the machine and does not wait.
    pub fn post(&self, work: impl FnOnce(&mut Session) + Send + 'static) -> Result<(), Gone> {
        self.waiting.more();
        let sent = self.jobs.send(Box::new(work)).map_err(|_| Gone);
        if sent.is_err() {
            self.waiting.less();
        }
        self.bell.ring();
        sent
    }
}
