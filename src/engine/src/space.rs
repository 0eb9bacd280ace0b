//! What one initiator sees: its physical address space, flattened and immutable.
#![allow(unsafe_code)]

use crate::ram::Ram;
use crate::system::DeviceRef;
use crate::tlb::HostAddr;
use std::sync::Arc;

/// What an address answers that nothing is mapped at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmapped {
    /// A bus error.
    Fault,
    /// Reads give zeros, writes vanish.
    Zeros,
    /// Reads give ones, writes vanish.
    Ones,
}

/// Lanes in which a bridge reverses bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// None.
    None,
    /// 16-bit lanes.
    S16,
    /// 32-bit lanes.
    S32,
    /// 64-bit lanes.
    S64,
}

impl Swap {
    /// Bytes of a lane.
    pub fn lane(self) -> u64 {
        match self {
            Swap::None => 1,
            Swap::S16 => 2,
            Swap::S32 => 4,
            Swap::S64 => 8,
        }
    }
}

/// A mapped range.
#[derive(Debug, Clone)]
pub struct Entry {
    /// First address.
    pub start: u64,
    /// Last address.
    pub last: u64,
    /// What is there.
    pub kind: Kind,
}

/// What a range leads to.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Memory.
    Ram {
        /// The memory.
        ram: Arc<Ram>,
        /// Where in it the range begins.
        offset: u64,
        /// Stores are answered.
        writable: bool,
        /// Byte lanes.
        swap: Swap,
    },
    /// Registers.
    Device {
        /// The device, and the offset at which the range begins.
        at: DeviceRef,
        /// Bit n: accesses of 2^n bytes are allowed.
        widths: u8,
        /// Wider accesses are split.
        split: bool,
        /// Byte lanes.
        swap: Swap,
        /// The registers are big-endian.
        big_endian: bool,
    },
    /// Nothing, with an answer of its own.
    Hole(Unmapped),
}

/// A physical address space.
#[derive(Debug)]
pub struct Space {
    entries: Vec<Entry>,
    /// Ranges of memory that takes no stores and does not mind them: first and last address,
    /// sorted.
    deaf: Vec<(u64, u64)>,
    /// Registers behind ranges of memory that takes no stores: they take the stores, and loads
    /// while the memory is not direct. Sorted.
    behind: Vec<Entry>,
    default: Unmapped,
    mask: u64,
    /// The largest memory that is plain and takes stores.
    main: Option<Main>,
}

/// A memory that needs no search: page walks and fills of TLBs end here nearly always.
#[derive(Debug)]
struct Main {
    start: u64,
    len: u64,
    ram: Arc<Ram>,
    offset: u64,
    host: HostAddr,
}

/// Builds a [`Space`] from sorted, disjoint ranges.
#[derive(Debug)]
pub struct SpaceBuilder {
    space: Space,
}

impl SpaceBuilder {
    fn push(mut self, start: u64, len: u64, kind: Kind) -> Self {
        if len > 0 {
            let last = start.saturating_add(len - 1);
            let at = self.space.entries.partition_point(|e| e.start < start);
            self.space.entries.insert(at, Entry { start, last, kind });
        }
        self
    }

    /// Maps memory.
    pub fn ram(
        self,
        start: u64,
        len: u64,
        ram: &Arc<Ram>,
        offset: u64,
        writable: bool,
        swap: Swap,
    ) -> Self {
        self.push(start, len, Kind::Ram { ram: ram.clone(), offset, writable, swap })
    }

    /// Maps registers.
    #[allow(clippy::too_many_arguments)]
    pub fn device(
        self,
        start: u64,
        len: u64,
        at: DeviceRef,
        widths: u8,
        split: bool,
        swap: Swap,
        big_endian: bool,
    ) -> Self {
        self.push(start, len, Kind::Device { at, widths, split, swap, big_endian })
    }

    /// Maps nothing, with an answer.
    pub fn hole(self, start: u64, len: u64, answer: Unmapped) -> Self {
        self.push(start, len, Kind::Hole(answer))
    }

    /// Stores to a range of memory that is not writable vanish, instead of a bus error.
    pub fn deaf(mut self, start: u64, len: u64) -> Self {
        if len > 0 {
            let at = self.space.deaf.partition_point(|d| d.0 < start);
            self.space.deaf.insert(at, (start, start.saturating_add(len - 1)));
        }
        self
    }

