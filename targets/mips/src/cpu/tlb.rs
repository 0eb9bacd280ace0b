//! Address translation: segments, and the TLB that software fills. Volume III, chapter 4.
//!
//! Nothing is remembered of addresses that are not mapped, so a new entry needs no flush; those of
//! the entry that it replaces are forgotten.

use super::{Core, Regime, cause, status};
use crate::isa::Mmu;
use hetemu_isa::{Access, Env, Exception, Flush, Translation};

/// The smallest stretch that is mapped at once: of unmapped segments too, which are never flushed.
const PAGE: u64 = 4096;

/// Fields of an EntryLo.
const G: u64 = 1;
const V: u64 = 2;
const D: u64 = 4;

/// Entries that TLBWR has replaced and that still translate: a TLB of a few entries is filled anew
/// all the time. Software cannot tell, but for the number of refills: it asks for an entry by TLBP,
/// which ends those that match, and empties the TLB by TLBWI, which ends all.
pub(crate) const MOST_KEPT: usize = 48;

/// One entry: two pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The address bits above the pair of pages.
    pub(crate) vpn: u64,
    /// PageMask: the address bits below those that are compared.
    pub(crate) mask: u64,
    pub(crate) asid: u64,
    pub(crate) global: bool,
    /// EntryLo0 and 1.
    pub(crate) lo: [u64; 2],
    /// It was written since reset.
    pub(crate) there: bool,
}

pub(crate) fn address_error(access: Access, va: u64) -> Exception {
    let cause = match access {
        Access::Fetch => cause::ADDRESS_LOAD | cause::FETCH,
        Access::Load => cause::ADDRESS_LOAD,
        Access::Store => cause::ADDRESS_STORE,
    };
    Exception { cause, value: va }
}

fn tlb_fault(access: Access, va: u64, more: u32) -> Exception {
    let cause = match access {
        Access::Fetch => cause::TLB_LOAD | cause::FETCH,
        Access::Load => cause::TLB_LOAD,
        Access::Store => cause::TLB_STORE,
    };
    Exception { cause: cause | more, value: va }
}

/// What an address belongs to.
enum Segment {
    /// Physical memory from an address on.
    Unmapped(u64),
    Mapped,
    /// Not allowed in the mode.
    Denied,
}

impl Core {
    fn segment(&self, regime: Regime, va: u64) -> Segment {
        let kernel = matches!(regime, Regime::Kernel | Regime::Error);
        let low = va as u32;
        let compatible = !self.isa.wide() || va == low as i32 as i64 as u64;
        if compatible {
            return match low >> 29 {
                0..=3 if regime == Regime::Error => Segment::Unmapped(va),
                0..=3 => Segment::Mapped,
                4 | 5 if kernel => Segment::Unmapped(u64::from(low & 0x1fff_ffff)),
                6 if regime != Regime::User => Segment::Mapped,
                7 if kernel => Segment::Mapped,
                _ => Segment::Denied,
            };
        }
        let on = |bit: u64| self.s.status & bit != 0;
        let inside = va & !(3 << 62) < 1 << self.isa.seg_bits;
        let allowed = match regime {
            Regime::User => on(status::UX),
            Regime::Supervisor => on(status::SX),
            _ => on(status::KX),
        };
        match va >> 62 {
            0 if allowed && inside && regime == Regime::Error => Segment::Unmapped(va),
            0 if allowed && inside => Segment::Mapped,
            1 if allowed && inside && regime != Regime::User => Segment::Mapped,
            2 if kernel && allowed => {
                let pa = va & ((1 << 59) - 1);
                if pa < 1 << self.isa.phys_bits { Segment::Unmapped(pa) } else { Segment::Denied }
            }
            3 if allowed && kernel && va & !(3 << 62) < (1 << self.isa.seg_bits) - (1 << 31) => {
                Segment::Mapped
            }
            _ => Segment::Denied,
        }
    }

    pub(crate) fn translate_in(
        &mut self,
        regime: Regime,
        va: u64,
        access: Access,
    ) -> Result<Translation, Exception> {
        if access == Access::Fetch && va & 1 != 0 {
            return Err(address_error(access, va));
        }
        let all = |pa: u64| Translation {
            pa,
            span: PAGE,
            read: true,
            write: true,
            exec: true,
            global: true,
        };
        match self.segment(regime, va) {
            Segment::Denied => Err(address_error(access, va)),
            Segment::Unmapped(pa) => Ok(all(pa)),
            Segment::Mapped if self.isa.mmu == Mmu::Fixed => {
                let low = va & 0xffff_ffff;
                Ok(all(if low < 1 << 31 { low + (1 << 30) } else { low }))
            }
            Segment::Mapped => self.walk(va, access),
        }
    }

    /// The bits of an address that entries compare.
    fn compared(&self, va: u64) -> u64 {
        let bits = if self.isa.wide() { self.isa.address_bits() } else { 0xffff_ffff };
        va & bits & !0x1fff
    }

    fn find(&self, va: u64) -> Option<usize> {
        self.tlb.iter().position(|e| self.is_of(e, va))
    }

    /// Whether an entry is of an address in the address space in force.
    fn is_of(&self, e: &Entry, va: u64) -> bool {
        let (vpn, asid) = (self.compared(va), self.s.entry_hi & 0xff);
        e.there && (e.vpn ^ vpn) & !e.mask == 0 && (e.global || e.asid == asid)
    }

    /// A replaced entry that still translates an access. One that would raise an exception does not
    /// count: software would look for it in vain.
    fn kept(&self, va: u64, access: Access) -> Option<&Entry> {
        let found = self.kept.iter().find(|e| self.is_of(e, va))?;
        let size = (found.mask | 0x1fff).wrapping_add(1) >> 1;
        let lo = found.lo[usize::from(va & size != 0)];
        (lo & V != 0 && (access != Access::Store || lo & D != 0)).then_some(found)
    }

