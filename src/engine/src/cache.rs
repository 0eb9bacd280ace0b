//! The translation cache of a cluster: blocks by where their code lies, and how they are linked.
//!
//! A block is keyed by host address of its code, virtual address and mode, so translations survive
//! changes of address spaces. A link between blocks of one virtual page holds as long as both
//! exist, for whoever came to the first may go on to the second; a link to another page holds under
//! the key of the core that made it, which changes whenever that core's translations do.

use crate::interp::lower::{Lowered, Rare};
use crate::interp::op::Op;
use crate::mmu::{CODE_PAGE, CodePage};
use crate::ram::{CODE_PAGE_BITS, Listener, Notice, Ram};
use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

/// The key of a link that holds for every core.
pub(crate) const ALWAYS: u64 = 1;
/// The key of no core.
pub(crate) const NEVER: u64 = 0;

/// Where a block's code lies and how it was translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BlockKey {
    /// Host address of the code.
    pub(crate) host: usize,
    /// Virtual address.
    pub(crate) va: u64,
    /// Index of the mode.
    pub(crate) mode: u16,
}

/// How a block goes on to another.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) key: Cell<u64>,
    pub(crate) block: Cell<u32>,
}

/// A translated block. What every run of it reads lies in one cache line.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct CachedBlock {
    pub(crate) ops: Box<[Op]>,
    pub(crate) count: u32,
    /// Executions until the block asks for attention.
    pub(crate) heat: Cell<u32>,
    pub(crate) links: [Link; 2],
    pub(crate) va: u64,
    /// Address of the compiled region that begins here; 0 if there is none.
    pub(crate) code: Cell<usize>,
    pub(crate) targets: [u64; 2],
    /// Where the last computed jump went.
    pub(crate) guess_pc: Cell<u64>,
    pub(crate) guess_key: Cell<u64>,
    pub(crate) guess: Cell<u32>,
    pub(crate) rare: Box<[Rare]>,
    starts: Box<[u16]>,
    offsets: Box<[u16]>,
    pub(crate) key: BlockKey,
    /// Bytes of code.
    pub(crate) len: u32,
    /// Host address of the part in the next page, and its bytes, if there is one.
    pub(crate) second: Option<(usize, u32)>,
    /// Blocks with a link that holds always to this one, and which.
    incoming: Vec<(u32, u8)>,
    live: bool,
    /// Only the interpreter can run it.
    pub(crate) interpret: bool,
    /// Regions that this block is part of, by their first block.
    regions: Vec<BlockKey>,
    /// It has code of its own.
    kept: bool,
    /// A hash of the code as it was translated, where other threads may write it.
    sum: u64,
}

impl CachedBlock {
    /// Index of the first op of a guest instruction.
    pub(crate) fn start_of(&self, insn: usize) -> usize {
        self.starts.get(insn).map_or(self.ops.len(), |s| usize::from(*s))
    }

    /// The guest instruction that an op belongs to.
    pub(crate) fn insn_of(&self, op: usize) -> usize {
        self.starts.partition_point(|s| usize::from(*s) <= op).saturating_sub(1)
    }

    /// The address of a guest instruction; of what follows the block for one beyond its end.
    pub(crate) fn pc_of(&self, insn: usize) -> u64 {
        match self.offsets.get(insn) {
            Some(o) => self.va.wrapping_add(u64::from(*o)),
            None => self.va.wrapping_add(u64::from(self.len)),
        }
    }

    /// Whether the code touches a range of the host.
    fn overlaps(&self, host: usize, len: u64) -> bool {
        let hit = |at: usize, bytes: u32| host < at + bytes as usize && at < host + len as usize;
        let (second, tail) = self.second.unwrap_or((0, 0));
        hit(self.key.host, self.len - tail) || tail > 0 && hit(second, tail)
    }
}

/// Code of one page of memory.
#[derive(Debug)]
struct PageCode {
    blocks: Vec<u32>,
    /// One bit for every 64 bytes that hold code.
    granules: u64,
    ram: Arc<Ram>,
    offset: u64,
}

/// A hasher for keys that are addresses.
#[derive(Default, Clone, Copy)]
pub(crate) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.write_u64(u64::from(b));
        }
    }
    fn write_u16(&mut self, n: u16) {
        self.write_u64(u64::from(n));
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(23) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
}

/// A map from addresses.
pub(crate) type AddressMap<K, V> = HashMap<K, V, BuildHasherDefault<AddressHasher>>;

/// Translations of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    blocks: Vec<CachedBlock>,
    free: Vec<u32>,
    map: AddressMap<BlockKey, u32>,
    pages: AddressMap<usize, PageCode>,
    epoch: u64,
    /// Regions with a block that was dropped, and dropped blocks with code of their own.
    stale: (Vec<BlockKey>, Vec<BlockKey>),
    /// Scratch of `remove`.
    unlinked: Vec<u32>,
    /// Ops of all blocks, to bound the cache.
    ops: usize,
}

