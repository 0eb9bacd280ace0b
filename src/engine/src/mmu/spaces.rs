//! Translations by regime and address space: which table is in force, and what a flush forgets.
//!
//! A core has a few tables of a kind, each for one regime and one address space ([`Mode::asid`]):
//! going from one space to another and back finds what was known. As long as a regime has met
//! global translations only, one table serves all its spaces, which is what a kernel's is. The
//! one that was out of force longest makes room.
//!
//! [`Mode::asid`]: hetemu_isa::Mode

use hetemu_isa::Flush;

/// What is kept a regime and space.
pub(super) trait Table {
    /// Forgets everything.
    fn flush(&mut self);
    /// Forgets the page at an address, and what else must go with it.
    fn flush_page(&mut self, va: u64);
}

/// One table's place.
#[derive(Debug)]
pub(super) struct Place<T> {
    /// None: the table is empty and free.
    pub(super) regime: Option<u8>,
    /// None: it holds global translations only, and serves every space of the regime.
    pub(super) space: Option<u32>,
    /// None: it is in force, or was never made.
    pub(super) table: Option<T>,
    /// When it was put in force last.
    pub(super) used: u64,
}

/// The tables of one kind.
#[derive(Debug)]
pub(super) struct Pool<T> {
    /// The table in force.
    pub(super) current: T,
    places: Vec<Place<T>>,
    /// Its place.
    now: usize,
    regime: u8,
    space: u32,
    /// The places of the space's regimes, as far as they were looked up.
    known: Vec<Option<u8>>,
    clock: u64,
    most: usize,
}

impl<T: Table> Pool<T> {
    /// At most so many tables, for so many regimes.
    pub(super) fn new(most: u8, regimes: u8, first: T) -> Pool<T> {
        Pool {
            current: first,
            places: vec![Place { regime: Some(0), space: None, table: None, used: 0 }],
            now: 0,
            regime: 0,
            space: 0,
            known: vec![None; usize::from(regimes.max(1))],
            clock: 0,
            most: usize::from(most.max(2)),
        }
    }

    /// All places; the table of the one in force is [`Pool::current`].
    pub(super) fn places(&self) -> &[Place<T>] {
        &self.places
    }

    /// The place, regime and space in force, and the clock that tells what was used last.
    pub(super) fn stand(&self) -> (usize, u8, u32, u64) {
        (self.now, self.regime, self.space, self.clock)
    }

    /// Sets everything, as [`Pool::places`] and [`Pool::stand`] once gave it; None if this cannot
    /// be.
    pub(super) fn restore(
        &mut self,
        current: T,
        places: Vec<Place<T>>,
        (now, regime, space, clock): (usize, u8, u32, u64),
    ) -> Option<()> {
        if now >= places.len() || places.len() > self.most {
            return None;
        }
        self.known.fill(None);
        (self.current, self.places) = (current, places);
        (self.now, self.regime, self.space, self.clock) = (now, regime, space, clock);
        Some(())
    }

    /// The regime in force.
    pub(super) fn regime(&self) -> u8 {
        self.regime
    }

    /// The address space in force.
    pub(super) fn space(&self) -> u32 {
        self.space
    }

    /// Puts a regime and address space in force.
    pub(super) fn select(&mut self, regime: u8, space: u32, make: impl FnOnce() -> T) {
        if (regime, space) == (self.regime, self.space) {
            return;
        }
        if space != self.space {
            self.known.fill(None);
            self.space = space;
        }
        self.regime = regime;
        let known = self.known.get(usize::from(regime)).copied().flatten();
        let at = known.map_or_else(|| self.place(), usize::from);
        if let Some(known) = self.known.get_mut(usize::from(regime)) {
            *known = Some(at as u8);
        }
        if at != self.now {
            let next = self.places[at].table.take().unwrap_or_else(make);
            let last = std::mem::replace(&mut self.current, next);
            self.places[self.now].table = Some(last);
            self.now = at;
        }
        self.clock += 1;
        self.places[at].used = self.clock;
    }

