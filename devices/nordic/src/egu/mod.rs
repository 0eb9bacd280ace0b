//! The event generator (nRF52833 Product Specification, chapter EGU).

use crate::frame::{self, Block, Io};
use crate::schemas::NORDIC_EGU_1;
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, Model};

/// `nordic.egu`.
pub const MODEL: Model = Model { ty: &NORDIC_EGU_1, create: frame::create::<Egu> };

struct Egu;

impl Block for Egu {
    const TYPE: &'static DeviceType = &NORDIC_EGU_1;

    fn new(_: &Config) -> Egu {
        Egu
    }

    fn reset(&mut self, _: &mut Io<'_>) {}

    fn task(&mut self, io: &mut Io<'_>, task: u32) {
        io.event(task);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hetemu_hw::testing::{Bench, check};

    #[test]
    fn tasks_are_events() {
        check::all(&MODEL, &[]);
        let mut b = Bench::of(&MODEL, &[], &[]);
        b.w32(0x300, 1 << 5);
        b.w32(0x14, 1);
        assert_eq!((b.r32(0x114), b.output(0, 0)), (1, true));
        b.signal(0, 3, true);
        assert_eq!(b.cx.pulses, [(1, 5), (1, 3)]);
    }
}
