//! What is compiled, when, and how it is entered and dropped.
//!
//! A block that is warm gets code by templates; the runs of that are counted, and one that is hot
//! gets a region around it.

use super::{Cluster, Core, EngineConfig};
use crate::cache::{BlockKey, Cache};
use crate::jit::region::{Known, Region, Scope};
use crate::jit::{Done, Flat, Jit, Oldest, Paths};
use crate::mmu::CodePage;
use std::ops::RangeInclusive;

/// A block belongs to a hot region if it was run at least one time in so many of its head's.
const COLD: u32 = 16;

/// Runs from here on: a block that has been hot and does not ask again, though it still counts.
const ASLEEP: u32 = 1 << 31;

/// Runs before a block asks again, at least: what could not be compiled must not be tried forever.
const AWHILE: u32 = 64;

impl Cluster {
    /// Whether blocks are compiled by templates before they are in regions.
    fn has_templates(&self) -> bool {
        self.config.tier_two > 0 && self.jit.as_ref().is_some_and(|jit| jit.has_templates())
    }

    /// Runs of the interpreter before a block is compiled.
    pub(super) fn patience(&self) -> u32 {
        let EngineConfig { tier_up, tier_two, .. } = self.config;
        match &self.jit {
            None => u32::MAX,
            Some(_) if self.has_templates() => tier_up,
            Some(_) => tier_up.saturating_add(tier_two),
        }
    }

    /// A block has been interpreted often, or has compiled code.
    pub(super) fn warm(&mut self, core: usize, block: u32) {
        let Some(b) = self.cache.get(block) else { return };
        if b.code.get() != 0 {
            return;
        }
        let key = b.key;
        // Not asked again, unless it gets code.
        b.heat.set(u32::MAX);
        let (whole, regional) = (b.second.is_none(), !b.interpret);
        if whole && self.has_templates() {
            self.compile_block(core, block, key);
        } else if whole && regional {
            self.compile_region(core, key);
        }
    }

    /// The code of a block by templates has been run often.
    pub(super) fn hot(&mut self, core: usize, block: u32) {
        let Some(b) = self.cache.get(block) else { return };
        let key = b.key;
        if let Some(jit) = &self.jit {
            jit.ask_after(&key, i64::MAX);
        }
        self.compile_region(core, key);
    }

    fn compile_block(&mut self, core: usize, block: u32, key: BlockKey) {
        self.make_room();
        let reach = self.reach(core, &key);
        let (Some(b), Some(jit)) = (self.cache.get(block), &mut self.jit) else { return };
        let layout = self.cores[core].cpu.layout();
        // Regions have no helpers.
        let runs = if b.interpret { i64::MAX } else { i64::from(self.config.tier_two) };
        if let Some(code) = jit.block(key, b, layout, &reach, runs) {
            self.stats.templates += 1;
            self.stats.code_bytes = jit.code_bytes() as u64;
            self.cache.keep(block);
            self.lead(key, code);
        }
    }

    /// Addresses around a block whose code lies as far from the block's as they do.
    fn reach(&self, core: usize, key: &BlockKey) -> RangeInclusive<u64> {
        let c = &self.cores[core];
        let all = self.flats.iter().find(|f| {
            let at = key.va.wrapping_sub(f.start);
            let here = at < f.len && f.host.wrapping_add(at as usize) == key.host;
            here && c.flat >> f.number & 1 != 0
        });
        let page = (1u64 << c.cpu.layout().page_bits) - 1;
        all.map_or(key.va & !page..=key.va | page, |f| f.start..=f.start + (f.len - 1))
    }

