//! SysTick: a 24-bit counter that counts down. Armv7-M ARM, section B3.3.
//!
//! The counter is not counted: what is kept is when it will next be 0.

use hetemu_hw::time::Ps;

const ENABLE: u32 = 1;
const TICK_INT: u32 = 2;
const CLK_SOURCE: u32 = 4;
const COUNT_FLAG: u32 = 1 << 16;
const MOST: u32 = 0xff_ffff;

/// The timer.
#[derive(Debug, Clone)]
pub(crate) struct SysTick {
    /// Picoseconds of a clock of the core.
    pub(crate) period: Ps,
    /// Clocks of the core in one of the reference clock; 0: there is none.
    reference: Ps,
    control: u32,
    reload: u32,
    /// The count while it stands.
    count: u32,
    /// When it becomes 0 while it counts.
    zero: Ps,
}

impl SysTick {
    pub(crate) fn new(period: Ps, reference: Ps) -> SysTick {
        let control = if reference == 0 { CLK_SOURCE } else { 0 };
        SysTick { period: period.max(1), reference, control, reload: 0, count: 0, zero: Ps::MAX }
    }

    pub(crate) fn reset(&mut self) {
        *self = SysTick::new(self.period, self.reference);
    }

    /// Picoseconds of a tick.
    fn tick(&self) -> Ps {
        let refers = self.reference != 0 && self.control & CLK_SOURCE == 0;
        if refers { self.period.saturating_mul(self.reference) } else { self.period }
    }

    fn runs(&self) -> bool {
        self.control & ENABLE != 0
    }

    /// The clock is another from now on; the time has been looked at.
    pub(crate) fn pace(&mut self, period: Ps, now: Ps) {
        let left = self.current(now);
        self.period = period.max(1);
        if self.runs() && self.zero != Ps::MAX {
            self.zero = now.saturating_add(Ps::from(left).saturating_mul(self.tick()));
        }
    }

    /// Looks at the clock; true if an interrupt is due.
    pub(crate) fn update(&mut self, now: Ps) -> bool {
        if !self.runs() || now < self.zero {
            return false;
        }
        self.control |= COUNT_FLAG;
        let round = (Ps::from(self.reload) + 1).saturating_mul(self.tick());
        self.zero = if self.reload == 0 {
            Ps::MAX
        } else {
            let rounds = (now - self.zero) / round + 1;
            self.zero.saturating_add(rounds.saturating_mul(round))
        };
        self.control & TICK_INT != 0
    }

    /// When to look at the clock again.
    pub(crate) fn next(&self) -> Ps {
        if self.runs() && self.control & TICK_INT != 0 { self.zero } else { Ps::MAX }
    }

    fn current(&self, now: Ps) -> u32 {
        if !self.runs() {
            return self.count;
        }
        let left = self.zero.saturating_sub(now).div_ceil(self.tick());
        if self.zero == Ps::MAX || left > Ps::from(self.reload.max(self.count)) {
            return 0;
        }
        left as u32 & MOST
    }

    /// Reads a register; the time has been looked at.
    pub(crate) fn read(&mut self, offset: u32, now: Ps) -> u32 {
        match offset {
            0x10 => {
                let value = self.control;
                self.control &= !COUNT_FLAG;
                value
            }
            0x14 => self.reload,
            0x18 => self.current(now),
            // No calibration, and perhaps no reference clock.
            _ => u32::from(self.reference == 0) << 31,
        }
    }

    /// Writes a register; the time has been looked at.
    pub(crate) fn write(&mut self, offset: u32, value: u32, now: Ps) {
        match offset {
            0x10 => {
                let (count, ran, tick) = (self.current(now), self.runs(), self.tick());
                self.control = self.control & COUNT_FLAG | value & 7;
                if self.runs() && (!ran || tick != self.tick()) {
                    self.begin(count, now);
                } else if !self.runs() {
                    self.count = count;
                    self.zero = Ps::MAX;
                }
            }
            0x14 => {
                self.reload = value & MOST;
                if self.runs() && self.zero == Ps::MAX {
                    self.begin(0, now);
                }
            }
            0x18 => {
                self.count = 0;
                self.control &= !COUNT_FLAG;
                if self.runs() {
                    self.begin(0, now);
                }
            }
            _ => {}
        }
    }

    /// Counts from a number on; 0 is followed by the reload value.
    fn begin(&mut self, count: u32, now: Ps) {
        self.count = count;
        let ticks = if count != 0 { Ps::from(count) } else { Ps::from(self.reload) + 1 };
        let stands = count == 0 && self.reload == 0;
        self.zero =
            if stands { Ps::MAX } else { now.saturating_add(ticks.saturating_mul(self.tick())) };
    }

    /// What a saved state needs.
    pub(crate) fn fields(&mut self) -> ([&mut u32; 3], &mut u64) {
        ([&mut self.control, &mut self.reload, &mut self.count], &mut self.zero)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_down_and_begins_again() {
        let mut t = SysTick::new(1000, 0);
        t.write(0x14, 9, 0);
        t.write(0x18, 5, 0);
        t.write(0x10, 7, 0);
        assert_eq!(t.next(), 10_000);
        assert_eq!(t.read(0x18, 1000), 9);
        assert_eq!(t.read(0x18, 9000), 1);
        assert!(!t.update(9999));
        assert!(t.update(10_000));
        assert_eq!(t.read(0x10, 10_000), 0x1_0007);
        assert_eq!(t.read(0x10, 10_000), 7);
        assert_eq!(t.next(), 20_000);
        assert!(t.update(45_000));
        assert_eq!(t.next(), 50_000);
        t.write(0x10, 0, 45_000);
        assert_eq!((t.next(), t.read(0x18, 90_000)), (Ps::MAX, 5));
    }

    #[test]
    fn counts_on_at_another_clock() {
        let mut t = SysTick::new(1000, 8);
        t.write(0x14, 99, 0);
        t.write(0x10, 7, 0);
        t.pace(100, 50_000);
        assert_eq!((t.read(0x18, 50_000), t.next()), (50, 55_000));
        // The reference clock is an eighth.
        t.write(0x10, 3, 51_000);
        assert_eq!((t.read(0x18, 51_000), t.next()), (40, 83_000));
        assert_eq!((t.read(0x1c, 0), SysTick::new(1, 0).read(0x1c, 0)), (0, 1 << 31));
    }

    #[test]
    fn a_reload_of_0_stops_it() {
        let mut t = SysTick::new(10, 0);
        t.write(0x10, 3, 0);
        assert_eq!(t.next(), Ps::MAX);
        t.write(0x14, 4, 100);
        assert_eq!(t.next(), 150);
    }
}
