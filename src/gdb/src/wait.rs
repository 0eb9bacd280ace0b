//! A client that has let the cores go waits for one answer: how they stopped.

use crate::ids::Threads;
use hetemu_control::Event;
use hetemu_machine::{CoreId, DebugStop, DebugWhy, Outcome, Watched};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Signals as GDB numbers them.
const INTERRUPT: u8 = 2;
const TRAP: u8 = 5;
const ABORT: u8 = 6;

/// What the thread of the machine must know to tell of a stop. Shared between the stub and its
/// listener.
#[derive(Debug, Default)]
pub(crate) struct Wait {
    /// The client waits.
    pub(crate) waiting: bool,
    /// It knows of processes.
    pub(crate) processes: bool,
    pub(crate) threads: Threads,
    /// The thread that it cares for.
    pub(crate) current: Option<CoreId>,
    /// Clusters that are its.
    pub(crate) attached: Vec<usize>,
    pub(crate) watched: Vec<(usize, Watched)>,
    /// How the cores stopped last.
    pub(crate) last: Option<String>,
    /// A stop was told since the client's last packet: its thread is chosen by that.
    pub(crate) told: bool,
}

/// Shared by the stub and its listener.
#[derive(Debug, Clone, Default)]
pub(crate) struct SharedWait(Arc<Mutex<Wait>>);

impl SharedWait {
    /// To look at it, for a moment. Never held while the session does anything.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Wait> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wait {
    fn thread(&self, at: Option<CoreId>) -> String {
        let at = at.or_else(|| self.mine());
        at.map_or_else(String::new, |at| format!("thread:{};", self.threads.id(at, self.processes)))
    }

    /// The client's current thread.
    fn mine(&self) -> Option<CoreId> {
        let is_mine = |at: &CoreId| self.attached.contains(&at.cluster);
        let all = self.threads.cores().map(|(at, _)| at);
        self.current.into_iter().chain(all).find(is_mine)
    }

    /// The thread that the client takes as chosen since the last stop, if there was one.
    pub(crate) fn chosen(&mut self) -> Option<CoreId> {
        std::mem::take(&mut self.told).then(|| self.mine()).flatten()
    }

    /// The packet for a debugger's stop.
    fn debug(&mut self, stop: DebugStop) -> String {
        let at = CoreId { cluster: stop.cluster, core: stop.core };
        if !self.attached.contains(&at.cluster) {
            return format!("T{INTERRUPT:02x}{}", self.thread(None));
        }
        self.current = Some(at);
        let thread = self.thread(Some(at));
        match stop.why {
            DebugWhy::Step | DebugWhy::Breakpoint => format!("T{TRAP:02x}{thread}"),
            DebugWhy::Watch { addr, write } => {
                let kind = self.watch_kind(at.cluster, addr, write);
                format!("T{TRAP:02x}{thread}{kind}:{addr:x};")
            }
        }
    }

    /// How GDB calls the watchpoint at an address.
    fn watch_kind(&self, cluster: usize, addr: u64, write: bool) -> &'static str {
        let here = |w: &Watched| {
            (w.first..=w.last).contains(&addr) && if write { w.write } else { w.read }
        };
        let mut kinds = self.watched.iter().filter(|(c, w)| *c == cluster && here(w));
        match kinds.next() {
            Some((_, Watched { read: true, write: true, .. })) => "awatch",
            Some((_, Watched { read: true, .. })) => "rwatch",
            _ => "watch",
        }
    }

    /// The packet for the end of the machine.
    fn end(&self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Exit(code) => {
                let process = self.attached.first().map_or(1, |c| c + 1);
                let process =
                    if self.processes { format!(";process:{process:x}") } else { String::new() };
                format!("W{:02x}{process}", *code as u8)
            }
            Outcome::Stuck(_) => format!("T{ABORT:02x}{}", self.thread(None)),
        }
    }

    /// A stop that was asked for.
    pub(crate) fn interrupted(&mut self) -> String {
        let packet = format!("T{INTERRUPT:02x}{}", self.thread(None));
        (self.waiting, self.told) = (false, true);
        self.last = Some(packet.clone());
        packet
    }

    /// A stop that the client is told of at once.
    pub(crate) fn stopped(&mut self, stop: DebugStop) -> String {
        let packet = self.debug(stop);
        (self.waiting, self.told) = (false, true);
        self.last = Some(packet.clone());
        packet
    }

    /// The machine stands where its history begins.
    pub(crate) fn beginning(&mut self) -> String {
        let packet = format!("T{TRAP:02x}{}replaylog:begin;", self.thread(None));
        (self.waiting, self.told) = (false, true);
        self.last = Some(packet.clone());
        packet
    }

    /// How the cores stand: the answer to `?`.
    pub(crate) fn standing(&self) -> String {
        let trap = || format!("T{TRAP:02x}{}", self.thread(None));
        self.last.clone().unwrap_or_else(trap)
    }

    /// What the client is to hear of an event, if anything.
    pub(crate) fn hear(&mut self, event: &Event) -> Option<String> {
        let packet = match event {
            Event::Debug(stop) => self.debug(*stop),
            Event::Stopped => format!("T{INTERRUPT:02x}{}", self.thread(None)),
            Event::Ended(outcome) => self.end(outcome),
            Event::Shutdown(_) => format!("X0f{}", self.process()),
            _ => return None,
        };
        if !std::mem::take(&mut self.waiting) {
            return None;
        }
        self.told = true;
        self.last = Some(packet.clone());
        Some(packet)
    }

    fn process(&self) -> String {
        let process = self.attached.first().map_or(1, |c| c + 1);
        if self.processes { format!(";process:{process:x}") } else { String::new() }
    }
}