    /// How the data lies that a core accesses.
    fn paths(&self, core: usize) -> Paths {
        let c = &self.cores[core];
        let near = c.mmu.tlb().is_near();
        let here = self.flats.iter().filter(|f| c.flat >> f.number & 1 != 0);
        let mut flats: Vec<Flat> = here.copied().collect();
        if flats.is_empty() {
            return Paths { near, ..Paths::default() };
        }
        // The memory that most pages are in which were stored to.
        let pages = |f: &Flat| {
            c.mmu
                .tlb()
                .pages()
                .filter(|(_, write, _)| write.is_some_and(|at| f.holds(at, 1)))
                .count()
        };
        flats.sort_by_cached_key(|f| std::cmp::Reverse(pages(f)));
        Paths { near, flats, regs: c.frame.regs.0.to_vec() }
    }

    /// Has a block run this code from now on, whoever comes to it.
    fn lead(&mut self, key: BlockKey, code: usize) {
        let Some(jit) = &mut self.jit else { return };
        jit.link(key, Some(code));
        let Some(at) = self.cache.find(&key) else { return };
        let Some(b) = self.cache.get(at) else { return };
        b.code.set(code);
        b.heat.set(0);
        for c in &mut self.cores {
            let core_key = c.key();
            c.jumps.update(key.va, core_key, at, code);
        }
    }

    fn compile_region(&mut self, core: usize, head: BlockKey) {
        let (max, min_runs) = (self.config.max_region, self.hot_runs() / COLD);
        let scope = Scope { max, min_runs, reach: self.reach(core, &head) };
        let Some(region) = self.region(core, head, scope).filter(|r| self.is_worth(r)) else {
            return;
        };
        let c = &self.cores[core];
        let layout = c.cpu.layout().clone();
        let paths = self.paths(core);
        let Some(jit) = &self.jit else { return };
        if jit.is_pending(&head) {
            return;
        }
        if jit.is_busy() {
            // Later, if it is still hot then.
            self.wake(&region, self.hot_runs());
            return;
        }
        for pc in region.blocks.keys() {
            self.cache.join(&region.key_of(*pc), head);
        }
        // While it is being compiled its blocks do not ask for regions of their own.
        self.rest(&region);
        let Some(jit) = &mut self.jit else { return };
        if let Some(done) = jit.compile(region, layout, paths) {
            // The compiler computes with floats, too.
            self.cores[core].events.host_floats = true;
            self.install(done);
        }
    }

    /// Runs of a block before a region around it is compiled.
    fn hot_runs(&self) -> u32 {
        if self.has_templates() { self.config.tier_two } else { self.patience() }
    }

    /// Takes what was compiled in the background.
    pub(super) fn collect_compiled(&mut self) {
        while let Some(done) = self.jit.as_mut().and_then(|jit| jit.done()) {
            self.install(done);
        }
    }

    /// Has a compiled region be run from now on.
    fn install(&mut self, done: Done) {
        self.wake(&done.job.region, self.hot_runs() / 2);
        self.make_room();
        let Some(jit) = &mut self.jit else { return };
        let head = done.job.region.head;
        let insns = done.job.region.insns();
        if done.code.is_none() {
            // Cranelift would refuse it again.
            jit.ask_after(&head, i64::MAX);
            if let Some(b) = self.cache.find(&head).and_then(|at| self.cache.get(at)) {
                b.heat.set(if b.code.get() == 0 { u32::MAX } else { 0 });
            }
        }
        if done.code.is_some() && jit.is_wanted(&done) {
            self.drop_region(&head);
        }
        let Some(jit) = &mut self.jit else { return };
        let Some(head) = jit.install(done) else { return };
        self.stats.regions += 1;
        self.stats.region_insns += u64::from(insns);
        self.stats.code_bytes = jit.code_bytes() as u64;
        let Some(region) = jit.region(&head) else { return };
        let code = region.address();
        for key in region.entries.clone() {
            let taken = |jit: &Jit| {
                let at = self.cache.find(&key)?;
                let now = self.cache.get(at)?.code.get();
                Some(now != 0 && Some(now) != jit.template(&key))
            };
            // The entries of other regions are theirs.
            match self.jit.as_ref().and_then(taken) {
                Some(true) if key != head => {}
                Some(_) => self.lead(key, code),
                None => {}
            }
        }
    }

