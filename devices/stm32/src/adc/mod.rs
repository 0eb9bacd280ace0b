//! The converters (RM0090, chapter 13): three of them behind one interrupt, with common registers.
//!
//! Conversions take their sampling time and 15 to 9 periods of the converters' clock. What stands
//! at the pins is said by the machine's text. Triggers from timers and pins do not exist, and
//! neither do discontinuous and multiple modes.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32F4_ADC_1, st_stm32f4_adc_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::{Ps, SECOND};
use hetemu_hw::{Config, ConfigError, Cx, Device, Model};

/// `st.stm32f4_adc`.
pub const MODEL: Model = Model { ty: &ST_STM32F4_ADC_1, create };

const IRQ: u32 = 0;
const DMA: u32 = 1;
const UNITS: usize = 3;
/// Distance of one converter's registers from the next's.
const EACH: u64 = 0x100;

/// SR.
const EOC: u32 = 1 << 1;
const JEOC: u32 = 1 << 2;
const JSTRT: u32 = 1 << 3;
const STRT: u32 = 1 << 4;
const OVR: u32 = 1 << 5;
const FLAGS: u32 = 0x3f;
/// CR1.
const EOCIE: u32 = 1 << 5;
const AWDIE: u32 = 1 << 6;
const JEOCIE: u32 = 1 << 7;
const SCAN: u32 = 1 << 8;
const OVRIE: u32 = 1 << 26;
/// CR2.
const ADON: u32 = 1 << 0;
const CONT: u32 = 1 << 1;
const DMA_ON: u32 = 1 << 8;
const EOCS: u32 = 1 << 10;
const ALIGN: u32 = 1 << 11;
const JSWSTART: u32 = 1 << 22;
const SWSTART: u32 = 1 << 30;
/// CCR.
const VBATE: u32 = 1 << 22;
const TSVREFE: u32 = 1 << 23;
/// Periods of the clock that a sample takes, by SMPx.
const SAMPLING: [u64; 8] = [3, 15, 28, 56, 84, 112, 144, 480];
/// Millivolts of the temperature sensor at 25 degrees, and of the internal reference.
const TEMPERATURE_MV: u64 = 760;
const REFERENCE_MV: u64 = 1210;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let mut levels = [0; 16];
    let words: Vec<&str> = config.text("levels").split_whitespace().collect();
    let bad = |message: String| ConfigError { path: config.path.clone(), message };
    if words.len() > levels.len() {
        return Err(bad(format!("`levels` says {} channels, and there are 16", words.len())));
    }
    for (to, word) in levels.iter_mut().zip(words) {
        let no_number = |_| bad(format!("`levels` has `{word}` where millivolts belong"));
        *to = word.parse::<u32>().map_err(no_number)?.into();
    }
    let (clk, supply) = (config.clock("clk").max(1), config.int("supply").max(1));
    let bank = Bank::new(&ST_STM32F4_ADC_1);
    let runs = [Run::default(); UNITS];
    Ok(Box::new(Block(Adc { clk, supply, levels, bank, hz: clk, runs })))
}

/// What a converter is doing.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    /// When the conversion under way ends; 0: none is.
    done: u64,
    /// Its number in the sequence.
    step: u64,
}

#[derive(Clone)]
struct Adc {
    // Fixed configuration: hertz, millivolts.
    clk: u64,
    supply: u64,
    levels: [u64; 16],
    // Volatile state.
    bank: Bank,
    /// The clock, hertz.
    hz: u64,
    runs: [Run; UNITS],
}

impl Adc {
    /// The channel of a regular conversion.
    fn channel(&self, unit: usize, step: u64) -> u32 {
        let base = unit as u64 * EACH;
        let (at, slot) = match step {
            0..=5 => (reg::SQR3, step),
            6..=11 => (reg::SQR2, step - 6),
            _ => (reg::SQR1, step - 12),
        };
        self.bank.field(base + at, 5 * (slot as u32 & 7), 5)
    }

