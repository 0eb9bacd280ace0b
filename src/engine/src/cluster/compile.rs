//! From blocks to compiled regions: what is compiled, when, and how it is entered and dropped.

use super::{Cluster, Core, Session};
use crate::cache::{BlockKey, Cache};
use crate::jit::region::{Known, Region, Scope};
use crate::jit::{Done, Jit, Paths, Tier};
use crate::mmu::CodePage;
use std::ops::RangeBounds;

/// A block belongs to a hot region if it was run at least one time in so many of its head's.
const COLD: u32 = 16;

/// Heat from here on: a block that has been hot and does not ask again, though it still counts.
const ASLEEP: u32 = 1 << 31;

/// Runs before a block asks again, at least: what could not be compiled must not be tried forever.
const AWHILE: u32 = 64;

/// Instructions in a region that count as much as an entry.
const INSNS_PER_ENTRY: u64 = 64;

impl Cluster {
    /// A block has been run often, or has compiled code.
    pub(super) fn hot(&mut self, core: usize, block: u32) {
        let Some(b) = self.cache.get(block) else { return };
        if b.code.get() != 0 {
            return;
        }
        let key = b.key;
        // Not asked again, unless it gets code.
        b.heat.set(u32::MAX);
        if b.interpret || b.second.is_some() {
            return;
        }
        let min_runs = self.config.tier_up / COLD;
        let scope = Scope { max: self.config.max_region, min_runs, again: false };
        self.compile(core, key, scope, Tier::First(self.config.tier_two));
    }

    /// The compiled region at a block has been entered often.
    pub(super) fn again(&mut self, core: usize, block: u32) {
        let Some(b) = self.cache.get(block) else { return };
        let Some(jit) = &self.jit else { return };
        let code = b.code.get();
        let Some(head) = b.heads().find(|h| jit.region(h).is_some_and(|r| r.address() == code))
        else {
            return;
        };
        jit.settle(&head);
        let scope = Scope { max: self.config.max_region, min_runs: 1, again: true };
        self.compile(core, head, scope, Tier::Second);
    }

    /// A run has ended in compiled code. A region that does so often has loops that are worth the
    /// second tier, though it is seldom entered.
    pub(super) fn sample(&mut self, s: &mut Session<'_>) {
        let pc = self.cores[s.core].pc();
        let Ok(block) = self.lookup(s, pc) else { return };
        let (Some(b), Some(jit)) = (self.cache.get(block), &self.jit) else { return };
        for head in b.heads() {
            jit.count(&head, (s.total / INSNS_PER_ENTRY) as i64);
        }
    }

    /// Compiles a region, now or in the background.
    fn compile(&mut self, core: usize, head: BlockKey, scope: Scope, tier: Tier) {
        let Some(region) = self.region(core, head, scope).filter(|r| self.is_worth(r)) else {
            return;
        };
        let c = &self.cores[core];
        let layout = c.cpu.layout().clone();
        let paths = Paths { near: c.mmu.tlb().is_near(), flat: self.flat.filter(|_| c.flat) };
        let Some(jit) = &self.jit else { return };
        if jit.is_pending(&head) {
            return;
        }
        if jit.is_busy() {
            // Later, if it is still hot then.
            self.set_heat(&region, ASLEEP.., self.config.tier_up.max(AWHILE));
            return;
        }
        for pc in region.blocks.keys() {
            self.cache.join(&region.key_of(*pc), head);
        }
        // While it is being compiled its blocks do not ask for regions of their own.
        self.set_heat(&region, 0..ASLEEP, u32::MAX);
        let Some(jit) = &mut self.jit else { return };
        if let Some(done) = jit.compile(region, layout, paths, tier) {
            self.install(done);
        }
    }

    /// Takes what was compiled in the background.
    pub(super) fn collect_compiled(&mut self) {
        while let Some(done) = self.jit.as_mut().and_then(|jit| jit.done()) {
            self.install(done);
        }
    }

