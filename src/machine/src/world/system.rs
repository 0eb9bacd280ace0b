//! What the engine asks while a core runs.

use super::{Suspicion, World};
use crate::events::Event;
use crate::spaces::{NO_READ, NO_WRITE, REGION_MASK};
use crate::trouble::{Taken, Verdict};
use hetemu_engine::{Accessed, DeviceRef, System, Trap, Unanswered, VirtMem};
use hetemu_hw::time::Ps;
use hetemu_hw::{BusError, Cx, Device};
use hetemu_isa::{Exception, HostCall};

impl System for World {
    fn device_read(&mut self, now: Ps, at: DeviceRef, size: u8) -> Result<u64, BusError> {
        if at.region & NO_READ != 0 {
            return Err(BusError);
        }
        self.now = now;
        self.moves += 1;
        let (slot, region) = (at.device as usize, at.region & REGION_MASK);
        let value = match self.behind(at, size, false) {
            Some(to) => Some(self.read_behind(to, size).ok_or(BusError)),
            None => {
                self.ways.begin();
                let value = self.call(slot, |dev, cx| dev.read(cx, region, at.offset, size));
                self.ways.end((at, size, false));
                value
            }
        };
        self.count(slot, 0);
        if self.observer.is_some() {
            let value = value.and_then(Result::ok);
            self.note_access(now, at, size, false, value);
        }
        if !self.fifo.is_empty() {
            self.drain();
        }
        value.unwrap_or(Err(BusError))
    }

    fn device_write(
        &mut self,
        now: Ps,
        at: DeviceRef,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        if at.region & NO_WRITE != 0 {
            return Err(BusError);
        }
        self.now = now;
        self.moves += 1;
        let (slot, region) = (at.device as usize, at.region & REGION_MASK);
        self.count(slot, 1);
        // What the device does at once follows the access.
        if self.observer.is_some() {
            self.note_access(now, at, size, true, Some(value));
        }
        let done = match self.behind(at, size, true) {
            Some(to) => Some(self.write_behind(to, size, value).ok_or(BusError)),
            None => {
                self.ways.begin();
                let write = |dev: &mut dyn Device, cx: &mut dyn Cx| {
                    dev.write(cx, region, at.offset, size, value)
                };
                let done = self.call(slot, write);
                self.ways.end((at, size, true));
                done
            }
        };
        if !self.fifo.is_empty() {
            self.drain();
        }
        done.unwrap_or(Err(BusError))
    }

    fn must_stop(&self) -> bool {
        self.stop
    }

    fn unanswered(&mut self, what: Unanswered) {
        let (cluster, core) = (self.cluster, what.core);
        let name = self.core_names.get(cluster).and_then(|c| c.get(core)).map_or("?", |n| n);
        self.counts.unmapped(name, what.pa);
        if let Some(last) = self.last_unanswered.get_mut(cluster).and_then(|c| c.get_mut(core)) {
            *last = Some(what);
        }
        if self.strict && self.suspicion.is_none() {
            self.suspicion = Some(Suspicion::Unanswered(cluster, what));
            self.stop = true;
        }
    }

    fn exception(&mut self, core: usize, exception: Exception, pc: u64, handler: u64) {
        let cluster = self.cluster;
        let Some(watch) = self.watches.get_mut(cluster).and_then(|c| c.get_mut(core)) else {
            return;
        };
        match watch.exception(Taken { exception, pc, handler }) {
            Verdict::Fine => return,
            Verdict::Compare => self.suspicion = Some(Suspicion::Compare(cluster, core)),
            Verdict::DoubleFault => self.suspicion = Some(Suspicion::DoubleFault(cluster, core)),
        }
        self.stop = true;
    }

    fn host_call(&mut self, core: usize, call: HostCall, mem: &mut dyn VirtMem) -> Option<u64> {
        match call {
            HostCall::Semihost { op, param, word } => {
                if !self.semihosting {
                    return None;
                }
                self.moves += 1;
                crate::semihost::call(self, core, op, param, word, mem)
            }
            HostCall::Uhi { op, args, big_endian, .. } => {
                if !self.semihosting {
                    return None;
                }
                self.moves += 1;
                crate::uhi::call(self, op, args, big_endian, mem)
            }
            HostCall::Reset => {
                self.reset_wanted = true;
                self.stop = true;
                Some(0)
            }
            HostCall::Trace { value, size, .. } => {
                if let Some(plug) = self.traces.get(&(self.cluster, core)).copied() {
                    let bytes = value.to_le_bytes();
                    self.plug_send(plug, bytes.get(..usize::from(size)).unwrap_or(&bytes));
                }
                Some(0)
            }
        }
    }

    fn trapped(&mut self, now: Ps, core: usize, trap: Trap) {
        let counts = self.traps.get_mut(self.cluster).and_then(|c| c.get_mut(core));
        if let Some(counts) = counts {
            counts.add(&trap);
        }
        if let Some(observer) = &mut self.observer {
            observer.trapped(now, (self.cluster, core), trap);
        }
    }

    fn accessing(&mut self, core: usize, pc: u64) {
        if let Some(observer) = &mut self.observer {
            observer.accessing((self.cluster, core), pc);
        }
    }

    fn accessed(&mut self, now: Ps, what: Accessed) {
        if let Some(observer) = &mut self.observer {
            observer.accessed(now, self.cluster, what);
        }
    }

    fn wake_at(&mut self, core: usize, at: Ps) {
        let who = (self.cluster, core);
        if let Some(key) = self.alarms.remove(&who) {
            self.events.remove(key);
        }
        if at == Ps::MAX {
            return;
        }
        self.alarms.insert(who, self.events.add(at, Event::Core(who.0, who.1)));
        if at < self.slice_end {
            self.stop = true;
        }
    }
}
