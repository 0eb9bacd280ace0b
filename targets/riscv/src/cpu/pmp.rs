//! Physical memory protection with Smepmp. Privileged architecture, section 3.7 and chapter 6.

use hetemu_isa::Access;
use std::cell::Cell;

/// Permissions, as in pmpcfg.
pub(crate) const R: u8 = 1;
pub(crate) const W: u8 = 2;
pub(crate) const X: u8 = 4;
const A: u8 = 0x18;
const L: u8 = 0x80;
const TOR: u8 = 0x08;
const NA4: u8 = 0x10;
const NAPOT: u8 = 0x18;

const MML: u64 = 1;
const MMWP: u64 = 2;
const RLB: u64 = 4;

/// The permission bit of an access.
pub(crate) fn need(access: Access) -> u8 {
    match access {
        Access::Fetch => X,
        Access::Load => R,
        Access::Store => W,
    }
}

/// The protection unit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pmp {
    cfg: Vec<u8>,
    addr: Vec<u64>,
    /// Writable bits of pmpaddr.
    addr_mask: u64,
    smepmp: bool,
    mseccfg: u64,
    /// Ranges of the entries that are on, in order: first and last address, pmpcfg.
    active: Vec<(u64, u64, u8)>,
    /// The last answer below machine mode and in it: page walks ask the same again and again.
    last: [Cell<Option<(u8, u64, u64)>>; 2],
}

impl Pmp {
    pub(crate) fn new(entries: usize, bits: u8, smepmp: bool) -> Pmp {
        let addr_mask = if bits == 32 { 0xffff_ffff } else { (1 << 54) - 1 };
        let (cfg, addr) = (vec![0; entries], vec![0; entries]);
        Pmp { cfg, addr, addr_mask, smepmp, ..Pmp::default() }
    }

    pub(crate) fn entries(&self) -> usize {
        self.cfg.len()
    }

    pub(crate) fn cfg(&self, entry: usize) -> u8 {
        self.cfg.get(entry).copied().unwrap_or(0)
    }

    pub(crate) fn addr(&self, entry: usize) -> u64 {
        self.addr.get(entry).copied().unwrap_or(0)
    }

    pub(crate) fn mseccfg(&self) -> u64 {
        self.mseccfg
    }

    fn on(&self, bit: u64) -> bool {
        self.mseccfg & bit != 0
    }

    fn locked(&self, entry: usize) -> bool {
        self.cfg(entry) & L != 0 && !self.on(RLB)
    }

    /// Writes one entry's configuration as far as the rules let it.
    pub(crate) fn set_cfg(&mut self, entry: usize, value: u8) {
        let mut value = value & 0x9f;
        if entry >= self.cfg.len() || self.locked(entry) {
            return;
        }
        if self.on(MML) {
            // No new rule may let machine mode execute, unless rules can still be edited.
            let executes = matches!(value & (R | W | X), X | W | 6 | 5) && value & L != 0;
            if executes && !self.on(RLB) {
                return;
            }
        } else if value & R == 0 {
            value &= !W;
        }
        self.cfg[entry] = value;
        self.update();
    }

    /// Sets everything, as it once was. None if this unit cannot hold that.
    pub(crate) fn restore(&mut self, cfg: &[u8], addr: &[u64], mseccfg: u64) -> Option<()> {
        let fits = cfg.len() == self.cfg.len()
            && addr.len() == self.addr.len()
            && addr.iter().all(|a| a & !self.addr_mask == 0)
            && mseccfg & !if self.smepmp { MML | MMWP | RLB } else { 0 } == 0;
        if !fits {
            return None;
        }
        (self.cfg, self.addr, self.mseccfg) = (cfg.to_vec(), addr.to_vec(), mseccfg);
        self.update();
        Some(())
    }

    /// Writes one entry's address, unless it or the range that it begins is locked.
    pub(crate) fn set_addr(&mut self, entry: usize, value: u64) {
        let next_tor = self.locked(entry + 1) && self.cfg(entry + 1) & A == TOR;
        if entry >= self.addr.len() || self.locked(entry) || next_tor {
            return;
        }
        self.addr[entry] = value & self.addr_mask;
        self.update();
    }

    /// Writes mseccfg: MML and MMWP stick, RLB cannot be set once a rule is locked.
    pub(crate) fn set_mseccfg(&mut self, value: u64) {
        if !self.smepmp {
            return;
        }
        let any_lock = self.cfg.iter().any(|c| c & L != 0);
        let rlb = if self.on(RLB) || !any_lock { value & RLB } else { 0 };
        self.mseccfg = self.mseccfg & (MML | MMWP) | value & (MML | MMWP) | rlb;
        self.update();
    }

