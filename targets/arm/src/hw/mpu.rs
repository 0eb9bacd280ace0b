//! The memory protection unit: PMSAv7 (Armv7-M ARM, section B3.5; Armv6-M has the same) and PMSAv8
//! (Armv8-M ARM, chapter B10), and the default memory map.

use hetemu_isa::Access;

/// Pages that the engine remembers.
const PAGE: u64 = 4096;

/// What an address allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) exec: bool,
    /// The region that decides.
    pub(crate) region: Option<u8>,
}

/// Where it holds.
pub(crate) const NOTHING: Allowed =
    Allowed { read: false, write: false, exec: false, region: None };

/// One region: the registers as they are written.
#[derive(Debug, Clone, Copy, Default)]
struct Region {
    /// RBAR.
    base: u32,
    /// RASR, or RLAR.
    limit: u32,
}

/// The unit.
#[derive(Debug, Clone)]
pub(crate) struct Mpu {
    v8: bool,
    count: usize,
    pub(crate) control: u32,
    number: u32,
    regions: [Region; 16],
    attributes: [u32; 2],
}

const ENABLE: u32 = 1;
const HFNMIENA: u32 = 2;
const PRIVDEFENA: u32 = 4;

impl Mpu {
    pub(crate) fn new(count: usize, v8: bool) -> Mpu {
        let count = count.min(16);
        Mpu { v8, count, control: 0, number: 0, regions: Default::default(), attributes: [0; 2] }
    }

    pub(crate) fn reset(&mut self) {
        *self = Mpu::new(self.count, self.v8);
    }

    /// Whether it decides: not in handlers of HardFault and NMI, unless it shall.
    pub(crate) fn is_on(&self, negative: bool) -> bool {
        self.control & ENABLE != 0 && (!negative || self.control & HFNMIENA != 0)
    }

    /// Reads a register.
    pub(crate) fn read(&self, offset: u32) -> u32 {
        let at = |n: u32| self.regions.get(n as usize).copied().unwrap_or_default();
        match offset {
            0x90 => (self.count as u32) << 8,
            0x94 => self.control,
            0x98 => self.number,
            0x9c | 0xa4 | 0xac | 0xb4 => {
                let n = self.alias(offset);
                if self.v8 { at(n).base } else { at(n).base & !0x1f | n }
            }
            0xa0 | 0xa8 | 0xb0 | 0xb8 => at(self.alias(offset)).limit,
            0xc0 | 0xc4 if self.v8 => self.attributes[usize::from(offset == 0xc4)],
            _ => 0,
        }
    }

    /// The region that a pair of registers shows: in version 8 the aliases are the next ones.
    fn alias(&self, offset: u32) -> u32 {
        let pair = (offset - 0x9c) / 8;
        if self.v8 && pair != 0 { self.number & !3 | pair } else { self.number }
    }

    /// Writes a register; translations must be forgotten then.
    pub(crate) fn write(&mut self, offset: u32, value: u32) {
        if self.count == 0 {
            return;
        }
        match offset {
            0x94 => self.control = value & 7,
            0x98 => self.number = value & 0xff,
            0x9c | 0xa4 | 0xac | 0xb4 => {
                if !self.v8 && value & 16 != 0 {
                    self.number = value & 15;
                }
                let n = self.alias(offset) as usize;
                let count = self.count;
                if let Some(r) = self.regions.get_mut(n).filter(|_| n < count) {
                    r.base = value & if self.v8 { u32::MAX } else { !0x1f };
                }
            }
            0xa0 | 0xa8 | 0xb0 | 0xb8 => {
                let n = self.alias(offset) as usize;
                let count = self.count;
                if let Some(r) = self.regions.get_mut(n).filter(|_| n < count) {
                    r.limit = value;
                }
            }
            0xc0 | 0xc4 if self.v8 => self.attributes[usize::from(offset == 0xc4)] = value,
            _ => {}
        }
    }

    /// First and last address of a region, if it is enabled.
    fn range(&self, r: &Region) -> Option<(u64, u64)> {
        if r.limit & 1 == 0 {
            return None;
        }
        if self.v8 {
            return Some((u64::from(r.base & !0x1f), u64::from(r.limit | 0x1f)));
        }
        let bits = (r.limit >> 1 & 31) + 1;
        if bits < 5 {
            return None;
        }
        let size = 1u64 << bits;
        let base = u64::from(r.base) & !(size - 1);
        Some((base, base + size - 1))
    }

    /// Whether a region holds an address; of version 7 subregions may be left out.
    fn holds(&self, r: &Region, at: u64) -> bool {
        let Some((first, last)) = self.range(r) else { return false };
        if !(first..=last).contains(&at) {
            return false;
        }
        let size = last - first + 1;
        self.v8 || size < 256 || r.limit >> (8 + (at - first) / (size / 8)) & 1 == 0
    }

