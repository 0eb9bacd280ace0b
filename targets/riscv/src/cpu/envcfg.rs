//! What menvcfg and senvcfg let less privileged modes do. Privileged architecture, sections 3.1.18
//! and 12.1.10; cache-block instructions in the unprivileged manual's chapter on CMOs.

use super::{Hart, Priv};

/// Fences of I/O imply memory.
pub(crate) const FIOM: u64 = 1;
/// cbo.inval: 0 illegal, 1 does a flush, 3 allowed, 2 reserved.
pub(crate) const CBIE: u64 = 3 << 4;
/// cbo.clean and cbo.flush.
pub(crate) const CBCFE: u64 = 1 << 6;
/// cbo.zero.
pub(crate) const CBZE: u64 = 1 << 7;
/// The walk updates accessed and dirty bits (Svadu).
pub(crate) const ADUE: u64 = 1 << 61;
/// Page-based memory types (Svpbmt).
pub(crate) const PBMTE: u64 = 1 << 62;
/// stimecmp drives STIP (Sstc).
pub(crate) const STCE: u64 = 1 << 63;
/// The fields that senvcfg has too.
pub(crate) const SENVCFG: u64 = FIOM | CBIE | CBCFE | CBZE;

/// The register after a write: a reserved CBIE keeps the old one.
pub(crate) fn legal(old: u64, value: u64, fields: u64) -> u64 {
    let value = if value & CBIE == 2 << 4 { value & !CBIE | old & CBIE } else { value };
    value & fields
}

impl Hart {
    /// Whether the current mode may do what a field of the registers enables.
    pub(crate) fn enabled(&self, field: u64) -> bool {
        let m = self.mode == Priv::Machine || self.menvcfg & field != 0;
        let below_s = self.mode == Priv::User && self.isa.supervisor;
        m && (!below_s || self.senvcfg & field != 0)
    }
}