/// A new block, as the cache takes it.
pub(crate) struct NewBlock {
    pub(crate) key: BlockKey,
    pub(crate) len: u32,
    pub(crate) second: Option<(usize, u32)>,
    pub(crate) count: u32,
    pub(crate) code: Lowered,
    pub(crate) heat: u32,
    pub(crate) interpret: bool,
    pub(crate) sum: u64,
}

impl Cache {
    /// A block by its number.
    #[inline(always)]
    pub(crate) fn get(&self, at: u32) -> Option<&CachedBlock> {
        self.blocks.get(at as usize)
    }

    /// A block by its key.
    pub(crate) fn find(&self, key: &BlockKey) -> Option<u32> {
        self.map.get(key).copied()
    }

    /// Ops of all blocks.
    pub(crate) fn ops(&self) -> usize {
        self.ops
    }

    /// A number that no core's key was made of yet.
    pub(crate) fn next_epoch(&mut self) -> u64 {
        self.epoch += 1;
        self.epoch
    }

    /// Enters a block. `pages` are the memory pages that it touches: offset of each; the result are
    /// the host addresses of pages that had no code here before, and who was told.
    pub(crate) fn insert(
        &mut self,
        new: NewBlock,
        pages: &[(Arc<Ram>, u64, usize)],
        listener: &Arc<Listener>,
    ) -> (u32, Vec<(usize, Vec<Notice>)>) {
        let link = || Link { key: Cell::new(NEVER), block: Cell::new(0) };
        self.ops += new.code.ops.len();
        let block = CachedBlock {
            va: new.key.va,
            count: new.count,
            ops: new.code.ops.into(),
            heat: Cell::new(new.heat),
            links: [link(), link()],
            targets: new.code.targets,
            guess_pc: Cell::new(0),
            guess_key: Cell::new(NEVER),
            guess: Cell::new(0),
            rare: new.code.rare.into(),
            starts: new.code.starts.into(),
            offsets: new.code.offsets.into(),
            key: new.key,
            len: new.len,
            second: new.second,
            incoming: Vec::new(),
            live: true,
            interpret: new.interpret,
            code: Cell::new(0),
            regions: Vec::new(),
            kept: false,
            sum: new.sum,
        };
        let at = match self.free.pop() {
            Some(at) => {
                self.blocks[at as usize] = block;
                at
            }
            None => {
                self.blocks.push(block);
                (self.blocks.len() - 1) as u32
            }
        };
        self.map.insert(new.key, at);
        let mut fresh = Vec::new();
        for (ram, offset, host) in pages {
            let page = self.pages.entry(host >> CODE_PAGE_BITS).or_insert_with(|| {
                let host = host & !(CODE_PAGE as usize - 1);
                fresh.push((host, ram.mark_code(*offset, listener)));
                PageCode { blocks: Vec::new(), granules: 0, ram: ram.clone(), offset: *offset }
            });
            page.blocks.push(at);
            page.granules |= granules(&self.blocks[at as usize], host >> CODE_PAGE_BITS);
        }
        (at, fresh)
    }

    /// Links an exit of a block to another block.
    pub(crate) fn link(&mut self, from: u32, way: u8, to: u32, key: u64, page_bits: u8) {
        let [Some(a), Some(b)] = [from, to].map(|i| self.blocks.get(i as usize)) else { return };
        let near =
            a.va >> page_bits == b.va >> page_bits && a.second.is_none() && b.second.is_none();
        let link = &a.links[usize::from(way & 1)];
        link.block.set(to);
        link.key.set(if near { ALWAYS } else { key });
        if near {
            self.blocks[to as usize].incoming.push((from, way));
        }
    }

    /// Notes that a block is part of a compiled region.
    pub(crate) fn join(&mut self, key: &BlockKey, region: BlockKey) {
        if let Some(at) = self.find(key)
            && let Some(block) = self.blocks.get_mut(at as usize)
            && !block.regions.contains(&region)
        {
            block.regions.push(region);
        }
    }

    /// Notes that a block has code of its own.
    pub(crate) fn keep(&mut self, at: u32) {
        if let Some(block) = self.blocks.get_mut(at as usize) {
            block.kept = true;
        }
    }

    /// Regions that lost a block since the last call, and lost blocks with code of their own.
    pub(crate) fn take_stale(&mut self) -> (Vec<BlockKey>, Vec<BlockKey>) {
        std::mem::take(&mut self.stale)
    }

