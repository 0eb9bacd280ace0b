//! The temperature sensor (nRF52833 Product Specification, chapter TEMP).

use crate::frame::{self, Block, Io};
use crate::schemas::{NORDIC_TEMP_1, nordic_temp_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, Model};

/// `nordic.temp`.
pub const MODEL: Model = Model { ty: &NORDIC_TEMP_1, create: frame::create::<Temp> };

const START: u32 = 0;
const DATARDY: u32 = 0;
/// A measurement (t_TEMP).
const TIME: u64 = 36_000_000;

struct Temp {
    quarters: u32,
}

impl Block for Temp {
    const TYPE: &'static DeviceType = &NORDIC_TEMP_1;

    fn new(config: &Config) -> Temp {
        Temp { quarters: config.int("quarters") as u32 }
    }

    fn reset(&mut self, io: &mut Io<'_>) {
        io.cx.stop_timer(0);
    }

    fn task(&mut self, io: &mut Io<'_>, task: u32) {
        match task {
            START => io.cx.timer(0, io.cx.now().saturating_add(TIME)),
            _ => io.cx.stop_timer(0),
        }
    }

    fn timer(&mut self, io: &mut Io<'_>, _: u32) {
        io.set(reg::TEMP, self.quarters);
        io.event(DATARDY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hetemu_hw::testing::{Bench, check};

    #[test]
    fn measures_what_the_text_says() {
        check::all(&MODEL, &[]);
        let mut b = Bench::of(&MODEL, &[("quarters", 101)], &[]);
        b.w32(0x000, 1);
        assert_eq!((b.r32(0x100), b.r32(0x508)), (0, 0));
        b.advance(TIME);
        assert_eq!((b.r32(0x100), b.r32(0x508)), (1, 101));
    }
}
