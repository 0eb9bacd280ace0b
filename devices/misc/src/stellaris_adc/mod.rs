//! The converter of the Stellaris microcontrollers (LM3S6965 data sheet, chapter Analog-to-Digital
//! Converter).
//!
//! A sample takes a microsecond; sequences that are triggered while another one runs follow it, in
//! the order of their priorities if they come together. What the pins give is said by properties.

mod saved;
mod sequencer;
#[cfg(test)]
mod tests;

use crate::schemas::{TI_STELLARIS_ADC_1, ti_stellaris_adc_1 as reg};
use hetemu_hw::regs::{lanes_read, lanes_value, lanes_write};
use hetemu_hw::time::{Ps, SECOND};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};
use sequencer::{Sample, Sequencer};

/// `ti.stellaris_adc`.
pub const MODEL: Model = Model { ty: &TI_STELLARIS_ADC_1, create };

const IRQ: u32 = 0;

/// Of one sample.
const SAMPLE: Ps = SECOND / 1_000_000;
/// Values that each sequencer's FIFO holds, which is also how many steps it has.
const DEPTH: [usize; 4] = [8, 4, 4, 1];
/// Distance of the sequencers' registers.
const STRIDE: u64 = reg::ADCSSMUX1 - reg::ADCSSMUX0;
/// ADCEMUX.
const BY_TIMER: u32 = 5;
const ALWAYS: u32 = 15;
/// Registers of a sequencer.
const MUX: u64 = 0;
const CONTROL: u64 = 4;
const VALUES: u64 = 8;
const STATUS: u64 = 12;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let pins = ["ain0", "ain1", "ain2", "ain3"].map(|name| config.int(name) as u16);
    // 147.5 degrees give 0, and 225 fewer give 1023.
    let degrees = config.int("temperature").min(147);
    let temperature = ((1475 - 10 * degrees) * 1023 / 2250) as u16;
    Ok(Box::new(Adc { pins, temperature, state: State::default() }))
}

struct Adc {
    // Fixed configuration.
    pins: [u16; 4],
    temperature: u16,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone)]
struct State {
    active: u32,
    raw: u32,
    mask: u32,
    overflow: u32,
    underflow: u32,
    events: u32,
    priorities: u32,
    average: u32,
    loopback: u32,
    /// Samples so far, which the loopback shows.
    count: u32,
    /// When the converter has done what is asked of it.
    free: Ps,
    sequencers: [Sequencer; 4],
}

impl Default for State {
    fn default() -> State {
        let mut sequencers: [Sequencer; 4] = Default::default();
        sequencers[3].control = 2;
        State {
            active: 0,
            raw: 0,
            mask: 0,
            overflow: 0,
            underflow: 0,
            events: 0,
            priorities: 0x3210,
            average: 0,
            loopback: 0,
            count: 0,
            free: 0,
            sequencers,
        }
    }
}

/// The sequencer that a register belongs to, and the register's place among its.
fn place(offset: u64) -> Option<(usize, u64)> {
    let from = offset.checked_sub(reg::ADCSSMUX0)?;
    let (n, at) = ((from / STRIDE) as usize, from % STRIDE);
    (n < DEPTH.len() && at <= STATUS).then_some((n, at))
}

impl State {
    /// Triggers sequencers (one bit each), the ones of higher priority first.
    fn trigger(&mut self, which: u32, now: Ps) {
        let mut order: Vec<usize> =
            (0..DEPTH.len()).filter(|n| which & self.active & 1 << n != 0).collect();
        order.sort_by_key(|n| self.priorities >> (4 * n) & 3);
        for n in order {
            let Some((s, depth)) = self.sequencers.get_mut(n).zip(DEPTH.get(n)) else { continue };
            if s.due.is_none() {
                let steps = s.steps(*depth).len() as u64;
                self.free = self.free.max(now).saturating_add(steps * SAMPLE);
                s.due = Some(self.free);
            }
        }
    }

    /// Begins again what never stops; but while a FIFO is full, has overflowed and its interrupt is
    /// pending, nothing can be seen of further samples.
    fn go_on(&mut self, now: Ps) {
        let mut still = 0;
        for ((n, s), depth) in (0..).zip(&self.sequencers).zip(DEPTH) {
            let quiet = self.raw >> n & 1 != 0 || !s.steps(depth).iter().any(|s| s.interrupts);
            if s.fifo.len() >= depth && self.overflow >> n & 1 != 0 && quiet {
                still |= 1 << n;
            }
        }
        self.trigger(self.waiting(ALWAYS) & !still, now);
    }

    /// Sequencers that a source triggers.
    fn waiting(&self, source: u32) -> u32 {
        let chosen = |n: &u32| self.events >> (4 * n) & 15 == source;
        (0..4).filter(chosen).fold(0, |all, n| all | 1 << n)
    }

