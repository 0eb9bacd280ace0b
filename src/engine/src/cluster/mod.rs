//! Cores of one ISA that share a view and a translation cache.

mod compile;
mod insight;
mod reserve;
mod run;
mod saved;
mod stops;
mod translate;

pub use insight::{CodeRange, Executed};
pub use reserve::Line;
pub(crate) use stops::STOP;
pub use stops::{Hit, Watched};

use crate::cache::{Cache, JumpTable};
use crate::float::Unit;
use crate::frame::{Frame, NO_RESERVATION};
use crate::jit::{Flat, Jit};
use crate::mmu::{Events, Mmu, Watch};
use crate::ram::{Listener, Notice};
use crate::space::{Kind, Space};
use crate::system::{System, Unanswered, VirtMem};
use hetemu_hw::{BusError, time::Ps};
use hetemu_isa::{Access, Cpu, Exception, Flush, HostCall, Mode, Regs};
use std::sync::Arc;

/// How a cluster runs.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Compile hot code (else everything is interpreted).
    pub jit: bool,
    /// Executions of a block before it is compiled by templates.
    pub tier_up: u32,
    /// Runs of such a block before a region around it is compiled; 0 for regions without that.
    pub tier_two: u32,
    /// Compile on a thread of its own while the guest runs on. What the guest sees is the same.
    pub background: bool,
    /// Bytes of compiled code; the oldest goes when there is little room left.
    pub code_bytes: usize,
    /// Guest instructions that one compiled region may have.
    pub max_region: u32,
    /// Guest instructions that one block may have.
    pub max_block: u32,
    /// Other clusters run at the same time, on threads of their own: atomic operations and fences
    /// are the host's.
    pub parallel: bool,
}

impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig {
            jit: true,
            tier_up: 24,
            tier_two: 100_000,
            background: false,
            code_bytes: 64 << 20,
            max_region: 256,
            max_block: 64,
            parallel: false,
        }
    }
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The budget is used up.
    Budget,
    /// The core waits for an interrupt.
    Wait,
    /// [`System::must_stop`] said so.
    Event,
    /// The core spins, waiting for another one of its cluster.
    Pause,
    /// A debugger has it stop ([`Cluster::take_hit`]).
    Debug,
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ran {
    /// Steps of the core's clock: instructions that retired or raised an exception. The core's time
    /// has advanced by so many `ps_per_insn`; never more than the budget.
    pub retired: u64,
    /// Why it ended.
    pub stop: Stop,
}

/// Counts of a cluster since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Stats {
    pub interpreted_insns: u64,
    pub compiled_insns: u64,
    pub blocks: u64,
    /// Blocks compiled by templates.
    pub templates: u64,
    pub regions: u64,
    /// Of both, those that made room for others.
    pub evicted: u64,
    pub region_insns: u64,
    pub code_bytes: u64,
    /// Host time spent in the compiler.
    pub compile_ns: u64,
    pub tlb_misses: u64,
    pub tlb_flushes: u64,
    /// Calls of targets' helpers.
    pub helpers: u64,
    /// Compiled code was left because the next address has none.
    pub exits_lookup: u64,
    /// ... because the budget or an event ended it.
    pub exits_budget: u64,
    /// ... before a block that only the interpreter runs, for it calls the target.
    pub exits_helper: u64,
    /// ... for an instruction that only the interpreter does (devices, faults).
    pub exits_refused: u64,
    pub invalidated: u64,
    pub exceptions: u64,
    pub interrupts: u64,
    pub device_accesses: u64,
}

/// One core.
struct Core {
    cpu: Box<dyn Cpu>,
    frame: Box<Frame>,
    mmu: Mmu,
    jumps: JumpTable,
    float: Unit,
    events: Events,
    mode: Mode,
    /// Addresses of these of the cluster's memories are physical, for fetches and data: one bit
    /// each.
    flat: u8,
    /// Index of the mode's part that translations depend on.
    mode_index: u16,
    epoch: u64,
    waiting: bool,
    /// Held in reset.
    held: bool,
    /// Where it begins instead of at its reset vector.
    start: Option<u64>,
    /// The instruction here may run though it has a breakpoint.
    pass: Option<u64>,
    /// Turns of other cores since this one ran last.
    away: u32,
    /// Steps before the current run, and how many of all raised an exception.
    steps: u64,
    raised: u64,
    pc_slot: usize,
    mask: u64,
}

