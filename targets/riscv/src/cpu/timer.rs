//! Sstc: a timer compare register of the supervisor's own (privileged architecture, chapter
//! "Sstc"). While menvcfg.STCE is set, mip.STIP shows that `time` has reached stimecmp.

use super::envcfg::STCE;
use super::*;
use hetemu_hw::time::{Ps, at_tick, ticks};

/// mip.STIP.
pub(crate) const STIP: u64 = 1 << 5;
/// The TM bit of the counter enables.
const TM: u64 = 1 << 1;

impl Hart {
    /// Whether stimecmp drives STIP.
    pub(crate) fn stce(&self) -> bool {
        self.menvcfg & STCE != 0
    }

    /// Whether the current mode gets at stimecmp.
    pub(crate) fn stimecmp_visible(&self) -> bool {
        self.mode == Priv::Machine || self.stce() && self.mcounteren & TM != 0
    }

    fn due(&self, now: Ps) -> bool {
        ticks(now, self.timebase_hz) >= self.stimecmp
    }

    /// Looks at the clock.
    pub(crate) fn look_at_clock(&mut self, now: Ps) {
        self.stip = self.stce() && self.due(now);
    }

    /// stimecmp or its enable has changed: the interrupt comes or goes at once, or is asked for.
    pub(crate) fn set_alarm(&mut self, env: &mut dyn Env) {
        if !self.isa.sstc {
            return;
        }
        self.look_at_clock(env.now_ps());
        let never = self.stip || !self.stce();
        env.wake_at(if never { Ps::MAX } else { at_tick(self.stimecmp, self.timebase_hz) });
    }

    /// Pending interrupts as a register reads at this instruction.
    pub(crate) fn pending_now(&self, env: Option<&dyn Env>) -> u64 {
        let pending = self.pending();
        let due = self.stce() && env.is_some_and(|e| self.due(e.now_ps()));
        pending | if due { STIP } else { 0 }
    }
}
