//! What is known of a region as a whole before it is written: which slots may differ from the frame
//! where, which edges enter loops, and where the instruction budget is looked at.
//!
//! Every exit stores the slots that may differ from the frame, and each of those is a use that the
//! register allocator must serve. So whatever a loop does not write is stored on the way into it:
//! exits inside the loop then store only what it writes itself.
//!
//! The budget is looked at where ways join, for the longest way to the next such place, and charged
//! there: blocks with one predecessor only know how many instructions they are behind.

use super::region::Region;
use crate::interp::lower::{is_float, operands};
use hetemu_isa::ir::{Block, Exit, Hint, Inst};
use hetemu_isa::{REGS, Slot};
use std::collections::{BTreeMap, BTreeSet};

/// Instructions between two looks at the budget, unless one block has more.
const AHEAD: u32 = 96;

/// Instructions of a block that is worth being written two times.
const TWICE: u32 = 24;

/// A set of slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct SlotSet([u64; REGS / 64]);

impl SlotSet {
    pub(super) fn add(&mut self, slot: Slot) {
        self.0[usize::from(slot.0) / 64] |= 1 << (slot.0 % 64);
    }
    const ALL: SlotSet = SlotSet([u64::MAX; REGS / 64]);

    fn remove(&mut self, slot: Slot) {
        self.0[usize::from(slot.0) / 64] &= !(1 << (slot.0 % 64));
    }
    fn has(&self, slot: Slot) -> bool {
        self.0[usize::from(slot.0) / 64] >> (slot.0 % 64) & 1 != 0
    }
    fn join(&mut self, other: &SlotSet) {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a |= b;
        }
    }
    /// Those of this set that are not in another, and those that are.
    fn split(mut self, other: &SlotSet) -> (SlotSet, SlotSet) {
        let mut common = self;
        for ((a, c), b) in self.0.iter_mut().zip(&mut common.0).zip(other.0) {
            *a &= !b;
            *c &= b;
        }
        (self, common)
    }
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        (0..REGS).filter(move |i| self.0[i / 64] >> (i % 64) & 1 != 0)
    }
}

/// How a block takes part in counting instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Budget {
    /// The budget is looked at before the block: so many instructions must be left.
    pub(super) check: Option<u32>,
    /// Instructions that were done but not charged yet at this block's start.
    pub(super) before: u32,
    /// They and the block's own are charged at its end: it may go on to one that looks.
    pub(super) charge: bool,
    /// The block is short and goes on to itself: it is written two times, so that every other turn
    /// looks and charges.
    pub(super) twice: bool,
}

/// What is known of a region.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Slots that may differ from the frame at the start of a block.
    dirty: BTreeMap<u64, SlotSet>,
    /// Slots that an edge stores.
    clean: BTreeMap<(u64, u64), SlotSet>,
    budget: BTreeMap<u64, Budget>,
    /// An optimiser might do a float operation where, or if, the guest does not, and so change
    /// which exceptions accrue.
    pub(super) fragile: bool,
}

impl Flow {
    /// Looks at a region. `sites`: [`Region::return_sites`].
    pub(super) fn of(region: &Region, sites: &[u64]) -> Flow {
        let edges: Vec<(u64, u64)> = region
            .blocks
            .iter()
            .flat_map(|(pc, block)| {
                let to = targets(region, sites, *pc, block).into_iter();
                to.filter(|to| region.blocks.contains_key(to)).map(|to| (*pc, to))
            })
            .collect();
        let mut flow = Flow { budget: budget(region, &edges), ..Flow::default() };
        flow.slots(region, &edges);
        flow
    }

    /// Slots that may differ from the frame at the start of a block.
    pub(super) fn dirty(&self, pc: u64) -> SlotSet {
        self.dirty.get(&pc).copied().unwrap_or_default()
    }

    /// Slots to store on the way from a block to another.
    pub(super) fn clean(&self, from: u64, to: u64) -> SlotSet {
        self.clean.get(&(from, to)).copied().unwrap_or_default()
    }

