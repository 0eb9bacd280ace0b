//! The security attribution unit: which addresses are non-secure, and which secure ones may be
//! called from there. Armv8-M ARM, sections B9 and D1.2 (SAU_CTRL and on).

/// SAU_CTRL.
const ENABLE: u32 = 1;
const ALLNS: u32 = 2;
/// SAU_RLAR.
const NSC: u32 = 2;

/// What belongs to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Attribution {
    /// Non-secure.
    pub(crate) ns: bool,
    /// Secure and callable from the non-secure state.
    pub(crate) nsc: bool,
    /// The region of the unit that says so.
    pub(crate) region: Option<u8>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Region {
    /// SAU_RBAR.
    base: u32,
    /// SAU_RLAR.
    limit: u32,
}

impl Region {
    /// First and last address, if it is enabled.
    fn range(&self) -> Option<(u32, u32)> {
        (self.limit & 1 != 0).then_some((self.base, self.limit | 0x1f))
    }
}

/// The unit.
#[derive(Debug, Clone)]
pub(crate) struct Sau {
    count: usize,
    control: u32,
    number: u32,
    regions: [Region; 8],
}

impl Sau {
    pub(crate) fn new(count: usize) -> Sau {
        Sau { count: count.min(8), control: 0, number: 0, regions: Default::default() }
    }

    pub(crate) fn reset(&mut self) {
        *self = Sau::new(self.count);
    }

    /// Reads SAU_CTRL, TYPE, RNR, RBAR, RLAR: register 0 to 4.
    pub(crate) fn read(&self, register: u32) -> u32 {
        let region = self.regions.get(self.number as usize).copied().unwrap_or_default();
        match register {
            0 => self.control,
            1 => self.count as u32,
            2 => self.number,
            3 => region.base,
            4 => region.limit,
            _ => 0,
        }
    }

    /// Writes a register; translations must be forgotten then.
    pub(crate) fn write(&mut self, register: u32, value: u32) {
        match register {
            0 => self.control = value & (ENABLE | ALLNS),
            2 => self.number = value & 0xff,
            3 | 4 if (self.number as usize) < self.count => {
                if let Some(r) = self.regions.get_mut(self.number as usize) {
                    match register {
                        3 => r.base = value & !0x1f,
                        _ => r.limit = value & !0x1c,
                    }
                }
            }
            _ => {}
        }
    }

    /// What the unit says of an address.
    pub(crate) fn look(&self, at: u32) -> Attribution {
        if self.control & ENABLE == 0 {
            return Attribution { ns: self.control & ALLNS != 0, ..Attribution::default() };
        }
        let mut found = Attribution::default();
        for (n, r) in (0..).zip(&self.regions) {
            let Some((first, last)) = r.range() else { continue };
            if !(first..=last).contains(&at) {
                continue;
            }
            if found.region.is_some() {
                // Where regions overlap all is secure.
                return Attribution::default();
            }
            let nsc = r.limit & NSC != 0;
            found = Attribution { ns: !nsc, nsc, region: Some(n) };
        }
        found
    }

    /// Whether a page is attributed as a whole.
    pub(crate) fn is_whole(&self, at: u32, page: u32) -> bool {
        self.is_one(at & !(page - 1), at | (page - 1))
    }

    /// Whether a stretch is attributed as a whole: first and last address.
    pub(crate) fn is_one(&self, start: u32, end: u32) -> bool {
        self.control & ENABLE == 0
            || self
                .regions
                .iter()
                .filter_map(Region::range)
                .all(|(first, last)| last < start || first > end || (first <= start && last >= end))
    }

    /// What a saved state needs.
    pub(crate) fn fields(&mut self) -> Vec<&mut u32> {
        let mut all = vec![&mut self.control, &mut self.number];
        all.extend(self.regions.iter_mut().flat_map(|r| [&mut r.base, &mut r.limit]));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_make_addresses_non_secure() {
        let mut s = Sau::new(8);
        let secure = Attribution::default();
        assert_eq!(s.look(0), secure);
        s.write(0, ALLNS);
        assert!(s.look(0).ns);
        for (n, base, limit) in [
            (0, 0x20_0000, 0x3f_ffe0),
            (1, 0x1000_1f00, 0x1000_1fe0 | NSC),
            (2, 0x30_0000, 0x30_0000),
        ] {
            s.write(2, n);
            s.write(3, base);
            s.write(4, limit | 1);
        }
        s.write(0, ENABLE);
        assert_eq!(s.look(0x20_0000), Attribution { ns: true, nsc: false, region: Some(0) });
        assert_eq!(s.look(0x1000_1fff), Attribution { ns: false, nsc: true, region: Some(1) });
        assert_eq!(s.look(0x1000_1eff), secure);
        assert_eq!(s.look(0x30_001f), secure, "regions overlap");
        assert!(s.look(0x30_0020).ns);
        assert!(!s.is_whole(0x1000_1000, 4096) && s.is_whole(0x1000_2000, 4096));
        assert!(s.is_whole(0x20_1000, 4096));
        s.write(2, 8);
        s.write(4, 1);
        assert_eq!((s.read(4), s.read(1)), (0, 8));
    }
}
