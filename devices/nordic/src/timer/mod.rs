//! TIMER (nRF52833 Product Specification, chapter TIMER): counts 16 MHz divided by a power of two,
//! or what the task COUNT says, and compares.

#[cfg(test)]
mod tests;

use crate::counter::{Counter, Pace};
use crate::frame::{self, Block, Io, Short};
use crate::schemas::{NORDIC_TIMER_1, nordic_timer_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, Model};

/// `nordic.timer`.
pub const MODEL: Model = Model { ty: &NORDIC_TIMER_1, create: frame::create::<Timer> };

const START: u32 = 0;
const STOP: u32 = 1;
const COUNT: u32 = 2;
const CLEAR: u32 = 3;
const SHUTDOWN: u32 = 4;
const CAPTURE: u32 = 16;
const COMPARE: u32 = 16;
const HZ: u64 = 16_000_000;

const SHORTS: [Short; 12] = {
    let mut all = [(0, 0, 0); 12];
    let mut n = 0;
    while n < 6 {
        all[n as usize] = (n, COMPARE + n, CLEAR);
        all[n as usize + 6] = (8 + n, COMPARE + n, STOP);
        n += 1;
    }
    all
};

struct Timer {
    channels: u32,
    counter: Counter,
    /// The next compare may be another one; never true for long.
    moved: bool,
}

/// MODE 0 counts the clock, the others count the task.
fn pace(io: &Io<'_>) -> Pace {
    let bits = [16, 8, 24, 32][(io.reg(reg::BITMODE) & 3) as usize];
    let hz = match io.reg(reg::MODE) {
        0 => HZ >> (io.reg(reg::PRESCALER) & 15).min(9),
        _ => 0,
    };
    Pace { hz, divider: 1, mask: u32::MAX >> (32 - bits) }
}

impl Timer {
    /// The next compare.
    fn schedule(&self, io: &mut Io<'_>) {
        let targets = (0..self.channels).map(|n| io.array(reg::CC, n));
        match self.counter.next(io.cx.now(), pace(io), targets) {
            Some(at) => io.cx.timer(0, at),
            None => io.cx.stop_timer(0),
        }
    }

    /// Compares with a count that is new.
    fn compare(&self, io: &mut Io<'_>, count: u32) {
        for n in 0..self.channels {
            if io.array(reg::CC, n) == count {
                io.event(COMPARE + n);
            }
        }
    }
}

impl Block for Timer {
    const TYPE: &'static DeviceType = &NORDIC_TIMER_1;
    const SHORTS: &'static [Short] = &SHORTS;

    fn new(config: &Config) -> Timer {
        let channels = config.int("channels").min(6) as u32;
        Timer { channels, counter: Counter::default(), moved: false }
    }

    fn reset(&mut self, _: &mut Io<'_>) {
        self.counter = Counter::default();
        self.moved = true;
    }

    fn task(&mut self, io: &mut Io<'_>, task: u32) {
        let (now, pace) = (io.cx.now(), pace(io));
        match task {
            START => self.counter.start(now),
            STOP | SHUTDOWN => self.counter.stop(now, pace),
            CLEAR => self.counter.begin(now, 0),
            COUNT if pace.hz == 0 && self.counter.running => {
                let count = self.counter.value(now, pace).wrapping_add(1) & pace.mask;
                self.counter.begin(now, count);
                self.compare(io, count);
            }
            CAPTURE.. if task - CAPTURE < self.channels => {
                let n = u64::from(task - CAPTURE);
                io.set(reg::CC + 4 * n, self.counter.value(now, pace));
            }
            _ => return,
        }
        self.moved = true;
    }

    fn wrote(&mut self, io: &mut Io<'_>, offset: u64, _: u32) {
        match offset {
            // To be written while the timer stands; then nothing but the compares changes.
            reg::MODE | reg::BITMODE | reg::PRESCALER => {
                let (now, pace) = (io.cx.now(), pace(io));
                let count = self.counter.value(now, pace);
                self.counter.begin(now, count);
            }
            reg::CC.. => {}
            _ => return,
        }
        self.moved = true;
    }

    fn timer(&mut self, io: &mut Io<'_>, _: u32) {
        let count = self.counter.value(io.cx.now(), pace(io));
        self.compare(io, count);
        self.moved = true;
    }

    fn settle(&mut self, io: &mut Io<'_>) {
        if std::mem::take(&mut self.moved) {
            self.schedule(io);
        }
    }

    fn save(&self) -> Vec<u64> {
        self.counter.save().to_vec()
    }

    fn load(&mut self, numbers: &[u64]) -> bool {
        let counter = numbers.try_into().ok().and_then(Counter::load);
        self.counter = counter.unwrap_or_default();
        counter.is_some()
    }
}
