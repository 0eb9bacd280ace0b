//! GPIO (nRF52833 Product Specification, chapter GPIO): one or two ports of 32 pins.
//!
//! Pins have no electrical effects beside their pulls: a pin that a wire has never moved is as its
//! pull has it, unless the text says that something outside holds it high.

#[cfg(test)]
mod tests;

use crate::frame::{self, Block, Io};
use crate::schemas::{NORDIC_GPIO_1, nordic_gpio_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, Model};

/// `nordic.gpio`.
pub const MODEL: Model = Model { ty: &NORDIC_GPIO_1, create: frame::create::<Gpio> };

/// Outputs.
const OUT: u32 = 0;
const LEVEL: u32 = 1;
const DETECT: u32 = 2;
/// Inputs.
const PIN: u32 = 0;
const TE: u32 = 1;
/// From a port's registers to the next one's.
const PORT: u64 = reg::P1_OUT - reg::OUT;
/// PIN_CNF.
const DIR_OUT: u32 = 1 << 0;
const DISCONNECTED: u32 = 1 << 1;
const PULL_UP: u32 = 3 << 2;
const SENSE_HIGH: u32 = 2 << 16;
const SENSE_LOW: u32 = 3 << 16;

#[derive(Debug, Clone, Copy, Default)]
struct Port {
    /// Pins that are high while no wire drives them.
    high: u32,
    /// Levels from wires, and pins that wires have moved.
    wires: u32,
    moved: u32,
    /// What GPIOTE drives, and which pins.
    te: u32,
    te_own: u32,
    /// What the outputs `out` and `level` have.
    driven: [u32; 2],
}

impl Port {
    /// What comes to the pins from outside, pulls included.
    fn outside(&self, pull_up: u32) -> u32 {
        self.wires & self.moved | (self.high | pull_up) & !self.moved
    }
}

struct Gpio {
    ports: [Port; 2],
}

impl Gpio {
    /// Looks at all pins again.
    fn settle(&mut self, io: &mut Io<'_>) {
        let mut detect = false;
        for (n, port) in (0u32..).zip(&mut self.ports) {
            let base = PORT * u64::from(n);
            let config = |pin: u32| io.array(base + reg::PIN_CNF, pin);
            let which = |bits: u32, value: u32| {
                (0..32).filter(|p| config(*p) & bits == value).fold(0, |m, p| m | 1u32 << p)
            };
            let (out, dir) = (io.reg(base + reg::OUT), io.reg(base + reg::DIR) | port.te_own);
            let out = out & !port.te_own | port.te & port.te_own;
            let level = out & dir | port.outside(which(PULL_UP, PULL_UP)) & !dir;
            let connected = which(DISCONNECTED, 0);
            let found = connected
                & (level & which(SENSE_LOW, SENSE_HIGH) | !level & which(SENSE_LOW, SENSE_LOW));
            io.set(base + reg::IN, level & connected);
            io.set(base + reg::LATCH, io.reg(base + reg::LATCH) | found);
            detect |= found != 0;
            for (output, new) in [(OUT, out & dir), (LEVEL, level)] {
                let mut changed = new ^ std::mem::replace(&mut port.driven[output as usize], new);
                while changed != 0 {
                    let pin = changed.trailing_zeros();
                    io.cx.output(output, 32 * n + pin, new >> pin & 1 != 0);
                    changed &= changed - 1;
                }
            }
        }
        io.cx.output(DETECT, 0, detect);
    }

    /// Keeps DIR and the direction bits of PIN_CNF the same.
    fn directions(io: &mut Io<'_>, base: u64) {
        let dir = io.reg(base + reg::DIR);
        for pin in 0..32u32 {
            let at = base + reg::PIN_CNF + 4 * u64::from(pin);
            io.set(at, io.reg(at) & !DIR_OUT | dir >> pin & 1);
        }
    }
}

impl Block for Gpio {
    const TYPE: &'static DeviceType = &NORDIC_GPIO_1;

    fn new(config: &Config) -> Gpio {
        let port = |name| Port { high: config.int(name) as u32, ..Port::default() };
        Gpio { ports: [port("high"), port("high1")] }
    }

    fn reset(&mut self, io: &mut Io<'_>) {
        // What is outside stays as it is; all wires are low.
        self.ports.iter_mut().for_each(|port| port.driven = [0; 2]);
        self.settle(io);
    }

    fn wrote(&mut self, io: &mut Io<'_>, offset: u64, value: u32) {
        let base = if offset < reg::P1_OUT { 0 } else { PORT };
        match offset - base {
            reg::OUT..reg::IN => io.set_clear(base + reg::OUT, offset, value),
            reg::DIR..reg::LATCH => {
                io.set_clear(base + reg::DIR, offset, value);
                Gpio::directions(io, base);
            }
            at @ reg::PIN_CNF.. => {
                let pin = 1 << ((at - reg::PIN_CNF) / 4).min(31);
                let set =
                    if value & DIR_OUT != 0 { base + reg::DIRSET } else { base + reg::DIRCLR };
                io.set_clear(base + reg::DIR, set, pin);
            }
            _ => {}
        }
        self.settle(io);
    }

    fn signal(&mut self, io: &mut Io<'_>, input: u32, line: u32, level: bool) {
        if let Some(port) = self.ports.get_mut(line as usize / 32) {
            let bit = 1 << (line % 32);
            let lines = match input {
                PIN => {
                    port.moved |= bit;
                    &mut port.wires
                }
                TE => &mut port.te,
                _ => &mut port.te_own,
            };
            *lines = *lines & !bit | if level { bit } else { 0 };
        }
        self.settle(io);
    }

    fn save(&self) -> Vec<u64> {
        let of = |p: &Port| [p.wires, p.moved, p.te, p.te_own, p.driven[0], p.driven[1]];
        self.ports.iter().flat_map(|p| of(p).map(u64::from)).collect()
    }

    fn load(&mut self, numbers: &[u64]) -> bool {
        let (groups, rest) = numbers.as_chunks::<6>();
        for (port, group) in self.ports.iter_mut().zip(groups) {
            let [wires, moved, te, te_own, out, level] = group.map(|n| n as u32);
            *port = Port { high: port.high, wires, moved, te, te_own, driven: [out, level] };
        }
        groups.len() == 2 && rest.is_empty()
    }
}