    /// Ends replaced entries.
    fn forget_kept(&mut self, env: &mut dyn Env, ends: impl Fn(&Core, &Entry) -> bool) {
        let mut at = 0;
        while let Some(e) = self.kept.get(at).copied() {
            if ends(self, &e) {
                self.kept.remove(at);
                self.forget(&e, env);
            } else {
                at += 1;
            }
        }
    }

    fn walk(&self, va: u64, access: Access) -> Result<Translation, Exception> {
        let found = self.find(va).and_then(|at| self.tlb.get(at));
        let Some(entry) = found.or_else(|| self.kept(va, access)) else {
            let on = match va >> 62 {
                0 => status::UX,
                1 => status::SX,
                _ => status::KX,
            };
            let wide = self.isa.wide() && self.s.status & on != 0;
            let more = cause::REFILL | if wide { cause::WIDE } else { 0 };
            return Err(tlb_fault(access, va, more));
        };
        // Both pages of the pair: half of what the mask covers, and at least 4 KiB.
        let size = (entry.mask | 0x1fff).wrapping_add(1) >> 1;
        let lo = entry.lo[usize::from(va & size != 0)];
        if lo & V == 0 {
            return Err(tlb_fault(access, va, 0));
        }
        if access == Access::Store && lo & D == 0 {
            return Err(Exception { cause: cause::MODIFIED, value: va });
        }
        let base = (lo >> 6) << 12 & ((1 << self.isa.phys_bits) - 1) & !(size - 1);
        Ok(Translation {
            pa: base | va & (size - 1),
            span: size,
            read: true,
            write: lo & D != 0,
            exec: true,
            global: entry.global,
        })
    }

    /// TLBP.
    pub(crate) fn tlb_probe(&mut self, env: &mut dyn Env) {
        let va = self.s.entry_hi;
        self.s.index = self.find(va).map_or(1 << 31, |at| at as u64);
        self.forget_kept(env, |core, e| core.is_of(e, va));
    }

    /// TLBR.
    pub(crate) fn tlb_read(&mut self, env: &mut dyn Env) {
        // Who looks through the TLB must see all that translates.
        self.forget_kept(env, |_, _| true);
        let Some(e) = self.tlb.get(self.s.index as usize & 63).copied() else { return };
        self.s.page_mask = e.mask & !0x1fff;
        self.s.entry_hi = self.isa_sign(e.vpn & !e.mask) | e.asid;
        let g = if e.global { G } else { 0 };
        self.s.entry_lo = e.lo.map(|lo| lo & !G | g);
    }

    /// The upper bits of an EntryHi as a register of this core has them.
    fn isa_sign(&self, vpn: u64) -> u64 {
        vpn & self.mask()
    }

    /// TLBWI.
    pub(crate) fn tlb_write_indexed(&mut self, env: &mut dyn Env) {
        self.tlb_write(self.s.index as usize & 63, false, env);
    }

    /// TLBWR.
    pub(crate) fn tlb_write_random(&mut self, env: &mut dyn Env) {
        let at = self.random();
        self.tlb_write(at as usize, true, env);
        self.s.random = self.s.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    }

    /// Random: above Wired, another one after each TLBWR.
    pub(crate) fn random(&self) -> u64 {
        let n = self.tlb.len() as u64;
        let wired = self.s.wired.min(n.saturating_sub(1));
        wired + (self.s.random >> 33) % (n - wired).max(1)
    }

    fn tlb_write(&mut self, at: usize, random: bool, env: &mut dyn Env) {
        let mask = self.s.page_mask | 0x1fff;
        let new = Entry {
            vpn: self.compared(self.s.entry_hi) & !mask,
            mask,
            asid: self.s.entry_hi & 0xff,
            global: self.s.entry_lo[0] & self.s.entry_lo[1] & G != 0,
            lo: self.s.entry_lo,
            there: true,
        };
        let Some(place) = self.tlb.get_mut(at) else { return };
        let old = std::mem::replace(place, new);
        let same = |e: &Entry| {
            (e.vpn ^ new.vpn) & !(e.mask | new.mask) == 0
                && (e.global || new.global || e.asid == new.asid)
        };
        // A change of rights leaves the others; any other write by index may be one of those that
        // empty the TLB.
        let all = !(random || old.there && same(&old));
        self.forget_kept(env, |_, e| all || same(e));
        if !old.there || old == new {
            return;
        }
        if !random || same(&old) {
            return self.forget(&old, env);
        }
        if self.kept.len() >= MOST_KEPT {
            let oldest = self.kept.remove(0);
            self.forget(&oldest, env);
        }
        self.kept.push(old);
    }

    /// Has the engine forget what an entry mapped.
    fn forget(&self, e: &Entry, env: &mut dyn Env) {
        let size = (e.mask + 1) >> 1;
        for (half, lo) in (0..).zip(e.lo) {
            if lo & V == 0 {
                continue;
            }
            let va = self.signed(e.vpn) + half * size;
            env.flush_tlb(match e.global {
                true => Flush::Page(va & self.mask()),
                false => Flush::PageIn(va & self.mask(), e.asid as u32),
            });
        }
    }

    /// The address that the compared bits of an entry belong to.
    fn signed(&self, vpn: u64) -> u64 {
        match self.isa.wide() && vpn >> 62 == 3 {
            true => vpn | !((1 << self.isa.seg_bits) - 1),
            false => vpn,
        }
    }
}