    /// The place of the regime and space in force, made if there is none.
    fn place(&mut self) -> usize {
        let (regime, space) = (Some(self.regime), self.space);
        let fits = |p: &Place<T>| p.regime == regime && p.space.is_none_or(|s| s == space);
        if let Some(at) = self.places.iter().position(fits) {
            return at;
        }
        // One that serves all must be the only one of its regime.
        let alone = !self.places.iter().any(|p| p.regime == regime);
        let label = (!alone).then_some(space);
        let free = self.places.iter().position(|p| p.regime.is_none());
        if free.is_none() && self.places.len() < self.most {
            self.places.push(Place { regime, space: label, table: None, used: 0 });
            return self.places.len() - 1;
        }
        let at = free.unwrap_or_else(|| {
            let others = (0..self.places.len()).filter(|at| *at != self.now);
            others.min_by_key(|at| self.places[*at].used).unwrap_or(0)
        });
        self.known.iter_mut().filter(|k| **k == Some(at as u8)).for_each(|k| *k = None);
        let place = &mut self.places[at];
        (place.regime, place.space) = (regime, label);
        if let Some(table) = &mut place.table {
            table.flush();
        }
        at
    }

    /// A translation is entered into the table in force that only this space has.
    pub(super) fn note_local(&mut self) {
        self.places[self.now].space.get_or_insert(self.space);
    }

    /// All tables.
    pub(super) fn tables(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().filter_map(|p| p.table.as_mut()).chain([&mut self.current])
    }

    /// Forgets translations.
    pub(super) fn flush(&mut self, what: Flush) {
        let asked = match what {
            Flush::Space(space) | Flush::PageIn(_, space) => Some(space),
            Flush::All | Flush::Page(_) => None,
        };
        for (at, place) in self.places.iter_mut().enumerate() {
            if place.regime.is_none() || asked.is_some() && place.space != asked {
                continue;
            }
            let table = if at == self.now { Some(&mut self.current) } else { place.table.as_mut() };
            let Some(table) = table else { continue };
            match what {
                Flush::Page(va) | Flush::PageIn(va, _) => table.flush_page(va),
                Flush::All | Flush::Space(_) => table.flush(),
            }
            if what == Flush::All {
                place.space = None;
                if at != self.now {
                    place.regime = None;
                }
            }
        }
        if what == Flush::All {
            self.known.fill(None);
        }
    }
}

/// Stretches of addresses with translations larger than a page: a page flushed in one takes the
/// whole table along.
#[derive(Debug, Default)]
pub(super) struct Large {
    /// First and last addresses, sorted, not adjoining.
    ranges: Vec<(u64, u64)>,
    /// The one that was found last.
    last: std::cell::Cell<usize>,
}

/// More stretches than this are taken for one.
const MOST_RANGES: usize = 64;

impl Large {
    /// Those stretches; None if they are not sorted.
    pub(super) fn of(ranges: Vec<(u64, u64)>) -> Option<Large> {
        let sorted = ranges.iter().all(|r| r.0 <= r.1)
            && ranges.iter().zip(ranges.iter().skip(1)).all(|(a, b)| a.1 < b.0);
        sorted.then(|| Large { ranges, ..Large::default() })
    }

    pub(super) fn ranges(&self) -> &[(u64, u64)] {
        &self.ranges
    }

    pub(super) fn clear(&mut self) {
        self.ranges.clear();
    }

    pub(super) fn contains(&self, va: u64) -> bool {
        let inside = |r: &&(u64, u64)| r.0 <= va && va <= r.1;
        if self.ranges.get(self.last.get()).filter(inside).is_some() {
            return true;
        }
        let at = self.ranges.partition_point(|r| r.1 < va);
        self.last.set(at);
        self.ranges.get(at).filter(inside).is_some()
    }