impl Core {
    fn new(cpu: Box<dyn Cpu>) -> Core {
        let layout = cpu.layout();
        let mask = layout.mask();
        Core {
            frame: Frame::new(),
            mmu: Mmu::new(layout, cpu.own_ranges()),
            jumps: JumpTable::new(layout.pc_align),
            float: Unit::new(layout.float),
            events: Events::default(),
            mode: Mode::default(),
            flat: 0,
            mode_index: 0,
            epoch: 0,
            waiting: false,
            held: false,
            start: None,
            pass: None,
            away: 0,
            steps: 0,
            raised: 0,
            pc_slot: usize::from(layout.pc.0),
            mask,
            cpu,
        }
    }

    fn key(&self) -> u64 {
        self.epoch << 16 | u64::from(self.mode_index) << 1
    }

    fn pc(&self) -> u64 {
        self.frame.regs.0[self.pc_slot] & self.mask
    }

    /// Goes on with what is known of where jumps lead in the address space in force.
    fn take_epoch(&mut self, cache: &mut Cache) {
        if self.mmu.epoch() == 0 {
            self.mmu.set_epoch(cache.next_epoch());
        }
        self.epoch = self.mmu.epoch();
    }
}

/// One call of [`Cluster::run`].
struct Session<'a> {
    core: usize,
    system: &'a mut dyn System,
    start: Ps,
    ps: u64,
    total: u64,
    left: u64,
}

impl Session<'_> {
    /// Virtual time before the next instruction.
    fn now(&self) -> Ps {
        self.start.saturating_add((self.total - self.left).saturating_mul(self.ps))
    }
}

/// Cores of one ISA that share a view and a translation cache.
pub struct Cluster {
    config: EngineConfig,
    space: Arc<Space>,
    listener: Arc<Listener>,
    cache: Cache,
    cores: Vec<Core>,
    /// The cores' input that holds them in reset.
    hold: Option<u32>,
    /// None if nothing is to be compiled, or the host cannot.
    jit: Option<Jit>,
    /// Parts of modes that translations depend on: key, fetch regime, which memories are flat.
    modes: Vec<(u32, u8, u8)>,
    /// Memories that cores access past the TLB while their addresses are physical.
    flats: Vec<Flat>,
    stats: Stats,
    /// What has run, if that is recorded.
    executed: Option<insight::Blocks>,
    /// Virtual addresses at which cores stop, sorted.
    breakpoints: Vec<u64>,
    /// What the cores have reserved that do not run.
    watch: Watch,
    /// What cores of other clusters have reserved, and which of those were stored to.
    foreign: (Vec<Line>, Vec<usize>),
    /// Pages with translations that other clusters may have stored to unseen, and who was told.
    racy: Vec<(usize, Vec<Notice>)>,
}

impl Cluster {
    /// Makes a cluster. Its cores are not reset.
    pub fn new(config: EngineConfig, space: Arc<Space>, cpus: Vec<Box<dyn Cpu>>) -> Cluster {
        let listener = Arc::new(Listener::default());
        for entry in space.entries() {
            if let Kind::Ram { ram, .. } = &entry.kind {
                ram.listen(&listener);
            }
        }
        // Several parallel cores never run as one cluster.
        let jit = config.jit && !(config.parallel && cpus.len() > 1);
        let jit = if jit { Jit::new(&config) } else { None };
        let flats = Flat::all(&space, |_| cpus.len() < 2 && !config.parallel);
        let mut cluster = Cluster {
            jit,
            config,
            flats,
            space,
            listener,
            cache: Cache::default(),
            cores: cpus.into_iter().map(Core::new).collect(),
            modes: vec![(Mode::default().key, Mode::default().fetch, 0)],
            stats: Stats::default(),
            executed: None,
            hold: None,
            breakpoints: Vec::new(),
            watch: Watch::default(),
            foreign: Default::default(),
            racy: Vec::new(),
        };
        cluster.rekey();
        let alone = cluster.cores.len() == 1;
        for c in &mut cluster.cores {
            c.events.alone = alone;
            if let Some(jit) = &cluster.jit {
                jit.equip(&mut c.frame);
            }
        }
        cluster
    }

