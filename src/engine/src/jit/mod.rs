//! Compiled code: blocks by templates ([`templates`], tier 1), and regions of hot blocks by
//! Cranelift (tier 2).
//!
//! A region is a function over its core's [`Frame`](crate::frame::Frame): guest slots are SSA
//! variables, loaded at the entry and stored at exits, all of which are cold blocks. Whatever is
//! surprising (a device, a fault, a store into code, the end of the budget inside a block) leaves
//! with the address of that instruction and an exact count, and the interpreter goes on: there is
//! one implementation of all that.
//!
//! Exits to a known address within reach go through a word of [`Links`]; others through the
//! core's jump table.

mod arena;
mod calls;
mod codegen;
mod compiler;
mod entry;
mod floats;
mod flow;
mod groups;
mod ints;
mod links;
mod memory;
pub(crate) mod region;
mod templates;
mod words;
mod worker;

pub(crate) use entry::{SPENT, SlowCx, enter};
pub(crate) use worker::Done;

use crate::cache::{AddressMap, BlockKey, CachedBlock};
use crate::cluster::{CodeRange, EngineConfig};
use crate::frame::{FLATS, Frame};
use crate::ram::CODE_PAGE_BITS;
use crate::space::{Entry, Kind, Space, Swap};
use arena::{Arena, Piece};
use compiler::{Compiler, Job};
use hetemu_isa::Layout;
use links::Links;
use region::Region;
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use templates::{Source, Stubs};
use words::{Word, Words};
use worker::Worker;

/// Jobs that may wait for the compiling thread.
const MAX_PENDING: usize = 256;

/// Addresses that compiled code is linked with.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Runtime {
    /// `extern "C" fn(frame, left, code) -> left`
    pub(crate) trampoline: usize,
    /// `tail fn(frame, left) -> left` that returns at once.
    pub(crate) stub: usize,
    pub(super) memory: usize,
    pub(super) calc: usize,
    pub(super) call: usize,
    /// Other cores run at the same time.
    pub(super) parallel: bool,
}

/// How the data that a region accesses lies, when it is compiled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paths {
    /// Most pages of the TLB in force are near: worth trying that first.
    pub(crate) near: bool,
    /// Addresses in these memories are physical, and every access there is allowed, the likeliest
    /// first. Part of the key: the code must not run when that does not hold.
    pub(crate) flats: Vec<Flat>,
    /// The core's slots now, if there are such memories: which one an access is for can be guessed
    /// from them.
    pub(crate) regs: Vec<u64>,
}

/// Memories that make less than this part of the largest one are hardly used.
const SMALL: u64 = 64;

/// A memory of a cluster's view.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flat {
    /// Where the frame says where it lies.
    pub(crate) number: usize,
    /// Physical address, and bytes.
    pub(crate) start: u64,
    pub(crate) len: u64,
    pub(crate) host: usize,
    /// [`crate::ram::Ram::guard`], where that is all that a store must look at.
    pub(crate) guard: Option<usize>,
    /// There is hardly any other memory: what does not lie here is a device.
    pub(crate) sole: bool,
}

impl Flat {
    /// The memories that a cluster's data and code lie in: the largest ones. `alone`: no other core
    /// has reservations in one, or stores there at the same time.
    pub(crate) fn all(space: &Space, alone: impl Fn(&Flat) -> bool) -> Vec<Flat> {
        let plain = |e: &Entry| match &e.kind {
            // Loads may be redirected to registers.
            Kind::Ram { .. } if space.find_behind(e.start).is_some() => None,
            Kind::Ram { ram, offset, writable, swap: Swap::None, .. } => {
                let len = (e.last - e.start).checked_add(1)?;
                let host = ram.host(*offset, len)? as usize;
                let whole = |at: u64| at.is_multiple_of(1 << CODE_PAGE_BITS);
                let guard = ram.guard(*offset).filter(|_| *writable && whole(*offset));
                whole(e.start).then_some(Flat {
                    number: 0,
                    start: e.start,
                    len,
                    host,
                    guard,
                    sole: false,
                })
            }
            _ => None,
        };
        let mut all: Vec<Flat> = space.entries().iter().filter_map(plain).collect();
        all.sort_by_key(|f| (std::cmp::Reverse(f.len), f.start));
        let elsewhere: u64 = all.iter().skip(1).map(|f| f.len).sum();
        all.truncate(FLATS);
        for (number, f) in all.iter_mut().enumerate() {
            f.number = number;
            f.sole = number == 0 && elsewhere < f.len / SMALL;
            let alone = alone(f);
            f.guard = f.guard.filter(|_| alone);
        }
        all
    }

