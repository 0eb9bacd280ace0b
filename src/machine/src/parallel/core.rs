//! One core's thread, and what the core asks of the machine around it.

use super::{BURST, Shared};
use crate::htif::Htif;
use crate::observe::Traps;
use crate::run::gets_nowhere;
use crate::trouble::{Taken, Verdict, Watch};
use crate::world::{Suspicion, World};
use hetemu_engine::{Cluster, DeviceRef, Space, System, Trap, Unanswered, VirtMem};
use hetemu_hw::{BusError, time::Ps};
use hetemu_isa::{Exception, HostCall};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::{Arc, TryLockError};

/// A core and what its thread needs.
pub(super) struct Core<'a, 'w> {
    /// Its number among clusters, which have one core each.
    pub(super) at: usize,
    pub(super) cluster: &'a mut Cluster,
    pub(super) watch: &'a mut Watch,
    pub(super) traps: &'a mut Traps,
    pub(super) shared: &'a Shared<'w>,
}

/// Ends the run if the thread panics: the others must not wait for it for ever.
struct Guard<'a, 'w>(&'a Shared<'w>);

impl Drop for Guard<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

impl Core<'_, '_> {
    /// Runs until the machine stops.
    pub(super) fn run(self) {
        let Core { at, cluster, watch, traps, shared } = self;
        let guard = Guard(shared);
        let mut around = Around { at, shared, watch, traps, verdict: Verdict::Fine };
        while let Some(inbox) = shared.inboxes.get(at) {
            if inbox.attention.swap(false, SeqCst) {
                let messages = std::mem::take(&mut *inbox.lock());
                messages.into_iter().for_each(|message| message.tell(cluster));
            }
            if shared.stop.load(SeqCst) {
                break;
            }
            let now = shared.clock.now();
            if shared.next.load(Relaxed) <= now {
                // Whoever holds the lock will see to it.
                match shared.world.try_lock() {
                    Ok(mut world) => shared.run_due(&mut world),
                    Err(TryLockError::Poisoned(e)) => shared.run_due(&mut e.into_inner()),
                    Err(TryLockError::WouldBlock) => {}
                }
            }
            if cluster.waiting(0) {
                around.sleep();
                continue;
            }
            cluster.run(0, &mut around, now, 0, BURST);
            around.look_at(cluster);
            around.poll_htif();
        }
        drop(guard);
    }
}

/// The machine around one core.
struct Around<'a, 'w> {
    at: usize,
    shared: &'a Shared<'w>,
    watch: &'a mut Watch,
    traps: &'a mut Traps,
    /// What the core's exceptions say.
    verdict: Verdict,
}

impl Around<'_, '_> {
    /// Sleeps until there is a message.
    fn sleep(&self) {
        let shared = self.shared;
        let Some(inbox) = shared.inboxes.get(self.at) else { return };
        // While a core runs it does the events; from now on the calling thread must.
        if shared.next.load(SeqCst) < shared.deadline.load(SeqCst) {
            shared.host.ring();
        }
        let queue = inbox.lock();
        let asleep = shared.asleep.fetch_add(1, SeqCst) + 1;
        if asleep == shared.inboxes.len() && shared.closed.load(SeqCst) {
            shared.host.ring();
        }
        let attention = |_: &mut Vec<_>| !inbox.attention.load(SeqCst);
        drop(inbox.awake.wait_while(queue, attention));
        shared.asleep.fetch_sub(1, SeqCst);
    }

    /// Asks the world something.
    fn ask<T>(&self, f: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.shared.world();
        world.cluster = self.at;
        world.now = world.now.max(self.shared.clock.now());
        let out = f(&mut world);
        self.shared.settle(&mut world);
        out
    }

    /// Looks into what the exceptions of the last burst say.
    fn look_at(&mut self, cluster: &Cluster) {
        let suspicion = match std::mem::replace(&mut self.verdict, Verdict::Fine) {
            Verdict::Fine => return,
            Verdict::DoubleFault => Suspicion::DoubleFault(self.at, 0),
            Verdict::Compare => {
                if !gets_nowhere(cluster, 0, self.watch) {
                    return;
                }
                Suspicion::Compare(self.at, 0)
            }
        };
        self.ask(|world| world.suspicion = world.suspicion.or(Some(suspicion)));
    }

    /// The guest may have left a command in memory.
    fn poll_htif(&self) {
        let there = |(space, at): &(Arc<Space>, u64)| Htif::has_command(space, *at);
        if self.shared.htif.as_ref().is_some_and(there) {
            self.ask(World::poll_htif);
        }
    }
}

impl System for Around<'_, '_> {
    fn device_read(&mut self, _: Ps, at: DeviceRef, size: u8) -> Result<u64, BusError> {
        self.ask(|world| world.device_read(world.now, at, size))
    }

    fn device_write(&mut self, _: Ps, at: DeviceRef, size: u8, v: u64) -> Result<(), BusError> {
        self.ask(|world| world.device_write(world.now, at, size, v))
    }

    fn now(&self, _: Ps) -> Ps {
        self.shared.clock.now()
    }

    fn must_stop(&self) -> bool {
        let inbox = self.shared.inboxes.get(self.at);
        inbox.is_none_or(|i| i.attention.load(Relaxed)) || self.verdict != Verdict::Fine
    }

    fn unanswered(&mut self, what: Unanswered) {
        self.ask(|world| world.unanswered(what));
    }

    fn exception(&mut self, _: usize, exception: Exception, pc: u64, handler: u64) {
        match self.watch.exception(Taken { exception, pc, handler }) {
            Verdict::Fine => {}
            verdict => self.verdict = verdict,
        }
    }

    fn host_call(&mut self, core: usize, call: HostCall, mem: &mut dyn VirtMem) -> Option<u64> {
        self.ask(|world| world.host_call(core, call, mem))
    }

    fn wake_at(&mut self, core: usize, at: Ps) {
        self.ask(|world| world.wake_at(core, at));
    }

    fn trapped(&mut self, _: Ps, _: usize, trap: Trap) {
        self.traps.add(&trap);
    }
}
