//! One counter: what it counts, and its OUT, as functions of the clocks since it was loaded.
//!
//! The count is not kept; it follows from the time. A new count takes effect at once in every mode
//! (a real one waits for the end of the period in modes 2 and 3).

use super::regs::*;
use hetemu_hw::time::{Ps, SECOND};

/// How a byte of the count is chosen (RW1, RW0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Low,
    High,
    Both,
}

/// A counter's state.
#[derive(Debug, Clone)]
pub(super) struct Counter {
    pub(super) mode: u8,
    pub(super) access: Access,
    pub(super) bcd: bool,
    /// The count register as written; 0 is the greatest.
    pub(super) reload: u16,
    /// It has a count and, in modes 1 and 5, was triggered.
    pub(super) running: bool,
    /// The last control word was followed by a whole count.
    pub(super) loaded: bool,
    /// When it was loaded or triggered last.
    pub(super) start: Ps,
    /// GATE, and the clocks that had passed when it went low (modes 0 and 4 wait then).
    pub(super) gate: bool,
    pub(super) held: Option<u64>,
    /// The low byte of a count that is being written; a read gives the high byte next.
    pub(super) low: Option<u8>,
    pub(super) high_next: bool,
    pub(super) latched: Option<u16>,
    pub(super) status: Option<u8>,
}

impl Default for Counter {
    fn default() -> Counter {
        Counter {
            mode: 0,
            access: Access::Both,
            bcd: false,
            reload: 0,
            running: false,
            loaded: false,
            start: 0,
            gate: true,
            held: None,
            low: None,
            high_next: false,
            latched: None,
            status: None,
        }
    }
}

/// Clocks of a frequency in a time, and the time after which so many have passed.
pub(super) fn clocks(ps: Ps, hz: u64) -> u64 {
    (u128::from(ps) * u128::from(hz) / u128::from(SECOND)) as u64
}

fn after(clocks: u64, hz: u64) -> Ps {
    let ps = (u128::from(clocks) * u128::from(SECOND)).div_ceil(u128::from(hz.max(1)));
    Ps::try_from(ps).unwrap_or(Ps::MAX)
}

impl Counter {
    /// Clocks of a period.
    pub(super) fn period(&self) -> u64 {
        let whole = if self.bcd { 10_000 } else { 0x1_0000 };
        let count = if self.bcd { from_bcd(self.reload) } else { self.reload.into() };
        if count == 0 { whole } else { count }
    }

    fn elapsed(&self, now: Ps, hz: u64) -> u64 {
        self.held.unwrap_or_else(|| clocks(now.saturating_sub(self.start), hz))
    }

    /// The counting element.
    pub(super) fn count(&self, now: Ps, hz: u64) -> u16 {
        let n = self.period();
        let whole = if self.bcd { 10_000 } else { 0x1_0000 };
        let done = if self.running { self.elapsed(now, hz) } else { 0 };
        let value = match self.mode {
            2 => n - done % n,
            // Counts by two, twice a period.
            3 => (n - done.wrapping_mul(2) % n) & !1,
            _ => (n + whole - done % whole) % whole,
        };
        if self.bcd { to_bcd(value) } else { value as u16 }
    }

    /// OUT. The single clock for which it is low in modes 2, 4 and 5 has no length here.
    pub(super) fn out(&self, now: Ps, hz: u64) -> bool {
        let (n, done) = (self.period(), self.elapsed(now, hz));
        match self.mode {
            0 => self.running && done >= n,
            1 => !self.running || done >= n,
            3 => !self.running || !self.gate || done % n < n.div_ceil(2),
            _ => true,
        }
    }

    /// When OUT changes next after `now`, or has its single low clock.
    pub(super) fn next(&self, now: Ps, hz: u64) -> Option<Ps> {
        if !self.running || self.held.is_some() || self.mode & 2 != 0 && !self.gate {
            return None;
        }
        let (n, done) = (self.period(), self.elapsed(now, hz));
        let at = match self.mode {
            2 => done - done % n + n,
            3 if done % n < n.div_ceil(2) => done - done % n + n.div_ceil(2),
            3 => done - done % n + n,
            _ if done < n => n,
            _ => return None,
        };
        self.start.checked_add(after(at, hz)).map(|at| at.max(now + 1))
    }