    /// Whether bytes at an address lie in it.
    pub(crate) fn holds(&self, at: u64, bytes: u64) -> bool {
        at.checked_sub(self.start).is_some_and(|at| at <= self.len && bytes <= self.len - at)
    }
}

/// A compiled region.
#[derive(Debug)]
pub(crate) struct Code {
    piece: Piece,
    id: u64,
    /// Addresses that it can be entered at, its head first.
    pub(crate) entries: Vec<BlockKey>,
}

impl Code {
    /// Where it is run.
    pub(crate) fn address(&self) -> usize {
        self.piece.code
    }
}

/// A block compiled by templates.
#[derive(Debug)]
struct Template {
    piece: Piece,
    id: u64,
    /// Runs left until the block asks for a region.
    counter: Word,
}

/// What was compiled first of all that is there.
#[derive(Debug)]
pub(crate) enum Oldest {
    /// The block of this key, by templates.
    Block(BlockKey),
    /// The region with this head.
    Region(BlockKey),
}

/// The compiled code of a cluster, and what makes it.
pub(crate) struct Jit {
    compiler: Compiler,
    worker: Option<Worker>,
    arena: Arena,
    pub(crate) runtime: Runtime,
    /// None if the host has no templates.
    stubs: Option<Stubs<usize>>,
    links: Links,
    counters: Words,
    blocks: AddressMap<BlockKey, Template>,
    regions: AddressMap<BlockKey, Code>,
    /// Blocks and heads of regions in the order they were compiled in, with their numbers.
    order: VecDeque<(BlockKey, u64)>,
    /// Jobs under way by head. What is not here when it is done is thrown away.
    pending: AddressMap<BlockKey, u64>,
    next: u64,
    /// Time spent compiling.
    spent: Duration,
    /// What was compiled, if that is recorded.
    record: Option<Vec<CodeRange>>,
}

impl Jit {
    /// Makes a compiler for the host. None if the host cannot run compiled code.
    pub(crate) fn new(config: &EngineConfig) -> Option<Jit> {
        let mut compiler = Compiler::new()?;
        let mut arena = Arena::new(config.code_bytes).ok()?;
        let mut put = |code: Option<Vec<u8>>| Some(arena.put(&code?)?.code);
        let runtime = Runtime {
            trampoline: put(compiler.trampoline())?,
            stub: put(compiler.stub())?,
            memory: put(compiler.thunk(1, entry::slow_memory as *const () as usize))?,
            calc: put(compiler.thunk(5, entry::slow_calc as *const () as usize))?,
            call: put(compiler.thunk(5, calls::slow_call as *const () as usize))?,
            parallel: config.parallel,
        };
        let stubs = templates::stubs().and_then(|s| {
            let [memory, rare, calc, helper] =
                [s.memory, s.rare, s.calc, s.helper].map(|code| put(Some(code)));
            Some(Stubs { memory: memory?, rare: rare?, calc: calc?, helper: helper? })
        });
        Some(Jit {
            compiler,
            worker: if config.background { Worker::start() } else { None },
            arena,
            runtime,
            stubs,
            links: Links::default(),
            counters: Words::default(),
            blocks: AddressMap::default(),
            regions: AddressMap::default(),
            order: VecDeque::new(),
            pending: AddressMap::default(),
            next: 0,
            spent: Duration::ZERO,
            record: None,
        })
    }