    /// Registers stand behind a range of memory that is not writable: they take stores, and loads
    /// while the memory is not direct ([`Ram::set_direct`]).
    #[allow(clippy::too_many_arguments)]
    pub fn behind(
        mut self,
        start: u64,
        len: u64,
        at: DeviceRef,
        widths: u8,
        split: bool,
        swap: Swap,
        big_endian: bool,
    ) -> Self {
        if len > 0 {
            let last = start.saturating_add(len - 1);
            let to = self.space.behind.partition_point(|e| e.start < start);
            let kind = Kind::Device { at, widths, split, swap, big_endian };
            self.space.behind.insert(to, Entry { start, last, kind });
        }
        self
    }

    /// Ends.
    pub fn build(mut self) -> Space {
        let main = |e: &Entry| match &e.kind {
            Kind::Ram { ram, offset, writable: true, swap: Swap::None } => {
                let len = (e.last - e.start).checked_add(1)?;
                // SAFETY: the space keeps the memory alive, and this with it.
                let host = unsafe { HostAddr::new(ram.host(*offset, len)?) };
                Some(Main { start: e.start, len, ram: ram.clone(), offset: *offset, host })
            }
            _ => None,
        };
        self.space.main = self.space.entries.iter().filter_map(main).max_by_key(|m| m.len);
        self.space
    }
}

impl Space {
    /// Begins a space in which unmapped addresses answer `default`; addresses wrap at `bits`.
    pub fn builder(default: Unmapped, bits: u8) -> SpaceBuilder {
        let mask = if bits >= 64 { u64::MAX } else { (1 << bits) - 1 };
        let (entries, deaf, behind) = (Vec::new(), Vec::new(), Vec::new());
        SpaceBuilder { space: Space { entries, deaf, behind, default, mask, main: None } }
    }

    /// What is mapped at an address; of memory that is not direct what stands behind it.
    pub fn find(&self, pa: u64) -> Option<&Entry> {
        let entry = self.mapped(pa)?;
        match &entry.kind {
            Kind::Ram { ram, .. } if !ram.is_direct() => self.find_behind(pa).or(Some(entry)),
            _ => Some(entry),
        }
    }

    /// What is mapped at an address, memory whether it is direct or not.
    fn mapped(&self, pa: u64) -> Option<&Entry> {
        self.entries.get(self.index(pa)?)
    }

    /// The number of what is mapped at an address in [`Space::entries`], memory whether it is
    /// direct or not.
    pub(crate) fn index(&self, pa: u64) -> Option<usize> {
        let at = self.entries.partition_point(|e| e.last < pa);
        self.entries.get(at).filter(|e| e.start <= pa).map(|_| at)
    }

    /// The registers behind memory at an address.
    pub fn find_behind(&self, pa: u64) -> Option<&Entry> {
        let at = self.behind.partition_point(|e| e.last < pa);
        self.behind.get(at).filter(|e| e.start <= pa)
    }

    /// What an address answers that nothing is mapped at.
    pub fn default_answer(&self) -> Unmapped {
        self.default
    }

    /// What an address answers that is neither memory nor registers.
    pub fn unmapped(&self, pa: u64) -> Unmapped {
        match self.mapped(self.wrap(pa)).map(|e| &e.kind) {
            Some(Kind::Hole(answer)) => *answer,
            Some(_) => Unmapped::Fault,
            None => self.default,
        }
    }

    /// Whether refused stores to an address vanish.
    pub fn ignores_stores(&self, pa: u64) -> bool {
        let at = self.deaf.partition_point(|d| d.1 < pa);
        self.deaf.get(at).is_some_and(|d| d.0 <= pa)
    }

    /// The address that the space's width leaves.
    pub fn wrap(&self, pa: u64) -> u64 {
        pa & self.mask
    }

    /// All ranges, by address.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether memory of the space lies in a range of host addresses.
    pub(crate) fn sees(&self, host: usize, len: u64) -> bool {
        self.entries.iter().any(|e| {
            let Kind::Ram { ram, offset, .. } = &e.kind else { return false };
            let mine = (e.last - e.start).saturating_add(1);
            let at = ram.host(*offset, mine).map_or(0, |p| p as usize);
            at != 0
                && (at as u64) < (host as u64).saturating_add(len)
                && (host as u64) < (at as u64).saturating_add(mine)
        })
    }