    /// Has a compiled region be run from now on.
    fn install(&mut self, done: Done) {
        self.set_heat(&done.job.region, ASLEEP.., (self.config.tier_up / 2).max(AWHILE));
        let Some(jit) = &mut self.jit else { return };
        let head = done.job.region.head;
        let insns = done.job.region.insns();
        let again = done.job.hottest;
        if done.code.is_none()
            && let Some(b) = self.cache.find(&head).and_then(|at| self.cache.get(at))
        {
            // Cranelift would refuse it again.
            b.heat.set(u32::MAX);
        }
        while let Some(oldest) = jit.take_oldest() {
            self.stats.evicted += 1;
            Self::unlink(&self.cache, &mut self.cores, jit, &oldest, self.config.tier_up);
        }
        if done.code.is_some() && jit.is_wanted(&done) {
            Self::unlink(&self.cache, &mut self.cores, jit, &head, u32::MAX);
        }
        let Some(head) = jit.install(done) else { return };
        self.stats.regions += 1;
        self.stats.regions_again += u64::from(again);
        self.stats.region_insns += u64::from(insns);
        self.stats.code_bytes = jit.code_bytes() as u64;
        let Some(region) = jit.region(&head) else { return };
        let code = region.address();
        for key in region.entries.clone() {
            let Some(at) = self.cache.find(&key) else { continue };
            let Some(b) = self.cache.get(at) else { continue };
            if key != head && b.code.get() != 0 {
                continue;
            }
            b.code.set(code);
            b.heat.set(0);
            jit.link(key, Some(code));
            for c in &mut self.cores {
                let core_key = c.key();
                c.jumps.update(key.va, core_key, at, code);
            }
        }
    }

    /// Sets the heat of those blocks of a region that have no code and whose heat is in a range.
    fn set_heat(&self, region: &Region, from: impl RangeBounds<u32>, to: u32) {
        for pc in region.blocks.keys() {
            let block = self.cache.find(&region.key_of(*pc)).and_then(|at| self.cache.get(at));
            if let Some(b) = block
                && b.code.get() == 0
                && from.contains(&b.heat.get())
            {
                b.heat.set(to);
            }
        }
    }

    /// Unlinks a region and frees its code. Its blocks may become hot again after `heat` runs.
    fn unlink(cache: &Cache, cores: &mut [Core], jit: &mut Jit, head: &BlockKey, heat: u32) {
        let Some(region) = jit.region(head) else { return };
        let code = region.address();
        let stub = jit.runtime.stub;
        for key in region.entries.clone() {
            for c in cores.iter_mut() {
                c.jumps.replace(key.va, code, stub);
            }
            if let Some(b) = cache.find(&key).and_then(|at| cache.get(at)) {
                if b.code.get() != code {
                    continue;
                }
                b.code.set(0);
                b.heat.set(heat);
            }
            jit.link(key, None);
        }
        jit.free(head);
    }

    /// Drops compiled code of blocks that were dropped.
    pub(super) fn unlink_stale(&mut self) {
        for head in self.cache.take_stale() {
            if let Some(jit) = &mut self.jit {
                jit.cancel(&head);
                Self::unlink(&self.cache, &mut self.cores, jit, &head, self.config.tier_up);
            }
        }
    }

    /// Drops all translations: there are too many.
    pub(super) fn drop_code(&mut self) {
        self.cache.clear();
        if let Some(jit) = &mut self.jit {
            jit.clear();
        }
        self.rekey();
    }

    /// The region around a block.
    fn region(&self, core: usize, head: BlockKey, scope: Scope) -> Option<Region> {
        let c = &self.cores[core];
        let code = self.cache.code_page(&head)?;
        let known = |key: &BlockKey| {
            let b = self.cache.get(self.cache.find(key)?)?;
            let guess = Some(b.guess_pc.get()).filter(|_| b.guess_key.get() != 0);
            let runs = match b.heat.get() {
                ASLEEP.. => self.config.tier_up,
                heat => self.config.tier_up.saturating_sub(heat),
            };
            let pending = || self.jit.as_ref().is_some_and(|j| j.is_pending(key));
            let compiled = b.code.get() != 0 || pending();
            let usable = !b.interpret && b.second.is_none();
            usable.then_some(Known { runs, compiled, count: b.count, guess })
        };
        let lift = |pc: u64, limit: u32| {
            let skip = pc.wrapping_sub(head.va);
            let at = CodePage {
                ram: code.ram.clone(),
                offset: code.offset.wrapping_add(skip),
                host: code.host.wrapping_add(skip as usize),
            };
            let limit = limit.min(self.config.max_block.max(1));
            self.lift(core, c.mode, pc, limit, &at, None, None).0.ok()
        };
        Region::collect(head, c.cpu.layout(), scope, known, lift)
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
}
