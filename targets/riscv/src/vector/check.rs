//! What makes a vector instruction illegal: alignment of register groups, overlap of a
//! destination with sources or with the mask (section 30.5.2).

use super::Exec;

/// Registers of a group, by the log2 of their number.
pub(super) fn size(lmul: i8) -> usize {
    1 << lmul.max(0)
}

/// Whether a group may begin at a register.
pub(super) fn aligned(reg: usize, lmul: i8) -> bool {
    reg & (size(lmul) - 1) == 0
}

/// Whether so many registers at two places have one in common.
pub(super) fn overlap(a: usize, of_a: usize, b: usize, of_b: usize) -> bool {
    a < b + of_b && b < a + of_a
}

/// Whether a destination of another element width keeps clear of a source: it may overlap the
/// highest part of itself if it is the larger one and the source is at least one register.
pub(super) fn clear_of(vd: usize, to: i8, vs: usize, from: i8) -> bool {
    let (n, m) = (size(to), size(from));
    let high = n > m && from >= 0 && vd < vs && vs + m == vd + n;
    high || !overlap(vd, n, vs, m)
}

impl Exec<'_> {
    /// A masked instruction does not write the mask register.
    pub(super) fn keeps_mask(&self) -> bool {
        self.vm || self.vd != 0
    }

    /// Sources of a masked instruction are not the mask register, which has another element width.
    pub(super) fn apart(&self, vs1: Option<usize>) -> bool {
        self.vm || self.vs2 != 0 && vs1 != Some(0)
    }

    /// A group of the current LMUL may begin here.
    pub(super) fn group(&self, reg: usize) -> bool {
        aligned(reg, self.v.lmul)
    }

    /// Destination and sources have the same width.
    pub(super) fn single(&self, vs1: Option<usize>) -> bool {
        self.keeps_mask()
            && self.apart(vs1)
            && self.group(self.vd)
            && self.group(self.vs2)
            && vs1.is_none_or(|r| self.group(r))
    }

    /// The destination is a mask, sources are groups.
    pub(super) fn to_mask(&self, vs1: Option<usize>) -> bool {
        let clear = |r: usize| r == self.vd || clear_of(self.vd, 0, r, self.v.lmul);
        let fits = |r: usize| self.group(r) && clear(r);
        fits(self.vs2) && vs1.is_none_or(fits)
    }

    /// The destination is twice as wide; so is vs2, if `wide`.
    pub(super) fn widens(&self, vs1: Option<usize>, wide: bool) -> bool {
        let lmul = self.v.lmul;
        // Multiply-add reads the destination too.
        let adds = self.word >> 26 >= 0x3c;
        let narrow = |r: usize| {
            let clear = clear_of(self.vd, lmul + 1, r, lmul);
            self.group(r) && clear && !(adds && overlap(self.vd, size(lmul + 1), r, size(lmul)))
        };
        lmul <= 2
            && self.v.sew < 3
            && self.keeps_mask()
            && aligned(self.vd, lmul + 1)
            && self.apart(vs1)
            && (if wide { aligned(self.vs2, lmul + 1) } else { narrow(self.vs2) })
            && vs1.is_none_or(narrow)
            && (!wide || self.distinct(vs1))
    }

    /// vs2 is twice as wide.
    pub(super) fn narrows(&self, vs1: Option<usize>) -> bool {
        let lmul = self.v.lmul;
        lmul <= 2
            && self.v.sew < 3
            && self.keeps_mask()
            && self.group(self.vd)
            && aligned(self.vs2, lmul + 1)
            && self.apart(vs1)
            && (self.vd == self.vs2 || clear_of(self.vd, lmul, self.vs2, lmul + 1))
            && vs1.is_none_or(|r| self.group(r))
            && self.distinct(vs1)
    }

    /// No register is read as vs2, twice as wide, and as vs1.
    fn distinct(&self, vs1: Option<usize>) -> bool {
        let lmul = self.v.lmul;
        vs1.is_none_or(|r| !overlap(r, size(lmul), self.vs2, size(lmul + 1)))
    }

    /// Instructions that cannot go on in the middle.
    pub(super) fn at_start(&self) -> bool {
        self.v.vstart == 0
    }
}
