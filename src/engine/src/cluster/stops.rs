//! Where a debugger has cores stop: breakpoints and watched memory.
//!
//! No block reaches beyond an instruction with a breakpoint, and none that begins at one is found
//! by anything but [`Cluster::lookup`], which is asked only where nothing else knows the way: so
//! all tiers stop at the same instruction and only that code is slower. A page with watched bytes
//! is in no soft TLB: accesses to it take the slow paths of the interpreter, which tell; all other
//! pages are accessed as ever.

use super::{Cluster, Nobody, Session};
use hetemu_hw::time::Ps;
use hetemu_isa::{Block, Flush};

/// The cause of an instruction that is left before an access at which its core stops: no exception.
pub(crate) const STOP: u32 = u32::MAX - 1;

/// What a core stopped at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// It stands before an instruction with a breakpoint.
    Breakpoint,
    /// It stands before an instruction that accesses watched memory: or after one that its target
    /// does as a whole (vectors, exception entries).
    Watch {
        /// The first watched byte that was touched, a virtual address.
        addr: u64,
        /// It is written.
        write: bool,
    },
}

/// Memory that is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Watched {
    /// First virtual address.
    pub first: u64,
    /// Last virtual address.
    pub last: u64,
    /// Loads stop.
    pub read: bool,
    /// Stores stop.
    pub write: bool,
}

impl Watched {
    /// The first watched byte that an access touches.
    pub(crate) fn touched(&self, va: u64, bytes: u64) -> Option<u64> {
        let last = va.saturating_add(bytes.max(1) - 1);
        (va <= self.last && self.first <= last).then_some(va.max(self.first))
    }
}

impl Cluster {
    /// Has every core of the cluster stop before instructions at these virtual addresses, and at no
    /// others that were set before. Costs the translations at the addresses that change.
    pub fn set_breakpoints(&mut self, addresses: &[u64]) {
        let mut new = addresses.to_vec();
        new.sort_unstable();
        new.dedup();
        let old = std::mem::replace(&mut self.breakpoints, new);
        let new = &self.breakpoints;
        let gone = old.iter().filter(|a| new.binary_search(a).is_err());
        let come = new.iter().filter(|a| old.binary_search(a).is_err());
        let changed: Vec<u64> = gone.chain(come).copied().collect();
        if changed.is_empty() {
            return;
        }
        let dropped = self.cache.remove_at(&changed);
        self.stats.invalidated += dropped as u64;
        self.unlink_stale();
        self.rekey();
    }

    /// The addresses of [`Cluster::set_breakpoints`], sorted.
    pub fn breakpoints(&self) -> &[u64] {
        &self.breakpoints
    }

    /// Has every core of the cluster stop before accesses to this memory, and to no other. Costs
    /// the pages concerned, and where addresses are physical the way past the soft TLB.
    pub fn set_watched(&mut self, watched: &[Watched]) {
        for c in &mut self.cores {
            if c.mmu.set_watched(watched) {
                c.take_epoch(&mut self.cache);
            }
        }
    }

    /// The next instruction of a core does not stop at a breakpoint that it has. So does the one
    /// before which it stopped last.
    pub fn pass_breakpoint(&mut self, core: usize) {
        if let Some(c) = self.cores.get_mut(core) {
            c.pass = Some(c.pc());
        }
    }

    /// What a core stopped at, once: asked after each [`Cluster::run`], which may have ended for
    /// another reason as well.
    pub fn take_hit(&mut self, core: usize) -> Option<Hit> {
        self.cores.get_mut(core)?.events.hit.take()
    }

    /// A core stops before the instruction at its program counter; it passes it when it goes on.
    pub(super) fn meet_breakpoint(&mut self, core: usize, pc: u64) {
        let c = &mut self.cores[core];
        c.pass = Some(pc);
        c.events.hit = Some(Hit::Breakpoint);
    }

    pub(super) fn has_breakpoint(&self, pc: u64) -> bool {
        !self.breakpoints.is_empty() && self.breakpoints.binary_search(&pc).is_ok()
    }

    /// How many instructions of a block there may be, if it reaches a breakpoint.
    pub(super) fn cut_at_breakpoint(&self, block: &Block, pc: u64) -> Option<u32> {
        if self.breakpoints.is_empty() {
            return None;
        }
        if block.count > 1 && self.has_breakpoint(pc) {
            return Some(1);
        }
        let mut starts = crate::jit::region::starts(block).skip(1);
        starts.position(|start| self.has_breakpoint(start)).map(|n| n as u32 + 1)
    }

    /// A register of a core as debuggers number them ([`Cpu::debug_layout`]), at a virtual time.
    pub fn debug_read(&mut self, core: usize, number: u32, now: Ps) -> Option<Vec<u8>> {
        self.cores.get(core)?;
        let mut nobody = Nobody;
        let mut s = Session { core, system: &mut nobody, start: now, ps: 0, total: 0, left: 0 };
        self.outside(&mut s, |cpu, frame, out| {
            cpu.debug_read(&frame.regs, number, &crate::mmu::Looking(out))
        })
    }

    /// Sets a register of a core, and forgets what was known of its translations.
    pub fn debug_write(&mut self, core: usize, number: u32, bytes: &[u8]) -> bool {
        let Some(c) = self.cores.get_mut(core) else { return false };
        let done = c.cpu.debug_write(&mut c.frame.regs, number, bytes);
        if done {
            c.mmu.flush(Flush::All);
            c.take_epoch(&mut self.cache);
        }
        done
    }

    /// Sets a register by name, and forgets what was known of the core's translations.
    pub fn set_register(&mut self, core: usize, name: &str, value: u64) -> bool {
        let Some(c) = self.cores.get_mut(core) else { return false };
        let done = c.cpu.set_register(&mut c.frame.regs, name, value);
        if done {
            c.mmu.flush(Flush::All);
            c.take_epoch(&mut self.cache);
        }
        done
    }

    /// Reads memory by virtual address until something cannot be read; says how much.
    pub fn peek(&mut self, core: usize, va: u64, into: &mut [u8]) -> usize {
        let mut done = 0;
        while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = va.wrapping_add(done as u64);
            let Some((pa, room)) = self.translate_piece(core, at) else { break };
            let len = rest.len().min(room);
            let whole = rest.get_mut(..len).is_some_and(|part| self.space.read_ram(pa, part));
            if !whole {
                // Byte by byte up to where memory ends.
                let read =
                    |(byte, i)| self.space.read_ram(pa.wrapping_add(i), std::slice::from_mut(byte));
                return done
                    + rest.iter_mut().zip(0..).map_while(|b| read(b).then_some(())).count();
            }
            done += len;
        }
        done
    }

    /// Writes memory by virtual address, ROM as well; false if not all of it is memory.
    pub fn poke(&mut self, core: usize, va: u64, bytes: &[u8]) -> bool {
        let (mut at, mut rest) = (va, bytes);
        while !rest.is_empty() {
            let Some((pa, room)) = self.translate_piece(core, at) else { return false };
            let (now, later) = rest.split_at(rest.len().min(room));
            if !self.space.write_rom(pa, now) {
                return false;
            }
            at = at.wrapping_add(now.len() as u64);
            rest = later;
        }
        true
    }
}
