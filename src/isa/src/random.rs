//! Random valid instructions from a decode table, from a seed: the same on every host and run.

use crate::decode::{Field, Row};

/// A small generator (xorshift64*): good enough to spread bits, and fixed for all time.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a seed; all seeds are good.
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `n` (0 if `n` is 0).
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// A 64-bit value as programs have them: often small, a power of two, or an edge.
    pub fn value(&mut self) -> u64 {
        let bits = self.bits();
        match self.below(8) {
            0 => bits & 0xff,
            1 => (bits as i8) as u64,
            2 => 1u64 << (bits & 63),
            3 => (1u64 << (bits & 63)).wrapping_sub(1),
            4 => (bits as i32) as u64,
            5 => [0, 1, u64::MAX, 1 << 63, i64::MAX as u64, 0x7fff_ffff, 0x8000_0000, !0x7fff_ffff]
                [(bits & 7) as usize],
            _ => bits,
        }
    }
}

/// A random encoding of one of the rows that a set of extensions has and `keep` lets pass; the
/// row's index and the word. A word may be that of a more specific row. `None` if no row passes.
pub fn instruction(
    random: &mut Random,
    rows: &[Row],
    fields: &[Field],
    set: u64,
    keep: impl Fn(&Row) -> bool,
) -> Option<(usize, u32)> {
    let fits = |r: &Row| set & r.need == r.need && keep(r);
    let all: Vec<usize> = (0..rows.len()).filter(|i| fits(&rows[*i])).collect();
    let index = *all.get(random.below(all.len() as u64) as usize)?;
    let row = &rows[index];
    let word = row.encode(random.bits() as u32);
    debug_assert!(row.matches(word, set, fields));
    Some((index, word))
}
