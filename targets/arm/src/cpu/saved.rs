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
/// Of the security extension: words of [`Core::secure_words`], bits of [`Core::secure_flags`],
/// BASEPRI, the secure exceptions' words of the sets with ITNS, their priorities, PRIGROUP, when
/// SysTick is next 0.
const SECURE_WORDS: u16 = 11;
const SECURE_FLAGS: u16 = 12;
const SECURE_BASEPRI: u16 = 13;
const SECURE_SETS: u16 = 14;
const SECURE_PRIORITIES: u16 = 15;
const SECURE_GROUP: u16 = 16;
const SECURE_ZERO: u16 = 17;
/// Missing while no clock controller has said one.
const CLOCK: u16 = 18;

impl Core {
    /// Everything that is a word; the order is that of saved states.
    fn words(&mut self) -> Vec<&mut u32> {
        let b = &mut self.bank[0];
        let mut all = vec![
            &mut b.control,
            &mut b.vtor,
            &mut b.scr,
            &mut b.ccr,
            &mut b.shcsr,
            &mut b.cfsr,
            &mut self.hfsr,
            &mut self.dfsr,
            &mut b.mmfar,
            &mut self.bfar,
            &mut b.actlr,
            &mut b.cpacr,
            &mut b.fpccr,
            &mut b.fpcar,
            &mut b.fpdscr,
            &mut self.fpscr,
        ];
        all.extend(&mut b.sp);
        all.extend(&mut b.splim);
        all.extend(b.systick.fields().0);
        all.extend(b.mpu.fields());
        all.extend(self.trace.fields());
        all
    }

    /// As [`Core::words`], what the security extension adds.
    fn secure_words(&mut self) -> Vec<&mut u32> {
        let b = &mut self.bank[1];
        let mut all = vec![
            &mut self.sfsr,
            &mut self.sfar,
            &mut self.nsacr,
            &mut b.control,
            &mut b.vtor,
            &mut b.scr,
            &mut b.ccr,
            &mut b.shcsr,
            &mut b.cfsr,
            &mut b.mmfar,
            &mut b.actlr,
            &mut b.cpacr,
            &mut b.fpccr,
            &mut b.fpcar,
            &mut b.fpdscr,
        ];
        all.extend(&mut b.sp);
        all.extend(&mut b.splim);
        all.extend(b.systick.fields().0);
        all.extend(b.mpu.fields());
        all.extend(self.sau.fields());
        all
    }

    fn secure_flags(&mut self) -> [&mut bool; 6] {
        let b = &mut self.bank[1];
        [
            &mut self.secure,
            &mut b.primask,
            &mut b.faultmask,
            &mut self.nvic.pris,
            &mut self.nvic.bfhfnmins,
            &mut self.reset_is_secure,
        ]
    }