    /// Drops the oldest code while there is little room left.
    fn make_room(&mut self) {
        while let Some(oldest) = self.jit.as_mut().and_then(|jit| jit.take_oldest()) {
            self.stats.evicted += 1;
            match oldest {
                Oldest::Region(head) => self.drop_region(&head),
                Oldest::Block(key) => self.drop_template(&key),
            }
        }
    }

    /// The blocks of a region do not ask for one of their own.
    fn rest(&self, region: &Region) {
        let Some(jit) = &self.jit else { return };
        for pc in region.blocks.keys() {
            let key = region.key_of(*pc);
            jit.ask_after(&key, i64::MAX);
            if let Some(b) = self.cache.find(&key).and_then(|at| self.cache.get(at))
                && b.code.get() == 0
            {
                b.heat.set(u32::MAX);
            }
        }
    }

    /// Those blocks of a region that rest, and are still not compiled with others, ask after some
    /// runs.
    fn wake(&self, region: &Region, runs: u32) {
        let Some(jit) = &self.jit else { return };
        let runs = runs.max(AWHILE);
        for pc in region.blocks.keys() {
            let key = region.key_of(*pc);
            if jit.runs_left(&key).is_some_and(|left| left >= i64::from(ASLEEP)) {
                jit.ask_after(&key, i64::from(runs));
            }
            if let Some(b) = self.cache.find(&key).and_then(|at| self.cache.get(at))
                && b.code.get() == 0
                && b.heat.get() >= ASLEEP
            {
                b.heat.set(runs);
            }
        }
    }

    /// Drops a region. Its blocks run the code that they had before.
    fn drop_region(&mut self, head: &BlockKey) {
        let Some(jit) = &mut self.jit else { return };
        let Some(region) = jit.region(head) else { return };
        let code = region.address();
        for key in region.entries.clone() {
            let before = jit.template(&key);
            retreat(&self.cache, &mut self.cores, jit, &key, code, before, self.config.tier_up);
        }
        jit.free(head);
    }

    /// Drops a block's code by templates.
    fn drop_template(&mut self, key: &BlockKey) {
        let Some(jit) = &mut self.jit else { return };
        let Some(code) = jit.template(key) else { return };
        retreat(&self.cache, &mut self.cores, jit, key, code, None, self.config.tier_up);
        jit.free_block(key);
    }

    /// Drops compiled code of blocks that were dropped.
    pub(super) fn unlink_stale(&mut self) {
        let (regions, blocks) = self.cache.take_stale();
        for key in blocks {
            self.drop_template(&key);
        }
        for head in regions {
            if let Some(jit) = &mut self.jit {
                jit.cancel(&head);
            }
            self.drop_region(&head);
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
            let left = self.jit.as_ref().and_then(|jit| jit.runs_left(key));
            let runs = match left.map_or(b.heat.get(), |left| left.clamp(0, u32::MAX.into()) as u32)
            {
                ASLEEP.. => self.hot_runs(),
                left => self.hot_runs().saturating_sub(left),
            };
            let usable = !b.interpret && b.second.is_none();
            usable.then_some(Known { runs, count: b.count, guess })
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

/// Has whatever leads to the code of a block lead to what it had before, if anything; the
/// interpreter may ask for code again after so many runs.
fn retreat(
    cache: &Cache,
    cores: &mut [Core],
    jit: &mut Jit,
    key: &BlockKey,
    code: usize,
    before: Option<usize>,
    heat: u32,
) {
    for c in cores {
        c.jumps.replace(key.va, code, before.unwrap_or(jit.runtime.stub));
    }
    if let Some(b) = cache.find(key).and_then(|at| cache.get(at)) {
        if b.code.get() != code {
            return;
        }
        b.code.set(before.unwrap_or(0));
        b.heat.set(if before.is_some() { 0 } else { heat });
    }
    jit.link(*key, before);
}