    /// Host time spent compiling, in ns.
    pub(crate) fn spent_ns(&self) -> u64 {
        self.spent.as_nanos() as u64
    }

    /// Has compiled code noted from now on.
    pub(crate) fn record(&mut self) {
        self.record.get_or_insert_default();
    }

    /// Notes code that was put somewhere, if that is recorded.
    fn note(&mut self, piece: &Piece, code: &[u8], va: u64, insns: u32) {
        if let Some(record) = &mut self.record {
            record.push(CodeRange { host: piece.code, len: code.len(), va, insns });
        }
    }

    /// Compiled code since then.
    pub(crate) fn recorded(&self) -> &[CodeRange] {
        self.record.as_deref().unwrap_or_default()
    }

    /// Bytes of code.
    pub(crate) fn code_bytes(&self) -> usize {
        self.arena.used()
    }

    /// The region that begins at an address.
    pub(crate) fn region(&self, head: &BlockKey) -> Option<&Code> {
        self.regions.get(head)
    }

    /// Whether as many regions wait to be compiled as may.
    pub(crate) fn is_busy(&self) -> bool {
        self.pending.len() >= MAX_PENDING
    }

    /// Whether a region that begins at an address is being compiled.
    pub(crate) fn is_pending(&self, head: &BlockKey) -> bool {
        self.pending.contains_key(head)
    }

    /// Whether blocks can be compiled by templates.
    pub(crate) fn has_templates(&self) -> bool {
        self.stubs.is_some()
    }

    /// Tells a core's frame what compiled code calls.
    pub(crate) fn equip(&self, frame: &mut Frame) {
        if let Some(stubs) = &self.stubs {
            (frame.memory, frame.rare) = (stubs.memory, stubs.rare);
            (frame.calc, frame.helper) = (stubs.calc, stubs.helper);
        }
    }

    /// Compiles a block by templates, with direct jumps to addresses in its reach; gives where it
    /// is run. It asks for a region after so many runs. None if it is one that only the interpreter
    /// runs, or there is no room.
    pub(crate) fn block(
        &mut self,
        key: BlockKey,
        block: &CachedBlock,
        layout: &Layout,
        reach: &RangeInclusive<u64>,
        runs: i64,
    ) -> Option<usize> {
        let mut source = Source { block, layout, counter: 0, links: [None; 2] };
        if !source.fits() {
            return None;
        }
        let counter = self.counters.take(runs);
        source.counter = self.counters.address(counter);
        for (link, to) in source.links.iter_mut().zip(block.targets) {
            if reach.contains(&to) {
                let host = key.host.wrapping_add(to.wrapping_sub(key.va) as usize);
                let target = BlockKey { host, va: to, mode: key.mode };
                *link = Some(self.links.slot(target, self.runtime.stub));
            }
        }
        let code = templates::block(&source).and_then(|code| Some((self.arena.put(&code)?, code)));
        let Some((piece, code)) = code else {
            self.counters.give(counter);
            return None;
        };
        self.note(&piece, &code, key.va, block.count);
        self.next += 1;
        self.order.push_back((key, self.next));
        self.blocks.insert(key, Template { piece, id: self.next, counter });
        Some(piece.code)
    }

    /// Where the templates' code of a block is run.
    pub(crate) fn template(&self, key: &BlockKey) -> Option<usize> {
        self.blocks.get(key).map(|t| t.piece.code)
    }

    /// Runs that the templates' code of a block has left until it asks for a region.
    pub(crate) fn runs_left(&self, key: &BlockKey) -> Option<i64> {
        self.blocks.get(key).map(|t| self.counters.get(t.counter))
    }

