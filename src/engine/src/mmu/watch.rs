//! Reservations of cores that do not run now, while one of their cluster does.
//!
//! A store into the line of a reservation ends it, whatever it stores. The running core has no
//! right to store to such a page past the check, so that every store there comes by.

/// Bytes that a reservation covers.
const LINE: usize = 64;

/// What the other cores of a cluster have reserved.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Core, and host address of the line.
    lines: Vec<(usize, usize)>,
    /// Cores whose line was stored to.
    lost: Vec<usize>,
}

impl Watch {
    /// Begins anew.
    pub(crate) fn clear(&mut self) {
        self.lines.clear();
        self.lost.clear();
    }

    /// Another core has reserved the line around a host address; gives where that begins.
    pub(crate) fn add(&mut self, core: usize, host: usize) -> (usize, usize) {
        let line = host & !(LINE - 1);
        self.lines.push((core, line));
        (line, LINE)
    }

    /// Whether a line lies in a range.
    pub(crate) fn touches(&self, host: usize, len: u64) -> bool {
        self.lines.iter().any(|l| overlap(l.1, host, len))
    }

    /// Bytes were stored.
    pub(crate) fn stored(&mut self, host: usize, len: u64) {
        let lost = &mut self.lost;
        self.lines.retain(|&(core, line)| {
            let hit = overlap(line, host, len);
            if hit {
                lost.push(core);
            }
            !hit
        });
    }

    /// Cores that have no reservation any more.
    pub(crate) fn lost(&mut self) -> std::vec::Drain<'_, usize> {
        self.lost.drain(..)
    }
}

fn overlap(line: usize, host: usize, len: u64) -> bool {
    host < line + LINE && line < host.saturating_add(len as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_to_the_line_ends_the_reservation() {
        let mut w = Watch::default();
        assert_eq!(w.add(2, 0x1044), (0x1040, 64));
        w.add(3, 0x2000);
        assert!(w.touches(0x1000, 0x1000) && !w.touches(0x1000, 0x40));
        w.stored(0x1038, 8);
        w.stored(0x1080, 8);
        assert_eq!(w.lost().count(), 0);
        w.stored(0x107f, 1);
        assert_eq!(w.lost().collect::<Vec<_>>(), [2]);
        assert!(!w.touches(0x1040, 64) && w.touches(0x203f, 1));
    }
}
