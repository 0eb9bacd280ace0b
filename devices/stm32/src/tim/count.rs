//! How a timer counts.

use super::*;

/// Periods that are looked at one by one; of more, each is like the two before.
const SINGLE: u32 = 4;

impl Timer {
    /// Ticks of a count.
    pub(super) fn step(&self) -> u64 {
        self.scale + 1
    }

    fn centred(&self) -> bool {
        self.bank.get(reg::CR1) & CMS != 0
    }

    fn down(&self) -> bool {
        self.bank.is(reg::CR1, DIR)
    }

    /// Counts of a period; a counter with a reload value of 0 stands.
    pub(super) fn len(&self) -> u64 {
        match self.top {
            0 => 0,
            top if self.centred() => top,
            top => top + 1,
        }
    }

    /// Ticks of a period.
    fn period(&self) -> u64 {
        self.len() * self.step()
    }

    /// Where in the period a count lies.
    pub(super) fn at(&self, count: u64) -> u64 {
        if self.down() { self.top.saturating_sub(count) } else { count }
    }

    /// The count at a tick.
    pub(super) fn count(&self, tick: u64) -> u64 {
        if !self.counts() {
            return self.bank.get(reg::CNT).into();
        }
        let at = (tick.wrapping_sub(self.origin) / self.step()).min(self.top);
        if self.down() { self.top - at } else { at }
    }

    /// Where in a period that counts up or down a channel matches, if it does.
    fn match_in(&self, channel: usize, down: bool) -> Option<u64> {
        let compare = *self.compare.get(channel).filter(|_| self.compares(channel))?;
        // Centred counters flag matches on the way down, up, or both.
        let flags = match self.bank.get(reg::CR1) & CMS {
            0x20 => down,
            0x40 => !down,
            _ => true,
        };
        let at = if down { self.top.checked_sub(compare)? } else { compare };
        (flags && at < self.len()).then_some(at)
    }

    /// Where in the present period a channel matches, if it does.
    fn match_at(&self, channel: usize) -> Option<u64> {
        self.match_in(channel, self.down())
    }

    /// Whether a channel may match in a period to come.
    fn will_match(&self, channel: usize) -> bool {
        let loads = !self.bank.is(reg::CR1, UDIS);
        let other =
            [self.top].into_iter().chain(self.compare).zip([reg::ARR].into_iter().chain(CCR));
        let changes = || other.clone().any(|(holds, at)| holds != u64::from(self.bank.get(at)));
        self.match_at(channel).is_some()
            || self.centred() && self.match_in(channel, !self.down()).is_some()
            || loads && self.compares(channel) && changes()
    }

    /// Flags matches before a place in the period.
    fn look(&mut self, before: u64) {
        for channel in 0..self.channels {
            if self.match_at(channel).is_some_and(|at| self.seen <= at && at < before) {
                self.bank.put(reg::SR, 2 << channel, true);
            }
        }
        self.seen = before;
    }

    /// The values of the registers hold from now on.
    fn load(&mut self) {
        self.scale = self.bank.get(reg::PSC).into();
        self.top = self.bank.get(reg::ARR).into();
        self.compare = CCR.map(|at| self.bank.get(at).into());
    }

    /// Takes account of the time until a tick.
    pub(super) fn run(&mut self, tick: u64) {
        let mut single = 0;
        while self.counts() {
            let total = tick.wrapping_sub(self.origin);
            // A clock that was just made slower may lie a tick before.
            if total > u64::MAX / 2 {
                return;
            }
            let period = self.period();
            if total < period {
                return self.look(total / self.step() + 1);
            }
            self.look(self.len());
            if single >= SINGLE {
                // Each of these does what the ones before have done.
                let many = (total / period) & !1;
                self.origin = self.origin.wrapping_add(many * period);
                if self.advanced {
                    let round = u64::from(self.bank.field(reg::RCR, 0, 8)) + 1;
                    self.repeat = (self.repeat + round - many % round) % round;
                    if many > round {
                        self.bank.put(reg::SR, UIF, !self.bank.is(reg::CR1, UDIS));
                    }
                }
                if many != 0 {
                    self.seen = 0;
                    continue;
                }
            }
            single += 1;
            self.end(period);
        }
    }

    /// The end of a period.
    fn end(&mut self, period: u64) {
        self.origin = self.origin.wrapping_add(period);
        self.seen = 0;
        if self.centred() {
            let down = self.down();
            self.bank.put(reg::CR1, DIR, !down);
        }
        if self.advanced && self.repeat > 0 {
            self.repeat -= 1;
            return;
        }
        self.repeat = self.bank.field(reg::RCR, 0, 8).into();
        if self.bank.is(reg::CR1, UDIS) {
            return;
        }
        self.bank.put(reg::SR, UIF, true);
        self.load();
        if self.bank.is(reg::CR1, OPM) {
            let first = if self.down() { self.top } else { 0 };
            self.bank.put(reg::CR1, CEN, false);
            self.bank.set(reg::CNT, first as u32);
        }
    }

    /// UG: begins anew.
    pub(super) fn restart(&mut self, tick: u64) {
        if !self.bank.is(reg::CR1, UDIS) {
            self.load();
            self.repeat = self.bank.field(reg::RCR, 0, 8).into();
            self.bank.put(reg::SR, UIF, !self.bank.is(reg::CR1, URS) || self.bank.is(reg::SR, UIF));
        }
        if self.centred() {
            self.bank.put(reg::CR1, DIR, false);
        }
        let first = if self.down() { self.top } else { 0 };
        self.bank.set(reg::CNT, first as u32);
        (self.origin, self.seen) = (tick, 0);
    }

    /// The tick of the next interrupt that is enabled and not pending, or of something before it.
    pub(super) fn next(&self, tick: u64) -> Option<u64> {
        if !self.counts() {
            return None;
        }
        let wanted = self.bank.get(reg::DIER) & !self.bank.get(reg::SR);
        let end = (wanted & UIF != 0 && !self.bank.is(reg::CR1, UDIS)).then(|| self.period());
        let matches = (0..self.channels).filter(|c| wanted & 2 << c != 0).filter_map(|channel| {
            let at = self.match_at(channel).filter(|at| *at >= self.seen);
            // In a period to come, then: the end of this one is looked at.
            let later = || self.will_match(channel).then(|| self.period());
            at.map(|at| at * self.step()).or_else(later)
        });
        let left = matches.chain(end).min()?.saturating_sub(tick.wrapping_sub(self.origin));
        Some(tick.saturating_add(left))
    }
}