    /// Reads memory; false, with an unknown part read, if a byte is not memory.
    pub fn read_ram(&self, pa: u64, into: &mut [u8]) -> bool {
        let mut at = pa;
        let mut rest = into;
        while !rest.is_empty() {
            let Some(piece) = self.piece(at, rest.len()) else { return false };
            let (now, later) = rest.split_at_mut(piece.len);
            if !piece.read(now) {
                return false;
            }
            at = at.wrapping_add(piece.len as u64);
            rest = later;
        }
        true
    }

    /// Reads as [`Space::read_ram`], where loads go to the bytes.
    pub(crate) fn load_ram(&self, pa: u64, into: &mut [u8]) -> bool {
        let bytes = |e: Option<&Entry>| matches!(e.map(|e| &e.kind), Some(Kind::Ram { .. }));
        let last = pa.wrapping_add(into.len().saturating_sub(1) as u64);
        bytes(self.find(pa & self.mask))
            && bytes(self.find(last & self.mask))
            && self.read_ram(pa, into)
    }

    /// Writes memory that the initiator may write; false, with a part written, if a byte is not.
    pub fn write_ram(&self, pa: u64, bytes: &[u8]) -> bool {
        self.write_all(pa, bytes, false)
    }

    /// Writes memory, also where the initiator may not: for loaders.
    pub fn write_rom(&self, pa: u64, bytes: &[u8]) -> bool {
        self.write_all(pa, bytes, true)
    }

    fn write_all(&self, pa: u64, bytes: &[u8], force: bool) -> bool {
        let mut at = pa;
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some(piece) = self.piece(at, rest.len()) else { return false };
            let (now, later) = rest.split_at(piece.len);
            if !(piece.writable || force) || !piece.write(now) {
                return false;
            }
            at = at.wrapping_add(piece.len as u64);
            rest = later;
        }
        true
    }

    /// Where bytes written at an address would lie: hands over each memory, the offset in it and
    /// the bytes there. What is no memory is left out.
    pub fn each_piece(&self, pa: u64, bytes: &[u8], mut take: impl FnMut(&Arc<Ram>, u64, &[u8])) {
        let mut at = pa;
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some(piece) = self.piece(at, rest.len()) else { return };
            let (now, later) = rest.split_at(piece.len);
            let flip = piece.swap.lane() - 1;
            if flip == 0 {
                take(piece.ram, piece.offset, now);
            } else {
                for (offset, byte) in (piece.offset..).zip(now) {
                    take(piece.ram, offset ^ flip, std::slice::from_ref(byte));
                }
            }
            at = at.wrapping_add(piece.len as u64);
            rest = later;
        }
    }

    /// The host address of bytes of the main memory, which takes stores.
    #[inline]
    pub(crate) fn main(&self, pa: u64, bytes: u64) -> Option<HostAddr> {
        let main = self.main.as_ref()?;
        let at = (pa & self.mask).wrapping_sub(main.start);
        (at < main.len && main.len - at >= bytes).then(|| main.host.skip(at))
    }

    /// The host address of bytes of the main memory, if no code was translated there.
    pub(crate) fn main_data(&self, pa: u64, bytes: u64) -> Option<HostAddr> {
        let host = self.main(pa, bytes)?;
        let main = self.main.as_ref()?;
        let offset = main.offset + ((pa & self.mask) - main.start);
        (!main.ram.has_code(offset, bytes)).then_some(host)
    }

    /// The part of a range that one memory entry answers.
    pub(crate) fn piece(&self, pa: u64, len: usize) -> Option<Piece<'_>> {
        let entry = self.mapped(pa & self.mask)?;
        let Kind::Ram { ram, offset, writable, swap } = &entry.kind else { return None };
        let skip = (pa & self.mask) - entry.start;
        let len = len.min(usize::try_from((entry.last - (pa & self.mask)).saturating_add(1)).ok()?);
        Some(Piece { ram, offset: offset + skip, len, writable: *writable, swap: *swap })
    }
}

