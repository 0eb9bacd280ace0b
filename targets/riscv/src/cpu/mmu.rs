//! Address translation: Sv32, Sv39, Sv48, Sv57. Privileged architecture, sections 12.3 to 12.6.
//!
//! Accessed and dirty bits are set by the walk, unless the core says that it faults instead (Svade,
//! or Svadu with menvcfg.ADUE clear). A page without D is answered as not writable, so that the
//! first store walks again. Svnapot's 64 KiB pages are there; memory types (Svpbmt) are taken and
//! change nothing.

use super::pmp::{self, R, W, X};
use super::{Hart, MXR, Regime, envcfg};
use hetemu_isa::{Access, Env, Exception, Translation};

const V: u64 = 1;
const U: u64 = 1 << 4;
const G: u64 = 1 << 5;
const ACCESSED: u64 = 1 << 6;
const DIRTY: u64 = 1 << 7;
/// Svnapot: the entry is one of sixteen of a larger page.
const N: u64 = 1 << 63;
/// The low page-number bits that say 64 KiB, the only size, and what they stand for.
const NAPOT_64K: u64 = 8;
const NAPOT_PAGES: u64 = 15;

/// The shape of a translation scheme.
struct Scheme {
    levels: u32,
    /// Bits of an index, and bytes of an entry.
    index: u32,
    entry: u8,
}

/// Where a walk ends.
struct Leaf {
    pa: u64,
    /// Bytes of the page.
    size: u64,
    /// Permissions of the page.
    allowed: u8,
    /// In every address space.
    global: bool,
}

fn scheme(bits: u8, satp: u64) -> Option<Scheme> {
    if bits == 32 {
        return (satp >> 31 & 1 == 1).then_some(Scheme { levels: 2, index: 10, entry: 4 });
    }
    match satp >> 60 {
        8 => Some(Scheme { levels: 3, index: 9, entry: 8 }),
        9 => Some(Scheme { levels: 4, index: 9, entry: 8 }),
        10 => Some(Scheme { levels: 5, index: 9, entry: 8 }),
        _ => None,
    }
}

pub(crate) fn page_fault(access: Access, va: u64) -> Exception {
    let cause = match access {
        Access::Fetch => 12,
        Access::Load => 13,
        Access::Store => 15,
    };
    Exception { cause, value: va }
}

pub(crate) fn access_fault(access: Access, va: u64) -> Exception {
    let cause = match access {
        Access::Fetch => 1,
        Access::Load => 5,
        Access::Store => 7,
    };
    Exception { cause, value: va }
}

impl Hart {
    pub(crate) fn translate_in(
        &mut self,
        regime: Regime,
        va: u64,
        access: Access,
        env: &mut dyn Env,
    ) -> Result<Translation, Exception> {
        let machine = regime == Regime::Machine;
        let scheme = if machine { None } else { scheme(self.isa.bits, self.satp) };
        let Leaf { pa, size, allowed: mapped, global } = match scheme {
            None => Leaf { pa: va, size: 1 << 56, allowed: R | W | X, global: true },
            Some(s) => self.walk(&s, regime, va, access, env)?,
        };
        let (permissions, first, last) = self.pmp.permissions(pa, machine);
        if permissions & pmp::need(access) == 0 {
            return Err(access_fault(access, va));
        }
        let allowed = permissions & mapped;
        Ok(Translation {
            pa,
            span: pmp::span(pa, first, last, size),
            read: allowed & R != 0,
            write: allowed & W != 0,
            exec: allowed & X != 0,
            global,
        })
    }

    /// Walks the tables.
    fn walk(
        &mut self,
        s: &Scheme,
        regime: Regime,
        va: u64,
        access: Access,
        env: &mut dyn Env,
    ) -> Result<Leaf, Exception> {
        let fault = Err(page_fault(access, va));
        let denied = access_fault(access, va);
        let va_bits = 12 + s.levels * s.index;
        if s.entry == 8 && (va as i64) << (64 - va_bits) >> (64 - va_bits) != va as i64 {
            return fault;
        }
        let ppn_bits = if s.entry == 8 { 44 } else { 22 };
        let mut table = (self.satp & ((1 << ppn_bits) - 1)) << 12;
        // A pointer with G makes all that it leads to global.
        let mut global = false;
        for level in (0..s.levels).rev() {
            let shift = 12 + level * s.index;
            let index = va >> shift & ((1 << s.index) - 1);
            let at = table + index * u64::from(s.entry);
            if !self.pmp.allows(at, s.entry.into(), Access::Load, false) {
                return Err(denied);
            }
            let pte = env.phys_read(at, s.entry).ok_or(denied)?;
            let rwx = (pte >> 1 & 7) as u8;
            if pte & V == 0 || rwx & (R | W) == W || s.entry == 8 && self.reserved_bits(pte) {
                return fault;
            }
            let ppn = pte >> 10 & ((1 << ppn_bits) - 1);
            global |= pte & G != 0;
            if rwx == 0 {
                if pte & (U | ACCESSED | DIRTY) != 0 || s.entry == 8 && pte >> 54 != 0 {
                    return fault;
                }
                table = ppn << 12;
                continue;
            }
            let (mut size, mut base) = (1u64 << shift, ppn << 12);
            if s.entry == 8 && pte & N != 0 {
                if level > 0 || ppn & NAPOT_PAGES != NAPOT_64K {
                    return fault;
                }
                (size, base) = ((NAPOT_PAGES + 1) << 12, (ppn & !NAPOT_PAGES) << 12);
            }
            if base & (size - 1) != 0 {
                return fault;
            }
            let mut allowed = rwx;
            if self.mstatus & MXR != 0 && rwx & X != 0 {
                allowed |= R;
            }
            match (regime, pte & U != 0) {
                (Regime::User, true) | (Regime::Supervisor | Regime::Sum, false) => {}
                (Regime::Sum, true) => allowed &= !X,
                _ => return fault,
            }
            if allowed & pmp::need(access) == 0 {
                return fault;
            }
            let set = ACCESSED | if access == Access::Store { DIRTY } else { 0 };
            let mut now = pte;
            if pte & set != set {
                if !self.updates_pte() {
                    return fault;
                }
                if !self.pmp.allows(at, s.entry.into(), Access::Store, false) {
                    return Err(denied);
                }
                now |= set;
                if !env.phys_update(at, s.entry, pte, now).ok_or(denied)? {
                    // Another core changed it meanwhile: what the entry says now counts.
                    return self.walk(s, regime, va, access, env);
                }
            }
            if now & DIRTY == 0 {
                allowed &= !W;
            }
            return Ok(Leaf { pa: base | va & (size - 1), size, allowed, global });
        }
        fault
    }

    /// Whether bits 63 to 54 of an entry have something that no extension here gives a meaning.
    fn reserved_bits(&self, pte: u64) -> bool {
        let pbmt = pte >> 61 & 3;
        let types = self.menvcfg & envcfg::PBMTE != 0;
        pte >> 54 & 0x7f != 0
            || pbmt == 3
            || pbmt != 0 && !types
            || pte & N != 0 && !self.isa.svnapot
    }

    /// Whether the walk sets accessed and dirty bits.
    fn updates_pte(&self) -> bool {
        if self.isa.menvcfg & envcfg::ADUE != 0 {
            self.menvcfg & envcfg::ADUE != 0
        } else {
            !self.isa.svade
        }
    }
}