    /// What a region allows.
    fn rights(&self, n: usize, r: &Region, privileged: bool) -> Allowed {
        let region = Some(n as u8);
        if self.v8 {
            let (open, read_only) = (r.base >> 1 & 1 != 0, r.base >> 2 & 1 != 0);
            let read = privileged || open;
            let exec = read && r.base & 1 == 0;
            return Allowed { read, write: read && !read_only, exec, region };
        }
        let (read, write) = match (r.limit >> 24 & 7, privileged) {
            (1, true) => (true, true),
            (2, true) => (true, true),
            (2, false) => (true, false),
            (3, _) => (true, true),
            (5, true) => (true, false),
            (6 | 7, _) => (true, false),
            _ => (false, false),
        };
        Allowed { read, write, exec: read && r.limit >> 28 & 1 == 0, region }
    }

    /// What an address allows, and for how many bytes around it that holds.
    pub(crate) fn look(&self, at: u64, privileged: bool, negative: bool) -> (Allowed, u64) {
        let default = Allowed { read: true, write: true, exec: executable(at), region: None };
        if !self.is_on(negative) {
            return (default, PAGE);
        }
        let span = self.span(at);
        let mut found = None;
        for (n, r) in self.regions.iter().enumerate().take(self.count) {
            if self.holds(r, at) {
                if self.v8 && found.is_some() {
                    // Overlapping regions fault.
                    return (NOTHING, span);
                }
                found = Some(self.rights(n, r, privileged));
            }
        }
        let allowed = match found {
            Some(mut a) => {
                a.exec &= executable(at);
                a
            }
            None if privileged && self.control & PRIVDEFENA != 0 => default,
            None => NOTHING,
        };
        (allowed, span)
    }

    /// A page, or less where a region or subregion begins or ends within one.
    pub(crate) fn span(&self, at: u64) -> u64 {
        let page = at & !(PAGE - 1);
        for r in self.regions.iter().take(self.count) {
            let Some((first, last)) = self.range(r) else { continue };
            let whole = |x: u64| x & (PAGE - 1) == 0;
            let apart = last < page || first > page + PAGE - 1;
            let subregions = !self.v8 && r.limit >> 8 & 0xff != 0 && (last - first) / 8 < PAGE;
            if !apart && (!whole(first) || !whole(last + 1) || subregions) {
                return 32;
            }
        }
        PAGE
    }

    /// What a saved state needs.
    pub(crate) fn fields(&mut self) -> Vec<&mut u32> {
        let mut all = vec![&mut self.control, &mut self.number];
        for r in &mut self.regions {
            all.extend([&mut r.base, &mut r.limit]);
        }
        all.extend(&mut self.attributes);
        all
    }
}

/// Whether the default memory map lets code run at an address.
pub(crate) fn executable(at: u64) -> bool {
    matches!(at >> 29, 0 | 1 | 3 | 4)
}

/// Whether the default map allows what an access asks.
impl Allowed {
    pub(crate) fn permits(&self, access: Access) -> bool {
        match access {
            Access::Fetch => self.exec,
            Access::Load => self.read,
            Access::Store => self.write,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_version_7() {
        let mut m = Mpu::new(8, false);
        // 64 KiB at 0x2000_0000: all may read, privileged code write, none runs there; without
        // subregion 7.
        m.write(0x9c, 0x2000_0010);
        m.write(0xa0, 1 << 28 | 2 << 24 | 0x80 << 8 | 15 << 1 | 1);
        m.write(0x94, ENABLE);
        let (a, span) = m.look(0x2000_1000, false, false);
        assert_eq!((a.read, a.write, a.exec, span), (true, false, false, PAGE));
        assert!(m.look(0x2000_1000, true, false).0.write);
        assert_eq!(m.look(0x2000_e000, true, false).0, NOTHING);
        assert_eq!(m.look(0, true, false).0, NOTHING);
        assert!(m.look(0, true, true).0.exec);
        m.write(0x94, ENABLE | PRIVDEFENA);
        assert!(m.look(0, true, false).0.exec);
        // 32 bytes in a page of it, of higher priority.
        m.write(0x9c, 0x2000_1011);
        m.write(0xa0, 3 << 24 | 4 << 1 | 1);
        let (a, span) = m.look(0x2000_1004, false, false);
        assert_eq!((a.write, a.exec, span), (true, true, 32));
        assert_eq!(m.look(0x2000_1020, false, false).1, 32);
    }

    #[test]
    fn regions_of_version_8() {
        let mut m = Mpu::new(8, true);
        m.write(0x98, 0);
        m.write(0x9c, 0x2000_0000 | 1 << 1 | 1);
        m.write(0xa0, 0x2000_0fe0 | 1);
        m.write(0x94, ENABLE);
        let (a, span) = m.look(0x2000_0fff, false, false);
        assert_eq!((a.read, a.write, a.exec, span), (true, true, false, PAGE));
        assert_eq!(m.look(0x2000_1000, false, false).0, NOTHING);
    }
}