    /// How a block counts.
    pub(super) fn budget(&self, pc: u64) -> Budget {
        self.budget.get(&pc).copied().unwrap_or_default()
    }

    fn slots(&mut self, region: &Region, edges: &[(u64, u64)]) {
        let puts: BTreeMap<u64, SlotSet> =
            region.blocks.iter().map(|(pc, block)| (*pc, written(block))).collect();
        let all = |body: &BTreeSet<u64>| {
            let mut set = SlotSet::default();
            body.iter().for_each(|pc| set.join(&puts[pc]));
            set
        };
        let loops = loops(region.entries(), edges);
        self.fragile = region.has_floats()
            && (foldable(region) || loops.values().any(|body| hoistable(region, body)));
        let loops: BTreeMap<u64, (SlotSet, BTreeSet<u64>)> =
            loops.into_iter().map(|(head, body)| (head, (all(&body), body))).collect();
        loop {
            let before = self.dirty.clone();
            for (from, to) in edges {
                let mut out = self.dirty(*from);
                out.join(&puts[from]);
                if let Some((written, body)) = loops.get(to)
                    && !body.contains(from)
                {
                    let (clean, rest) = out.split(written);
                    if !clean.is_empty() {
                        self.clean.insert((*from, *to), clean);
                    }
                    out = rest;
                }
                self.dirty.entry(*to).or_default().join(&out);
            }
            if self.dirty == before {
                return;
            }
        }
    }
}

/// Slots that a block writes.
fn written(block: &Block) -> SlotSet {
    let mut set = SlotSet::default();
    for inst in &block.insts {
        if let Inst::Put(slot, _) = inst {
            set.add(*slot);
        }
    }
    set
}

/// Whether a float operation of these blocks has operands that do not vary. `slots` are those whose
/// values do; `put` hears which slots are put, with what may vary or not.
fn fixed<'a>(
    blocks: impl Iterator<Item = &'a Block>,
    slots: SlotSet,
    mut put: impl FnMut(Slot, bool),
) -> bool {
    let mut found = false;
    for block in blocks {
        let mut values: Vec<bool> = Vec::with_capacity(block.insts.len());
        for inst in &block.insts {
            let mut varies = match inst {
                Inst::Get(_, slot) => slots.has(*slot),
                Inst::Load(..) | Inst::Rmw(..) | Inst::LoadReserve(..) => true,
                Inst::StoreCond(..) | Inst::Call(..) | Inst::Helper(..) => true,
                _ => false,
            };
            operands(inst, |v| varies |= values.get(usize::from(v.0)) == Some(&true));
            if let Inst::Put(slot, _) = inst {
                put(*slot, varies);
            }
            found |= is_float(inst) && !varies;
            values.push(varies);
        }
    }
    found
}

/// Whether a float operation in a loop has operands that the loop does not change: an optimiser
/// would do it before the loop, where it may raise what it never would.
fn hoistable(region: &Region, body: &BTreeSet<u64>) -> bool {
    let mut changed = SlotSet::default();
    loop {
        let before = changed;
        let blocks = body.iter().filter_map(|pc| region.blocks.get(pc));
        let found = fixed(blocks, before, |slot, varies| {
            if varies {
                changed.add(slot);
            }
        });
        if changed == before {
            return found;
        }
    }
}

/// Whether a float operation may have constant operands: an optimiser would compute it, and raise
/// nothing.
fn foldable(region: &Region) -> bool {
    let mut unknown = SlotSet::ALL;
    loop {
        let before = unknown;
        let found = fixed(region.blocks.values(), before, |slot, varies| {
            if !varies {
                unknown.remove(slot);
            }
        });
        if unknown == before {
            return found;
        }
    }
}