    /// Whether reaching [`Counter::next`] is a clock's low pulse.
    pub(super) fn pulses(&self) -> bool {
        matches!(self.mode, 2 | 4 | 5)
    }

    /// A control word that selects this counter.
    pub(super) fn control(&mut self, word: u8, now: Ps, hz: u64) {
        let access = match word >> 4 & 3 {
            0 => {
                self.latched.get_or_insert(self.count(now, hz));
                return;
            }
            1 => Access::Low,
            2 => Access::High,
            _ => Access::Both,
        };
        // Modes 6 and 7 are 2 and 3.
        let mode = word >> 1 & 7;
        let mode = if mode > 5 { mode & 3 } else { mode };
        let gate = self.gate;
        let (reload, bcd) = (self.reload, word & BCD != 0);
        *self = Counter { mode, access, bcd, gate, reload, ..Counter::default() };
    }

    pub(super) fn latch_status(&mut self, now: Ps, hz: u64) {
        let access = match self.access {
            Access::Low => 1,
            Access::High => 2,
            Access::Both => 3,
        };
        let out = u8::from(self.out(now, hz)) << 7 | u8::from(!self.loaded) << 6;
        let status = out | access << 4 | self.mode << 1 | u8::from(self.bcd);
        self.status.get_or_insert(status);
    }

    pub(super) fn write(&mut self, value: u8, now: Ps) {
        let count = match (self.access, self.low) {
            (Access::Low, _) => u16::from(value),
            (Access::High, _) => u16::from(value) << 8,
            (Access::Both, None) => {
                self.low = Some(value);
                // A half-written count stops mode 0.
                self.running &= self.mode != 0;
                return;
            }
            (Access::Both, Some(low)) => u16::from_le_bytes([low, value]),
        };
        self.low = None;
        (self.reload, self.loaded) = (count, true);
        if !matches!(self.mode, 1 | 5) {
            (self.running, self.start) = (true, now);
            self.held = (!self.gate).then_some(0);
        }
    }

    /// What a read of the counter's byte gives.
    pub(super) fn peek(&self, now: Ps, hz: u64) -> u8 {
        if let Some(status) = self.status {
            return status;
        }
        let [low, high] = self.latched.unwrap_or_else(|| self.count(now, hz)).to_le_bytes();
        match self.access {
            Access::Low => low,
            Access::High => high,
            Access::Both => {
                if self.high_next {
                    high
                } else {
                    low
                }
            }
        }
    }

    pub(super) fn read(&mut self, now: Ps, hz: u64) -> u8 {
        let value = self.peek(now, hz);
        if self.status.take().is_some() {
            return value;
        }
        if self.access == Access::Both {
            self.high_next = !self.high_next;
        }
        if !self.high_next {
            self.latched = None;
        }
        value
    }

    /// GATE changes.
    pub(super) fn set_gate(&mut self, level: bool, now: Ps, hz: u64) {
        let rises = level && !self.gate;
        if rises && self.loaded {
            match (self.mode, self.held) {
                (0 | 4, Some(done)) => self.start = now.saturating_sub(after(done, hz)),
                (0 | 4, None) => {}
                _ => (self.running, self.start) = (true, now),
            }
            self.held = None;
        } else if !level && self.gate && self.running && matches!(self.mode, 0 | 4) {
            self.held = Some(self.elapsed(now, hz));
        }
        self.gate = level;
    }
}

fn from_bcd(value: u16) -> u64 {
    (0..4).rev().fold(0, |n, digit| n * 10 + u64::from(value >> (4 * digit) & 15))
}

fn to_bcd(value: u64) -> u16 {
    let digit = |n: u32| (value / 10u64.pow(n) % 10) << (4 * n);
    (digit(0) | digit(1) | digit(2) | digit(3)) as u16
}
