//! RTC (nRF52833 Product Specification, chapter RTC): 24 bits at 32768 Hz divided by 1 to 4096.
//!
//! The low-frequency clock always runs. Events happen only where EVTEN or INTEN has them.

use crate::counter::{Counter, Pace};
use crate::frame::{self, Block, Io};
use crate::schemas::{NORDIC_RTC_1, nordic_rtc_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::Ps;
use hetemu_hw::{Config, Model};

/// `nordic.rtc`.
pub const MODEL: Model = Model { ty: &NORDIC_RTC_1, create: frame::create::<Rtc> };

const START: u32 = 0;
const STOP: u32 = 1;
const CLEAR: u32 = 2;
const TRIGOVRFLW: u32 = 3;
const TICK: u32 = 0;
const OVRFLW: u32 = 1;
const COMPARE: u32 = 16;
const HZ: u64 = 32_768;
const MASK: u32 = 0xff_ffff;

struct Rtc {
    channels: u32,
    counter: Counter,
    /// Periods of 32768 Hz that a count lasts, as it was when the counter began.
    divider: u64,
}

impl Rtc {
    /// Counts in periods of the undivided clock, so that dividers need not divide it.
    fn value(&self, now: Ps) -> u32 {
        self.counter.value(now, self.pace())
    }

    fn pace(&self) -> Pace {
        Pace { hz: HZ, divider: self.divider, mask: MASK }
    }

    /// Events with the counts that they wait for, as far as somebody wants them.
    fn wanted(&self, io: &Io<'_>, count: u32) -> impl Iterator<Item = (u32, u32)> {
        let next = count.wrapping_add(1) & MASK;
        let compares = [0, 1, 2, 3].map(|n| (COMPARE + n, io.array(reg::CC, n) & MASK));
        let compares = compares.into_iter().take(self.channels as usize);
        let all = [(TICK, next), (OVRFLW, 0)].into_iter().chain(compares);
        let enabled = io.reg(reg::EVTEN) | io.interrupts();
        all.filter(move |(event, _)| enabled >> event & 1 != 0)
    }

    fn schedule(&self, io: &mut Io<'_>) {
        let now = io.cx.now();
        let targets = self.wanted(io, self.value(now)).map(|(_, target)| target);
        match self.counter.next(now, self.pace(), targets) {
            Some(at) => io.cx.timer(0, at),
            None => io.cx.stop_timer(0),
        }
    }
}

impl Block for Rtc {
    const TYPE: &'static DeviceType = &NORDIC_RTC_1;

    fn new(config: &Config) -> Rtc {
        let channels = config.int("channels").min(4) as u32;
        Rtc { channels, counter: Counter::default(), divider: 1 }
    }

    fn reset(&mut self, io: &mut Io<'_>) {
        (self.counter, self.divider) = (Counter::default(), 1);
        self.schedule(io);
    }

    fn task(&mut self, io: &mut Io<'_>, task: u32) {
        let now = io.cx.now();
        match task {
            START => self.counter.start(now),
            STOP => self.counter.stop(now, self.pace()),
            CLEAR => self.counter.begin(now, 0),
            TRIGOVRFLW => self.counter.begin(now, 0xff_fff0),
            _ => return,
        }
        self.schedule(io);
    }

    fn hides(&self, offset: u64) -> bool {
        offset == reg::COUNTER
    }

    fn read(&mut self, io: &mut Io<'_>, _: u64) -> Option<u32> {
        Some(self.value(io.cx.now()))
    }

    fn wrote(&mut self, io: &mut Io<'_>, offset: u64, value: u32) {
        match offset {
            reg::EVTEN | reg::EVTENSET | reg::EVTENCLR => {
                io.set_clear(reg::EVTEN, offset, value);
            }
            // Only while it stands still.
            reg::PRESCALER if !self.counter.running => {
                let now = io.cx.now();
                let count = self.value(now);
                self.counter.begin(now, count);
                self.divider = u64::from(value & 0xfff) + 1;
            }
            _ => {}
        }
        self.schedule(io);
    }

    fn timer(&mut self, io: &mut Io<'_>, _: u32) {
        let count = self.value(io.cx.now());
        // A tick waits for the count that is there now.
        let before = count.wrapping_sub(1) & MASK;
        let due: Vec<(u32, u32)> = self.wanted(io, before).collect();
        due.into_iter().filter(|d| d.1 == count).for_each(|(event, _)| io.event(event));
        self.schedule(io);
    }

    fn save(&self) -> Vec<u64> {
        self.counter.save().into_iter().chain([self.divider]).collect()
    }

    fn load(&mut self, numbers: &[u64]) -> bool {
        let [running, count, since, divider @ 1..=4096] = *numbers else { return false };
        let counter = Counter::load([running, count, since]);
        (self.counter, self.divider) = (counter.unwrap_or_default(), divider);
        counter.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hetemu_hw::testing::{Bench, check};
    use hetemu_hw::time::SECOND;

    #[test]
    fn every_check() {
        check::all(&MODEL, &[]);
        check::all(&MODEL, &[("channels", 3)]);
    }

    #[test]
    fn counts_and_compares() {
        let mut b = Bench::of(&MODEL, &[], &[]);
        b.w32(0x508, 0xfff);
        assert_eq!(b.r32(0x508), 0xfff);
        b.w32(0x508, 327);
        b.w32(0x540, 200);
        b.w32(0x000, 1);
        b.advance(SECOND);
        assert_eq!(b.r32(0x504), 99);
        b.w32(0x304, 1 << 16);
        b.advance(SECOND + SECOND / 100);
        assert_eq!((b.r32(0x504), b.r32(0x140), b.output(0, 0)), (200, 1, true));
        b.w32(0x308, 1 << 16);
        assert!(!b.output(0, 0) && b.cx.timers.is_empty());
        b.w32(0x004, 1);
        b.w32(0x00c, 1);
        assert_eq!(b.r32(0x504), 0xff_fff0);
        b.w32(0x344, 2);
        assert_eq!((b.r32(0x340), b.r32(0x348)), (2, 2));
        b.w32(0x000, 1);
        b.advance(SECOND / 5);
        assert_eq!((b.r32(0x104), b.r32(0x140), b.r32(0x504)), (1, 1, 3));
    }

    #[test]
    fn ticks_when_asked_to() {
        let mut b = Bench::of(&MODEL, &[], &[]);
        b.w32(0x000, 1);
        b.advance(SECOND);
        assert!(b.cx.pulses.is_empty());
        b.w32(0x344, 1);
        b.advance(SECOND / 32_768 * 10 + 10);
        assert_eq!(b.cx.pulses.len(), 10);
    }
}
