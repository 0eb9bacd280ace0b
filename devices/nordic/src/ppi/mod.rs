//! The programmable peripheral interconnect (nRF52833 Product Specification, chapter PPI): pulses
//! of events come in by wires, and leave by wires to the tasks that channels name.

use crate::frame::{self, Block, Io};
use crate::schemas::{NORDIC_PPI_1, nordic_ppi_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, Model};

/// `nordic.ppi`.
pub const MODEL: Model = Model { ty: &NORDIC_PPI_1, create: frame::create::<Ppi> };

const TASK: u32 = 0;
/// Where peripherals are, 4 KiB each.
const BASE: u32 = 0x4000_0000;
const EVENTS: u32 = 0x100;
const LINES: u32 = 1536;
/// Channels from 20 on are fixed: event and task.
const FIXED: [(u32, u32); 12] = [
    (0x4000_8140, 0x4000_1000),
    (0x4000_8140, 0x4000_1004),
    (0x4000_8144, 0x4000_1010),
    (0x4000_1128, 0x4000_f000),
    (0x4000_1100, 0x4000_f000),
    (0x4000_1104, 0x4000_f004),
    (0x4000_1104, 0x4000_8044),
    (0x4000_110c, 0x4000_8048),
    (0x4000_b140, 0x4000_1000),
    (0x4000_b140, 0x4000_1004),
    (0x4000_b140, 0x4000_800c),
    (0x4000_b140, 0x4000_8000),
];
const FIRST_FIXED: u32 = 20;

struct Ppi {
    channels: u32,
}

impl Ppi {
    /// The ends of a channel; an address of 0 is no end.
    fn ends(&self, io: &Io<'_>, channel: u32) -> (u32, u32) {
        let fixed = channel.checked_sub(FIRST_FIXED).and_then(|n| FIXED.get(n as usize));
        match fixed {
            Some(ends) => *ends,
            None if channel < self.channels => {
                (io.array(reg::CH_EEP, 2 * channel), io.array(reg::CH_TEP, 2 * channel))
            }
            None => (0, 0),
        }
    }

    fn trigger(io: &mut Io<'_>, task: u32) {
        let Some(at) = task.checked_sub(BASE) else { return };
        let line = (at >> 12) * 32 + (at & 0xfff) / 4;
        if at & 0xf83 == 0 && line < LINES {
            io.cx.pulse(TASK, line);
        }
    }
}

impl Block for Ppi {
    const TYPE: &'static DeviceType = &NORDIC_PPI_1;

    fn new(config: &Config) -> Ppi {
        Ppi { channels: config.int("channels").min(20) as u32 }
    }

    fn reset(&mut self, _: &mut Io<'_>) {}

    fn task(&mut self, io: &mut Io<'_>, task: u32) {
        let group = io.array(reg::CHG, task / 2);
        let set_or_clear = if task.is_multiple_of(2) { reg::CHENSET } else { reg::CHENCLR };
        io.set_clear(reg::CHEN, set_or_clear, group);
    }

    fn wrote(&mut self, io: &mut Io<'_>, offset: u64, value: u32) {
        if matches!(offset, reg::CHEN | reg::CHENSET | reg::CHENCLR) {
            io.set_clear(reg::CHEN, offset, value);
        }
    }

    fn signal(&mut self, io: &mut Io<'_>, _: u32, line: u32, _: bool) {
        let event = BASE + line / 32 * 0x1000 + EVENTS + line % 32 * 4;
        let enabled = io.reg(reg::CHEN);
        let mut left = enabled;
        while left != 0 {
            let channel = left.trailing_zeros();
            left &= left - 1;
            let (from, to) = self.ends(io, channel);
            if from == event {
                Ppi::trigger(io, to);
                Ppi::trigger(io, io.array(reg::FORK_TEP, channel));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hetemu_hw::testing::{Bench, check};

    #[test]
    fn every_check() {
        check::all(&MODEL, &[]);
        check::all(&MODEL, &[("channels", 16)]);
    }

    #[test]
    fn events_trigger_tasks() {
        let mut b = Bench::of(&MODEL, &[], &[]);
        b.w32(0x510 + 24, 0x4000_8140);
        b.w32(0x514 + 24, 0x4000_6000);
        b.w32(0x910 + 12, 0x4000_9008);
        let compare = 8 * 32 + 16;
        b.signal(0, compare, true);
        assert!(b.cx.pulses.is_empty());
        b.w32(0x504, 1 << 3 | 1 << 20);
        b.signal(0, compare, true);
        b.signal(0, compare + 1, true);
        // The fixed channel 20 begins to send.
        assert_eq!(b.cx.pulses, [(0, 6 * 32), (0, 9 * 32 + 2), (0, 32)]);
        b.w32(0x800, 1 << 3);
        b.w32(0x004, 1);
        assert_eq!((b.r32(0x500), b.r32(0x508)), (1 << 20, 1 << 20));
    }
}