    fn flags(&mut self) -> [&mut bool; 7] {
        [
            &mut self.fresh,
            &mut self.lockup,
            &mut self.bank[0].primask,
            &mut self.bank[0].faultmask,
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
        // One register, as its number is.
        c.bank[0].control |= c.float;
        w.ints(WORDS, c.words().into_iter().map(|n| u64::from(*n)));
        w.ints(FLAGS, c.flags().into_iter().map(|f| u64::from(*f)));
        w.int(IPSR, c.ipsr as u64);
        w.int(BASEPRI, c.bank[0].basepri.into());
        let words: Vec<_> = c.sets().into_iter().map(|s| s.0).collect();
        w.ints(SETS, words.iter().flat_map(|s| &s[..nvic::WORDS - 1]).copied());
        w.bytes(PRIORITIES, &c.nvic.priority[..nvic::MOST]);
        w.int(GROUP, c.nvic.group[0].into());
        w.int(ZERO, *c.bank[0].systick.fields().1);
        if let Some(handler) = c.handler {
            w.int(HANDLER, handler);
        }
        w.int(LAST, c.last.into());
        if let Some(hz) = c.clock_hz {
            w.int(CLOCK, hz);
        }
        if !c.facts.security {
            return;
        }
        w.ints(SECURE_WORDS, c.secure_words().into_iter().map(|n| u64::from(*n)));
        w.ints(SECURE_FLAGS, c.secure_flags().into_iter().map(|f| u64::from(*f)));
        w.int(SECURE_BASEPRI, c.bank[1].basepri.into());
        let last = words.iter().map(|s| s[nvic::WORDS - 1]);
        let blocks = u64::from(c.callable);
        w.ints(SECURE_SETS, last.chain(c.nvic.itns.0).chain([blocks]));
        w.bytes(SECURE_PRIORITIES, &c.nvic.priority[nvic::MOST..]);
        w.int(SECURE_GROUP, c.nvic.group[1].into());
        w.int(SECURE_ZERO, *c.bank[1].systick.fields().1);
    }

    pub(super) fn read_state(&mut self, r: &Reader<'_>) -> Result<(), LoadError> {
        let mut words = vec![0; self.words().len()];
        r.ints(WORDS, &mut words)?;
        for (to, from) in self.words().into_iter().zip(words) {
            *to = u32::try_from(from).map_err(|_| LoadError::Bad(WORDS))?;
        }
        let control = &mut self.bank[0].control;
        self.float = *control & (FPCA | SFPA);
        *control &= NPRIV | SPSEL;
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
        self.bank[0].basepri = small(BASEPRI, 256)? as u8;
        let mut sets = [0; 4 * (nvic::WORDS - 1)];
        r.ints(SETS, &mut sets)?;
        for (to, from) in self.sets().into_iter().zip(sets.chunks_exact(nvic::WORDS - 1)) {
            to.0[..nvic::WORDS - 1].copy_from_slice(from);
        }
        let priorities = r.bytes(PRIORITIES)?;
        if priorities.len() != nvic::MOST {
            return Err(LoadError::Bad(PRIORITIES));
        }
        self.nvic.priority[..nvic::MOST].copy_from_slice(priorities);
        self.nvic.group[0] = small(GROUP, 8)? as u8;
        *self.bank[0].systick.fields().1 = r.int(ZERO)?;
        self.handler = r.int(HANDLER).ok();
        self.last = small(LAST, 256)? as u32;
        self.clock_hz = r.int(CLOCK).ok();
        if let Some(hz) = self.clock_hz {
            self.trace.period = period(hz);
            self.bank.iter_mut().for_each(|b| b.systick.period = period(hz));
        }
        if self.facts.security {
            self.read_secure(r)?;
        }
        self.reconsider();
        Ok(())
    }

    fn read_secure(&mut self, r: &Reader<'_>) -> Result<(), LoadError> {
        let mut words = vec![0; self.secure_words().len()];
        r.ints(SECURE_WORDS, &mut words)?;
        for (to, from) in self.secure_words().into_iter().zip(words) {
            *to = u32::try_from(from).map_err(|_| LoadError::Bad(SECURE_WORDS))?;
        }
        let mut flags = [0; 6];
        r.ints(SECURE_FLAGS, &mut flags)?;
        for (to, from) in self.secure_flags().into_iter().zip(flags) {
            *to = from != 0;
        }
        let basepri = r.int(SECURE_BASEPRI)?;
        self.bank[1].basepri = u8::try_from(basepri).map_err(|_| LoadError::Bad(SECURE_BASEPRI))?;
        let mut sets = [0; 4 + nvic::WORDS + 1];
        r.ints(SECURE_SETS, &mut sets)?;
        for (to, from) in self.sets().into_iter().zip(sets) {
            to.0[nvic::WORDS - 1] = from;
        }
        self.nvic.itns.0.copy_from_slice(&sets[4..4 + nvic::WORDS]);
        self.callable = sets[4 + nvic::WORDS] as u16;
        let priorities = r.bytes(SECURE_PRIORITIES)?;
        let own = &mut self.nvic.priority[nvic::MOST..];
        if priorities.len() != own.len() {
            return Err(LoadError::Bad(SECURE_PRIORITIES));
        }
        own.copy_from_slice(priorities);
        self.nvic.group[1] = match r.int(SECURE_GROUP)? {
            n @ 0..8 => n as u8,
            _ => return Err(LoadError::Bad(SECURE_GROUP)),
        };
        *self.bank[1].systick.fields().1 = r.int(SECURE_ZERO)?;
        Ok(())
    }
}
