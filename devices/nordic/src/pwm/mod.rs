//! The pulse width modulator (nRF52833 Product Specification, chapter PWM): how long sequences take
//! and what follows them. Nothing is at the pins, so no values are read from memory.

use crate::frame::{self, Block, Io, Short};
use crate::schemas::{NORDIC_PWM_1, nordic_pwm_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::at_tick;
use hetemu_hw::{Config, Model};

/// `nordic.pwm`.
pub const MODEL: Model = Model { ty: &NORDIC_PWM_1, create: frame::create::<Pwm> };

/// Tasks.
const STOP: u32 = 1;
const SEQSTART: u32 = 2;
const NEXTSTEP: u32 = 4;
/// Events.
const STOPPED: u32 = 1;
const SEQSTARTED: u32 = 2;
const SEQEND: u32 = 4;
const PERIODEND: u32 = 6;
const LOOPSDONE: u32 = 7;
/// Timers: the end of a sequence, and of a period.
const END: u32 = 0;
const PERIOD: u32 = 1;
const HZ: u64 = 16_000_000;
/// From the registers of a sequence to those of the other.
const SEQ: u64 = 0x20;
/// Values for each period, by DECODER.LOAD.
const VALUES: [u64; 4] = [1, 2, 4, 4];
/// Nothing is shorter than a microsecond.
const LEAST: u64 = 1_000_000;

#[derive(Default)]
struct Pwm {
    running: bool,
    /// The sequence, 0 or 1.
    sequence: u32,
    /// Rounds of both that are left.
    rounds: u32,
    /// The timer of periods runs.
    paced: bool,
}

fn period(io: &Io<'_>) -> u64 {
    let top = u64::from(io.reg(reg::COUNTERTOP) & 0x7fff) << (io.reg(reg::PRESCALER) & 7);
    // Up and down again takes twice the time.
    at_tick(top << (io.reg(reg::MODE) & 1), HZ).max(LEAST)
}

impl Pwm {
    fn start(&mut self, io: &mut Io<'_>, sequence: u32) {
        (self.running, self.sequence) = (true, sequence);
        io.event(SEQSTARTED + sequence);
        let of = |first: u64| u64::from(io.reg(first + SEQ * u64::from(sequence)));
        let values = VALUES[(io.reg(reg::DECODER) & 3) as usize];
        let steps = (of(reg::SEQ_CNT) & 0x7fff).div_ceil(values);
        let (refresh, delay) =
            (of(reg::SEQ_REFRESH) & 0xff_ffff, of(reg::SEQ_ENDDELAY) & 0xff_ffff);
        let periods = (steps * (refresh + 1) + delay).max(1);
        let length = period(io).saturating_mul(periods);
        io.cx.timer(END, io.cx.now().saturating_add(length));
        self.pace(io);
    }

    /// Periods matter only to who waits for them.
    fn pace(&mut self, io: &mut Io<'_>) {
        let wanted = self.running && io.wanted(PERIODEND);
        if wanted && !self.paced {
            io.cx.timer(PERIOD, io.cx.now().saturating_add(period(io)));
        } else if !wanted {
            io.cx.stop_timer(PERIOD);
        }
        self.paced = wanted;
    }
}

impl Block for Pwm {
    const TYPE: &'static DeviceType = &NORDIC_PWM_1;
    const SHORTS: &'static [Short] = &[
        (0, SEQEND, STOP),
        (1, SEQEND + 1, STOP),
        (2, LOOPSDONE, SEQSTART),
        (3, LOOPSDONE, SEQSTART + 1),
        (4, LOOPSDONE, STOP),
    ];

    fn new(_: &Config) -> Pwm {
        Pwm::default()
    }

    fn reset(&mut self, io: &mut Io<'_>) {
        *self = Pwm::default();
        io.cx.stop_timer(END);
        io.cx.stop_timer(PERIOD);
    }

    fn task(&mut self, io: &mut Io<'_>, task: u32) {
        match task {
            STOP => {
                self.running = false;
                io.cx.stop_timer(END);
                self.pace(io);
                io.event(STOPPED);
            }
            SEQSTART.. if task < NEXTSTEP && io.reg(reg::ENABLE) & 1 != 0 => {
                self.rounds = io.reg(reg::LOOP) & 0xffff;
                self.start(io, task - SEQSTART);
            }
            _ => {}
        }
    }

    fn wrote(&mut self, io: &mut Io<'_>, offset: u64, _: u32) {
        if offset < reg::ENABLE {
            self.pace(io);
        }
    }

    fn timer(&mut self, io: &mut Io<'_>, timer: u32) {
        if timer == PERIOD {
            io.event(PERIODEND);
            self.paced = false;
            self.pace(io);
            return;
        }
        io.event(SEQEND + self.sequence);
        if self.rounds == 0 {
            return;
        }
        if self.sequence == 1 {
            self.rounds -= 1;
        }
        match self.rounds {
            0 => io.event(LOOPSDONE),
            _ => self.start(io, 1 - self.sequence),
        }
    }

    fn save(&self) -> Vec<u64> {
        let flags = [self.running, self.paced].map(u64::from);
        flags.into_iter().chain([self.sequence, self.rounds].map(u64::from)).collect()
    }

    fn load(&mut self, numbers: &[u64]) -> bool {
        let [running @ 0..=1, paced @ 0..=1, sequence @ 0..=1, rounds @ 0..=0xffff] = *numbers
        else {
            return false;
        };
        let (sequence, rounds) = (sequence as u32, rounds as u32);
        *self = Pwm { running: running != 0, sequence, rounds, paced: paced != 0 };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hetemu_hw::testing::{Bench, check};

    /// A period of 1000 at 16 MHz.
    const MS: u64 = 62_500_000;

    fn pwm() -> Bench {
        let mut b = Bench::of(&MODEL, &[], &[]);
        b.w32(0x500, 1);
        b.w32(0x508, 1000);
        for sequence in [0, 0x20] {
            b.w32(0x524 + sequence, 4);
            b.w32(0x528 + sequence, 0);
        }
        b
    }

    #[test]
    fn every_check() {
        check::all(&MODEL, &[]);
    }

    #[test]
    fn a_sequence_ends_after_its_periods() {
        let mut b = pwm();
        b.w32(0x528, 1);
        b.w32(0x52c, 3);
        b.w32(0x200, 1);
        b.w32(0x008, 1);
        assert_eq!((b.r32(0x108), b.r32(0x110)), (1, 0));
        b.advance(11 * MS - 1);
        assert_eq!(b.r32(0x110), 0);
        b.advance(1);
        assert_eq!((b.r32(0x110), b.r32(0x104)), (1, 1));
        assert!(b.cx.timers.is_empty());
    }

    #[test]
    fn rounds_alternate() {
        let mut b = pwm();
        b.w32(0x514, 2);
        b.w32(0x510, 1);
        b.w32(0x200, 1 << 2);
        b.w32(0x304, 1 << 6);
        b.w32(0x008, 1);
        b.advance(8 * MS);
        assert_eq!((b.r32(0x114), b.r32(0x11c), b.r32(0x118)), (1, 1, 1));
        let count = |b: &Bench, event| b.cx.pulses.iter().filter(|p| p.1 == event).count();
        // The shortcut has begun again.
        assert_eq!([2, 3, 4, 5, 6, 7].map(|e| count(&b, e)), [3, 2, 2, 2, 8, 1]);
        b.w32(0x004, 1);
        assert!(b.cx.timers.is_empty());
    }
}
