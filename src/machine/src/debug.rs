//! What debuggers do with a machine: breakpoints, watched memory, single steps, registers and
//! memory of a core.
//!
//! A stop leaves everything where it stands, in the middle of a slice, and changes nothing about
//! the run: the same core goes on first. All cores stop together.

use crate::access::CoreId;
use crate::run::Running;
use hetemu_engine::{Cluster, Hit, Kind, Watched};
use hetemu_hw::time::Ps;
use hetemu_isa::DebugLayout;
use std::collections::{BTreeMap, BTreeSet};

/// Why a core stopped for a debugger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebugWhy {
    /// It did the one instruction that it was told to do.
    Step,
    /// It stands before an instruction with a breakpoint.
    Breakpoint,
    /// It is about to access memory that is watched (or has, if its target does the instruction as
    /// a whole: vectors, exception entries).
    Watch {
        /// The watched address that was touched.
        addr: u64,
        /// It is written, not read.
        write: bool,
    },
}

impl From<Hit> for DebugWhy {
    fn from(hit: Hit) -> DebugWhy {
        match hit {
            Hit::Breakpoint => DebugWhy::Breakpoint,
            Hit::Watch { addr, write } => DebugWhy::Watch { addr, write },
        }
    }
}

/// A core that stopped for a debugger. All others stand still, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DebugStop {
    /// Number of its cluster in the graph.
    pub cluster: usize,
    /// Number of the core in its cluster.
    pub core: usize,
    /// Why.
    pub why: DebugWhy,
}

/// One of the debuggers of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Debugger(u32);

const LAST: Debugger = Debugger(u32::MAX);

/// First and last address of code that a step does not stop in.
pub type Range = (u64, u64);

/// What debuggers have set.
#[derive(Debug, Default)]
pub(crate) struct Debugging {
    last: u32,
    attached: BTreeSet<Debugger>,
    breakpoints: BTreeMap<(usize, Debugger), Vec<u64>>,
    watched: BTreeMap<(usize, Debugger), Vec<Watched>>,
    steps: Vec<(CoreId, Option<Range>)>,
    held: Vec<CoreId>,
    /// When the current slice began: no core lies behind it.
    pub(crate) floor: Ps,
}

impl Debugging {
    /// Somebody may yet change what happens.
    pub(crate) fn is_attached(&self) -> bool {
        !self.attached.is_empty()
    }

    /// Whether a core runs one instruction at a time; with the code that it may run on in.
    pub(crate) fn steps(&self, cluster: usize, core: usize) -> Option<Option<Range>> {
        let at = CoreId { cluster, core };
        self.steps.iter().find(|(of, _)| *of == at).map(|(_, range)| *range)
    }

    pub(crate) fn holds(&self, cluster: usize, core: usize) -> bool {
        !self.held.is_empty() && self.held.contains(&CoreId { cluster, core })
    }
}

/// A stretch of physical memory as a core sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// First address.
    pub start: u64,
    /// Last address.
    pub last: u64,
    /// Memory (RAM, or ROM and flash); else registers of a device.
    pub memory: bool,
    /// The core can store to it.
    pub writable: bool,
}

impl Running {
    /// A number for a debugger of its own: what it sets beside others'.
    pub fn debugger(&mut self) -> Debugger {
        self.debug.last += 1;
        Debugger(self.debug.last)
    }

    /// A debugger is there, which stands for somebody outside: what seems to hang may go on yet.
    pub fn attach(&mut self, who: Debugger) {
        self.debug.attached.insert(who);
    }

    /// A debugger is gone, and everything that it has set.
    pub fn detach(&mut self, who: Debugger) {
        self.debug.attached.remove(&who);
        for cluster in 0..self.m.clusters.len() {
            self.set_breakpoints(who, cluster, &[]);
            self.set_watched(who, cluster, &[]);
        }
        self.set_steps(&[], &[]);
    }

    /// Has the cores of a cluster stop before instructions at these virtual addresses, and at no
    /// others that this debugger had set. A core that stopped at one passes it when it goes on.
    pub fn set_breakpoints(&mut self, who: Debugger, cluster: usize, addresses: &[u64]) {
        self.debug.breakpoints.insert((cluster, who), addresses.to_vec());
        let of = self.debug.breakpoints.range((cluster, Debugger(0))..=(cluster, LAST));
        let all: Vec<u64> = of.flat_map(|(_, list)| list).copied().collect();
        if let Some(c) = self.m.clusters.get_mut(cluster) {
            c.set_breakpoints(&all);
        }
    }

    /// Has the cores of a cluster stop before accesses to this memory, and to no other that this
    /// debugger had set.
    pub fn set_watched(&mut self, who: Debugger, cluster: usize, watched: &[Watched]) {
        self.debug.watched.insert((cluster, who), watched.to_vec());
        let of = self.debug.watched.range((cluster, Debugger(0))..=(cluster, LAST));
        let mut all: Vec<Watched> = of.flat_map(|(_, list)| list).copied().collect();
        all.sort_unstable();
        all.dedup();
        if let Some(c) = self.m.clusters.get_mut(cluster) {
            c.set_watched(&all);
        }
    }