    /// Where the code of a block lies.
    pub(crate) fn code_page(&self, key: &BlockKey) -> Option<CodePage> {
        let (ram, offset) = self.place(key.host)?;
        Some(CodePage { ram: ram.clone(), offset, host: key.host })
    }

    /// The memory, and the offset in it, of a host address in a page with code.
    fn place(&self, host: usize) -> Option<(&Arc<Ram>, u64)> {
        let page = self.pages.get(&(host >> CODE_PAGE_BITS))?;
        Some((&page.ram, page.offset & !(CODE_PAGE - 1) | host as u64 & (CODE_PAGE - 1)))
    }

    /// Whether translated code lies in a range of the host.
    pub(crate) fn overlaps(&self, host: usize, len: u64) -> bool {
        page_range(host, len).any(|number| {
            self.pages.get(&number).is_some_and(|page| {
                page.granules & granule_mask(host, len, number) != 0
                    && page.blocks.iter().any(|&b| self.blocks[b as usize].overlaps(host, len))
            })
        })
    }

    /// Drops blocks whose code a range of the host touches. True if there were any: every core must
    /// then take a new key.
    pub(crate) fn invalidate(&mut self, host: usize, len: u64) -> usize {
        let mut hit = Vec::new();
        for number in page_range(host, len) {
            let Some(page) = self.pages.get(&number) else { continue };
            let dead = |b: &u32| self.blocks[*b as usize].overlaps(host, len);
            hit.extend(page.blocks.iter().copied().filter(dead));
        }
        hit.sort_unstable();
        hit.dedup();
        for &b in &hit {
            self.remove(b);
        }
        hit.len()
    }

    /// Drops blocks that hold, or end right before, any of these virtual addresses; says how many.
    pub(crate) fn remove_at(&mut self, addresses: &[u64]) -> usize {
        let concerned = |b: &CachedBlock| {
            b.live && addresses.iter().any(|a| a.wrapping_sub(b.va) <= u64::from(b.len))
        };
        let hit: Vec<u32> =
            (0..).zip(&self.blocks).filter(|(_, b)| concerned(b)).map(|(at, _)| at).collect();
        for &b in &hit {
            self.remove(b);
        }
        hit.len()
    }

    /// Whether the code of a block is still what was translated.
    pub(crate) fn is_as_translated(&self, at: u32) -> bool {
        let block = self.blocks.get(at as usize);
        block.is_none_or(|b| self.sum_now(&b.key, b.len, b.second) == Some(b.sum))
    }

    /// Host ranges of blocks of a page whose code is no longer what was translated.
    pub(crate) fn changed(&self, host: usize) -> Vec<(usize, u64)> {
        let Some(page) = self.pages.get(&(host >> CODE_PAGE_BITS)) else { return Vec::new() };
        let blocks = page.blocks.iter().map(|&b| &self.blocks[b as usize]);
        let changed = blocks.filter(|b| self.sum_now(&b.key, b.len, b.second) != Some(b.sum));
        changed.map(|b| (b.key.host, u64::from(b.len - b.second.map_or(0, |s| s.1)))).collect()
    }

    /// A hash of the code of a block as it is now; `second` is the part in the next page.
    fn sum_now(&self, key: &BlockKey, len: u32, second: Option<(usize, u32)>) -> Option<u64> {
        let tail = second.map_or(0, |s| s.1);
        let mut bytes = vec![0; len as usize];
        let (first, rest) = bytes.split_at_mut((len - tail) as usize);
        let read = |host: usize, into: &mut [u8]| {
            let (ram, offset) = self.place(host)?;
            ram.read(offset, into).then_some(())
        };
        read(key.host, first)?;
        if let Some((host, _)) = second {
            read(host, rest)?;
        }
        Some(sum(&bytes))
    }