    fn value(&self, offset: u64) -> Option<u32> {
        Some(match offset {
            reg::ADCACTSS => self.active,
            reg::ADCRIS => self.raw,
            reg::ADCIM => self.mask,
            reg::ADCISC => self.raw & self.mask,
            reg::ADCOSTAT => self.overflow,
            reg::ADCUSTAT => self.underflow,
            reg::ADCEMUX => self.events,
            reg::ADCSSPRI => self.priorities,
            reg::ADCPSSI => 0,
            reg::ADCSAC => self.average,
            reg::ADCTMLB => self.loopback,
            _ => {
                let (n, at) = place(offset)?;
                let (s, depth) = self.sequencers.get(n).zip(DEPTH.get(n))?;
                match at {
                    MUX => s.mux,
                    CONTROL => s.control,
                    VALUES => s.fifo.front().copied().unwrap_or(0).into(),
                    STATUS => s.status(*depth),
                    _ => return None,
                }
            }
        })
    }
}

impl Adc {
    fn convert(&self, sample: Sample) -> u16 {
        if self.state.loopback & 1 != 0 {
            let count = (self.state.count & 15) as u16;
            let flags = [sample.temperature, sample.differential, sample.continued];
            let flags = flags.iter().zip(3..).fold(0, |all, (on, bit)| all | u16::from(*on) << bit);
            return count << 6 | flags | sample.pin as u16;
        }
        let pin = |n: u32| i32::from(self.pins[(n & 3) as usize]);
        if sample.temperature {
            self.temperature
        } else if sample.differential {
            // The pair's even pin less its odd one, around the middle.
            (512 + (pin(2 * sample.pin) - pin(2 * sample.pin + 1)) / 2).clamp(0, 1023) as u16
        } else {
            pin(sample.pin) as u16
        }
    }

    /// A sequence is over.
    fn finish(&mut self, n: usize, now: Ps) {
        let Some(depth) = DEPTH.get(n).copied() else { return };
        let Some(s) = self.state.sequencers.get_mut(n) else { return };
        s.due = None;
        for sample in s.steps(depth) {
            let value = self.convert(sample);
            self.state.count = (self.state.count + 1) & 15;
            let room = self.state.sequencers.get_mut(n).is_some_and(|s| s.push(value, depth));
            if !room {
                self.state.overflow |= 1 << n;
            }
            if sample.interrupts {
                self.state.raw |= 1 << n;
            }
        }
        self.state.go_on(now);
    }

    fn update(&self, cx: &mut dyn Cx) {
        let s = &self.state;
        for (n, sequencer) in (0u32..).zip(&s.sequencers) {
            cx.output(IRQ, n, s.raw & s.mask & 1 << n != 0);
            match sequencer.due {
                Some(at) => cx.timer(n, at),
                None => cx.stop_timer(n),
            }
        }
    }
}

impl Device for Adc {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let at = offset & !3;
        let Some(value) = self.state.value(at) else {
            cx.unimplemented("reserved register", offset, false);
            return Ok(0);
        };
        if let Some((n, VALUES)) = place(at) {
            let taken = self.state.sequencers.get_mut(n).and_then(|s| s.fifo.pop_front());
            if taken.is_none() {
                self.state.underflow |= 1 << n;
            }
            self.state.go_on(cx.now());
            self.update(cx);
        }
        Ok(lanes_read(value, offset, size))
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let at = offset & !3;
        let Some(old) = self.state.value(at) else {
            cx.unimplemented("reserved register", offset, true);
            return Ok(());
        };
        let written = lanes_value(offset, size, value);
        let whole = lanes_write(old, offset, size, value);
        let s = &mut self.state;
        match at {
            reg::ADCACTSS => s.active = whole & 15,
            reg::ADCIM => s.mask = whole & 15,
            reg::ADCISC => s.raw &= !written,
            reg::ADCOSTAT => s.overflow &= !written,
            reg::ADCUSTAT => s.underflow &= !written,
            reg::ADCEMUX => s.events = whole & 0xffff,
            reg::ADCSSPRI => s.priorities = whole & 0x3333,
            reg::ADCSAC => s.average = whole & 7,
            reg::ADCTMLB => s.loopback = whole & 1,
            reg::ADCPSSI => s.trigger(written & 15 & s.waiting(0), cx.now()),
            _ => {
                if let Some((n, part)) = place(at)
                    && let Some((sequencer, depth)) = s.sequencers.get_mut(n).zip(DEPTH.get(n))
                {
                    let steps = (u64::from(u32::MAX) >> (32 - 4 * depth)) as u32;
                    match part {
                        MUX => sequencer.mux = whole & steps & 0x3333_3333,
                        CONTROL => sequencer.control = whole & steps,
                        _ => {}
                    }
                }
            }
        }
        s.go_on(cx.now());
        self.update(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        let at = offset & !3;
        // Reading takes from the FIFO.
        if matches!(place(at), Some((_, VALUES))) {
            return None;
        }
        self.state.value(at).map(|value| lanes_read(value, offset, size))
    }

    fn signal(&mut self, cx: &mut dyn Cx, _: u32, _: u32, level: bool) {
        if level {
            let waiting = self.state.waiting(BY_TIMER);
            self.state.trigger(waiting, cx.now());
            self.update(cx);
        }
    }

    fn timer(&mut self, cx: &mut dyn Cx, timer: u32) {
        self.finish(timer as usize, cx.now());
        self.update(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::default();
        self.update(cx);
    }

    fn save(&self, w: &mut Writer) {
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.state = State::load(r)?;
        Ok(())
    }
}
