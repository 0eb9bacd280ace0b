//! CLOCK and POWER (nRF52833 Product Specification, chapters of these names), which share a block.
//!
//! Oscillators are there at once, and nothing follows from power: clocks of the machine's text do
//! not change, RAM that is off keeps its bytes.

use crate::frame::{self, Block, Io};
use crate::schemas::{NORDIC_CLOCK_POWER_1, nordic_clock_power_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, Model, Request};

/// `nordic.clock_power`.
pub const MODEL: Model = Model { ty: &NORDIC_CLOCK_POWER_1, create: frame::create::<ClockPower> };

const HFCLKSTART: u32 = 0;
const HFCLKSTOP: u32 = 1;
const LFCLKSTART: u32 = 2;
const LFCLKSTOP: u32 = 3;
const CAL: u32 = 4;
const CTSTART: u32 = 5;
const CTSTOP: u32 = 6;
const HFCLKSTARTED: u32 = 0;
const LFCLKSTARTED: u32 = 1;
const DONE: u32 = 3;
const CTTO: u32 = 4;
const CTSTARTED: u32 = 10;
const CTSTOPPED: u32 = 11;
/// HFCLKSTAT and LFCLKSTAT: it runs.
const RUNS: u32 = 1 << 16;
/// HFCLKSTAT: from the crystal.
const XTAL: u32 = 1;
/// Of RESETREAS, by a request of the core.
const SREQ: u32 = 1 << 2;
/// The calibration timer counts quarters of a second.
const QUARTER: u64 = hetemu_hw::time::SECOND / 4;

struct ClockPower {
    /// There was a reset before.
    again: bool,
}

impl Block for ClockPower {
    const TYPE: &'static DeviceType = &NORDIC_CLOCK_POWER_1;

    fn new(_: &Config) -> ClockPower {
        ClockPower { again: false }
    }

    fn reset(&mut self, io: &mut Io<'_>) {
        io.cx.stop_timer(0);
        io.set(reg::HFCLKSTAT, RUNS);
        io.set(reg::RESETREAS, if self.again { SREQ } else { 0 });
        self.again = true;
    }

    fn task(&mut self, io: &mut Io<'_>, task: u32) {
        match task {
            HFCLKSTART => {
                io.set(reg::HFCLKRUN, 1);
                io.set(reg::HFCLKSTAT, RUNS | XTAL);
                io.event(HFCLKSTARTED);
            }
            HFCLKSTOP => {
                io.set(reg::HFCLKRUN, 0);
                io.set(reg::HFCLKSTAT, RUNS);
            }
            LFCLKSTART => {
                let source = io.reg(reg::LFCLKSRC) & 3;
                io.set(reg::LFCLKRUN, 1);
                io.set(reg::LFCLKSRCCOPY, source);
                io.set(reg::LFCLKSTAT, RUNS | source);
                io.event(LFCLKSTARTED);
            }
            LFCLKSTOP => {
                io.set(reg::LFCLKRUN, 0);
                io.set(reg::LFCLKSTAT, 0);
            }
            CAL => io.event(DONE),
            CTSTART => {
                let quarters = u64::from(io.reg(reg::CTIV).max(1));
                io.cx.timer(0, io.cx.now().saturating_add(quarters.saturating_mul(QUARTER)));
                io.event(CTSTARTED);
            }
            CTSTOP => {
                io.cx.stop_timer(0);
                io.event(CTSTOPPED);
            }
            _ => {}
        }
    }

    fn wrote(&mut self, io: &mut Io<'_>, offset: u64, value: u32) {
        match offset {
            reg::SYSTEMOFF if value & 1 != 0 => io.cx.request(Request::Shutdown(0)),
            reg::RAM0_POWER.. => {
                let power = offset & !0xf;
                match offset & 0xf {
                    4 => io.set(power, io.reg(power) | value),
                    8 => io.set(power, io.reg(power) & !value),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn timer(&mut self, io: &mut Io<'_>, _: u32) {
        io.event(CTTO);
    }

    fn save(&self) -> Vec<u64> {
        vec![self.again.into()]
    }

    fn load(&mut self, numbers: &[u64]) -> bool {
        self.again = numbers == [1];
        numbers.len() == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hetemu_hw::testing::{Bench, check};

    #[test]
    fn every_check() {
        check::all(&MODEL, &[]);
    }

    #[test]
    fn oscillators_start() {
        let mut b = Bench::of(&MODEL, &[], &[]);
        assert_eq!(b.r32(0x40c), 0x1_0000);
        b.w32(0x000, 1);
        assert_eq!((b.r32(0x100), b.r32(0x408), b.r32(0x40c)), (1, 1, 0x1_0001));
        b.w32(0x518, 1);
        b.w32(0x304, 2);
        b.w32(0x008, 1);
        assert_eq!((b.r32(0x418), b.r32(0x41c), b.output(0, 0)), (0x1_0001, 1, true));
        b.w32(0x104, 0);
        b.w32(0x00c, 1);
        assert_eq!((b.r32(0x418), b.output(0, 0)), (0, false));
    }

    #[test]
    fn resets_have_a_reason() {
        let mut b = Bench::of(&MODEL, &[], &[]);
        assert_eq!(b.r32(0x400), 0);
        b.reset();
        assert_eq!(b.r32(0x400), 4);
        b.w32(0x400, 4);
        assert_eq!(b.r32(0x400), 0);
        b.w32(0x908, 0xff);
        b.w32(0x904, 0x01);
        assert_eq!(b.r32(0x900), 0xff01);
        b.w32(0x500, 1);
        assert_eq!(b.cx.requests, [Request::Shutdown(0)]);
    }
}