    /// Conversions of a regular sequence.
    fn len(&self, unit: usize) -> u64 {
        let base = unit as u64 * EACH;
        match self.bank.is(base + reg::CR1, SCAN) {
            true => u64::from(self.bank.field(base + reg::SQR1, 20, 4)) + 1,
            false => 1,
        }
    }

    /// What a converter finds at a channel, in the form of DR.
    fn result(&self, unit: usize, channel: u32) -> u32 {
        let base = unit as u64 * EACH;
        let inside = |on| if unit == 0 && self.bank.is(reg::CCR, on) { 1 } else { 0 };
        let mv = match channel {
            16 => TEMPERATURE_MV * inside(TSVREFE),
            17 => REFERENCE_MV * inside(TSVREFE),
            18 => self.supply / 2 * inside(VBATE),
            n => self.levels.get(n as usize).copied().unwrap_or(0),
        };
        let bits = 12 - 2 * self.bank.field(base + reg::CR1, 24, 2);
        let value = (mv * 4095 / self.supply).min(4095) as u32 >> (12 - bits);
        match self.bank.is(base + reg::CR2, ALIGN) {
            // Six bits are aligned within a byte.
            true => value << if bits == 6 { 2 } else { 16 - bits },
            false => value,
        }
    }

    /// Virtual time of a conversion.
    fn span(&self, unit: usize, channel: u32) -> Ps {
        let base = unit as u64 * EACH;
        let (at, slot) =
            if channel < 10 { (reg::SMPR2, channel) } else { (reg::SMPR1, channel - 10) };
        let sample = SAMPLING[self.bank.field(base + at, 3 * slot.min(9), 3) as usize & 7];
        let bits = 12 - 2 * self.bank.field(base + reg::CR1, 24, 2);
        let clocks =
            (sample + u64::from(bits)) * 2 * u64::from(self.bank.field(reg::CCR, 16, 2) + 1);
        (u128::from(clocks) * u128::from(SECOND) / u128::from(self.hz.max(1))).max(1) as Ps
    }

    fn start(&mut self, unit: usize, now: Ps) {
        self.bank.put(unit as u64 * EACH + reg::SR, STRT, true);
        let done = now.saturating_add(self.span(unit, self.channel(unit, 0)));
        if let Some(run) = self.runs.get_mut(unit) {
            *run = Run { done, step: 0 };
        }
    }

    /// The end of a regular conversion.
    fn end(&mut self, unit: usize) {
        let base = unit as u64 * EACH;
        let Some(run) = self.runs.get(unit).copied() else { return };
        let next = run.step + 1;
        let over = next >= self.len(unit);
        let each = self.bank.is(base + reg::CR2, EOCS);
        let watched = each || self.bank.is(base + reg::CR2, DMA_ON);
        let lost = watched && self.bank.is(base + reg::SR, EOC);
        if lost {
            self.bank.put(base + reg::SR, OVR, true);
        } else {
            let value = self.result(unit, self.channel(unit, run.step));
            self.bank.set(base + reg::DR, value);
            self.bank.put(base + reg::SR, if over || watched { EOC } else { 0 }, true);
        }
        let goes_on = !lost && (!over || self.bank.is(base + reg::CR2, CONT));
        let step = if over { 0 } else { next };
        let span = self.span(unit, self.channel(unit, step));
        if let Some(to) = self.runs.get_mut(unit) {
            let done = if goes_on { run.done.saturating_add(span) } else { 0 };
            *to = Run { done, step };
        }
    }

    /// Injected conversions take no time: the last of JSQ1 to JSQ4, as many as JL says.
    fn inject(&mut self, unit: usize) {
        let base = unit as u64 * EACH;
        let len = self.bank.field(base + reg::JSQR, 20, 2) + 1;
        for (n, slot) in (4 - len..4).enumerate() {
            let channel = self.bank.field(base + reg::JSQR, 5 * slot, 5);
            let offset = self.bank.get(base + reg::JOFR1 + 4 * n as u64);
            let value = self.result(unit, channel).wrapping_sub(offset) & 0xffff;
            self.bank.set(base + reg::JDR1 + 4 * n as u64, value);
        }
        self.bank.put(base + reg::SR, JEOC | JSTRT, true);
    }

