//! The engine's side of [`Env`], and a core's memory for host calls.
#![allow(unsafe_code)]

use super::{Acc, Mmu, Outer};
use crate::float::{Unit, bulk};
use crate::space::{Space, Swap};
use crate::system::VirtMem;
use crate::tlb::HostAddr;
use hetemu_isa::ir::{FloatOp, Round};
use hetemu_isa::{Cpu, Env, FloatPolicy, Flush, Halt, HostCall};
use std::sync::atomic::{Ordering::SeqCst, fence};

impl Env for Outer<'_> {
    fn now_ps(&self) -> u64 {
        self.system.now(self.start.saturating_add(self.done.saturating_mul(self.ps)))
    }

    fn retired(&self) -> u64 {
        self.base.wrapping_add(self.done)
    }

    fn phys_read(&mut self, pa: u64, size: u8) -> Option<u64> {
        let main = self.space.main(pa, size.into()).and_then(|host| host.load_whole(size));
        if main.is_some() {
            return main;
        }
        let mut raw = [0; 8];
        let part = raw.get_mut(..usize::from(size))?;
        self.space.read_ram(pa, part).then(|| u64::from_le_bytes(raw))
    }

    fn phys_write(&mut self, pa: u64, size: u8, value: u64) -> Option<()> {
        let raw = value.to_le_bytes();
        let part = raw.get(..usize::from(size))?;
        self.is_memory(pa, part.len()).then(|| self.write_memory(pa, part))
    }

    fn phys_update(&mut self, pa: u64, size: u8, old: u64, new: u64) -> Option<bool> {
        let len = usize::from(size);
        if !self.parallel {
            return self.phys_write(pa, size, new).map(|()| true);
        }
        let piece = self.space.piece(pa, len)?;
        let whole = piece.len == len && piece.writable && piece.swap == Swap::None;
        if !whole || pa & (u64::from(size) - 1) != 0 {
            return self.phys_write(pa, size, new).map(|()| true);
        }
        let host = piece.ram.host(piece.offset, u64::from(size))?;
        // SAFETY: a range of a memory that the cluster's space keeps alive.
        let host = unsafe { HostAddr::new(host) };
        let done = host.swap_if(size.trailing_zeros() as u8, old, new) == old;
        if done {
            self.wrote(piece.ram, piece.offset, u64::from(size));
        }
        Some(done)
    }

    fn virt_read(&mut self, cpu: &mut dyn Cpu, va: u64, size: u8) -> Result<u64, Halt> {
        let acc = Acc(u16::from(size & 3));
        if self.events.compiled {
            return self.quick_load(cpu, va, acc).ok_or(Halt::Redo);
        }
        self.target_load(cpu, va, acc).map_err(Halt::Raise)
    }

    fn virt_write(&mut self, cpu: &mut dyn Cpu, va: u64, size: u8, value: u64) -> Result<(), Halt> {
        let acc = Acc(u16::from(size & 3));
        if self.events.compiled {
            return self.quick_store(cpu, va, acc, value).ok_or(Halt::Redo);
        }
        self.target_store(cpu, va, acc, value).map_err(Halt::Raise)
    }

    fn virt_read_block(&mut self, va: u64, into: &mut [u8]) -> bool {
        let host = self.mmu.tlb().readable_in_page(va, into.len() as u64);
        host.map(|h| h.load_bytes(into)).is_some()
    }

    fn virt_write_block(&mut self, va: u64, bytes: &[u8]) -> bool {
        let host = self.mmu.tlb().writable_in_page(va, bytes.len() as u64);
        host.map(|h| h.store_bytes(bytes)).is_some()
    }

    fn floats(
        &mut self,
        policy: &FloatPolicy,
        op: FloatOp,
        round: Round,
        wide: bool,
        args: [&[u8]; 3],
        out: &mut [u8],
    ) -> u8 {
        bulk::run(&Unit::new(*policy), op, round, wide, args, out)
    }

    fn flush_tlb(&mut self, what: Flush) {
        self.stats.tlb_flushes += 1;
        self.events.flushed |= self.mmu.flush(what);
        self.events.leave = true;
    }

    fn flush_code(&mut self) {
        // Every write to translated code has dropped it already, unless by another thread.
        if self.parallel {
            fence(SeqCst);
            self.events.refetch = true;
            self.events.leave = true;
        }
    }

    fn wait(&mut self) {
        self.events.wait = true;
        // Nobody shall watch the line for a core that sleeps.
        self.events.unreserve = true;
        self.events.leave = true;
    }

    fn pause(&mut self) -> Result<(), Halt> {
        if self.parallel {
            // There may be fewer processors than cores.
            std::thread::yield_now();
        } else if !self.events.alone {
            if self.events.compiled {
                return Err(Halt::Redo);
            }
            self.events.pause = true;
            self.events.leave = true;
        }
        Ok(())
    }

    fn wake_at(&mut self, ps: u64) {
        self.system.wake_at(self.core, ps);
        self.events.leave = true;
    }

    fn host_call(&mut self, call: HostCall) -> Option<u64> {
        let unmapped = match call {
            HostCall::Semihost { .. } => u64::MAX,
            HostCall::Uhi { unmapped, .. } => unmapped,
            HostCall::Reset | HostCall::Trace { .. } => 0,
        };
        let mut mem = CoreMem { mmu: self.mmu, space: self.space, unmapped, wrote: Vec::new() };
        let answer = self.system.host_call(self.core, call, &mut mem);
        for (host, len) in mem.wrote {
            if self.cache.overlaps(host, len) {
                self.events.dirty.push((host, len));
            }
        }
        self.events.leave = true;
        answer
    }

    fn clear_reservation(&mut self) {
        // The next instruction may already depend on it.
        self.events.unreserve = true;
        self.events.leave = true;
    }
}