    /// Clusters with these views run in turn with this one. If one of them sees a memory of
    /// its, stores there are looked at as those of several cores are.
    pub fn among(&mut self, others: &[&Space]) {
        for f in &mut self.flats {
            let shared = others.iter().any(|space| space.sees(f.host, f.len));
            f.guard = f.guard.filter(|_| !shared);
        }
        for c in &mut self.cores {
            c.events.alone = false;
        }
    }

    /// A cluster of its own for each core, before anything has run: what parallel cores need.
    pub fn split(self) -> Vec<Cluster> {
        if self.cores.len() < 2 {
            return vec![self];
        }
        let Cluster { config, space, cores, hold, .. } = self;
        let alone = |c: Core| {
            let start = c.start;
            let mut cluster = Cluster::new(config.clone(), space.clone(), vec![c.cpu]);
            cluster.hold = hold;
            cluster.begin_at(0, start);
            cluster
        };
        cores.into_iter().map(alone).collect()
    }

    /// Number of cores.
    pub fn cores(&self) -> usize {
        self.cores.len()
    }

    /// The cores' input that holds them in reset while it is high.
    pub fn hold_by(&mut self, input: u32) {
        self.hold = Some(input);
    }

    /// Where a core begins after each reset, instead of at its reset vector.
    pub fn begin_at(&mut self, core: usize, pc: Option<u64>) {
        if let Some(c) = self.cores.get_mut(core) {
            c.start = pc;
        }
    }

    /// Resets a core: registers, translations, reservation. One that is held stays held.
    pub fn reset(&mut self, core: usize) {
        let c = &mut self.cores[core];
        c.cpu.reset(&mut c.frame.regs);
        if let Some(pc) = c.start {
            c.cpu.begin(&mut c.frame.regs, pc);
        }
        c.frame.reserved = NO_RESERVATION;
        c.waiting = false;
        (c.pass, c.events.hit, c.events.passing) = (None, None, None);
        c.mmu.flush(Flush::All);
        c.take_epoch(&mut self.cache);
    }

    /// Runs a core for at most `budget` instructions from virtual time `start` on, each of which
    /// takes `ps_per_insn`. Interrupts are looked at on entry, and after every helper, exception
    /// and device access.
    pub fn run(
        &mut self,
        core: usize,
        system: &mut dyn System,
        start: Ps,
        ps_per_insn: u64,
        budget: u64,
    ) -> Ran {
        let mut s = Session { core, system, start, ps: ps_per_insn, total: budget, left: budget };
        self.collect_compiled();
        self.cores[core].events.host_floats = true;
        self.watch_others(core);
        if self.config.parallel {
            self.listener.run(true);
            self.absorb();
            self.compare_code();
        }
        let stop = self.run_session(&mut s);
        self.settle_core(&mut s);
        if self.config.parallel {
            self.listener.run(false);
        }
        self.end_lost();
        let retired = s.total - s.left;
        self.cores[core].steps += retired;
        Ran { retired, stop }
    }

    /// An input of a core changed (index in its type's inputs).
    pub fn signal(&mut self, core: usize, input: u32, line: u32, level: bool) {
        let c = &mut self.cores[core];
        if self.hold != Some(input) {
            return c.cpu.signal(input, line, level);
        }
        let released = c.held && !level;
        c.held = level;
        if released {
            self.reset(core);
        }
    }

    /// The time has come that a core asked for with [`System::wake_at`].
    pub fn alarm(&mut self, core: usize, now: Ps) {
        if let Some(c) = self.cores.get_mut(core) {
            c.cpu.alarm(now);
        }
    }

    /// Whether a core is held in reset.
    pub fn held(&self, core: usize) -> bool {
        self.cores[core].held
    }

    /// Whether a core waits for an interrupt and none would wake it, or is held in reset.
    pub fn waiting(&self, core: usize) -> bool {
        let c = &self.cores[core];
        c.held || c.waiting && !c.cpu.wakes(&c.frame.regs)
    }

    /// A core's slots.
    pub fn regs(&self, core: usize) -> &Regs {
        &self.cores[core].frame.regs
    }

    /// A core's slots, to change. The core's mode is asked anew at its next run.
    pub fn regs_mut(&mut self, core: usize) -> &mut Regs {
        &mut self.cores[core].frame.regs
    }

    /// A core's own state.
    pub fn cpu(&self, core: usize) -> &dyn Cpu {
        &*self.cores[core].cpu
    }

