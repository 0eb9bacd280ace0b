//! Saved state of a core: what no slot holds. Numbers are never reused.

use super::*;

/// Registers of [`Core::words`], in its order.
const WORDS: u16 = 1;
/// Bits, in the order of [`Core::flags`].
const FLAGS: u16 = 2;
const IPSR: u16 = 3;
const BASEPRI: u16 = 4;
/// Pending, active, enabled, level: four words each.
const SETS: u16 = 5;
const PRIORITIES: u16 = 6;
const GROUP: u16 = 7;
/// When SysTick is next 0.
const ZERO: u16 = 8;
/// Missing before the first exception.
const HANDLER: u16 = 9;
const LAST: u16 = 10;

impl Core {
    /// Everything that is a word; the order is that of saved states.
    fn words(&mut self) -> Vec<&mut u32> {
        let mut all = vec![
            &mut self.control,
            &mut self.vtor,
            &mut self.scr,
            &mut self.ccr,
            &mut self.shcsr,
            &mut self.cfsr,
            &mut self.hfsr,
            &mut self.dfsr,
            &mut self.mmfar,
            &mut self.bfar,
            &mut self.actlr,
            &mut self.cpacr,
            &mut self.fpccr,
            &mut self.fpcar,
            &mut self.fpdscr,
            &mut self.fpscr,
        ];
        all.extend(&mut self.sp);
        all.extend(&mut self.splim);
        all.extend(self.systick.fields().0);
        all.extend(self.mpu.fields());
        all.extend(self.trace.fields());
        all
    }

    fn flags(&mut self) -> [&mut bool; 7] {
        [
            &mut self.fresh,
            &mut self.lockup,
            &mut self.primask,
            &mut self.faultmask,
            &mut self.rearm,
            &mut self.event,
            &mut self.wfe,
        ]
    }

    fn sets(&mut self) -> [&mut Set; 4] {
        let n = &mut self.nvic;
        [&mut n.pending, &mut n.active, &mut n.enabled, &mut n.level]
    }

    pub(super) fn write_state(&self, w: &mut Writer) {
        let mut c = self.clone();
        w.ints(WORDS, c.words().into_iter().map(|n| u64::from(*n)));
        w.ints(FLAGS, c.flags().into_iter().map(|f| u64::from(*f)));
        w.int(IPSR, c.ipsr as u64);
        w.int(BASEPRI, c.basepri.into());
        w.ints(SETS, c.sets().into_iter().flat_map(|s| s.0));
        w.bytes(PRIORITIES, &c.nvic.priority);
        w.int(GROUP, c.nvic.group.into());
        w.int(ZERO, *c.systick.fields().1);
        if let Some(handler) = c.handler {
            w.int(HANDLER, handler);
        }
        w.int(LAST, c.last.into());
    }

    pub(super) fn read_state(&mut self, r: &Reader<'_>) -> Result<(), LoadError> {
        let mut words = vec![0; self.words().len()];
        r.ints(WORDS, &mut words)?;
        for (to, from) in self.words().into_iter().zip(words) {
            *to = u32::try_from(from).map_err(|_| LoadError::Bad(WORDS))?;
        }
        let mut flags = [0; 7];
        r.ints(FLAGS, &mut flags)?;
        for (to, from) in self.flags().into_iter().zip(flags) {
            *to = from != 0;
        }
        let small = |field, limit: u64| match r.int(field)? {
            n if n < limit => Ok(n),
            _ => Err(LoadError::Bad(field)),
        };
        self.ipsr = small(IPSR, self.nvic.count as u64)? as usize;
        self.basepri = small(BASEPRI, 256)? as u8;
        let mut sets = [0; 16];
        r.ints(SETS, &mut sets)?;
        for (to, from) in self.sets().into_iter().zip(sets.chunks_exact(4)) {
            to.0.copy_from_slice(from);
        }
        let priorities = r.bytes(PRIORITIES)?;
        self.nvic.priority = priorities.try_into().map_err(|_| LoadError::Bad(PRIORITIES))?;
        self.nvic.group = small(GROUP, 8)? as u8;
        *self.systick.fields().1 = r.int(ZERO)?;
        self.handler = r.int(HANDLER).ok();
        self.last = small(LAST, 256)? as u32;
        self.reconsider();
        Ok(())
    }
}