    fn busy(&self) -> bool {
        self.runs.iter().any(|run| run.done != 0)
    }
}

impl Unit for Adc {
    const TYPE: &'static DeviceType = &ST_STM32F4_ADC_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn words(&mut self) -> Vec<&mut u64> {
        let runs = self.runs.iter_mut().flat_map(|run| [&mut run.done, &mut run.step]);
        [&mut self.hz].into_iter().chain(runs).collect()
    }

    fn sane(&self) -> bool {
        self.runs.iter().all(|run| run.step < 16)
    }

    fn settle(&mut self, cx: &mut dyn Cx) {
        for unit in 0..UNITS {
            // Continuous ones that nobody reads: the last two rounds are like all others.
            for _ in 0..32 {
                match self.runs.get(unit) {
                    Some(run) if run.done != 0 && cx.now() >= run.done => self.end(unit),
                    _ => break,
                }
            }
            if let Some(run) = self.runs.get_mut(unit)
                && run.done != 0
                && cx.now() >= run.done
            {
                run.done = cx.now() + 1;
            }
        }
    }

    fn value(&self, at: u64, now: Option<Ps>) -> Option<u32> {
        if now.is_none() && self.busy() {
            // Results come with the time.
            return None;
        }
        Some(match at {
            reg::CSR => (0..UNITS as u64).fold(0, |all, unit| {
                all | (self.bank.get(unit * EACH + reg::SR) & FLAGS) << (8 * unit)
            }),
            _ => self.bank.get(at),
        })
    }

    fn after_read(&mut self, _: &mut dyn Cx, at: u64) -> bool {
        let taken = at % EACH == reg::DR && at / EACH < UNITS as u64;
        if taken {
            self.bank.put(at - reg::DR + reg::SR, EOC, false);
        }
        taken
    }

    fn write(&mut self, cx: &mut dyn Cx, write: Write) {
        let (unit, at) = ((write.at / EACH) as usize, write.at % EACH);
        match at {
            _ if unit >= UNITS => self.bank.keep(&write),
            reg::SR => self.bank.put(write.at, write.zeros() & FLAGS, false),
            reg::CR2 => {
                self.bank.keep(&write);
                if !self.bank.is(write.at, ADON) {
                    if let Some(run) = self.runs.get_mut(unit) {
                        *run = Run::default();
                    }
                } else {
                    if write.bits & SWSTART != 0 {
                        self.start(unit, cx.now());
                    }
                    if write.bits & JSWSTART != 0 {
                        self.inject(unit);
                    }
                }
            }
            _ => self.bank.keep(&write),
        }
    }

    fn rate(&mut self, _: &mut dyn Cx, _: u32, hz: u64) {
        self.hz = if hz == 0 { self.clk } else { hz };
    }

    fn reset(&mut self) {
        self.bank = Bank::new(Self::TYPE);
        (self.hz, self.runs) = (self.clk, [Run::default(); UNITS]);
    }

    fn drive(&mut self, cx: &mut dyn Cx) {
        let (mut irq, mut dma) = (false, false);
        for unit in 0..UNITS as u64 {
            let [sr, cr1, cr2] =
                [reg::SR, reg::CR1, reg::CR2].map(|at| self.bank.get(unit * EACH + at));
            let causes = [(EOC, EOCIE), (1, AWDIE), (JEOC, JEOCIE), (OVR, OVRIE)];
            irq |= causes.iter().any(|(flag, enable)| sr & flag != 0 && cr1 & enable != 0);
            dma |= cr2 & DMA_ON != 0 && sr & EOC != 0;
            match self.runs.get(unit as usize).map_or(0, |run| run.done) {
                0 => cx.stop_timer(unit as u32),
                done if cr1 & (EOCIE | OVRIE) != 0 || cr2 & DMA_ON != 0 => {
                    cx.timer(unit as u32, done);
                }
                _ => cx.stop_timer(unit as u32),
            }
        }
        cx.output(IRQ, 0, irq);
        cx.output(DMA, 0, dma);
    }
}
