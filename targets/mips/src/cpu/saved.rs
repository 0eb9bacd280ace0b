//! Saved state of a core: what no slot holds. Numbers are never reused.

use super::{Core, State};
use crate::cpu::tlb::Entry;
use hetemu_schema::state::{LoadError, Reader, Writer};

/// Registers, in the order of `State::words`.
const WORDS: u16 = 1;
/// Entries of the TLB: vpn, mask, ASID, global, two EntryLo, written.
const TLB: u16 = 2;
/// Missing before the first exception.
const HANDLER: u16 = 3;

const COUNT: usize = 38;
const PER_ENTRY: usize = 7;

impl State {
    /// Every register; the order is that of saved states.
    fn words(&mut self) -> [&mut u64; COUNT] {
        let State {
            index,
            entry_lo: [lo0, lo1],
            context,
            page_mask,
            wired,
            hwrena,
            bad_vaddr,
            entry_hi,
            compare,
            status,
            intctl,
            cause,
            epc,
            ebase,
            config,
            xcontext,
            tag: [tag0, tag1, tag2, tag3],
            error_epc,
            depc,
            desave,
            scratch: [s0, s1, s2, s3, s4, s5],
            fcsr,
            count,
            due,
            timer,
            lines,
            nmi,
            nmi_edge,
            random,
        } = self;
        [
            index, lo0, lo1, context, page_mask, wired, hwrena, bad_vaddr, entry_hi, compare,
            status, intctl, cause, epc, ebase, config, xcontext, tag0, tag1, tag2, tag3, error_epc,
            depc, desave, s0, s1, s2, s3, s4, s5, fcsr, count, due, timer, lines, nmi, nmi_edge,
            random,
        ]
    }
}

impl Core {
    pub(super) fn write_state(&self, w: &mut Writer) {
        let mut state = self.s.clone();
        w.ints(WORDS, state.words().into_iter().map(|v| *v));
        let words =
            |e: &Entry| [e.vpn, e.mask, e.asid, e.global.into(), e.lo[0], e.lo[1], e.there.into()];
        w.ints(TLB, self.tlb.iter().flat_map(words));
        if let Some(handler) = self.handler {
            w.int(HANDLER, handler);
        }
    }

    pub(super) fn read_state(&mut self, r: &Reader<'_>) -> Result<(), LoadError> {
        let mut words = [0; COUNT];
        r.ints(WORDS, &mut words)?;
        let mut entries = vec![0; self.tlb.len() * PER_ENTRY];
        r.ints(TLB, &mut entries)?;
        let handler = match r.int(HANDLER) {
            Ok(value) => Some(value),
            Err(LoadError::Missing(_)) => None,
            Err(e) => return Err(e),
        };
        let mut tlb = Vec::with_capacity(self.tlb.len());
        for e in entries.chunks_exact(PER_ENTRY) {
            let [vpn, mask, asid, global @ 0..=1, lo0, lo1, there @ 0..=1] = *e else {
                return Err(LoadError::Bad(TLB));
            };
            // A mask is ones from bit 0 on, of at least a pair of pages.
            let ones = mask & mask.wrapping_add(1) == 0 && (0x1fff..=0x1fff_ffff).contains(&mask);
            if there == 1 && !ones {
                return Err(LoadError::Bad(TLB));
            }
            let lo = [lo0, lo1];
            tlb.push(Entry { vpn, mask, asid, global: global == 1, lo, there: there == 1 });
        }
        for (to, from) in self.s.words().into_iter().zip(words) {
            *to = from;
        }
        (self.tlb, self.handler) = (tlb, handler);
        Ok(())
    }
}