    /// Adds a stretch that is aligned to its size, a power of two.
    pub(super) fn add(&mut self, va: u64, span: u64) {
        if self.contains(va) {
            return;
        }
        let (mut first, mut last) = (va & !(span - 1), va | (span - 1));
        // All that it overlaps or adjoins become one with it.
        let from = self.ranges.partition_point(|r| r.1 < first.saturating_sub(1));
        let to = self.ranges.partition_point(|r| r.0 <= last.saturating_add(1));
        if let (Some(a), Some(b)) =
            (self.ranges.get(from), to.checked_sub(1).and_then(|to| self.ranges.get(to)))
            && from < to
        {
            (first, last) = (first.min(a.0), last.max(b.1));
        }
        self.ranges.splice(from..to.max(from), [(first, last)]);
        if self.ranges.len() > MOST_RANGES
            && let (Some(a), Some(b)) = (self.ranges.first(), self.ranges.last())
        {
            self.ranges = vec![(a.0, b.1)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[derive(Debug, Default)]
    struct Pages(BTreeSet<u64>);

    impl Table for Pages {
        fn flush(&mut self) {
            self.0.clear();
        }
        fn flush_page(&mut self, va: u64) {
            self.0.remove(&va);
        }
    }

    fn pool(most: u8) -> Pool<Pages> {
        Pool::new(most, 3, Pages::default())
    }

    fn select(p: &mut Pool<Pages>, regime: u8, space: u32) -> Vec<u64> {
        p.select(regime, space, Pages::default);
        p.current.0.iter().copied().collect()
    }

    fn enter(p: &mut Pool<Pages>, va: u64, global: bool) {
        if !global {
            p.note_local();
        }
        p.current.0.insert(va);
    }

    #[test]
    fn spaces_keep_what_is_theirs_and_share_what_is_global() {
        let mut p = pool(8);
        select(&mut p, 1, 7);
        enter(&mut p, 1, true);
        select(&mut p, 2, 7);
        enter(&mut p, 2, false);
        assert_eq!(select(&mut p, 1, 8), [1], "all of the regime are global");
        assert_eq!(select(&mut p, 2, 8), []);
        enter(&mut p, 3, false);
        assert_eq!(select(&mut p, 2, 7), [2]);
        assert_eq!(select(&mut p, 2, 8), [3]);
        // One that is not makes the table this space's.
        select(&mut p, 1, 8);
        enter(&mut p, 4, false);
        assert_eq!(select(&mut p, 1, 7), []);
        assert_eq!(select(&mut p, 1, 8), [1, 4]);
        assert_eq!(select(&mut p, 0, 8), []);
    }

    #[test]
    fn flushes_reach_what_they_name() {
        let filled = || {
            let mut p = pool(8);
            select(&mut p, 1, 7);
            enter(&mut p, 1, true);
            for space in [7, 8] {
                select(&mut p, 2, space);
                enter(&mut p, 1, false);
                enter(&mut p, 2, false);
            }
            p
        };
        let seen = |p: &mut Pool<Pages>| {
            [(1, 7), (2, 7), (2, 8)].map(|(regime, space)| select(p, regime, space))
        };
        for (what, left) in [
            (Flush::All, [vec![], vec![], vec![]]),
            (Flush::Space(7), [vec![1], vec![], vec![1, 2]]),
            (Flush::Space(8), [vec![1], vec![1, 2], vec![]]),
            (Flush::Space(9), [vec![1], vec![1, 2], vec![1, 2]]),
            (Flush::Page(1), [vec![], vec![2], vec![2]]),
            (Flush::PageIn(1, 7), [vec![1], vec![2], vec![1, 2]]),
            (Flush::PageIn(2, 8), [vec![1], vec![1, 2], vec![1]]),
        ] {
            for start in [(1, 7), (2, 8)] {
                let mut p = filled();
                select(&mut p, start.0, start.1);
                p.flush(what);
                assert_eq!(seen(&mut p), left, "{what:?} in {start:?}");
            }
        }
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut p = pool(3);
        for space in 0..3 {
            select(&mut p, 2, space);
            enter(&mut p, u64::from(space), false);
        }
        assert_eq!(select(&mut p, 2, 1), [1]);
        assert_eq!(select(&mut p, 2, 9), []);
        enter(&mut p, 9, false);
        assert_eq!(select(&mut p, 2, 1), [1]);
        assert_eq!(select(&mut p, 2, 9), [9]);
        assert_eq!(select(&mut p, 2, 0), []);
        p.flush(Flush::All);
        for space in [0, 1, 9, 2] {
            assert_eq!(select(&mut p, 2, space), []);
        }
    }

    #[test]
    fn large_stretches_grow_together() {
        let mut l = Large::default();
        l.add(0x20_1234, 0x20_0000);
        assert!(l.contains(0x20_0000) && l.contains(0x3f_ffff));
        assert!(!l.contains(0x1f_ffff) && !l.contains(0x40_0000));
        l.add(0x60_0000, 0x20_0000);
        l.add(0x40_0000, 0x20_0000);
        assert_eq!(l.ranges, [(0x20_0000, 0x7f_ffff)]);
        l.add(0, 0x4000_0000);
        assert_eq!(l.ranges, [(0, 0x3fff_ffff)]);
        l.add(u64::MAX, 0x20_0000);
        assert!(l.contains(u64::MAX) && l.contains(0));
        for n in 0..100 {
            l.add(0x10_0000_0000 + (n << 30), 0x20_0000);
        }
        assert!(l.ranges.len() <= MOST_RANGES && l.contains(u64::MAX));
        l.clear();
        assert!(!l.contains(0));
    }
}
