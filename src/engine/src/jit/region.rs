//! Which blocks are compiled together.
//!
//! From a hot block on, what runs often enough and is reached by known jumps inside the page (or
//! anywhere, where addresses are not translated); also the addresses that calls return to, so that
//! small functions stay in one region with their callers. Blocks are cut where others begin. A
//! region can be entered at its head and where calls out of it return to.

use crate::cache::BlockKey;
use crate::interp::lower::is_float;
use hetemu_isa::ir::{Block, Exit, Hint, Inst};
use hetemu_isa::{Layout, Slot};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Blocks that become one function.
#[derive(Debug, Clone)]
pub(crate) struct Region {
    pub(crate) head: BlockKey,
    pub(crate) blocks: BTreeMap<u64, Block>,
    /// Where computed jumps of blocks went last.
    pub(crate) guesses: BTreeMap<u64, u64>,
    reach: RangeInclusive<u64>,
}

/// How far a region reaches.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// Instructions.
    pub(crate) max: u32,
    /// Blocks that have run less often stay out.
    pub(crate) min_runs: u32,
    /// Addresses whose code lies beside the head's, whoever maps what: its page, or all of a memory
    /// that cores see without translation.
    pub(crate) reach: RangeInclusive<u64>,
}

/// What the translation cache says of an address in the page.
pub(crate) struct Known {
    /// How often it has run, as far as that was counted.
    pub(crate) runs: u32,
    /// Instructions of its translation: a region must not reach beyond them, for what is behind may
    /// change without touching the translation.
    pub(crate) count: u32,
    /// Where its computed jump went last, if it ends in one.
    pub(crate) guess: Option<u64>,
}

impl Region {
    /// Collects a region. `known` tells of addresses that were run and can be compiled; `lift`
    /// gives at most so many instructions from an address on.
    pub(crate) fn collect(
        head: BlockKey,
        layout: &Layout,
        scope: Scope,
        known: impl Fn(&BlockKey) -> Option<Known>,
        lift: impl Fn(u64, u32) -> Option<Block>,
    ) -> Option<Region> {
        let mut region =
            Region { head, blocks: BTreeMap::new(), guesses: BTreeMap::new(), reach: scope.reach };
        let mut todo = std::collections::VecDeque::from([head.va]);
        let mut seen = BTreeSet::new();
        let mut insns = 0;
        while let Some(pc) = todo.pop_front() {
            if !seen.insert(pc) || insns >= scope.max || !region.near(pc) {
                continue;
            }
            let Some(about) = known(&region.key_of(pc)) else { continue };
            if about.runs < scope.min_runs && pc != head.va {
                continue;
            }
            // Cut the block that this address lies in.
            let inside = region.blocks.range(..pc).next_back().and_then(|(at, block)| {
                starts(block).position(|s| s == pc).map(|n| (*at, n as u32))
            });
            if let Some((at, n)) = inside {
                insns -= region.blocks[&at].count;
                insns += n;
                let cut = lift(at, n)?;
                region.guesses.remove(&at);
                region.blocks.insert(at, cut);
            }
            // And this one where another begins.
            let Some(mut block) = lift(pc, about.count) else { continue };
            let meets = starts(&block).skip(1).position(|s| region.blocks.contains_key(&s));
            if let Some(n) = meets {
                block = lift(pc, n as u32 + 1)?;
            }
            if block.count == 0 || !compilable(&block, layout) {
                continue;
            }
            insns += block.count;
            // Functions far away have regions of their own.
            let beside = |to: u64| to >> layout.page_bits == pc >> layout.page_bits;
            match block.exit {
                Exit::Jump(to, Hint::Call(back)) => {
                    todo.extend(Some(to).filter(|to| beside(*to)));
                    todo.push_back(back);
                }
                Exit::Jump(to, _) => todo.push_back(to),
                Exit::Branch(_, a, b) => todo.extend([a, b]),
                Exit::Indirect(_, hint) => {
                    if let Hint::Call(back) = hint {
                        todo.push_back(back);
                    }
                    if let Some(guess) = about.guess.filter(|to| beside(*to)) {
                        todo.push_back(guess);
                        region.guesses.insert(pc, guess);
                    }
                }
                Exit::Resume => {}
            }
            region.blocks.insert(pc, block);
        }
        region.blocks.contains_key(&head.va).then_some(region)
    }