    /// Drops one block.
    pub(crate) fn remove(&mut self, at: u32) {
        let Some(block) = self.blocks.get_mut(at as usize).filter(|b| b.live) else { return };
        block.live = false;
        block.heat.set(u32::MAX);
        self.stale.0.append(&mut block.regions);
        if block.kept {
            self.stale.1.push(block.key);
        }
        self.ops -= block.ops.len();
        let (key, len, second) = (block.key, block.len, block.second);
        for (from, way) in std::mem::take(&mut block.incoming) {
            let link = &self.blocks[from as usize].links[usize::from(way & 1)];
            if link.block.get() == at {
                link.key.set(NEVER);
            }
        }
        // Links from here on: what they lead to must not reset this number's next owner.
        for link in &self.blocks[at as usize].links {
            if link.key.get() == ALWAYS {
                let to = link.block.get() as usize;
                link.key.set(NEVER);
                if let Some(b) = self.blocks.get(to)
                    && b.incoming.iter().any(|i| i.0 == at)
                {
                    self.unlinked.push(to as u32);
                }
            }
        }
        for to in std::mem::take(&mut self.unlinked) {
            self.blocks[to as usize].incoming.retain(|i| i.0 != at);
        }
        self.map.remove(&key);
        let tail = second.map_or(0, |s| s.1);
        let mut numbers: Vec<usize> = page_range(key.host, u64::from(len - tail)).collect();
        if let Some((host, bytes)) = second {
            numbers.extend(page_range(host, u64::from(bytes)));
        }
        for number in numbers {
            let Some(page) = self.pages.get_mut(&number) else { continue };
            page.blocks.retain(|&b| b != at);
            page.granules =
                page.blocks.iter().fold(0, |g, &b| g | granules(&self.blocks[b as usize], number));
            if page.blocks.is_empty() {
                page.ram.unmark_code(page.offset);
                self.pages.remove(&number);
            }
        }
        self.free.push(at);
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        for page in self.pages.values() {
            page.ram.unmark_code(page.offset);
        }
        self.blocks.clear();
        self.free.clear();
        self.map.clear();
        self.pages.clear();
        self.stale = Default::default();
        self.ops = 0;
    }
}

/// A hash of code.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    let mut hash = AddressHasher::default();
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash.write_u64(u64::from_le_bytes(word));
    }
    hash.finish()
}

/// Numbers of the pages that a range touches.
fn page_range(host: usize, len: u64) -> impl Iterator<Item = usize> {
    let last = host + (len.max(1) - 1) as usize;
    host >> CODE_PAGE_BITS..=last >> CODE_PAGE_BITS
}

/// The granules of a page that a range touches.
fn granule_mask(host: usize, len: u64, page: usize) -> u64 {
    let base = page << CODE_PAGE_BITS;
    let last = host + (len.max(1) - 1) as usize;
    if last < base || host > base + (CODE_PAGE as usize - 1) {
        return 0;
    }
    let first = (host.max(base) - base) >> (CODE_PAGE_BITS - 6);
    let last = (last.min(base + CODE_PAGE as usize - 1) - base) >> (CODE_PAGE_BITS - 6);
    (u64::MAX << first) & (u64::MAX >> (63 - last))
}

fn granules(block: &CachedBlock, page: usize) -> u64 {
    let tail = block.second.map_or(0, |s| s.1);
    let first = granule_mask(block.key.host, u64::from(block.len - tail), page);
    first | block.second.map_or(0, |(host, bytes)| granule_mask(host, u64::from(bytes), page))
}

/// One target of computed jumps.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct JumpEntry {
    pub(crate) pc: u64,
    pub(crate) key: u64,
    /// Host address of its compiled code, or of the exit stub.
    pub(crate) code: usize,
    pub(crate) block: u64,
}

/// log2 of the entries of a jump table.
pub(crate) const JUMP_BITS: u32 = 12;

/// Where a core's jumps went, by virtual address.
#[derive(Debug)]
pub(crate) struct JumpTable {
    entries: Box<[JumpEntry]>,
    /// Low bits of addresses that carry nothing.
    shift: u32,
}

impl JumpTable {
    pub(crate) fn new(pc_align: u8) -> JumpTable {
        let none = JumpEntry { pc: 0, key: NEVER, code: 0, block: 0 };
        JumpTable {
            entries: vec![none; 1 << JUMP_BITS].into(),
            shift: u32::from(pc_align.max(1)).ilog2(),
        }
    }

    fn index(&self, pc: u64) -> usize {
        (pc >> self.shift) as usize & ((1 << JUMP_BITS) - 1)
    }

    /// The block at an address.
    #[inline(always)]
    pub(crate) fn find(&self, pc: u64, key: u64) -> Option<u32> {
        let entry = &self.entries[self.index(pc)];
        (entry.pc == pc && entry.key == key).then_some(entry.block as u32)
    }

    /// Enters a block.
    pub(crate) fn set(&mut self, pc: u64, key: u64, block: u32, code: usize) {
        let at = self.index(pc);
        self.entries[at] = JumpEntry { pc, key, code, block: u64::from(block) };
    }

    /// Has jumps to a block run its code.
    pub(crate) fn update(&mut self, pc: u64, key: u64, block: u32, code: usize) {
        if self.find(pc, key) == Some(block) {
            self.set(pc, key, block, code);
        }
    }

    /// Has a jump that runs `old` run `new`.
    pub(crate) fn replace(&mut self, pc: u64, old: usize, new: usize) {
        let at = self.index(pc);
        let entry = &mut self.entries[at];
        if entry.code == old {
            entry.code = new;
        }
    }

    pub(crate) fn base(&self) -> *const JumpEntry {
        self.entries.as_ptr()
    }
}