/// Addresses that a block goes on at, as far as they are known and worth a compare.
pub(super) fn targets(region: &Region, sites: &[u64], pc: u64, block: &Block) -> Vec<u64> {
    match block.exit {
        Exit::Jump(to, _) => vec![to],
        Exit::Branch(_, a, b) => vec![a, b],
        Exit::Indirect(_, hint) => {
            let mut list: Vec<u64> = region.guesses.get(&pc).copied().into_iter().collect();
            if hint == Hint::Return {
                list.extend(sites.iter().copied());
            }
            list.retain(|pc| region.blocks.contains_key(pc));
            list.dedup();
            list.truncate(4);
            list
        }
        Exit::Resume => Vec::new(),
    }
}

/// Loops by their first blocks: what lies on a way back to it.
fn loops(entries: impl Iterator<Item = u64>, edges: &[(u64, u64)]) -> BTreeMap<u64, BTreeSet<u64>> {
    let mut after: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    let mut before: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (from, to) in edges {
        after.entry(*from).or_default().push(*to);
        before.entry(*to).or_default().push(*from);
    }
    let next = |pc: u64, n: usize| after.get(&pc).and_then(|list| list.get(n)).copied();
    let mut loops: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    // Depth first; the stack is the way from an entry, with the next edge to follow.
    let mut seen = BTreeSet::new();
    for entry in entries {
        if !seen.insert(entry) {
            continue;
        }
        let mut stack = vec![(entry, 0)];
        let mut open = BTreeSet::from([entry]);
        while let Some((pc, n)) = stack.last_mut() {
            let Some(to) = next(*pc, *n) else {
                open.remove(pc);
                stack.pop();
                continue;
            };
            *n += 1;
            if open.contains(&to) {
                let body = loops.entry(to).or_insert_with(|| BTreeSet::from([to]));
                let mut todo = vec![*pc];
                while let Some(pc) = todo.pop() {
                    if body.insert(pc) {
                        todo.extend(before.get(&pc).into_iter().flatten());
                    }
                }
            } else if seen.insert(to) {
                open.insert(to);
                stack.push((to, 0));
            }
        }
    }
    loops
}

/// Where the budget is looked at: at entries, where ways join, and after many instructions.
fn budget(region: &Region, edges: &[(u64, u64)]) -> BTreeMap<u64, Budget> {
    let mut ways: BTreeMap<u64, u32> = region.entries().map(|pc| (pc, 2)).collect();
    for (_, to) in edges {
        *ways.entry(*to).or_default() += 1;
    }
    let count = |pc: u64| region.blocks.get(&pc).map_or(0, |block| block.count);
    let joins = |pc: &u64| ways.get(pc).is_none_or(|n| *n != 1);
    let mut roots: Vec<u64> = region.blocks.keys().copied().filter(joins).collect();
    let mut all: BTreeMap<u64, Budget> = BTreeMap::new();
    let after = |pc: u64| edges.iter().filter(move |(from, _)| *from == pc).map(|(_, to)| *to);
    let mut cut: BTreeSet<u64> = roots.iter().copied().collect();
    while let Some(root) = roots.pop() {
        // Block, instructions since the root, and those not charged.
        let mut todo = vec![(root, 0, 0)];
        let mut most = 0;
        while let Some((pc, since, before)) = todo.pop() {
            let done = since + count(pc);
            most = most.max(done);
            for to in after(pc) {
                if !cut.contains(&to) && done + count(to) > AHEAD {
                    cut.insert(to);
                    roots.push(to);
                }
            }
            let charge = after(pc).any(|to| cut.contains(&to));
            let left = if charge { 0 } else { before + count(pc) };
            todo.extend(after(pc).filter(|to| !cut.contains(to)).map(|to| (to, done, left)));
            all.insert(pc, Budget { check: None, before, charge, twice: false });
        }
        let exit = region.blocks.get(&root).map(|block| block.exit);
        let itself = matches!(exit, Some(Exit::Branch(_, a, b)) if (a == root) != (b == root));
        if let Some(first) = all.get_mut(&root) {
            first.twice = itself && count(root) <= TWICE;
            first.check = Some(if first.twice { most + count(root) } else { most });
        }
    }
    all
}