    /// A core's own state and its slots, to change.
    pub fn cpu_mut(&mut self, core: usize) -> (&mut dyn Cpu, &mut Regs) {
        let c = &mut self.cores[core];
        (&mut *c.cpu, &mut c.frame.regs)
    }

    /// Instructions that a core has retired since it was made.
    pub fn retired(&self, core: usize) -> u64 {
        let c = &self.cores[core];
        c.steps.wrapping_sub(c.raised)
    }

    /// A core's program counter.
    pub fn pc(&self, core: usize) -> u64 {
        self.cores[core].pc()
    }

    /// Reads a core's memory by virtual address, RAM and ROM only, as its data accesses see it now.
    pub fn read_virt(&mut self, core: usize, va: u64, into: &mut [u8]) -> bool {
        let mut at = va;
        let mut rest = into;
        while !rest.is_empty() {
            let Some((pa, room)) = self.translate_piece(core, at) else { return false };
            let (now, later) = rest.split_at_mut(rest.len().min(room));
            if !self.space.read_ram(pa, now) {
                return false;
            }
            at = at.wrapping_add(now.len() as u64);
            rest = later;
        }
        true
    }

    /// Writes a core's memory by virtual address, RAM only.
    pub fn write_virt(&mut self, core: usize, va: u64, bytes: &[u8]) -> bool {
        let mut at = va;
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some((pa, room)) = self.translate_piece(core, at) else { return false };
            let (now, later) = rest.split_at(rest.len().min(room));
            if !self.space.write_ram(pa, now) {
                return false;
            }
            at = at.wrapping_add(now.len() as u64);
            rest = later;
        }
        true
    }

    /// Where a virtual address leads for a debugger, and for how many bytes.
    fn translate_piece(&mut self, core: usize, va: u64) -> Option<(u64, usize)> {
        let pa = self
            .translate(core, va, Access::Load)
            .or_else(|| self.translate(core, va, Access::Fetch))
            .or_else(|| {
                let more = self.cores.get(core)?.cpu.debug_regimes();
                more.iter().find_map(|r| self.translate_in(core, *r, va, Access::Load))
            })?;
        let page = 1u64 << self.cores[core].cpu.layout().page_bits;
        Some((pa, (page - (va & (page - 1))) as usize))
    }

    /// The physical address of a core's virtual one, if the access is allowed now.
    pub fn translate(&mut self, core: usize, va: u64, access: Access) -> Option<u64> {
        let c = self.cores.get(core)?;
        let mode = c.cpu.mode(&c.frame.regs);
        let regime = if access == Access::Fetch { mode.fetch } else { mode.data };
        self.translate_in(core, regime, va, access)
    }

    fn translate_in(&mut self, core: usize, regime: u8, va: u64, access: Access) -> Option<u64> {
        let mut nobody = Nobody;
        let mut s = Session { core, system: &mut nobody, start: 0, ps: 0, total: 0, left: 0 };
        let look = |cpu: &mut dyn Cpu, _: &mut Frame, out: &mut crate::mmu::Outer<'_>| {
            // Looking must not set accessed and dirty bits.
            cpu.translate(regime, va, access, &mut crate::mmu::Looking(out))
        };
        let t = self.outside(&mut s, look).ok()?;
        Some(self.space.wrap(t.pa))
    }

    /// Counts.
    pub fn stats(&self) -> Stats {
        let compile_ns = self.jit.as_ref().map_or(0, |j| j.spent_ns());
        Stats { compile_ns, ..self.stats }
    }
}

/// The machine around a core that a debugger looks at.
struct Nobody;

impl System for Nobody {
    fn device_read(&mut self, _: Ps, _: crate::DeviceRef, _: u8) -> Result<u64, BusError> {
        Err(BusError)
    }
    fn device_write(&mut self, _: Ps, _: crate::DeviceRef, _: u8, _: u64) -> Result<(), BusError> {
        Err(BusError)
    }
    fn must_stop(&self) -> bool {
        false
    }
    fn unanswered(&mut self, _: Unanswered) {}
    fn exception(&mut self, _: usize, _: Exception, _: u64, _: u64) {}
    fn host_call(&mut self, _: usize, _: HostCall, _: &mut dyn VirtMem) -> Option<u64> {
        None
    }
    fn wake_at(&mut self, _: usize, _: Ps) {}
}