    /// Whether an address lies in the region's reach.
    pub(crate) fn near(&self, pc: u64) -> bool {
        self.reach.contains(&pc)
    }

    /// The key of an address in the region's reach.
    pub(crate) fn key_of(&self, pc: u64) -> BlockKey {
        let host = self.head.host.wrapping_add(pc.wrapping_sub(self.head.va) as usize);
        BlockKey { host, va: pc, mode: self.head.mode }
    }

    /// Addresses at which the region can be entered: its head, then where calls out of it return.
    pub(crate) fn entries(&self) -> impl Iterator<Item = u64> {
        let mut list = BTreeSet::new();
        for block in self.blocks.values() {
            if let Exit::Jump(to, Hint::Call(back)) = block.exit
                && !self.blocks.contains_key(&to)
            {
                list.insert(back);
            }
            if let Exit::Indirect(_, Hint::Call(back)) = block.exit {
                list.insert(back);
            }
        }
        list.retain(|pc| self.blocks.contains_key(pc) && *pc != self.head.va);
        std::iter::once(self.head.va).chain(list)
    }

    /// Addresses in its reach that the region leaves to.
    pub(crate) fn outside(&self) -> impl Iterator<Item = u64> {
        let mut list = BTreeSet::new();
        for block in self.blocks.values() {
            match block.exit {
                Exit::Jump(a, _) => {
                    list.insert(a);
                }
                Exit::Branch(_, a, b) => list.extend([a, b]),
                _ => {}
            }
        }
        list.retain(|pc| self.near(*pc) && !self.blocks.contains_key(pc));
        list.into_iter()
    }

    /// Guest instructions.
    pub(crate) fn insns(&self) -> u32 {
        self.blocks.values().map(|b| b.count).sum()
    }

    /// Whether no block goes on inside the region, or to an address that is not known.
    pub(crate) fn is_straight(&self) -> bool {
        self.blocks.values().all(|b| match b.exit {
            Exit::Jump(a, _) => self.near(a) && !self.blocks.contains_key(&a),
            Exit::Branch(_, a, b) => {
                [a, b].iter().all(|pc| self.near(*pc) && !self.blocks.contains_key(pc))
            }
            _ => false,
        })
    }

    /// Whether it has operations that may raise float exceptions.
    pub(crate) fn has_floats(&self) -> bool {
        self.blocks.values().flat_map(|b| &b.insts).any(is_float)
    }

    /// Addresses that calls in the region return to, and that are in it.
    pub(crate) fn return_sites(&self) -> Vec<u64> {
        let mut sites: Vec<u64> = self
            .blocks
            .values()
            .filter_map(|b| match b.exit {
                Exit::Jump(_, Hint::Call(back)) | Exit::Indirect(_, Hint::Call(back)) => Some(back),
                _ => None,
            })
            .filter(|pc| self.blocks.contains_key(pc))
            .collect();
        sites.sort_unstable();
        sites.dedup();
        sites
    }
}

/// Addresses of a block's instructions.
pub(crate) fn starts(block: &Block) -> impl Iterator<Item = u64> {
    block.insts.iter().filter_map(|i| match i {
        Inst::Start { pc, .. } => Some(*pc),
        _ => None,
    })
}

/// Whether compiled code can do all of a block.
fn compilable(block: &Block, layout: &Layout) -> bool {
    let special = |slot: Slot| slot == layout.pc || slot == layout.float.flags;
    block.exit != Exit::Resume
        && block.insts.iter().all(|inst| match inst {
            Inst::Helper(..) => false,
            Inst::Get(_, slot) | Inst::Put(slot, _) => {
                !special(*slot) && usize::from(slot.0) < layout.slots.len()
            }
            _ => true,
        })
}
