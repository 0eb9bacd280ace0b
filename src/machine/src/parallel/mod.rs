//! Every core on a thread of the host's own.
//!
//! Each core is a cluster of its own: its translations, its soft TLB and its registers are touched
//! by its thread only, without locks. The world (devices, events, plugs, time) lies behind one
//! mutex, which a core takes for a device access and whatever else it asks of the machine. Signals
//! go to a core through its [`Inbox`], whose flag the core looks at after every helper and after
//! every [`BURST`] instructions. A core that waits for an interrupt sleeps on its inbox.
//!
//! Virtual time follows the host's clock. Cores that run do the events that are due between two
//! bursts; the thread that called looks after plugs, and after events while cores sleep. While all
//! sleep and nothing can come in from outside, time is skipped to the next event. Runs differ from
//! each other, as those of a real machine do.
//!
//! The threads live for one [`Running::run_parallel`], which ends when somebody must see the whole
//! machine at rest: the driver, a reset, a report.

mod core;
mod split;

use crate::run::{Running, Step};
use crate::world::{Carried, CoreSignal, World};
use hetemu_engine::{Cluster, Space};
use hetemu_hw::time::{Ps, SECOND};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Instructions between looks at the inbox.
const BURST: u64 = 16_384;
/// Longest sleep of the thread that looks after plugs and limits.
const NAP: Duration = Duration::from_millis(50);

/// What the driver of a parallel run does meanwhile.
pub trait Host: Sync {
    /// Waits until [`Host::ring`] or input for a plug, at most so long. A ring before counts.
    fn wait(&self, limit: Duration);
    /// Ends a wait; any thread may call this.
    fn ring(&self);
    /// Whether time is skipped while all cores sleep; `live`: input may still come from outside.
    fn skips(&self, live: bool) -> bool {
        !live
    }
    /// Whether the run shall be interrupted at this virtual time.
    fn wants(&self, now: Ps) -> bool;
}

/// Virtual time by the host's clock.
struct Clock {
    anchor: Instant,
    /// Virtual time at the anchor, and what was skipped since.
    base: AtomicU64,
}

impl Clock {
    fn now(&self) -> Ps {
        let ran = u64::try_from(self.anchor.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.base.load(SeqCst).saturating_add(ran.saturating_mul(SECOND / 1_000_000_000))
    }

    fn skip_to(&self, at: Ps) {
        self.base.fetch_add(at.saturating_sub(self.now()), SeqCst);
    }
}

/// What a core is told from outside.
#[derive(Debug, Clone, Copy)]
enum Message {
    /// At a time.
    Signal(CoreSignal, Ps),
    /// The core's own timer is due.
    Alarm(Ps),
}

impl Message {
    fn tell(self, cluster: &mut Cluster) {
        match self {
            Message::Signal(s, now) => match s.value {
                Carried::Level(level) => cluster.signal(0, s.input, s.line, level),
                Carried::Rate(hz) => cluster.cpu_mut(0).0.rate(s.input, hz, now),
            },
            Message::Alarm(now) => cluster.alarm(0, now),
        }
    }
}

/// The messages of one core.
#[derive(Default)]
struct Inbox {
    queue: Mutex<Vec<Message>>,
    /// There are messages, or the run ends.
    attention: AtomicBool,
    awake: Condvar,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Vec<Message>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(&self, message: Option<Message>) {
        let mut queue = self.lock();
        queue.extend(message);
        self.attention.store(true, SeqCst);
        self.awake.notify_one();
    }
}

/// What the threads share.
struct Shared<'a> {
    world: Mutex<&'a mut World>,
    clock: Clock,
    inboxes: Vec<Inbox>,
    stop: AtomicBool,
    /// When the next event is due, and what the calling thread sleeps until.
    next: AtomicU64,
    deadline: AtomicU64,
    /// Cores that sleep.
    asleep: AtomicUsize,
    /// Nothing comes in from outside: sleepers wait for events only.
    closed: AtomicBool,
    /// Where a guest with HTIF leaves its commands.
    htif: Option<(Arc<Space>, u64)>,
    host: &'a dyn Host,
}

/// Why the threads ended.
enum Why {
    /// The driver wants to look.
    Asked,
    /// The world has ended, wants a reset, or suspects something.
    World,
    /// Every core waits, for nothing.
    Hang,
}

impl<'a> Shared<'a> {
    fn world(&self) -> MutexGuard<'_, &'a mut World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the run: every core and the calling thread come to see it.
    fn stop(&self) {
        self.stop.store(true, SeqCst);
        for inbox in &self.inboxes {
            inbox.post(None);
        }
        self.host.ring();
    }

    /// Passes on what a call into the world has caused.
    fn settle(&self, world: &mut World) {
        while let Some(signal) = world.core_signals.pop_front() {
            if let Some(inbox) = self.inboxes.get(signal.cluster) {
                inbox.post(Some(Message::Signal(signal, world.now)));
            }
        }
        self.next.store(world.events.next().unwrap_or(Ps::MAX), SeqCst);
        let over = world.end.is_some() || world.reset_wanted || world.suspicion.is_some();
        if over && !self.stop.load(SeqCst) {
            self.stop();
        } else if std::mem::take(&mut world.answers) {
            self.host.ring();
        }
        world.stop = false;
    }

