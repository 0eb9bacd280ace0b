//! From addresses to blocks: lookup, lifting, invalidation.

use super::{Cluster, Session};
use crate::cache::{BlockKey, NewBlock};
use crate::interp;
use crate::mmu::{CODE_PAGE, CodePage};
use crate::ram::CodeEvent;
use hetemu_isa::{Access, Block, Exception, FetchFault, Flush, Mode};

/// Ops that the cache may hold before it is emptied.
const MAX_OPS: usize = 8 << 20;

/// Code as it was when it was translated, for as far as a block may reach.
pub(super) struct Copy {
    first: Vec<u8>,
    second: Vec<u8>,
}

/// Bytes of the longest instruction of any guest, and more.
const LONGEST: usize = 16;

impl Copy {
    fn new(code: &CodePage, second: Option<&CodePage>, limit: u32) -> Copy {
        let take = |page: &CodePage, most: usize| {
            let rest = (CODE_PAGE - page.host as u64 % CODE_PAGE) as usize;
            let rest = page.ram.len().saturating_sub(page.offset).min(rest as u64);
            let mut bytes = vec![0; most.min(rest as usize)];
            if !page.ram.read(page.offset, &mut bytes) {
                bytes.clear();
            }
            bytes
        };
        Copy {
            first: take(code, limit as usize * LONGEST),
            second: second.map_or(Vec::new(), |page| take(page, LONGEST)),
        }
    }

    fn read(&self, second: bool, skip: u64, into: &mut [u8]) -> bool {
        let bytes = if second { &self.second } else { &self.first };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let from = bytes.get(skip..).and_then(|b| b.get(..into.len()));
        from.inspect(|from| into.copy_from_slice(from)).is_some()
    }

    /// A hash of a block of so many bytes, of which so many lie in the second page.
    fn sum(&self, len: u32, tail: u32) -> u64 {
        let part = |bytes: &[u8], n: u32| bytes.get(..n as usize).unwrap_or(bytes).to_vec();
        let mut all = part(&self.first, len - tail);
        all.extend(part(&self.second, tail));
        crate::cache::sum(&all)
    }
}

impl Cluster {
    /// The block at an address in the core's mode, translated if need be.
    pub(super) fn lookup(&mut self, s: &mut Session<'_>, pc: u64) -> Result<u32, Exception> {
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
        if self.breakpoints.binary_search(&pc).is_err() {
            c.jumps.set(pc, key, block, if code == 0 { stub } else { code });
        }
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
            // Where others may store meanwhile, what was translated must be known.
            let copy = self.config.parallel.then(|| Copy::new(code, second.as_ref(), limit));
            let (block, beyond) =
                self.lift(s.core, mode, pc, limit, code, second.as_ref(), copy.as_ref());
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
            if let Some(most) = self.cut_at_breakpoint(&block, pc).filter(|n| *n < limit) {
                limit = most;
                continue;
            }
            let stops = self.has_breakpoint(pc);
            let layout = self.cores[s.core].cpu.layout();
            match interp::lower::lower(&block, layout, self.config.parallel) {
                Ok(lowered) => {
                    let page = 1u64 << layout.page_bits;
                    let room = page - (pc & (page - 1));
                    let tail = u64::from(block.len).saturating_sub(room) as u32;
                    let interpret = block.has_helper() || stops;
                    let new = NewBlock {
                        key,
                        len: block.len,
                        second: second.as_ref().filter(|_| tail > 0).map(|p| (p.host, tail)),
                        count: block.count.max(1),
                        code: lowered,
                        heat: if stops { u32::MAX } else { self.patience() },
                        interpret,
                        sum: copy.map_or(0, |c| c.sum(block.len, tail)),
                    };
                    let (block, fresh) = self.enter(new, code, second.as_ref());
                    // While the code was read, nobody knew that it was being translated.
                    let changed = fresh && !self.cache.is_as_translated(block);
                    if !changed {
                        return Ok(block);
                    }
                    self.cache.remove(block);
                    self.unlink_stale();
                    self.rekey();
                }
                Err(_) if limit > 1 => limit /= 2,
                Err(_) => return Err(self.cores[s.core].cpu.bus_fault(Access::Fetch, pc)),
            }
        }
    }

    /// Lifts a block; also says whether the lifter asked for bytes beyond the page.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn lift(
        &self,
        core: usize,
        mode: Mode,
        pc: u64,
        limit: u32,
        code: &CodePage,
        second: Option<&CodePage>,
        copy: Option<&Copy>,
    ) -> (Result<Block, FetchFault>, bool) {
        let c = &self.cores[core];
        let next = self.next_page(core, pc);
        let room = (pc | ((1 << c.cpu.layout().page_bits) - 1)).wrapping_sub(pc);
        let mut beyond = false;
        let mut fetch = |va: u64| {
            let skip = va.wrapping_sub(pc);
            let fault = FetchFault(c.cpu.bus_fault(Access::Fetch, va));
            let (page, skip) = if skip <= room {
                (code, skip)
            } else {
                beyond = true;
                let Some(second) = second else { return Err(fault) };
                (second, va.wrapping_sub(next))
            };
            let mut half = [0; 2];
            let read = match copy {
                Some(copy) => copy.read(beyond, skip, &mut half),
                None => page.ram.read(page.offset.wrapping_add(skip), &mut half),
            };
            if !read {
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

    /// Enters a block; true if others must be told of its page and may store there until then.
    fn enter(&mut self, new: NewBlock, code: &CodePage, second: Option<&CodePage>) -> (u32, bool) {
        self.note_block(&new.key, new.len, new.count);
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
        let mut racy = false;
        for (host, notices) in fresh {
            self.protect(host);
            if self.config.parallel {
                self.racy.push((host, notices));
                racy = true;
            }
        }
        self.stats.blocks += 1;
        (block, racy)
    }

    /// Gives every core a new key: translations were dropped.
    pub(super) fn rekey(&mut self) {
        for c in &mut self.cores {
            c.mmu.forget_epochs();
            c.take_epoch(&mut self.cache);
        }
    }

    /// Hears what others did to memory.
    pub(super) fn absorb(&mut self) {
        let Some((events, number)) = self.listener.take() else { return };
        for (ram, event) in events {
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
                CodeEvent::Redirected => {
                    for c in &mut self.cores {
                        c.mmu.flush(Flush::All);
                    }
                    self.rekey();
                }
            }
        }
        self.listener.heard(number);
    }

    /// Stores to a page must be looked at from now on.
    fn protect(&mut self, host: usize) {
        for c in &mut self.cores {
            c.mmu.protect(host, CODE_PAGE as usize);
        }
    }

    /// Compares translations with the code where another cluster may have stored to it before it
    /// had heard of them; such a page is forgotten once all have.
    pub(super) fn compare_code(&mut self) {
        let racy = std::mem::take(&mut self.racy);
        for (page, mut notices) in racy {
            // First this, then the bytes: whoever stores later tells.
            notices.retain(|n| !n.is_heard());
            for (host, len) in self.cache.changed(page) {
                self.invalidate(host, len);
            }
            if !notices.is_empty() {
                self.racy.push((page, notices));
            }
        }
    }
}
