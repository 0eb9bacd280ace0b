//! Cores of one ISA that share a view and a translation cache.

use crate::cache::{BlockKey, Cache, JumpTable, NewBlock};
use crate::float::Unit;
use crate::frame::{Frame, NO_RESERVATION};
use crate::interp::{self, Exec, Leave};
use crate::jit::region::{Known, Region};
use crate::jit::{self, Jit, SlowCx};
use crate::mmu::{CODE_PAGE, CodePage, Events, Mmu, Outer};
use crate::ram::{CodeEvent, Listener, Ram};
use crate::space::{Kind, Space};
use crate::system::{System, Unanswered, VirtMem};
use hetemu_hw::{BusError, time::Ps};
use hetemu_isa::{Access, Block, Cpu, Cx, Exception, FetchFault, Flush, HostCall, Mode, Regs};
use std::sync::Arc;

/// How a cluster runs.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Compile hot code (else everything is interpreted).
    pub jit: bool,
    /// Executions of a block before it is compiled.
    pub tier_up: u32,
    /// Guest instructions that one compiled region may have.
    pub max_region: u32,
    /// Guest instructions that one block may have.
    pub max_block: u32,
}

impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig { jit: true, tier_up: 2000, max_region: 256, max_block: 64 }
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
    pub regions: u64,
    pub region_insns: u64,
    pub code_bytes: u64,
    pub tlb_misses: u64,
    pub invalidated: u64,
    pub exceptions: u64,
    pub interrupts: u64,
    pub device_accesses: u64,
}

/// Ops that the cache may hold before it is emptied.
const MAX_OPS: usize = 8 << 20;

/// One core.
struct Core {
    cpu: Box<dyn Cpu>,
    frame: Box<Frame>,
    mmu: Mmu,
    jumps: JumpTable,
    float: Unit,
    events: Events,
    mode: Mode,
    /// Index of the mode's part that translations depend on.
    mode_index: u16,
    epoch: u64,
    waiting: bool,
    /// Steps before the current run, and how many of all raised an exception.
    steps: u64,
    raised: u64,
    pc_slot: usize,
    mask: u64,
}

