//! The watchdog (nRF52833 Product Specification, chapter WDT): resets the machine unless every
//! enabled reload request was made in time. Once started it cannot be stopped or configured.

use crate::frame::{self, Block, Io};
use crate::schemas::{NORDIC_WDT_1, nordic_wdt_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::at_tick;
use hetemu_hw::{Config, Model, Request};

/// `nordic.wdt`.
pub const MODEL: Model = Model { ty: &NORDIC_WDT_1, create: frame::create::<Wdt> };

const TIMEOUT: u32 = 0;
/// What a reload request is.
const RELOAD: u32 = 0x6e52_4635;
const HZ: u64 = 32_768;
/// Timers: the count is over; the reset, two periods of the clock after that.
const OVER: u32 = 0;
const RESET: u32 = 1;

#[derive(Default)]
struct Wdt {
    /// CRV, RREN and CONFIG as they were when it was started.
    fixed: Option<[u32; 3]>,
}

const FIXED: [u64; 3] = [reg::CRV, reg::RREN, reg::CONFIG];

impl Wdt {
    fn begin(io: &mut Io<'_>) {
        let ticks = u64::from(io.reg(reg::CRV).max(0xf)) + 1;
        io.set(reg::REQSTATUS, io.reg(reg::RREN) & 0xff);
        io.cx.timer(OVER, io.cx.now().saturating_add(at_tick(ticks, HZ)));
    }
}

impl Block for Wdt {
    const TYPE: &'static DeviceType = &NORDIC_WDT_1;

    fn new(_: &Config) -> Wdt {
        Wdt::default()
    }

    fn reset(&mut self, io: &mut Io<'_>) {
        self.fixed = None;
        io.cx.stop_timer(OVER);
        io.cx.stop_timer(RESET);
    }

    fn task(&mut self, io: &mut Io<'_>, _: u32) {
        if self.fixed.is_none() {
            self.fixed = Some(FIXED.map(|at| io.reg(at)));
            io.set(reg::RUNSTATUS, 1);
            Wdt::begin(io);
        }
    }

    fn wrote(&mut self, io: &mut Io<'_>, offset: u64, value: u32) {
        let Some(fixed) = self.fixed else { return };
        FIXED.into_iter().zip(fixed).for_each(|(at, kept)| io.set(at, kept));
        if offset >= reg::RR && value == RELOAD {
            let left = io.reg(reg::REQSTATUS) & !(1 << ((offset - reg::RR) / 4).min(31));
            io.set(reg::REQSTATUS, left);
            if left == 0 {
                Wdt::begin(io);
            }
        }
    }

    fn timer(&mut self, io: &mut Io<'_>, timer: u32) {
        if timer == OVER {
            io.event(TIMEOUT);
            io.cx.timer(RESET, io.cx.now().saturating_add(at_tick(2, HZ)));
        } else {
            io.cx.request(Request::Reset);
        }
    }

    fn save(&self) -> Vec<u64> {
        self.fixed.map(|fixed| fixed.map(u64::from).to_vec()).unwrap_or_default()
    }

    fn load(&mut self, numbers: &[u64]) -> bool {
        let fixed: Option<[u64; 3]> = numbers.try_into().ok();
        self.fixed = fixed.map(|all| all.map(|n| n as u32));
        numbers.is_empty() || fixed.is_some()
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
    }

    #[test]
    fn resets_unless_all_requests_come() {
        let mut b = Bench::of(&MODEL, &[], &[]);
        b.w32(0x504, 32_767);
        b.w32(0x508, 3);
        b.w32(0x000, 1);
        b.w32(0x504, 1);
        assert_eq!((b.r32(0x400), b.r32(0x404), b.r32(0x504)), (1, 3, 32_767));
        for _ in 0..3 {
            b.advance(SECOND / 2);
            b.w32(0x600, 0x6e52_4635);
            b.w32(0x604, 0x6e52_4635);
        }
        b.w32(0x600, 0x6e52_4635);
        b.advance(SECOND);
        assert_eq!((b.r32(0x100), b.cx.requests.len()), (1, 0));
        b.advance(SECOND / 10_000);
        assert_eq!(b.cx.requests, [Request::Reset]);
    }
}
