//! The analog-to-digital converter of the nRF52 series (nRF52833 Product Specification, chapter
//! SAADC): every enabled channel gives a halfword in memory for each sample.

use crate::frame::{self, Block, Io};
use crate::schemas::{NORDIC_SAADC_1, nordic_saadc_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::at_tick;
use hetemu_hw::{Config, Model};

/// `nordic.saadc`.
pub const MODEL: Model = Model { ty: &NORDIC_SAADC_1, create: frame::create::<Saadc> };

const BUS: u32 = 0;
/// Tasks.
const START: u32 = 0;
const SAMPLE: u32 = 1;
const STOP: u32 = 2;
/// Events.
const STARTED: u32 = 0;
const END: u32 = 1;
const DONE: u32 = 2;
const RESULTDONE: u32 = 3;
const CALIBRATEDONE: u32 = 4;
const STOPPED: u32 = 5;
/// SAMPLERATE: samples follow each other without a task.
const CONTINUOUS: u32 = 1 << 12;
/// CH.CONFIG.
const BURST: u32 = 1 << 24;
const HZ: u64 = 16_000_000;
/// A conversion with the shortest acquisition: 2 and 3 us.
const TIME: u64 = 5_000_000;
const CHANNELS: u64 = 8;
const STRIDE: u64 = 16;

#[derive(Default)]
struct Saadc {
    level: u32,
    active: bool,
    /// RESULT.PTR and MAXCNT as they were at START: both may be set for the next buffer then.
    to: u32,
    most: u32,
    /// Results in memory since then.
    done: u32,
    /// A conversion is under way.
    busy: bool,
    /// Samples of the result that is being averaged.
    taken: u32,
}

impl Saadc {
    fn next(&mut self, io: &mut Io<'_>, wait: u64) {
        self.busy = true;
        io.cx.timer(0, io.cx.now().saturating_add(wait));
    }

    fn convert(&mut self, io: &mut Io<'_>) {
        io.event(DONE);
        // OVERSAMPLE averages samples; in a burst they follow each other at once.
        self.taken += 1;
        let burst = io.reg(reg::CH_CONFIG) & BURST != 0;
        if self.taken < 1 << (io.reg(reg::OVERSAMPLE) & 0xf).min(8) && !burst {
            return;
        }
        self.taken = 0;
        // The level has 12 bits, RESOLUTION 8 to 14 in steps of two.
        let value = (self.level << ((io.reg(reg::RESOLUTION) & 3) * 2)) >> 4;
        let bytes = (value as u16).to_le_bytes();
        let enabled = (0..CHANNELS).filter(|n| io.reg(reg::CH_PSELP + n * STRIDE) & 0x1f != 0);
        for _ in 0..enabled.count() {
            if self.done >= self.most {
                break;
            }
            // A result that memory does not take is lost.
            let _ = io.cx.dma_write(BUS, u64::from(self.to) + 2 * u64::from(self.done), &bytes);
            self.done += 1;
        }
        io.event(RESULTDONE);
        if self.done >= self.most {
            self.active = false;
            // Not before: who takes the buffer may already have begun the next.
            io.set(reg::RESULT_AMOUNT, self.done);
            io.event(END);
        }
    }
}

impl Block for Saadc {
    const TYPE: &'static DeviceType = &NORDIC_SAADC_1;

    fn new(config: &Config) -> Saadc {
        Saadc { level: config.int("level") as u32, ..Saadc::default() }
    }

    fn reset(&mut self, io: &mut Io<'_>) {
        *self = Saadc { level: self.level, ..Saadc::default() };
        io.cx.stop_timer(0);
    }

    fn task(&mut self, io: &mut Io<'_>, task: u32) {
        match task {
            _ if io.reg(reg::ENABLE) & 1 == 0 => {}
            START => {
                (self.active, self.taken, self.done) = (true, 0, 0);
                (self.to, self.most) =
                    (io.reg(reg::RESULT_PTR), io.reg(reg::RESULT_MAXCNT) & 0x7fff);
                io.event(STARTED);
            }
            SAMPLE if self.active && !self.busy => self.next(io, TIME),
            SAMPLE => {}
            STOP => {
                (self.active, self.busy) = (false, false);
                io.set(reg::RESULT_AMOUNT, self.done);
                io.cx.stop_timer(0);
                io.event(STOPPED);
            }
            _ => io.event(CALIBRATEDONE),
        }
    }

    fn timer(&mut self, io: &mut Io<'_>, _: u32) {
        self.busy = false;
        if self.active {
            self.convert(io);
            let rate = io.reg(reg::SAMPLERATE);
            if self.active && rate & CONTINUOUS != 0 {
                // At least 80 periods, which are 200,000 samples a second.
                self.next(io, at_tick(u64::from(rate & 0x7ff).max(80), HZ));
            }
        }
    }

    fn save(&self) -> Vec<u64> {
        let flags = [self.active, self.busy].map(u64::from);
        flags
            .into_iter()
            .chain([self.to, self.most, self.done, self.taken].map(u64::from))
            .collect()
    }

    fn load(&mut self, numbers: &[u64]) -> bool {
        let [active @ 0..=1, busy @ 0..=1, to, most, done @ 0..=0x7fff, taken @ 0..=256] = *numbers
        else {
            return false;
        };
        (self.active, self.busy, self.taken) = (active != 0, busy != 0, taken as u32);
        (self.to, self.most, self.done) = (to as u32, most as u32 & 0x7fff, done as u32);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hetemu_hw::testing::{Bench, check};

    fn adc() -> Bench {
        let mut b = Bench::of(&MODEL, &[("level", 0x801)], &[]);
        b.cx.memory = vec![0; 64];
        b.w32(0x500, 1);
        b.w32(0x510, 1);
        b.w32(0x530, 2);
        b.w32(0x5f0, 2);
        b.w32(0x62c, 8);
        b
    }

    #[test]
    fn every_check() {
        check::all(&MODEL, &[]);
    }

    #[test]
    fn samples_go_to_memory() {
        let mut b = adc();
        b.w32(0x630, 4);
        b.w32(0x000, 1);
        assert_eq!(b.r32(0x100), 1);
        for sample in 1..=2 {
            b.w32(0x004, 1);
            b.advance(TIME);
            assert_eq!((b.r32(0x634), b.r32(0x104)), if sample == 2 { (4, 1) } else { (0, 0) });
        }
        assert_eq!(b.cx.memory[6..18], [0, 0, 1, 8, 1, 8, 1, 8, 1, 8, 0, 0]);
        b.w32(0x008, 1);
        assert_eq!(b.r32(0x114), 1);
    }

    #[test]
    fn averages() {
        let mut b = adc();
        b.w32(0x5f4, 2);
        b.w32(0x630, 2);
        b.w32(0x000, 1);
        for sample in 1..=4 {
            b.w32(0x004, 1);
            // It is busy.
            b.w32(0x004, 1);
            b.advance(TIME);
            assert_eq!((b.r32(0x634), b.r32(0x104)), if sample == 4 { (2, 1) } else { (0, 0) });
        }
    }

    #[test]
    fn goes_on_by_itself() {
        let mut b = adc();
        b.w32(0x5f0, 0);
        b.w32(0x5f8, 0x1000 | 160);
        b.w32(0x630, 20);
        b.w32(0x000, 1);
        b.w32(0x004, 1);
        b.advance(TIME + 8 * 10_000_000);
        assert_eq!((b.r32(0x634), b.r32(0x104)), (0, 0));
        b.advance(10_000_000);
        assert_eq!((b.r32(0x634), b.r32(0x104), b.cx.memory[8]), (20, 1, 0x80));
        assert!(b.cx.timers.is_empty());
    }
}
