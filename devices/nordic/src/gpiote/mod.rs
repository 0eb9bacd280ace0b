//! GPIO tasks and events (nRF52833 Product Specification, chapter GPIOTE).

use crate::frame::{self, Block, Io};
use crate::schemas::{NORDIC_GPIOTE_1, nordic_gpiote_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, Model};

/// `nordic.gpiote`.
pub const MODEL: Model = Model { ty: &NORDIC_GPIOTE_1, create: frame::create::<Gpiote> };

/// Tasks, of a channel each.
const OUT: u32 = 0;
const SET: u32 = 12;
const CLR: u32 = 24;
/// The event of the GPIO's detect signal; below it are the channels'.
const PORT: u32 = 31;
/// Inputs and outputs.
const PIN: u32 = 1;
const DRIVES: u32 = 2;
const OWNS: u32 = 3;
/// CONFIG.
const EVENT: u32 = 1;
const TASK: u32 = 3;
const OUTINIT: u32 = 1 << 20;
/// CONFIG.POLARITY.
const RISES: u32 = 1;
const FALLS: u32 = 2;
const TOGGLES: u32 = 3;

struct Gpiote {
    channels: u32,
    /// Levels of channels in task mode, a bit each.
    levels: u32,
    /// What the outputs have.
    driven: u64,
    owned: u64,
}

fn pin(config: u32) -> u32 {
    config >> 8 & 0x3f
}

fn polarity(config: u32) -> u32 {
    config >> 16 & 3
}

impl Gpiote {
    fn drive(&mut self, io: &mut Io<'_>) {
        let (mut driven, mut owned) = (0u64, 0u64);
        for n in 0..self.channels {
            let config = io.array(reg::CONFIG, n);
            if config & 3 == TASK {
                owned |= 1 << pin(config);
                driven |= u64::from(self.levels >> n & 1) << pin(config);
            }
        }
        for line in 0..64 {
            if (driven ^ self.driven) >> line & 1 != 0 {
                io.cx.output(DRIVES, line, driven >> line & 1 != 0);
            }
            if (owned ^ self.owned) >> line & 1 != 0 {
                io.cx.output(OWNS, line, owned >> line & 1 != 0);
            }
        }
        (self.driven, self.owned) = (driven, owned);
    }
}

impl Block for Gpiote {
    const TYPE: &'static DeviceType = &NORDIC_GPIOTE_1;

    fn new(config: &Config) -> Gpiote {
        let channels = config.int("channels").min(8) as u32;
        Gpiote { channels, levels: 0, driven: 0, owned: 0 }
    }

    fn reset(&mut self, _: &mut Io<'_>) {
        // All wires are low.
        *self = Gpiote { channels: self.channels, levels: 0, driven: 0, owned: 0 };
    }

    fn task(&mut self, io: &mut Io<'_>, task: u32) {
        let (what, n) = match task {
            CLR.. => (CLR, task - CLR),
            SET.. => (SET, task - SET),
            _ => (OUT, task),
        };
        let config = io.array(reg::CONFIG, n);
        if n >= self.channels || config & 3 != TASK {
            return;
        }
        match (what, polarity(config)) {
            (SET, _) | (OUT, RISES) => self.levels |= 1 << n,
            (CLR, _) | (OUT, FALLS) => self.levels &= !(1 << n),
            (OUT, TOGGLES) => self.levels ^= 1 << n,
            _ => {}
        }
        self.drive(io);
    }

    fn wrote(&mut self, io: &mut Io<'_>, offset: u64, value: u32) {
        if let Some(at) = offset.checked_sub(reg::CONFIG)
            && value & 3 == TASK
        {
            let bit = 1 << (at / 4).min(31);
            self.levels = self.levels & !bit | if value & OUTINIT != 0 { bit } else { 0 };
        }
        self.drive(io);
    }

    fn signal(&mut self, io: &mut Io<'_>, input: u32, line: u32, level: bool) {
        if input != PIN {
            if level {
                io.event(PORT);
            }
            return;
        }
        for n in 0..self.channels {
            let config = io.array(reg::CONFIG, n);
            let wanted = [false, level, !level, true][polarity(config) as usize];
            if config & 3 == EVENT && pin(config) == line && wanted {
                io.event(n);
            }
        }
    }

    fn save(&self) -> Vec<u64> {
        vec![self.levels.into(), self.driven, self.owned]
    }

    fn load(&mut self, numbers: &[u64]) -> bool {
        let [levels, driven, owned] = *numbers else { return false };
        (self.levels, self.driven, self.owned) = (levels as u32, driven, owned);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hetemu_hw::testing::{Bench, check};

    #[test]
    fn every_check() {
        check::all(&MODEL, &[]);
        check::all(&MODEL, &[("channels", 4)]);
    }

    #[test]
    fn edges_are_events() {
        let mut b = Bench::of(&MODEL, &[], &[]);
        b.w32(0x510, 0x1_1101);
        b.w32(0x514, 0x2_1101);
        b.w32(0x304, 0x8000_0002);
        b.signal(1, 17, true);
        b.signal(1, 16, true);
        assert_eq!((b.r32(0x100), b.r32(0x104), b.output(0, 0)), (1, 0, false));
        b.signal(1, 17, false);
        assert_eq!((b.r32(0x104), b.output(0, 0)), (1, true));
        b.signal(2, 0, true);
        assert_eq!(b.r32(0x17c), 1);
    }

    #[test]
    fn tasks_move_pins() {
        let mut b = Bench::of(&MODEL, &[], &[]);
        b.w32(0x510, 0x13_0303);
        assert!(b.output(2, 3) && b.output(3, 3));
        b.w32(0x00, 1);
        assert!(!b.output(2, 3));
        b.signal(0, 0, true);
        assert!(b.output(2, 3));
        b.w32(0x60, 1);
        assert!(!b.output(2, 3));
        b.w32(0x30, 1);
        b.w32(0x510, 0);
        assert!(!b.output(2, 3) && !b.output(3, 3));
    }
}
