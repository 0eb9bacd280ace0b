//! Counts of accesses that the machine does not really answer: unimplemented registers by part and
//! name, unmapped addresses by place. Summarised at the end of a run.

use std::collections::BTreeMap;

/// How many different places are kept apart; a guest that sweeps memory must not fill the host's.
const PLACES: usize = 512;

/// Accesses to one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Register name, or what the model calls it.
    what: String,
    offset: u64,
    reads: u64,
    writes: u64,
}

/// All counts of a run.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    parts: BTreeMap<String, Vec<Place>>,
    /// By initiator and 4 KiB page: first address, accesses.
    unmapped: BTreeMap<(String, u64), (u64, u64)>,
    more: u64,
}

impl Counts {
    pub(crate) fn unimplemented(&mut self, part: &str, what: &str, offset: u64, write: bool) {
        if !self.parts.contains_key(part) && self.parts.len() >= PLACES {
            self.more += 1;
            return;
        }
        let places = match self.parts.get_mut(part) {
            Some(list) => list,
            None => self.parts.entry(part.to_string()).or_default(),
        };
        let full = places.len() >= PLACES;
        let (reads, writes) = (u64::from(!write), u64::from(write));
        match places.iter_mut().find(|p| p.offset == offset && p.what == what) {
            Some(p) => {
                p.reads += reads;
                p.writes += writes;
            }
            None if full => self.more += 1,
            None => places.push(Place { what: what.to_string(), offset, reads, writes }),
        }
    }

    pub(crate) fn unmapped(&mut self, who: &str, pa: u64) {
        let key = (who.to_string(), pa >> 12);
        if let Some(place) = self.unmapped.get_mut(&key) {
            place.1 += 1;
        } else if self.unmapped.len() < PLACES {
            self.unmapped.insert(key, (pa, 1));
        } else {
            self.more += 1;
        }
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.unmapped.is_empty()
    }

    /// Number of accesses to unimplemented registers.
    pub fn unimplemented_total(&self) -> u64 {
        self.parts.values().flatten().map(|p| p.reads + p.writes).sum()
    }

    /// Number of accesses to nothing.
    pub fn unmapped_total(&self) -> u64 {
        self.unmapped.values().map(|u| u.1).sum()
    }

    /// Lines for people, parts by name, the most used places first.
    pub fn lines(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (part, places) in &self.parts {
            let total: u64 = places.iter().map(|p| p.reads + p.writes).sum();
            let mut places: Vec<&Place> = places.iter().collect();
            places.sort_by_key(|p| (std::cmp::Reverse(p.reads + p.writes), p.offset));
            let named: Vec<String> = places.iter().take(4).map(|p| p.text()).collect();
            let more = match places.len().saturating_sub(4) {
                0 => String::new(),
                n => format!(", and {n} more"),
            };
            out.push(format!("{part:14} {total:6}  {}{more}", named.join(", ")));
        }
        for ((who, _), (first, count)) in &self.unmapped {
            out.push(format!("unmapped       {count:6}  first at {} by {who}", hex(*first)));
        }
        if self.more > 0 {
            out.push(format!("and {} accesses to further places", self.more));
        }
        out
    }
}

impl Place {
    fn text(&self) -> String {
        let name = if self.what.is_empty() { String::from("?") } else { self.what.clone() };
        let how = match (self.reads, self.writes) {
            (r, 0) => format!("{r} r"),
            (0, w) => format!("{w} w"),
            (r, w) => format!("{r} r, {w} w"),
        };
        format!("{name} +{:#x} ({how})", self.offset)
    }
}

/// An address as the language writes it: hex digits in groups of four.
pub(crate) fn hex(n: u64) -> String {
    let (high, low) = (n >> 16 & 0xffff, n & 0xffff);
    match n >> 32 {
        0 => format!("0x{high:04X}_{low:04X}"),
        top if top >> 16 == 0 => format!("0x{top:X}_{high:04X}_{low:04X}"),
        top => format!("0x{:X}_{:04X}_{high:04X}_{low:04X}", top >> 16, top & 0xffff),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        let mut c = Counts::default();
        c.unimplemented("gpio", "DIRECT_OUT", 0x14, true);
        c.unimplemented("gpio", "DIRECT_OUT", 0x14, true);
        c.unimplemented("gpio", "DATA_IN", 0x10, false);
        c.unmapped("ibex", 0x3000_0010);
        c.unmapped("ibex", 0x3000_0020);
        assert_eq!(
            c.lines(),
            [
                "gpio                3  DIRECT_OUT +0x14 (2 w), DATA_IN +0x10 (1 r)",
                "unmapped            2  first at 0x3000_0010 by ibex",
            ]
        );
        assert_eq!((c.unimplemented_total(), c.unmapped_total()), (3, 2));
    }

    #[test]
    fn addresses_are_grouped() {
        assert_eq!(hex(0x8000), "0x0000_8000");
        assert_eq!(hex(0x8000_0000_0000_0001), "0x8000_0000_0000_0001");
        assert_eq!(hex(0x1_0000_0000), "0x1_0000_0000");
    }
}