    /// Runs the events that are due.
    fn run_due(&self, world: &mut World) {
        world.now = world.now.max(self.clock.now());
        let now = world.now;
        for (core, _) in world.run_due(now) {
            if let Some(inbox) = self.inboxes.get(core) {
                inbox.post(Some(Message::Alarm(now)));
            }
        }
        // What a timer did may have been before its time came for others.
        world.now = now;
        self.settle(world);
    }

    /// Whether every core sleeps and has nothing to wake up for. The world is locked: no device
    /// can send anything meanwhile.
    fn all_sleep(&self) -> bool {
        // In this order: who takes a message is awake before.
        self.inboxes.iter().all(|i| i.lock().is_empty() && !i.attention.load(SeqCst))
            && self.asleep.load(SeqCst) == self.inboxes.len()
    }

    /// What the calling thread does while cores run.
    fn attend(&self) -> Why {
        loop {
            if self.stop.load(SeqCst) {
                return Why::World;
            }
            if self.host.wants(self.clock.now()) {
                return Why::Asked;
            }
            let next = {
                let mut world = self.world();
                world.now = world.now.max(self.clock.now());
                world.poll_plugs();
                self.run_due(&mut world);
                let live = world.live();
                let closed = self.host.skips(live);
                self.closed.store(closed || !live, SeqCst);
                if self.stop.load(SeqCst) {
                    return Why::World;
                }
                let next = world.events.next();
                if (closed || !live && next.is_none()) && self.all_sleep() {
                    match next {
                        Some(at) if self.host.wants(at) => {
                            self.clock.skip_to(at);
                            return Why::Asked;
                        }
                        Some(at) => self.clock.skip_to(at),
                        None if !live => return Why::Hang,
                        None => {}
                    }
                    if next.is_some() {
                        continue;
                    }
                }
                self.deadline.store(next.unwrap_or(Ps::MAX), SeqCst);
                next
            };
            let until = next.unwrap_or(Ps::MAX).saturating_sub(self.clock.now());
            let nap = Duration::from_nanos(until / (SECOND / 1_000_000_000)).min(NAP);
            if !nap.is_zero() {
                self.host.wait(nap);
            }
        }
    }
}

impl Running {
    /// Runs all cores at once, until the driver wants to look ([`Step::Ran`]), nothing can happen
    /// any more ([`Step::Idle`]) or the machine has ended. For machines whose engine was configured
    /// to be parallel.
    ///
    /// # Panics
    /// As a core's thread or a device did.
    pub fn run_parallel(&mut self, host: &dyn Host) -> Step {
        loop {
            if self.m.world.end.is_some() {
                return Step::Ended;
            }
            if let Some(suspicion) = self.m.world.suspicion.take() {
                self.suspect(suspicion);
                continue;
            }
            if self.m.world.reset_wanted {
                self.reset_again();
            }
            self.deliver();
            match self.session(host) {
                Why::Asked => return Step::Ran,
                Why::World => {}
                Why::Hang => return Step::Idle(None),
            }
        }
    }

    /// Starts the threads and ends them.
    fn session(&mut self, host: &dyn Host) -> Why {
        let world = &mut self.m.world;
        world.slice_end = 0;
        let (mut watches, mut traps) =
            (std::mem::take(&mut world.watches), std::mem::take(&mut world.traps));
        let shared = Shared {
            clock: Clock { anchor: Instant::now(), base: AtomicU64::new(world.now) },
            inboxes: self.m.clusters.iter().map(|_| Inbox::default()).collect(),
            stop: AtomicBool::new(false),
            next: AtomicU64::new(0),
            deadline: AtomicU64::new(0),
            asleep: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            htif: world.htif.as_ref().map(|h| (h.space.clone(), h.tohost)),
            host,
            world: Mutex::new(world),
        };
        let cores = self.m.clusters.iter_mut().zip(watches.iter_mut().zip(traps.iter_mut()));
        let names = &self.m.core_names;
        let ended = std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for (at, (cluster, (watch, traps))) in cores.enumerate() {
                let (Some(watch), Some(traps)) = (watch.first_mut(), traps.first_mut()) else {
                    continue;
                };
                let name = names.get(at).and_then(|n| n.first()).cloned().unwrap_or_default();
                let shared = &shared;
                let core = core::Core { at, cluster, watch, traps, shared };
                let thread = std::thread::Builder::new().name(name);
                match thread.spawn_scoped(scope, move || core.run()) {
                    Ok(thread) => threads.push(thread),
                    Err(e) => {
                        shared.stop();
                        return Err(Box::new(format!("a thread cannot be started: {e}")) as _);
                    }
                }
            }
            let attend = std::panic::AssertUnwindSafe(|| shared.attend());
            let mut ended = std::panic::catch_unwind(attend);
            shared.stop();
            for thread in threads {
                if let Err(panic) = thread.join() {
                    ended = Err(panic);
                }
            }
            ended
        });
        let now = shared.clock.now();
        // What was sent after a core's last look.
        for (inbox, cluster) in shared.inboxes.iter().zip(&mut self.m.clusters) {
            inbox.lock().drain(..).for_each(|message| message.tell(cluster));
        }
        drop(shared);
        let world = &mut self.m.world;
        world.now = world.now.max(now);
        (world.watches, world.traps) = (watches, traps);
        match ended {
            Ok(why) => why,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}