    fn update(&mut self) {
        self.last = Default::default();
        self.active.clear();
        for (i, &cfg) in self.cfg.iter().enumerate() {
            let addr = self.addr[i];
            let (first, last) = match cfg & A {
                TOR => {
                    let low = if i == 0 { 0 } else { self.addr[i - 1] << 2 };
                    let high = addr << 2;
                    if low >= high {
                        continue;
                    }
                    (low, high - 1)
                }
                NA4 => (addr << 2, (addr << 2) + 3),
                NAPOT => {
                    let ones = addr.trailing_ones();
                    let low = (addr & !((1u64 << ones) - 1)) << 2;
                    (low, low + ((8u64 << ones) - 1))
                }
                _ => continue,
            };
            self.active.push((first, last, cfg));
        }
    }

    /// What a mode may do at an address, and the range (first, last) around it for which that
    /// holds.
    pub(crate) fn permissions(&self, pa: u64, machine: bool) -> (u8, u64, u64) {
        let last = &self.last[usize::from(machine)];
        if let Some(known) = last.get().filter(|(_, low, high)| *low <= pa && pa <= *high) {
            return known;
        }
        let found = self.look_up(pa, machine);
        last.set(Some(found));
        found
    }

    fn look_up(&self, pa: u64, machine: bool) -> (u8, u64, u64) {
        let (mut low, mut high) = (0, u64::MAX);
        for &(first, last, cfg) in &self.active {
            if pa < first {
                high = high.min(first - 1);
            } else if pa > last {
                low = low.max(last + 1);
            } else {
                return (self.rule(cfg, machine), low.max(first), high.min(last));
            }
        }
        let default = match machine {
            true if self.on(MMWP) => 0,
            true if self.on(MML) => R | W,
            false if !self.cfg.is_empty() => 0,
            _ => R | W | X,
        };
        (default, low, high)
    }

    /// Whether an access of some bytes is allowed: one rule must match all of them.
    pub(crate) fn allows(&self, pa: u64, bytes: u64, access: Access, machine: bool) -> bool {
        let (permissions, _, last) = self.permissions(pa, machine);
        permissions & need(access) != 0 && pa.saturating_add(bytes - 1) <= last
    }

    /// Whether machine mode may do anything anywhere between two addresses: one rule says so.
    pub(crate) fn is_open(&self, first: u64, last: u64) -> bool {
        let (permissions, low, high) = self.permissions(first, true);
        permissions & (R | W | X) == R | W | X && low <= first && last <= high
    }

    /// The truth table of a rule: without MML the permissions count below machine mode, and there
    /// too if the rule is locked.
    fn rule(&self, cfg: u8, machine: bool) -> u8 {
        let rwx = cfg & (R | W | X);
        let locked = cfg & L != 0;
        if !self.on(MML) {
            return if machine && !locked { R | W | X } else { rwx };
        }
        // W without R is the sign of a shared region, as is locked RWX.
        let (m, su) = match (locked, rwx) {
            (false, W) => (R | W, R),
            (false, 6) => (R | W, R | W),
            (true, W) => (X, X),
            (true, 6) => (R | X, X),
            (true, 7) => (R, R),
            (false, rwx) => (0, rwx),
            (true, rwx) => (rwx, 0),
        };
        if machine { m } else { su }
    }
}

