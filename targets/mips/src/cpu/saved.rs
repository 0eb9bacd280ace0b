//! Saved state of a core: what no slot holds. Numbers are never reused.

use super::{Core, State};
use crate::cpu::tlb::{Entry, MOST_KEPT};
use hetemu_schema::state::{LoadError, Reader, Writer};

/// Registers, in the order of `State::words`.
const WORDS: u16 = 1;
/// Entries of the TLB: vpn, mask, ASID, global, two EntryLo, written.
const TLB: u16 = 2;
/// Missing before the first exception.
const HANDLER: u16 = 3;
/// Replaced entries that still translate, as those of the TLB, the oldest first; missing if there
/// are none.
const KEPT: u16 = 4;

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
        if !self.kept.is_empty() {
            let unused = (self.kept.len()..MOST_KEPT).map(|_| Entry::default());
            let kept: Vec<Entry> = self.kept.iter().copied().chain(unused).collect();
            w.ints(KEPT, kept.iter().flat_map(words));
        }
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
        let mut replaced = vec![0; MOST_KEPT * PER_ENTRY];
        match r.ints(KEPT, &mut replaced) {
            Ok(()) => {}
            Err(LoadError::Missing(_)) => replaced.clear(),
            Err(e) => return Err(e),
        }
        let tlb = entries_of(&entries, TLB)?;
        let mut kept = entries_of(&replaced, KEPT)?;
        kept.retain(|e| e.there);
        for (to, from) in self.s.words().into_iter().zip(words) {
            *to = from;
        }
        (self.tlb, self.kept, self.handler) = (tlb, kept, handler);
        Ok(())
    }
}

/// Entries from their numbers.
fn entries_of(numbers: &[u64], field: u16) -> Result<Vec<Entry>, LoadError> {
    let mut list = Vec::with_capacity(numbers.len() / PER_ENTRY);
    for e in numbers.chunks_exact(PER_ENTRY) {
        let [vpn, mask, asid, global @ 0..=1, lo0, lo1, there @ 0..=1] = *e else {
            return Err(LoadError::Bad(field));
        };
        // A mask is ones from bit 0 on, of at least a pair of pages.
        let ones = mask & mask.wrapping_add(1) == 0 && (0x1fff..=0x1fff_ffff).contains(&mask);
        if there == 1 && !ones {
            return Err(LoadError::Bad(field));
        }
        let lo = [lo0, lo1];
        list.push(Entry { vpn, mask, asid, global: global == 1, lo, there: there == 1 });
    }
    Ok(list)
}