    /// How the cores go on from here, until the next stop: those of the first list stop after their
    /// next instruction, whatever breakpoint it has, or with a range once they have left it; those
    /// of the second stand still, and their time with them. Holding a core changes the order in
    /// which cores run; nothing else here does.
    pub fn set_steps(&mut self, steps: &[(CoreId, Option<Range>)], held: &[CoreId]) {
        let before = std::mem::replace(&mut self.debug.held, held.to_vec());
        self.debug.steps = steps.to_vec();
        for at in before {
            if !self.debug.holds(at.cluster, at.core) {
                self.catch_up(at.cluster, at.core, self.debug.floor);
            }
        }
        for (at, _) in steps {
            if let Some(c) = self.m.clusters.get_mut(at.cluster) {
                c.pass_breakpoint(at.core);
            }
        }
    }

    fn core_there(&self, at: CoreId) -> Option<&Cluster> {
        self.m.clusters.get(at.cluster).filter(|c| at.core < c.cores())
    }

    fn core_there_mut(&mut self, at: CoreId) -> Option<&mut Cluster> {
        self.m.clusters.get_mut(at.cluster).filter(|c| at.core < c.cores())
    }

    /// The registers of a core as debuggers see them.
    pub fn debug_layout(&self, at: CoreId) -> Option<DebugLayout> {
        Some(self.core_there(at)?.cpu(at.core).debug_layout())
    }

    /// A register of [`Running::debug_layout`] by number, in the byte order of the core's data.
    pub fn debug_read(&mut self, at: CoreId, number: u32) -> Option<Vec<u8>> {
        let now = self.m.world.now;
        self.core_there_mut(at)?.debug_read(at.core, number, now)
    }

    /// Sets a register by number; false if it cannot be written, or has another size.
    pub fn debug_write(&mut self, at: CoreId, number: u32, bytes: &[u8]) -> bool {
        self.core_there_mut(at).is_some_and(|c| c.debug_write(at.core, number, bytes))
    }

    /// What a core does, in a few words: its mode, whether it waits.
    pub fn core_state(&self, at: CoreId) -> String {
        let Some(c) = self.core_there(at) else { return String::new() };
        let waits = if c.waiting(at.core) { ", waiting" } else { "" };
        format!("{} mode{waits}", c.cpu(at.core).mode_name())
    }

    /// Reads memory (RAM and ROM) by the virtual addresses of a core, as many bytes as can be read.
    pub fn peek(&mut self, at: CoreId, va: u64, len: usize) -> Vec<u8> {
        let mut all = vec![0; len];
        let done = self.core_there_mut(at).map_or(0, |c| c.peek(at.core, va, &mut all));
        all.truncate(done);
        all
    }

    /// Writes memory by the virtual addresses of a core, ROM and flash as well; false, with a part
    /// written, if not all of it is memory.
    pub fn poke(&mut self, at: CoreId, va: u64, bytes: &[u8]) -> bool {
        self.core_there_mut(at).is_some_and(|c| c.poke(at.core, va, bytes))
    }

    /// Reads physical memory (RAM and ROM) as the cores of a cluster see it, as many bytes as can
    /// be read.
    pub fn peek_physical(&self, cluster: usize, pa: u64, len: usize) -> Vec<u8> {
        let Some(space) = self.m.spaces.get(cluster) else { return Vec::new() };
        let mut all = vec![0; len];
        if space.read_ram(pa, &mut all) {
            return all;
        }
        let byte = |i: u64| {
            let mut byte = [0];
            space.read_ram(pa.wrapping_add(i), &mut byte).then_some(byte[0])
        };
        (0..len as u64).map_while(byte).collect()
    }

    /// Writes physical memory as the cores of a cluster see it, ROM and flash as well.
    pub fn poke_physical(&self, cluster: usize, pa: u64, bytes: &[u8]) -> bool {
        self.m.spaces.get(cluster).is_some_and(|space| space.write_rom(pa, bytes))
    }

    /// What lies on the bus of a cluster, by address.
    pub fn stretches(&self, cluster: usize) -> Vec<Stretch> {
        let Some(space) = self.m.spaces.get(cluster) else { return Vec::new() };
        let what = |kind: &Kind| match kind {
            Kind::Ram { writable, .. } => Some((true, *writable)),
            Kind::Device { .. } => Some((false, true)),
            Kind::Hole(_) => None,
        };
        let entries = space.entries().iter().filter_map(|e| Some((e, what(&e.kind)?)));
        entries
            .map(|(e, (memory, writable))| Stretch {
                start: e.start,
                last: e.last,
                memory,
                writable,
            })
            .collect()
    }

    /// Whether the cores of a cluster may see memory at other addresses than its own.
    pub fn translates(&self, cluster: usize) -> bool {
        let info = self.m.infos.get(cluster).and_then(|c| c.first());
        let Some(info) = info else { return false };
        let fact = info.config.ty.core.as_ref().and_then(|c| c.fact("mmu"));
        let mmu = info.config.text("mmu").or(fact);
        mmu.is_some_and(|mmu| mmu != "none")
    }
}