/// A part of an access that lies in one memory.
pub(crate) struct Piece<'a> {
    pub(crate) ram: &'a Arc<Ram>,
    pub(crate) offset: u64,
    pub(crate) len: usize,
    pub(crate) writable: bool,
    pub(crate) swap: Swap,
}

impl Piece<'_> {
    fn read(&self, into: &mut [u8]) -> bool {
        if self.swap == Swap::None {
            return self.ram.read(self.offset, into);
        }
        let flip = self.swap.lane() - 1;
        let mut at = self.offset;
        into.iter_mut().all(|byte| {
            let ok = self.ram.read(at ^ flip, std::slice::from_mut(byte));
            at += 1;
            ok
        })
    }

    fn write(&self, bytes: &[u8]) -> bool {
        if self.swap == Swap::None {
            return self.ram.write(self.offset, bytes);
        }
        let flip = self.swap.lane() - 1;
        let mut at = self.offset;
        bytes.iter().all(|byte| {
            let ok = self.ram.write(at ^ flip, std::slice::from_ref(byte));
            at += 1;
            ok
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> (Arc<Ram>, Space) {
        let ram = Ram::new(0x2000).unwrap();
        let dev = DeviceRef { device: 0, region: 0, offset: 0 };
        let space = Space::builder(Unmapped::Fault, 32)
            .ram(0x1000, 0x1000, &ram, 0, true, Swap::None)
            .ram(0x2000, 0x1000, &ram, 0x1000, false, Swap::None)
            .device(0x8000, 0x100, dev, 4, false, Swap::None, false)
            .ram(0x1_0000, 0x1000, &ram, 0, true, Swap::S32)
            .build();
        (ram, space)
    }

    #[test]
    fn finds_what_is_mapped() {
        let (_, s) = space();
        assert!(s.find(0xfff).is_none());
        assert_eq!(s.find(0x1000).unwrap().start, 0x1000);
        assert_eq!(s.find(0x80ff).unwrap().start, 0x8000);
        assert!(s.find(0x8100).is_none());
    }

    #[test]
    fn deaf_ranges_are_found() {
        let s = Space::builder(Unmapped::Fault, 32).deaf(0x2000, 0x1000).deaf(0, 0x10).build();
        let deaf = [0, 0xf, 0x10, 0x1fff, 0x2000, 0x2fff, 0x3000].map(|a| s.ignores_stores(a));
        assert_eq!(deaf, [true, true, false, false, true, true, false]);
    }

    #[test]
    fn accesses_cross_entries_and_respect_rom() {
        let (_, s) = space();
        assert!(s.write_ram(0x1ffe, &[1, 2]));
        assert!(!s.write_ram(0x1fff, &[1, 2]));
        assert!(s.write_rom(0x1ffe, &[3, 4, 5, 6]));
        let mut four = [0; 4];
        assert!(s.read_ram(0x1ffe, &mut four));
        assert_eq!(four, [3, 4, 5, 6]);
        assert!(!s.read_ram(0x7ffe, &mut four));
        assert!(s.read_ram(0x1_0000_1ffe, &mut four), "addresses wrap at the space's width");
    }

    #[test]
    fn the_main_memory_is_plain_and_writable() {
        let (ram, s) = space();
        assert_eq!(s.main(0x1008, 8).unwrap().addr(), ram.host(8, 8).unwrap() as usize);
        assert!(s.main(0x1ff8, 8).is_some() && s.main(0x1ff9, 8).is_none());
        assert!(s.main(0xff8, 8).is_none() && s.main(0x2000, 8).is_none());
        assert!(s.main(0x1_0000_1000, 8).is_some(), "addresses wrap at the space's width");
        let listener = Arc::default();
        ram.listen(&listener);
        ram.mark_code(0, &listener);
        assert!(s.main(0x1000, 8).is_some() && s.main_data(0x1000, 8).is_none());
        ram.unmark_code(0);
        assert!(s.main_data(0x1000, 8).is_some());
    }

    #[test]
    fn lanes_are_swapped() {
        let (_, s) = space();
        assert!(s.write_ram(0x1000, &[1, 2, 3, 4, 5]));
        let mut five = [0; 5];
        assert!(s.read_ram(0x1_0000, &mut five));
        assert_eq!(five, [4, 3, 2, 1, 0]);
    }
}
