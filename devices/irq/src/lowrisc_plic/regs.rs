//! Where the registers of rv_plic lie.

use crate::schemas::lowrisc_plic_2 as two;

/// PRIO and THRESHOLD have two bits.
pub(super) const PRIO_MASK: u32 = 3;

/// A register by what it is; numbers are words of bits, or a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reg {
    Ip(u64),
    Le(u64),
    Prio(u64),
    Ie(u64),
    Threshold,
    Cc,
    Msip,
    AlertTest,
}

/// Offsets of a layout. Arrays have as many elements as there are sources, source 0 included.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    prios: u64,
    words: u64,
    ip: u64,
    le: Option<u64>,
    prio: u64,
    ie: u64,
    threshold: u64,
    cc: u64,
    msip: u64,
    alert_test: Option<u64>,
}

impl Layout {
    /// Version 1: IP, LE and PRIO follow each other from 0; IE0 begins at the next multiple of
    /// 0x100, and THRESHOLD0, CC0 and MSIP0 follow it.
    pub(super) fn packed(sources: u64) -> Layout {
        let (prios, words) = (sources + 1, sources / 32 + 1);
        let prio = 8 * words;
        let ie = (prio + 4 * prios).next_multiple_of(0x100);
        let threshold = ie + 4 * words;
        Layout {
            prios,
            words,
            ip: 0,
            le: Some(4 * words),
            prio,
            ie,
            threshold,
            cc: threshold + 4,
            msip: threshold + 8,
            alert_test: None,
        }
    }

    /// Version 2.
    pub(super) fn sparse(sources: u64) -> Layout {
        Layout {
            prios: sources + 1,
            words: sources / 32 + 1,
            ip: two::IP,
            le: None,
            prio: two::PRIO,
            ie: two::IE0,
            threshold: two::THRESHOLD0,
            cc: two::CC0,
            msip: two::MSIP0,
            alert_test: Some(two::ALERT_TEST),
        }
    }

    pub(super) fn at(&self, offset: u64) -> Option<Reg> {
        let offset = offset & !3;
        let element = |base: u64, n: u64| {
            offset.checked_sub(base).map(|at| at / 4).filter(|index| *index < n)
        };
        None.or_else(|| element(self.ip, self.words).map(Reg::Ip))
            .or_else(|| element(self.le?, self.words).map(Reg::Le))
            .or_else(|| element(self.prio, self.prios).map(Reg::Prio))
            .or_else(|| element(self.ie, self.words).map(Reg::Ie))
            .or_else(|| (offset == self.threshold).then_some(Reg::Threshold))
            .or_else(|| (offset == self.cc).then_some(Reg::Cc))
            .or_else(|| (offset == self.msip).then_some(Reg::Msip))
            .or_else(|| (Some(offset) == self.alert_test).then_some(Reg::AlertTest))
    }

    /// Every register that this size of controller has and that can be read, by name.
    pub(super) fn registers(&self, words: u64) -> Vec<(String, Reg)> {
        let mut all = Vec::new();
        all.extend((0..words).map(|n| (format!("IP[{n}]"), Reg::Ip(n))));
        if self.le.is_some() {
            all.extend((0..words).map(|n| (format!("LE[{n}]"), Reg::Le(n))));
        }
        all.extend((1..self.prios).map(|n| (format!("PRIO[{n}]"), Reg::Prio(n))));
        all.extend((0..words).map(|n| (format!("IE0[{n}]"), Reg::Ie(n))));
        all.push(("THRESHOLD0".into(), Reg::Threshold));
        all.push(("MSIP0".into(), Reg::Msip));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schemas::lowrisc_plic_1 as one;

    #[test]
    fn the_packed_layout_of_79_sources_is_the_table_of_the_schema() {
        let layout = Layout::packed(79);
        assert_eq!(layout.at(one::LE), Some(Reg::Le(0)));
        assert_eq!(layout.at(one::PRIO + 4), Some(Reg::Prio(1)));
        assert_eq!(layout.at(one::IE0), Some(Reg::Ie(0)));
        assert_eq!(layout.at(one::THRESHOLD0), Some(Reg::Threshold));
        assert_eq!(layout.at(one::CC0), Some(Reg::Cc));
        assert_eq!(layout.at(one::MSIP0), Some(Reg::Msip));
        assert_eq!(layout.at(0x160), None);
    }
}