/// The largest aligned power of two of bytes around an address within a range, at most `limit`.
pub(crate) fn span(pa: u64, first: u64, last: u64, limit: u64) -> u64 {
    let mut size = limit;
    while size > 4 {
        let base = pa & !(size - 1);
        if base >= first && base + (size - 1) <= last {
            break;
        }
        size >>= 1;
    }
    size
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(pmp: &mut Pmp, i: usize, addr: u64, cfg: u8) {
        pmp.set_addr(i, addr);
        pmp.set_cfg(i, cfg);
    }

    #[test]
    fn matching_kinds() {
        let mut pmp = Pmp::new(16, 64, false);
        assert_eq!(pmp.permissions(0, true).0, 7);
        assert_eq!(pmp.permissions(0, false).0, 0);
        entry(&mut pmp, 0, 0x8000_0000 >> 2 | 0x1ff, NAPOT | R); // 4 KiB
        entry(&mut pmp, 1, 0x9000_0000 >> 2, R | W); // off, but the floor of the next
        entry(&mut pmp, 2, 0x9000_1000 >> 2, TOR | R | W);
        entry(&mut pmp, 3, 0xa000_0000 >> 2, NA4 | X);
        assert_eq!(pmp.permissions(0x8000_0fff, false), (R, 0x8000_0000, 0x8000_0fff));
        assert_eq!(pmp.permissions(0x8000_1000, false), (0, 0x8000_1000, 0x8fff_ffff));
        assert_eq!(pmp.permissions(0x9000_0000, false), (R | W, 0x9000_0000, 0x9000_0fff));
        assert_eq!(pmp.permissions(0xa000_0003, false), (X, 0xa000_0000, 0xa000_0003));
        assert!(!pmp.allows(0x8000_0ffc, 8, Access::Load, false));
        assert!(pmp.allows(0x8000_0ff8, 8, Access::Load, false));
        // Everything, and a mask that reaches beyond physical memory.
        entry(&mut pmp, 4, u64::MAX, NAPOT | R | W | X);
        assert_eq!(pmp.permissions(0x1234, false).0, 7);
    }

    #[test]
    fn locks() {
        let mut pmp = Pmp::new(16, 32, true);
        entry(&mut pmp, 1, 0x1000, L | TOR | R);
        pmp.set_addr(0, 5);
        pmp.set_addr(1, 5);
        pmp.set_cfg(1, 0);
        assert_eq!((pmp.addr(0), pmp.addr(1), pmp.cfg(1)), (0, 0x1000, L | TOR | R));
        assert_eq!(pmp.permissions(0x3fff, true).0, R);
        pmp.set_mseccfg(RLB);
        assert_eq!(pmp.mseccfg(), 0);
        let mut pmp = Pmp::new(16, 32, true);
        pmp.set_mseccfg(RLB);
        entry(&mut pmp, 1, 0x1000, L | TOR | R);
        pmp.set_cfg(1, 0);
        assert_eq!(pmp.cfg(1), 0);
        // W without R is reserved before MML, a shared region after it.
        pmp.set_cfg(2, NA4 | W);
        assert_eq!(pmp.cfg(2), NA4);
    }

    /// Smepmp's table: L, RWX, machine, others.
    #[test]
    fn smepmp_table() {
        let rows: [(u8, u8, u8, u8); 16] = [
            (0, 0, 0, 0),
            (0, X, 0, X),
            (0, W, R | W, R),
            (0, W | X, R | W, R | W),
            (0, R, 0, R),
            (0, R | X, 0, R | X),
            (0, R | W, 0, R | W),
            (0, 7, 0, 7),
            (L, 0, 0, 0),
            (L, X, X, 0),
            (L, W, X, X),
            (L, W | X, R | X, X),
            (L, R, R, 0),
            (L, R | X, R | X, 0),
            (L, R | W, R | W, 0),
            (L, 7, R, R),
        ];
        for (l, rwx, m, su) in rows {
            let mut pmp = Pmp::new(16, 32, true);
            pmp.set_mseccfg(MML | RLB);
            entry(&mut pmp, 0, 0x400, NA4 | l | rwx);
            assert_eq!(pmp.permissions(0x1000, true).0, m, "{l} {rwx} m");
            assert_eq!(pmp.permissions(0x1000, false).0, su, "{l} {rwx} su");
            assert_eq!(pmp.permissions(0, true).0, R | W);
        }
        let mut pmp = Pmp::new(16, 32, true);
        pmp.set_mseccfg(MML | MMWP);
        assert_eq!(pmp.permissions(0, true).0, 0);
        pmp.set_mseccfg(0);
        assert_eq!(pmp.mseccfg(), MML | MMWP);
        // No machine-executable rule can be added any more.
        entry(&mut pmp, 0, 0x400, NA4 | L | R | X);
        assert_eq!(pmp.cfg(0), 0);
        entry(&mut pmp, 0, 0x400, NA4 | L | R | W);
        assert_eq!(pmp.cfg(0), NA4 | L | R | W);
    }

    #[test]
    fn spans() {
        assert_eq!(span(0x8000_0123, 0, u64::MAX, 1 << 32), 1 << 32);
        assert_eq!(span(0x8000_0123, 0x8000_0000, 0x8000_0fff, 1 << 32), 4096);
        assert_eq!(span(0x8000_0104, 0x8000_0104, 0x8000_0107, 4096), 4);
        assert_eq!(span(0x8000_0110, 0x8000_0104, 0x8000_0fff, 4096), 16);
    }
}
