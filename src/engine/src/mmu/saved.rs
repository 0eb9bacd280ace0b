//! Saved translations.
//!
//! A guest may use translations that its tables do not have any more, until it flushes them, and
//! pages whose accessed and dirty bits it has cleared: a run that goes on from a saved state must
//! know what the one before knew, to be the same run. So the soft TLBs of data are state, saved by
//! physical address, as words. Near pages are found again, and so are translations of fetches: how
//! much is known of those depends on what was translated and compiled when, which is no state.
#![allow(unsafe_code)]

use super::spaces::{Large, Place, Pool, Table};
use super::{DataTable, Mmu, NO_OTHER, OtherEntry};
use crate::space::{Kind, Space, Swap};

/// Nothing, where an index or a space may stand.
const NONE: u64 = u64::MAX;

/// Words that are read one after the other.
pub(super) struct Words<'a>(std::slice::Iter<'a, u64>);

impl Words<'_> {
    fn next(&mut self) -> Option<u64> {
        self.0.next().copied()
    }

    /// A number of items of so many words each, which must be there.
    fn count(&mut self, words: usize) -> Option<usize> {
        let count = usize::try_from(self.next()?).ok()?;
        (count.checked_mul(words)? <= self.0.len()).then_some(count)
    }

    fn small(&mut self, below: u64) -> Option<u64> {
        self.next().filter(|n| *n < below)
    }

    fn maybe(&mut self, below: u64) -> Option<Option<u64>> {
        let word = self.next()?;
        if word == NONE { Some(None) } else { (word < below).then_some(Some(word)) }
    }
}

const SPACES: u64 = 1 << 32;

/// The physical address of a host address.
fn physical(space: &Space, host: usize) -> Option<u64> {
    space.entries().iter().find_map(|e| {
        let Kind::Ram { ram, offset, swap: Swap::None, .. } = &e.kind else { return None };
        let len = (e.last - e.start).checked_add(1)?;
        let skip = host.checked_sub(ram.host(*offset, len)? as usize)? as u64;
        (skip < len).then(|| e.start + skip)
    })
}

/// A page that lies wholly in memory, and whether it takes stores that need no look.
fn page(space: &Space, pa: u64, size: u64) -> Option<(*mut u8, bool)> {
    let entry = space.find(pa)?;
    let Kind::Ram { ram, offset, writable, swap: Swap::None } = &entry.kind else { return None };
    let at = offset + (pa - entry.start);
    let host = ram.host(at, size).filter(|_| entry.last - pa >= size - 1)?;
    Some((host, *writable && !ram.has_code(at, size)))
}

fn save_large(large: &Large, out: &mut Vec<u64>) {
    out.push(large.ranges().len() as u64);
    out.extend(large.ranges().iter().flat_map(|r| [r.0, r.1]));
}

fn load_large(words: &mut Words<'_>) -> Option<Large> {
    let count = words.count(2)?;
    let mut ranges = Vec::new();
    for _ in 0..count {
        ranges.push((words.next()?, words.next()?));
    }
    Large::of(ranges)
}

/// A table that can be saved.
pub(super) trait Saved: Table + Sized {
    fn save(&self, space: &Space, out: &mut Vec<u64>);
    fn load(&mut self, space: &Space, words: &mut Words<'_>) -> Option<()>;
}

impl Saved for DataTable {
    fn save(&self, space: &Space, out: &mut Vec<u64>) {
        save_large(&self.large, out);
        let at = out.len();
        out.push(0);
        for (read, write, host) in self.tlb.pages() {
            let va = read.or(write).unwrap_or(0);
            if let Some(pa) = physical(space, host) {
                out.extend([va | u64::from(read.is_some()) | u64::from(write.is_some()) << 1, pa]);
                out[at] += 1;
            }
        }
    }

    fn load(&mut self, space: &Space, words: &mut Words<'_>) -> Option<()> {
        self.flush();
        self.large = load_large(words)?;
        let size = self.tlb.page_size();
        for _ in 0..words.count(2)? {
            let (va, pa) = (words.next()?, words.next()?);
            let (host, writable) = page(space, pa, size).filter(|_| pa & (size - 1) == 0)?;
            let (read, write) = (va & 1 != 0, va & 2 != 0 && writable);
            // SAFETY: `host` is a whole page of a memory that the cluster's space keeps alive.
            unsafe { self.tlb.fill(va, host, read, write) };
        }
        Some(())
    }
}

impl<T: Saved> Pool<T> {
    fn save(&self, space: &Space, out: &mut Vec<u64>) {
        let (now, regime, asid, clock) = self.stand();
        out.extend([clock, now as u64, regime.into(), asid.into(), self.places().len() as u64]);
        for (at, place) in self.places().iter().enumerate() {
            out.push(place.regime.map_or(NONE, u64::from));
            out.push(place.space.map_or(NONE, u64::from));
            out.push(place.used);
            let table = if at == now { Some(&self.current) } else { place.table.as_ref() };
            out.push(table.is_some().into());
            if let Some(table) = table {
                table.save(space, out);
            }
        }
    }

    fn load(
        &mut self,
        space: &Space,
        words: &mut Words<'_>,
        regimes: u8,
        make: impl Fn() -> T,
    ) -> Option<()> {
        let clock = words.next()?;
        let now = words.next()?;
        let regime = words.small(regimes.max(1).into())? as u8;
        let asid = words.small(SPACES)? as u32;
        let count = words.count(4)?;
        let mut places = Vec::new();
        let mut current = None;
        for at in 0..count as u64 {
            let regime = words.maybe(regimes.max(1).into())?.map(|r| r as u8);
            let label = words.maybe(SPACES)?.map(|s| s as u32);
            let used = words.next()?;
            let mut table = None;
            if words.small(2)? != 0 {
                let mut made = make();
                made.load(space, words)?;
                table = Some(made);
            }
            if at == now {
                current = table.take();
            }
            places.push(Place { regime, space: label, table, used });
        }
        self.restore(current?, places, (now as usize, regime, asid, clock))
    }
}

impl Mmu {
    /// What is known of translations.
    pub(crate) fn save(&self, space: &Space) -> Vec<u64> {
        let mut out = Vec::new();
        self.data.save(space, &mut out);
        for e in &self.other {
            let may = u64::from(e.read) | u64::from(e.write) << 1;
            out.extend([e.page, e.regime.into(), e.space.map_or(NONE, u64::from), e.pa, may]);
        }
        out
    }

    /// Sets it. None, and nothing is known any more, if it cannot be. `regimes`: how many the core
    /// has.
    pub(crate) fn load(&mut self, space: &Space, words: &[u64], regimes: u8) -> Option<()> {
        let done = self.try_load(space, &mut Words(words.iter()), regimes);
        if done.is_none() {
            self.flush(hetemu_isa::Flush::All);
        }
        self.forget_epochs();
        done
    }

    fn try_load(&mut self, space: &Space, words: &mut Words<'_>, regimes: u8) -> Option<()> {
        let (page_bits, bits) = (self.page_bits, self.bits);
        self.data.load(space, words, regimes, || Self::data_table(page_bits, bits))?;
        let mut other = [NO_OTHER; super::OTHERS];
        for entry in &mut other {
            let (page, regime) = (words.next()?, words.small(256)? as u8);
            let space = words.maybe(SPACES)?.map(|s| s as u32);
            let (pa, may) = (words.next()?, words.small(4)?);
            *entry =
                OtherEntry { page, regime, space, pa, read: may & 1 != 0, write: may & 2 != 0 };
        }
        self.other = other;
        self.quick = [None; super::OTHERS];
        words.next().is_none().then_some(())
    }
}
