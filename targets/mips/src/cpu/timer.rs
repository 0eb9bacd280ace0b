//! Count and Compare. Volume III, chapters of the registers 9 and 11: Count runs at half the core's
//! clock; when it equals Compare, Cause.TI and the timer's interrupt are set until Compare is
//! written.

use super::{Core, cause_reg};
use hetemu_hw::time::{Ps, at_tick, ticks};
use hetemu_isa::Env;

impl Core {
    fn stopped(&self) -> bool {
        self.s.cause & cause_reg::DC != 0
    }

    /// The value of Count.
    pub(crate) fn count(&self, now: Ps) -> u64 {
        let ticks = if self.stopped() { 0 } else { ticks(now, self.count_hz) };
        self.s.count.wrapping_add(ticks) & 0xffff_ffff
    }

    /// Notes that Count has reached Compare, if it has.
    pub(crate) fn look_at_clock(&mut self, now: Ps) {
        if ticks(now, self.count_hz) >= self.s.due {
            self.s.timer = 1;
        }
    }

    /// Looks for the next time that Count equals Compare, and asks for it.
    pub(crate) fn set_alarm(&mut self, env: &mut dyn Env) {
        let now = env.now_ps();
        if self.stopped() {
            self.s.due = u64::MAX;
            return env.wake_at(Ps::MAX);
        }
        let left = self.s.compare.wrapping_sub(self.count(now)) & 0xffff_ffff;
        let left = if left == 0 { 1 << 32 } else { left };
        self.s.due = ticks(now, self.count_hz).saturating_add(left);
        env.wake_at(at_tick(self.s.due, self.count_hz));
    }

    pub(crate) fn set_count(&mut self, value: u64, env: &mut dyn Env) {
        let ticks = if self.stopped() { 0 } else { ticks(env.now_ps(), self.count_hz) };
        self.s.count = value.wrapping_sub(ticks) & 0xffff_ffff;
        self.set_alarm(env);
    }

    pub(crate) fn set_compare(&mut self, value: u64, env: &mut dyn Env) {
        self.s.compare = value & 0xffff_ffff;
        self.s.timer = 0;
        self.set_alarm(env);
    }

    /// Writes Cause, which may stop or start Count.
    pub(crate) fn set_cause(&mut self, value: u64, env: &mut dyn Env) {
        use cause_reg::{DC, IP_SOFT, IV, WP};
        let count = self.count(env.now_ps());
        let writable = IP_SOFT | IV | DC | WP & self.s.cause;
        self.s.cause = self.s.cause & !writable | value & writable;
        if value & WP == 0 {
            self.s.cause &= !WP;
        }
        self.set_count(count, env);
    }
}
