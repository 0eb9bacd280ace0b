//! A number that counts up at a frequency and wraps: TIMER and RTC. Nothing ticks; the count
//! follows from when it began.

use hetemu_hw::time::{Ps, at_tick, ticks};

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counter {
    pub(crate) running: bool,
    /// The count at `since`, and later while it stands still.
    count: u32,
    since: Ps,
}

/// How a counter counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) hz: u64,
    /// Periods of the frequency that a count lasts.
    pub(crate) divider: u64,
    pub(crate) mask: u32,
}

impl Pace {
    fn counts(&self, passed: Ps) -> u64 {
        ticks(passed, self.hz) / self.divider.max(1)
    }
}

impl Counter {
    pub(crate) fn value(&self, now: Ps, pace: Pace) -> u32 {
        let passed = match self.running {
            true => pace.counts(now.saturating_sub(self.since)) as u32,
            false => 0,
        };
        self.count.wrapping_add(passed) & pace.mask
    }

    /// Begins again at a count.
    pub(crate) fn begin(&mut self, now: Ps, count: u32) {
        (self.count, self.since) = (count, now);
    }

    pub(crate) fn start(&mut self, now: Ps) {
        if !self.running {
            (self.running, self.since) = (true, now);
        }
    }

    pub(crate) fn stop(&mut self, now: Ps, pace: Pace) {
        (self.count, self.since) = (self.value(now, pace), now);
        self.running = false;
    }

    /// When the count will next become one of some targets; never for the present one.
    pub(crate) fn next(
        &self,
        now: Ps,
        pace: Pace,
        targets: impl Iterator<Item = u32>,
    ) -> Option<Ps> {
        if !self.running || pace.hz == 0 {
            return None;
        }
        let done = pace.counts(now.saturating_sub(self.since));
        let count = self.count.wrapping_add(done as u32);
        // One less than what is left, so that the present count is the last.
        let less = |target: u32| target.wrapping_sub(count).wrapping_sub(1) & pace.mask;
        let reached = targets.filter(|target| target & !pace.mask == 0);
        let left = u64::from(reached.map(less).min()?) + 1;
        let periods = done.saturating_add(left).saturating_mul(pace.divider.max(1));
        Some(self.since.saturating_add(at_tick(periods, pace.hz)))
    }

    pub(crate) fn save(&self) -> [u64; 3] {
        [self.running.into(), self.count.into(), self.since]
    }

    pub(crate) fn load(numbers: [u64; 3]) -> Option<Counter> {
        let [running, count, since] = numbers;
        let count = u32::try_from(count).ok()?;
        (running < 2).then_some(Counter { running: running != 0, count, since })
    }
}
