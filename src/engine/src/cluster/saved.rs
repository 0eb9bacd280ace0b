//! Saved state of cores: what the engine knows of one. Numbers are never reused.
//!
//! Translated code is no state: it is made again. What the soft TLB holds is (`mmu::saved`).

use super::Cluster;
use crate::frame::NO_RESERVATION;
use hetemu_isa::{Flush, LoadError, Mode, Reader, Writer};

const SLOTS: u16 = 1;
const STEPS: u16 = 2;
const RAISED: u16 = 3;
const WAITING: u16 = 4;
/// Address and value; missing without a reservation.
const RESERVED: u16 = 5;
/// Runs of other cores that the reservation has outlived.
const AWAY: u16 = 6;
/// It is held in reset.
const HOLD: u16 = 7;
/// Missing: nothing is known.
const TRANSLATIONS: u16 = 8;

impl Cluster {
    /// Writes what the engine knows of a core, which stands between two instructions. What lies in
    /// [`hetemu_isa::Cpu`] is written by that.
    pub fn save(&self, core: usize, w: &mut Writer) {
        let Some(c) = self.cores.get(core) else { return };
        let slots = c.cpu.layout().slots.len();
        w.ints(SLOTS, c.frame.regs.0.iter().take(slots).copied());
        w.int(STEPS, c.steps);
        w.int(RAISED, c.raised);
        w.int(WAITING, c.waiting.into());
        if c.frame.reserved != NO_RESERVATION {
            w.ints(RESERVED, [c.frame.reserved, c.frame.reserved_value]);
        }
        w.int(AWAY, c.away.into());
        w.int(HOLD, c.held.into());
        w.ints(TRANSLATIONS, c.mmu.save(&self.space));
    }

    /// Steps of a core's clock since it was made: instructions that retired or raised.
    pub fn steps(&self, core: usize) -> u64 {
        self.cores.get(core).map_or(0, |c| c.steps)
    }

    /// Reads what [`Cluster::save`] wrote. Memory must hold what it held then.
    ///
    /// # Errors
    /// A field that is missing or cannot be.
    pub fn load(&mut self, core: usize, r: &Reader<'_>) -> Result<(), LoadError> {
        // What was written to code from outside is looked at before anything is known of it again.
        self.absorb();
        self.foreign = Default::default();
        let Some(c) = self.cores.get_mut(core) else { return Ok(()) };
        let layout = c.cpu.layout();
        let (slots, regimes) = (layout.slots.len(), layout.regimes);
        let to = c.frame.regs.0.get_mut(..slots).ok_or(LoadError::Bad(SLOTS))?;
        r.ints(SLOTS, to)?;
        (c.steps, c.raised) = (r.int(STEPS)?, r.int(RAISED)?);
        (c.waiting, c.held) = (r.int(WAITING)? != 0, r.int(HOLD)? != 0);
        c.away = u32::try_from(r.int(AWAY)?).map_err(|_| LoadError::Bad(AWAY))?;
        let mut reserved = [NO_RESERVATION, 0];
        match r.ints(RESERVED, &mut reserved) {
            Ok(()) | Err(LoadError::Missing(_)) => {}
            Err(e) => return Err(e),
        }
        [c.frame.reserved, c.frame.reserved_value] = reserved;
        c.events.host_floats = true;
        (c.pass, c.events.hit, c.events.passing) = (None, None, None);
        // No core is in this mode: the next run asks what holds now.
        c.mode = Mode { key: u32::MAX, ..Mode::default() };
        c.mmu.flush(Flush::All);
        match r.bytes(TRANSLATIONS) {
            Ok(bytes) => {
                let (words, rest) = bytes.as_chunks::<8>();
                let words: Vec<u64> = words.iter().map(|w| u64::from_le_bytes(*w)).collect();
                let loaded = c.mmu.load(&self.space, &words, regimes);
                loaded.filter(|()| rest.is_empty()).ok_or(LoadError::Bad(TRANSLATIONS))?;
            }
            Err(LoadError::Missing(_)) => {}
            Err(e) => return Err(e),
        }
        c.take_epoch(&mut self.cache);
        Ok(())
    }
}
