//! One of the two counters.

use crate::schemas::arm_cmsdk_dualtimer_1 as reg;

/// TIMERxCONTROL.
const ONE_SHOT: u32 = 1 << 0;
const SIZE: u32 = 1 << 1;
const INT_ENABLE: u32 = 1 << 5;
const PERIODIC: u32 = 1 << 6;
const ENABLE: u32 = 1 << 7;
const CONTROL: u32 = 0xef;

#[derive(Debug, Clone)]
pub(super) struct Counter {
    pub(super) load: u32,
    pub(super) control: u32,
    pub(super) pending: bool,
    /// A one-shot count is over; writing the load value begins another.
    pub(super) halted: bool,
    /// The count while it stands. With 16 bits the upper half stays as it was.
    pub(super) value: u32,
    /// While it runs: where the count began, and the tick at which it is 0.
    pub(super) top: u32,
    pub(super) zero: u64,
}

impl Default for Counter {
    fn default() -> Counter {
        Counter {
            load: 0,
            control: INT_ENABLE,
            pending: false,
            halted: false,
            value: u32::MAX,
            top: 0,
            zero: 0,
        }
    }
}

impl Counter {
    pub(super) fn counts(&self) -> bool {
        self.control & ENABLE != 0 && !self.halted
    }

    pub(super) fn interrupts(&self) -> bool {
        self.pending && self.control & INT_ENABLE != 0
    }

    /// The tick at which something happens that can be seen.
    pub(super) fn next(&self) -> Option<u64> {
        (self.counts() && !self.pending).then_some(self.zero)
    }

    /// The bits that count.
    fn mask(&self) -> u32 {
        if self.control & SIZE != 0 { u32::MAX } else { 0xffff }
    }

    /// Ticks of one count.
    fn divisor(&self) -> u64 {
        match self.control >> 2 & 3 {
            0 => 1,
            1 => 16,
            _ => 256,
        }
    }

    /// Where a count begins that follows another one.
    fn reload(&self) -> u32 {
        if self.control & PERIODIC != 0 { self.load & self.mask() } else { self.mask() }
    }

    fn count(&self, tick: u64) -> u32 {
        if !self.counts() {
            return self.value;
        }
        let left = self.zero.saturating_sub(tick).div_ceil(self.divisor());
        // It stays 0 for a count before it begins again.
        let count = if left > self.top.into() { 0 } else { left as u32 };
        count | self.value & !self.mask()
    }

    /// Counts on from a number.
    fn begin(&mut self, value: u32, tick: u64) {
        self.value = value;
        self.top = value & self.mask();
        self.zero = tick.saturating_add(u64::from(self.top) * self.divisor());
    }

    /// Takes account of the ends until a tick.
    pub(super) fn settle(&mut self, tick: u64) {
        if !self.counts() || tick < self.zero {
            return;
        }
        self.pending = true;
        if self.control & ONE_SHOT != 0 {
            self.halted = true;
            self.value &= !self.mask();
        } else {
            self.top = self.reload();
            let span = (u64::from(self.top) + 1) * self.divisor();
            let ends = (tick - self.zero) / span + 1;
            self.zero = self.zero.saturating_add(ends.saturating_mul(span));
        }
    }

    /// A register by its offset among the first counter's.
    pub(super) fn register(&self, offset: u64, tick: u64) -> u32 {
        match offset {
            reg::TIMER1LOAD | reg::TIMER1BGLOAD => self.load,
            reg::TIMER1VALUE => self.count(tick),
            reg::TIMER1CONTROL => self.control,
            reg::TIMER1RIS => self.pending.into(),
            reg::TIMER1MIS => self.interrupts().into(),
            _ => 0,
        }
    }

    pub(super) fn set(&mut self, offset: u64, value: u32, tick: u64) {
        match offset {
            reg::TIMER1LOAD => {
                self.load = value;
                self.halted = false;
                self.begin(value, tick);
            }
            reg::TIMER1BGLOAD => self.load = value,
            reg::TIMER1CONTROL => {
                let count = self.count(tick);
                let scale = |c: &Counter| (c.counts(), c.mask(), c.divisor());
                let before = scale(self);
                self.control = value & CONTROL;
                if self.control & ONE_SHOT == 0 {
                    self.halted = false;
                }
                // The count goes on where it is, at its new pace.
                if before != scale(self) {
                    self.begin(count, tick);
                }
            }
            reg::TIMER1INTCLR => self.pending = false,
            _ => {}
        }
        self.settle(tick);
    }
}
