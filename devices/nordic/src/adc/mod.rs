//! The analog-to-digital converter of the nRF51 series (nRF51 Reference Manual, chapter ADC).

use crate::frame::{self, Block, Io};
use crate::schemas::{NORDIC_ADC_1, nordic_adc_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, Model};

/// `nordic.adc`.
pub const MODEL: Model = Model { ty: &NORDIC_ADC_1, create: frame::create::<Adc> };

const START: u32 = 0;
const END: u32 = 0;
/// Of 8, 9 and 10 bits.
const TIME: [u64; 4] = [20_000_000, 36_000_000, 68_000_000, 68_000_000];

struct Adc {
    level: u32,
}

impl Block for Adc {
    const TYPE: &'static DeviceType = &NORDIC_ADC_1;

    fn new(config: &Config) -> Adc {
        Adc { level: config.int("level") as u32 }
    }

    fn reset(&mut self, io: &mut Io<'_>) {
        io.cx.stop_timer(0);
    }

    fn task(&mut self, io: &mut Io<'_>, task: u32) {
        let starts = task == START && io.reg(reg::ENABLE) & 3 == 1;
        io.set(reg::BUSY, starts.into());
        if starts {
            let time = TIME[(io.reg(reg::CONFIG) & 3) as usize];
            io.cx.timer(0, io.cx.now().saturating_add(time));
        } else {
            io.cx.stop_timer(0);
        }
    }

    fn timer(&mut self, io: &mut Io<'_>, _: u32) {
        let resolution = (io.reg(reg::CONFIG) & 3).min(2);
        io.set(reg::RESULT, self.level >> (2 - resolution));
        io.set(reg::BUSY, 0);
        io.event(END);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hetemu_hw::testing::{Bench, check};

    #[test]
    fn measures_what_the_text_says() {
        check::all(&MODEL, &[]);
        let mut b = Bench::of(&MODEL, &[("level", 513)], &[]);
        b.w32(0x000, 1);
        assert_eq!(b.r32(0x400), 0);
        b.w32(0x500, 1);
        b.w32(0x504, 2);
        b.w32(0x000, 1);
        assert_eq!((b.r32(0x400), b.r32(0x100)), (1, 0));
        b.advance(TIME[2]);
        assert_eq!((b.r32(0x400), b.r32(0x100), b.r32(0x508)), (0, 1, 513));
        b.w32(0x504, 0);
        b.w32(0x000, 1);
        b.advance(TIME[0]);
        assert_eq!(b.r32(0x508), 128);
    }
}