    /// Has a block ask for a region after so many more runs.
    pub(crate) fn ask_after(&self, key: &BlockKey, runs: i64) {
        if let Some(t) = self.blocks.get(key) {
            self.counters.set(t.counter, runs);
        }
    }

    /// Drops the templates' code of a block. Nothing may lead to it any more.
    pub(crate) fn free_block(&mut self, key: &BlockKey) {
        if let Some(t) = self.blocks.remove(key) {
            self.arena.take(t.piece);
            self.counters.give(t.counter);
        }
    }

    /// Compiles a region: gives the job if it is done at once, else see [`Jit::done`].
    pub(crate) fn compile(&mut self, region: Region, layout: Layout, paths: Paths) -> Option<Done> {
        let head = region.head;
        let stub = self.runtime.stub;
        let links =
            region.outside().map(|pc| (pc, self.links.slot(region.key_of(pc), stub))).collect();
        self.next += 1;
        let job = Box::new(Job {
            id: self.next,
            region,
            layout: Arc::new(layout),
            runtime: self.runtime,
            paths,
            links,
        });
        self.pending.insert(head, self.next);
        let job = match &self.worker {
            Some(worker) => worker.send(job).err()?,
            None => job,
        };
        Some(Done::of(&mut self.compiler, job))
    }

    /// A job that the thread has done.
    pub(crate) fn done(&mut self) -> Option<Done> {
        if self.pending.is_empty() {
            return None;
        }
        self.worker.as_ref()?.done().ok()
    }

    /// Whether what a job made is still of use.
    pub(crate) fn is_wanted(&self, done: &Done) -> bool {
        self.pending.get(&done.job.region.head).is_some_and(|id| *id == done.job.id)
    }

    /// Enters the code of a job; gives its head, unless it is refused or not wanted any more.
    pub(crate) fn install(&mut self, done: Done) -> Option<BlockKey> {
        self.spent += done.spent;
        if !self.is_wanted(&done) {
            return None;
        }
        let Done { job, code, .. } = done;
        let head = job.region.head;
        let id = self.pending.remove(&head)?;
        let code = code?;
        let piece = self.arena.put(&code)?;
        self.note(&piece, &code, head.va, job.region.insns());
        let entries = job.region.entries().map(|pc| job.region.key_of(pc)).collect();
        self.order.push_back((head, id));
        self.regions.insert(head, Code { piece, id, entries });
        Some(head)
    }

    /// What to drop if there is little room left, the oldest.
    pub(crate) fn take_oldest(&mut self) -> Option<Oldest> {
        if self.arena.has_room() {
            return None;
        }
        while let Some((key, id)) = self.order.pop_front() {
            if self.blocks.get(&key).is_some_and(|t| t.id == id) {
                return Some(Oldest::Block(key));
            }
            if self.regions.get(&key).is_some_and(|r| r.id == id) {
                return Some(Oldest::Region(key));
            }
        }
        None
    }

    /// Has links to an address lead to code, or to the exit stub.
    pub(crate) fn link(&mut self, key: BlockKey, code: Option<usize>) {
        self.links.set(key, code.unwrap_or(self.runtime.stub), self.runtime.stub);
    }

    /// Drops the code of a region. Nothing may lead to it any more.
    pub(crate) fn free(&mut self, head: &BlockKey) {
        if let Some(code) = self.regions.remove(head) {
            self.arena.take(code.piece);
        }
    }

    /// Does not want a region any more that is being compiled.
    pub(crate) fn cancel(&mut self, head: &BlockKey) {
        self.pending.remove(head);
    }

    /// Drops all code. None may be running.
    pub(crate) fn clear(&mut self) {
        for (_, code) in self.regions.drain() {
            self.arena.take(code.piece);
        }
        for (_, t) in self.blocks.drain() {
            self.arena.take(t.piece);
            self.counters.give(t.counter);
        }
        self.order.clear();
        self.pending.clear();
        self.links.clear();
    }
}
