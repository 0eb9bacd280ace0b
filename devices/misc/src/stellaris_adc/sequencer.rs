//! One of the four sample sequencers.

use hetemu_hw::time::Ps;
use std::collections::VecDeque;

/// A step's nibble of ADCSSCTL.
const DIFFERENTIAL: u32 = 1;
const END: u32 = 2;
const INTERRUPT: u32 = 4;
const TEMPERATURE: u32 = 8;

/// What is converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    /// ADCSSMUX's number of the pin, or of the pair.
    pub(super) pin: u32,
    pub(super) differential: bool,
    pub(super) temperature: bool,
    /// It is not the first of its sequence.
    pub(super) continued: bool,
    pub(super) interrupts: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Sequencer {
    pub(super) mux: u32,
    pub(super) control: u32,
    pub(super) fifo: VecDeque<u16>,
    /// Where the FIFO is written next, modulo its depth.
    pub(super) head: u32,
    /// When the conversions that are under way are over.
    pub(super) due: Option<Ps>,
}

impl Sequencer {
    /// The steps until the end, of `depth` at most.
    pub(super) fn steps(&self, depth: usize) -> Vec<Sample> {
        let mut steps = Vec::new();
        for n in 0..depth as u32 {
            let control = self.control >> (4 * n);
            steps.push(Sample {
                pin: self.mux >> (4 * n) & 3,
                differential: control & DIFFERENTIAL != 0,
                temperature: control & TEMPERATURE != 0,
                continued: n > 0,
                interrupts: control & INTERRUPT != 0,
            });
            if control & END != 0 {
                break;
            }
        }
        steps
    }

    /// Puts a value in; false if there is no room.
    pub(super) fn push(&mut self, value: u16, depth: usize) -> bool {
        let room = self.fifo.len() < depth;
        if room {
            self.fifo.push_back(value);
            self.head = (self.head + 1) % depth as u32;
        }
        room
    }

    /// ADCSSFSTAT.
    pub(super) fn status(&self, depth: usize) -> u32 {
        let (len, depth) = (self.fifo.len() as u32, depth as u32);
        let tail = (self.head + depth - len.min(depth)) % depth;
        let full = if len >= depth { 1 << 12 } else { 0 };
        let empty = if len == 0 { 1 << 8 } else { 0 };
        full | empty | self.head << 4 | tail
    }
}
