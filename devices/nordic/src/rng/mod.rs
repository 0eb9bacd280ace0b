//! The random number generator (nRF52833 Product Specification, chapter RNG), which gives a byte at
//! a time.

use crate::frame::{self, Block, Io, Short};
use crate::schemas::{NORDIC_RNG_1, nordic_rng_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, Model};

/// `nordic.rng`.
pub const MODEL: Model = Model { ty: &NORDIC_RNG_1, create: frame::create::<Rng> };

const START: u32 = 0;
const STOP: u32 = 1;
const VALRDY: u32 = 0;
/// Of a byte, without and with bias correction (t_RNG,RAW and t_RNG,BC): 30 and 120 us.
const PERIOD: [u64; 2] = [30_000_000, 120_000_000];

struct Rng;

impl Rng {
    fn next(io: &mut Io<'_>) {
        let corrected = io.reg(reg::CONFIG) & 1 != 0;
        io.cx.timer(0, io.cx.now().saturating_add(PERIOD[usize::from(corrected)]));
    }
}

impl Block for Rng {
    const TYPE: &'static DeviceType = &NORDIC_RNG_1;
    const SHORTS: &'static [Short] = &[(0, VALRDY, STOP)];

    fn new(_: &Config) -> Rng {
        Rng
    }

    fn reset(&mut self, io: &mut Io<'_>) {
        io.cx.stop_timer(0);
    }

    fn task(&mut self, io: &mut Io<'_>, task: u32) {
        match task {
            START => Rng::next(io),
            _ => io.cx.stop_timer(0),
        }
    }

    fn timer(&mut self, io: &mut Io<'_>, _: u32) {
        let mut byte = [0];
        io.cx.random(&mut byte);
        io.set(reg::VALUE, byte[0].into());
        Rng::next(io);
        io.event(VALRDY);
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
    fn the_shortcut_stops_after_one_byte() {
        let mut b = Bench::of(&MODEL, &[], &[]);
        b.w32(0x304, 1);
        b.w32(0x200, 1);
        b.w32(0x000, 1);
        b.advance(29_000_000);
        assert_eq!((b.r32(0x100), b.output(0, 0)), (0, false));
        b.advance(1_000_000);
        assert_eq!((b.r32(0x100), b.output(0, 0)), (1, true));
        assert!(b.cx.timers.is_empty());
        b.w32(0x100, 0);
        assert!(!b.output(0, 0));
        b.w32(0x200, 0);
        b.w32(0x000, 1);
        b.advance(3 * 30_000_000);
        assert!(!b.cx.timers.is_empty());
    }
}