/// A core's world for someone who only looks: nothing changes by it.
pub(crate) struct Looking<'a, 'b>(pub(crate) &'a mut Outer<'b>);

impl Env for Looking<'_, '_> {
    fn now_ps(&self) -> u64 {
        self.0.now_ps()
    }

    fn retired(&self) -> u64 {
        self.0.retired()
    }

    fn phys_read(&mut self, pa: u64, size: u8) -> Option<u64> {
        self.0.phys_read(pa, size)
    }

    fn phys_write(&mut self, pa: u64, size: u8, _: u64) -> Option<()> {
        self.0.is_memory(pa, usize::from(size)).then_some(())
    }

    fn flush_tlb(&mut self, _: Flush) {}

    fn flush_code(&mut self) {}

    fn wait(&mut self) {}

    fn wake_at(&mut self, _: u64) {}

    fn host_call(&mut self, _: HostCall) -> Option<u64> {
        None
    }

    fn clear_reservation(&mut self) {}
}

/// A core's memory during a host call: by what the TLB knows, else untranslated, as the ABIs of
/// semihosting ask.
struct CoreMem<'a> {
    mmu: &'a Mmu,
    space: &'a Space,
    /// The bits of an address that the TLB does not know which are its physical address.
    unmapped: u64,
    wrote: Vec<(usize, u64)>,
}

impl VirtMem for CoreMem<'_> {
    fn read(&mut self, va: u64, into: &mut [u8]) -> bool {
        into.iter_mut().zip(0..).all(|(byte, i)| {
            let va = va.wrapping_add(i);
            match self.mmu.tlb().readable(va, 0) {
                Some(host) => {
                    *byte = host.load8();
                    true
                }
                None => self.space.read_ram(va & self.unmapped, std::slice::from_mut(byte)),
            }
        })
    }

    fn write(&mut self, va: u64, bytes: &[u8]) -> bool {
        bytes.iter().zip(0..).all(|(byte, i)| {
            let va = va.wrapping_add(i);
            match self.mmu.tlb().writable(va, 0) {
                Some(host) => {
                    host.store8(*byte);
                    true
                }
                // The outside path tells every cluster, this one too.
                None => self.space.write_ram(va & self.unmapped, std::slice::from_ref(byte)),
            }
        })
    }
}