impl Core {
    fn new(cpu: Box<dyn Cpu>) -> Core {
        let layout = cpu.layout();
        let mask = if layout.bits >= 64 { u64::MAX } else { (1 << layout.bits) - 1 };
        Core {
            frame: Frame::new(),
            mmu: Mmu::new(layout),
            jumps: JumpTable::new(layout.pc_align),
            float: Unit::new(layout.float),
            events: Events::default(),
            mode: Mode::default(),
            mode_index: 0,
            epoch: 0,
            waiting: false,
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

/// Cores of one ISA that share a view and a translation cache.
pub struct Cluster {
    config: EngineConfig,
    space: Arc<Space>,
    listener: Arc<Listener>,
    cache: Cache,
    cores: Vec<Core>,
    /// None if nothing is to be compiled, or the host cannot.
    jit: Option<Jit>,
    /// Parts of modes that translations depend on: key and fetch regime.
    modes: Vec<(u32, u8)>,
    stats: Stats,
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
        let jit = if config.jit { Jit::new() } else { None };
        let mut cluster = Cluster {
            jit,
            config,
            space,
            listener,
            cache: Cache::default(),
            cores: cpus.into_iter().map(Core::new).collect(),
            modes: Vec::new(),
            stats: Stats::default(),
        };
        cluster.rekey();
        cluster
    }

    /// Number of cores.
    pub fn cores(&self) -> usize {
        self.cores.len()
    }

    /// Resets a core: registers, translations, reservation.
    pub fn reset(&mut self, core: usize) {
        let c = &mut self.cores[core];
        c.cpu.reset(&mut c.frame.regs);
        c.frame.reserved = NO_RESERVATION;
        c.waiting = false;
        c.mmu.flush(Flush::All);
        c.epoch = self.cache.next_epoch();
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
        self.cores[core].events.host_floats = true;
        for (i, other) in self.cores.iter_mut().enumerate() {
            // Another core may write what is reserved without anyone looking.
            if i != core {
                other.frame.reserved = NO_RESERVATION;
            }
        }
        let stop = self.run_session(&mut s);
        let retired = s.total - s.left;
        self.cores[core].steps += retired;
        Ran { retired, stop }
    }

    fn run_session(&mut self, s: &mut Session<'_>) -> Stop {
        let mut attend = true;
        let mut first = true;
        // A block whose exit may be linked to the next one.
        let mut link = None;
        // Compiled code has left the next instruction to the interpreter.
        let mut refused = false;
        loop {
            if attend {
                if let Some(stop) = self.attend(s, first) {
                    return stop;
                }
                link = None;
            }
            first = false;
            if s.left == 0 {
                return Stop::Budget;
            }
            let pc = self.cores[s.core].pc();
            let block = match self.lookup(s, pc) {
                Ok(block) => block,
                Err(exception) => {
                    s.left -= 1;
                    self.raise(s, exception);
                    attend = true;
                    continue;
                }
            };
            if let Some((from, way, key)) = link.take() {
                let c = &self.cores[s.core];
                // Unless translations were dropped meanwhile, and numbers mean other blocks.
                if key == c.key() {
                    self.cache.link(from, way, block, key, c.cpu.layout().page_bits);
                }
            }
            match self.burst(s, block, &mut refused) {
                Leave::Lookup | Leave::Stop => {}
                Leave::Link(from, way) => link = Some((from, way, self.cores[s.core].key())),
                Leave::Hot(block) => self.hot(s.core, block),
                Leave::Raise(exception) => self.raise(s, exception),
            }
            attend = self.cores[s.core].events.leave;
        }
    }

    /// Runs blocks, compiled and interpreted, until something must be done that changes
    /// translations or looks at the core. `refused`: the next instruction must be interpreted.
    fn burst(&mut self, s: &mut Session<'_>, first: u32, refused: &mut bool) -> Leave {
        let c = &mut self.cores[s.core];
        let key = c.key();
        c.frame.tlb = c.mmu.tlb().base();
        c.frame.jumps = c.jumps.base().cast();
        c.frame.key = key;
        let trampoline = self.jit.as_ref().map_or(0, |j| j.runtime.trampoline);
        let mut out = Outer {
            core: s.core,
            mmu: &mut c.mmu,
            space: &self.space,
            system: &mut *s.system,
            cache: &self.cache,
            listener: &self.listener,
            events: &mut c.events,
            stats: &mut self.stats,
            start: s.start,
            ps: s.ps,
            done: 0,
            base: c.steps.wrapping_sub(c.raised),
            pc: 0,
        };
        let mut exec = Exec {
            frame: &mut c.frame,
            cpu: &mut *c.cpu,
            out: &mut out,
            jumps: &c.jumps,
            float: &c.float,
            key,
            pc_slot: c.pc_slot,
            mask: c.mask,
            mode: c.mode,
            left: s.left,
            total: s.total,
        };
        let mut at = first;
        let leave = loop {
            let Some(block) = self.cache.get(at) else { break Leave::Lookup };
            let code = block.code.get();
            let before = exec.left;
            let leave = if code != 0 && !*refused && before >= u64::from(block.count) {
                // Compiled code counts in signed numbers.
                let given = before.min(i64::MAX as u64);
                let mut cx = SlowCx { cpu: &mut *exec.cpu, out: &mut *exec.out, unit: exec.float };
                let left = jit::enter(trampoline, code, exec.frame, &mut cx, given);
                let done = given.saturating_sub(left);
                exec.left -= done;
                exec.out.stats.compiled_insns += done;
                *refused = exec.frame.refused != 0;
                Leave::Lookup
            } else {
                if code == 0 && block.heat.get() == 0 && !*refused {
                    break Leave::Hot(at);
                }
                *refused = false;
                let leave = interp::run(&mut exec, &self.cache, at);
                exec.out.stats.interpreted_insns += before - exec.left;
                leave
            };
            match leave {
                Leave::Hot(hot) if !exec.out.events.leave => at = hot,
                Leave::Lookup if !exec.out.events.leave && exec.left > 0 => {
                    let pc = exec.frame.regs.0[exec.pc_slot] & exec.mask;
                    match exec.jumps.find(pc, key) {
                        Some(next) => at = next,
                        None => break Leave::Lookup,
                    }
                }
                leave => break leave,
            }
        };
        s.left = exec.left;
        leave
    }

    /// A block has been run often, or has compiled code.
    fn hot(&mut self, core: usize, block: u32) {
        let Some(b) = self.cache.get(block) else { return };
        if b.code.get() != 0 {
            return;
        }
        let key = b.key;
        // Not asked again, unless it gets code.
        b.heat.set(u32::MAX);
        if b.interpret || b.second.is_some() || self.jit.is_none() {
            return;
        }
        let Some(region) = self.region(core, key).filter(|r| self.is_worth(r)) else { return };
        let layout = self.cores[core].cpu.layout().clone();
        let Some(jit) = &mut self.jit else { return };
        let Some(compiled) = jit.compile(&region, &layout) else {
            if jit.is_full() {
                self.drop_code();
            }
            return;
        };
        jit.set_slot(key, Some(compiled.code));
        self.stats.regions += 1;
        self.stats.region_insns += u64::from(compiled.insns);
        self.stats.code_bytes = jit.code_bytes() as u64;
        for pc in region.blocks.keys() {
            self.cache.join(&region.key_of(*pc), key);
        }
        if let Some(b) = self.cache.get(block) {
            b.code.set(compiled.code);
            b.heat.set(0);
        }
        let c = &mut self.cores[core];
        let core_key = c.key();
        c.jumps.set(key.va, core_key, block, compiled.code);
    }

    /// The region around a block.
    fn region(&self, core: usize, head: BlockKey) -> Option<Region> {
        let c = &self.cores[core];
        let code = self.cache.code_page(&head)?;
        let known = |key: &BlockKey| {
            let b = self.cache.get(self.cache.find(key)?)?;
            let guess = Some(b.guess_pc.get()).filter(|_| b.guess_key.get() != 0);
            (!b.interpret && b.second.is_none()).then_some(Known { count: b.count, guess })
        };
        let lift = |pc: u64, limit: u32| {
            let skip = pc.wrapping_sub(head.va);
            let at = CodePage {
                ram: code.ram.clone(),
                offset: code.offset.wrapping_add(skip),
                host: code.host.wrapping_add(skip as usize),
            };
            let limit = limit.min(self.config.max_block.max(1));
            self.lift(core, c.mode, pc, limit, &at, None).0.ok()
        };
        Region::collect(head, c.cpu.layout(), self.config.max_region, known, lift)
    }

    /// Whether compiling a region saves anything: not for a few instructions before a helper, where
    /// the interpreter must go on anyway.
    fn is_worth(&self, region: &Region) -> bool {
        if region.insns() >= 8 || !region.is_straight() {
            return true;
        }
        let known = |pc: u64| self.cache.get(self.cache.find(&region.key_of(pc))?);
        let mut seen = region.outside().filter_map(known).peekable();
        seen.peek().is_none() || seen.any(|b| !b.interpret)
    }

    /// Drops all translations: compiled code has no room left.
    fn drop_code(&mut self) {
        self.cache.clear();
        if let Some(jit) = &mut self.jit {
            jit.clear();
        }
        self.rekey();
    }

    /// Unlinks compiled code of blocks that were dropped.
    fn unlink_stale(&mut self) {
        for key in self.cache.take_stale() {
            if let Some(jit) = &mut self.jit {
                jit.set_slot(key, None);
            }
            if let Some(b) = self.cache.find(&key).and_then(|at| self.cache.get(at)) {
                b.code.set(0);
                b.heat.set(self.config.tier_up);
            }
        }
    }

    /// Calls back with the core and the world around it, between instructions.
    fn outside<R>(
        &mut self,
        s: &mut Session<'_>,
        f: impl FnOnce(&mut dyn Cpu, &mut Frame, &mut Outer<'_>) -> R,
    ) -> R {
        let c = &mut self.cores[s.core];
        let pc = c.pc();
        let mut out = Outer {
            core: s.core,
            mmu: &mut c.mmu,
            space: &self.space,
            system: &mut *s.system,
            cache: &self.cache,
            listener: &self.listener,
            events: &mut c.events,
            stats: &mut self.stats,
            start: s.start,
            ps: s.ps,
            done: s.total - s.left,
            base: c.steps.wrapping_sub(c.raised),
            pc,
        };
        f(&mut *c.cpu, &mut c.frame, &mut out)
    }

    /// Has the core take an exception of the instruction at the program counter.
    fn raise(&mut self, s: &mut Session<'_>, exception: Exception) {
        self.stats.exceptions += 1;
        // The step of the instruction is charged already, but it has not retired.
        s.left += 1;
        let pc = self.cores[s.core].pc();
        self.outside(s, |cpu, frame, out| {
            cpu.raise(exception, pc, &mut Cx { regs: &mut frame.regs, pc, env: out });
        });
        s.left -= 1;
        let c = &mut self.cores[s.core];
        c.raised += 1;
        c.events.leave = true;
        c.events.host_floats = true;
        let handler = c.pc();
        s.system.exception(s.core, exception, pc, handler);
    }

    /// Sees to everything that happened, and looks at interrupts and mode.
    fn attend(&mut self, s: &mut Session<'_>, first: bool) -> Option<Stop> {
        self.absorb();
        self.settle(s.core);
        let c = &mut self.cores[s.core];
        if c.waiting {
            if !c.cpu.wakes(&c.frame.regs) {
                return Some(Stop::Wait);
            }
            c.waiting = false;
        }
        if !first && s.system.must_stop() {
            return Some(Stop::Event);
        }
        let taken = self.outside(s, |cpu, frame, out| {
            let pc = out.pc;
            cpu.interrupt(&mut Cx { regs: &mut frame.regs, pc, env: out })
        });
        if taken {
            self.stats.interrupts += 1;
        }
        self.settle(s.core);
        let c = &mut self.cores[s.core];
        let mode = c.cpu.mode(&c.frame.regs);
        if mode != c.mode {
            c.mode = mode;
            c.mmu.regime = mode.data;
            let part = (mode.key, mode.fetch);
            let index = self.modes.iter().position(|m| *m == part).unwrap_or_else(|| {
                self.modes.push(part);
                self.modes.len() - 1
            });
            c.mode_index = index as u16;
        }
        None
    }

    /// Does what slow paths have left to do.
    fn settle(&mut self, core: usize) {
        let c = &mut self.cores[core];
        c.events.leave = false;
        if std::mem::take(&mut c.events.flushed) {
            c.epoch = self.cache.next_epoch();
        }
        if std::mem::take(&mut c.events.unreserve) {
            c.frame.reserved = NO_RESERVATION;
        }
        c.waiting |= std::mem::take(&mut c.events.wait);
        if !c.events.dirty.is_empty() {
            for (host, len) in std::mem::take(&mut c.events.dirty) {
                self.invalidate(host, len);
            }
        }
    }

    fn invalidate(&mut self, host: usize, len: u64) {
        let dropped = self.cache.invalidate(host, len);
        if dropped > 0 {
            self.stats.invalidated += dropped as u64;
            self.unlink_stale();
            self.rekey();
        }
    }

    /// Gives every core a new key: translations were dropped.
    fn rekey(&mut self) {
        for c in &mut self.cores {
            c.epoch = self.cache.next_epoch();
        }
    }

    /// Hears what others did to memory.
    fn absorb(&mut self) {
        for (ram, event) in self.listener.take() {
            let Some(ram) = ram.upgrade() else { continue };
            match event {
                CodeEvent::Written(offset, len) => {
                    if let Some(host) = ram.host(offset, len) {
                        self.invalidate(host as usize, len);
                    }
                }
                CodeEvent::Translated(offset) => {
                    let page = offset & !(CODE_PAGE - 1);
                    if let Some(host) = ram.host(page, 0) {
                        self.protect(host as usize);
                    }
                }
            }
        }
    }

    /// Stores to a page must be looked at from now on.
    fn protect(&mut self, host: usize) {
        for c in &mut self.cores {
            for tlb in &mut c.mmu.data {
                tlb.protect(host, CODE_PAGE as usize);
            }
        }
    }

    /// The block at an address in the core's mode, translated if need be.
    fn lookup(&mut self, s: &mut Session<'_>, pc: u64) -> Result<u32, Exception> {
        let c = &self.cores[s.core];
        let (key, mode) = (c.key(), c.mode);
        if let Some(block) = c.jumps.find(pc, key) {
            // It may have been compiled since, for another core.
            let code = self.cache.get(block).map_or(0, |b| b.code.get());
            if code != 0 {
                self.cores[s.core].jumps.set(pc, key, block, code);
            }
            return Ok(block);
        }
        let code = self.code_at(s, mode.fetch, pc)?;
        let block_key = BlockKey { host: code.host, va: pc, mode: self.cores[s.core].mode_index };
        let mut found = self.cache.find(&block_key);
        if let Some(at) = found
            && let Some((second, _)) = self.cache.get(at).and_then(|b| b.second)
        {
            // The last instruction's second half may be somewhere else by now.
            let next = self.next_page(s.core, pc);
            if self.code_at(s, mode.fetch, next).map(|c| c.host) != Ok(second) {
                self.cache.remove(at);
                self.unlink_stale();
                self.rekey();
                found = None;
            }
        }
        let block = match found {
            Some(block) => block,
            None => self.translate_block(s, mode, block_key, &code)?,
        };
        let c = &mut self.cores[s.core];
        let key = c.key();
        let code = self.cache.get(block).map_or(0, |b| b.code.get());
        let stub = self.jit.as_ref().map_or(0, |j| j.runtime.stub);
        c.jumps.set(pc, key, block, if code == 0 { stub } else { code });
        Ok(block)
    }

    fn next_page(&self, core: usize, pc: u64) -> u64 {
        let c = &self.cores[core];
        let size = 1u64 << c.cpu.layout().page_bits;
        (pc | (size - 1)).wrapping_add(1) & c.mask
    }

    fn code_at(&mut self, s: &mut Session<'_>, regime: u8, va: u64) -> Result<CodePage, Exception> {
        self.outside(s, |cpu, _, out| {
            let pa = out.fetch_pa(cpu, regime, va)?;
            out.code_at(pa).ok_or_else(|| out.fetch_fault(cpu, va, pa))
        })
    }

    /// Lifts and lowers a block.
    fn translate_block(
        &mut self,
        s: &mut Session<'_>,
        mode: Mode,
        key: BlockKey,
        code: &CodePage,
    ) -> Result<u32, Exception> {
        if self.cache.ops() > MAX_OPS {
            self.drop_code();
        }
        let pc = key.va;
        let mut limit = self.config.max_block.max(1);
        let mut second = None;
        loop {
            let (block, beyond) = self.lift(s.core, mode, pc, limit, code, second.as_ref());
            let block = match block {
                Ok(block) => block,
                // The first instruction goes on in the next page: find that, and lift again.
                Err(_) if beyond && second.is_none() => {
                    let next = self.next_page(s.core, pc);
                    second = Some(self.code_at(s, mode.fetch, next)?);
                    continue;
                }
                Err(FetchFault(exception)) => return Err(exception),
            };
            let layout = self.cores[s.core].cpu.layout();
            match interp::lower::lower(&block, layout) {
                Ok(lowered) => {
                    let page = 1u64 << layout.page_bits;
                    let room = page - (pc & (page - 1));
                    let tail = u64::from(block.len).saturating_sub(room) as u32;
                    let interpret = block.has_helper();
                    let never = interpret || !self.config.jit;
                    let new = NewBlock {
                        key,
                        len: block.len,
                        second: second.as_ref().filter(|_| tail > 0).map(|p| (p.host, tail)),
                        count: block.count.max(1),
                        code: lowered,
                        heat: if never { u32::MAX } else { self.config.tier_up },
                        interpret,
                    };
                    return Ok(self.enter(new, code, second.as_ref()));
                }
                Err(_) if limit > 1 => limit /= 2,
                Err(_) => return Err(self.cores[s.core].cpu.bus_fault(Access::Fetch, pc)),
            }
        }
    }

    /// Lifts a block; also says whether the lifter asked for bytes beyond the page.
    fn lift(
        &self,
        core: usize,
        mode: Mode,
        pc: u64,
        limit: u32,
        code: &CodePage,
        second: Option<&CodePage>,
    ) -> (Result<Block, FetchFault>, bool) {
        let c = &self.cores[core];
        let next = self.next_page(core, pc);
        let room = (pc | ((1 << c.cpu.layout().page_bits) - 1)).wrapping_sub(pc);
        let mut beyond = false;
        let mut fetch = |va: u64| {
            let skip = va.wrapping_sub(pc);
            let fault = FetchFault(c.cpu.bus_fault(Access::Fetch, va));
            let (ram, offset): (&Arc<Ram>, u64) = if skip <= room {
                (&code.ram, code.offset + skip)
            } else {
                beyond = true;
                let Some(second) = second else { return Err(fault) };
                (&second.ram, second.offset.wrapping_add(va.wrapping_sub(next)))
            };
            let mut half = [0; 2];
            if !ram.read(offset, &mut half) {
                return Err(fault);
            }
            Ok(match c.cpu.layout().endian {
                hetemu_schema::Endian::Little => u16::from_le_bytes(half),
                hetemu_schema::Endian::Big => u16::from_be_bytes(half),
            })
        };
        let block = c.cpu.lift(mode, pc, limit, &mut fetch);
        (block, beyond)
    }

    fn enter(&mut self, new: NewBlock, code: &CodePage, second: Option<&CodePage>) -> u32 {
        let mut pages = Vec::with_capacity(2);
        let mut add = |page: &CodePage, bytes: u64| {
            let mut at = 0;
            while at < bytes {
                let host = page.host + at as usize;
                pages.push((page.ram.clone(), page.offset + at, host));
                at = ((page.offset + at) | (CODE_PAGE - 1)) + 1 - page.offset;
            }
        };
        let tail = new.second.map_or(0, |t| u64::from(t.1));
        add(code, u64::from(new.len) - tail);
        if let Some(page) = second {
            add(page, tail);
        }
        let (block, fresh) = self.cache.insert(new, &pages, &self.listener);
        for host in fresh {
            self.protect(host);
        }
        self.stats.blocks += 1;
        block
    }

    /// An input of a core changed (index in its type's inputs).
    pub fn signal(&mut self, core: usize, input: u32, line: u32, level: bool) {
        self.cores[core].cpu.signal(input, line, level);
    }

    /// Whether a core waits for an interrupt and none would wake it.
    pub fn waiting(&self, core: usize) -> bool {
        let c = &self.cores[core];
        c.waiting && !c.cpu.wakes(&c.frame.regs)
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
            .or_else(|| self.translate(core, va, Access::Fetch))?;
        let page = 1u64 << self.cores[core].cpu.layout().page_bits;
        Some((pa, (page - (va & (page - 1))) as usize))
    }

    /// The physical address of a core's virtual one, if the access is allowed now.
    pub fn translate(&mut self, core: usize, va: u64, access: Access) -> Option<u64> {
        let c = self.cores.get(core)?;
        let mode = c.cpu.mode(&c.frame.regs);
        let regime = if access == Access::Fetch { mode.fetch } else { mode.data };
        let mut nobody = Nobody;
        let mut s = Session { core, system: &mut nobody, start: 0, ps: 0, total: 0, left: 0 };
        let t = self.outside(&mut s, |cpu, _, out| cpu.translate(regime, va, access, out)).ok()?;
        Some(self.space.wrap(t.pa))
    }

    /// Counts.
    pub fn stats(&self) -> Stats {
        self.stats
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
