//! The PL022 synchronous serial port (Arm PrimeCell SSP TRM, DDI 0194H).
//!
//! Frames take their time on the wire: (DSS + 1) * CPSDVSR * (SCR + 1) periods of the clock.
//! Nothing sits on the bus yet: without loopback received frames are all ones, the level of a data
//! line that nobody drives. A slave hears of no clock.

mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{ARM_PL022_1, arm_pl022_1 as reg};
use hetemu_hw::regs::{lanes_read, lanes_value, lanes_write, register};
use hetemu_hw::time::{Ps, at_tick, ticks};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};
use std::collections::VecDeque;

/// `arm.pl022`.
pub const MODEL: Model = Model { ty: &ARM_PL022_1, create };

const IRQ: u32 = 0;
const SHIFTED: u32 = 0;
const TIMEOUT: u32 = 1;

/// Frames that each FIFO holds.
const DEPTH: usize = 8;
/// SSPCR1.
const LOOPBACK: u32 = 1;
const ENABLE: u32 = 2;
const SLAVE: u32 = 4;
/// SSPSR.
const TX_EMPTY: u32 = 1;
const TX_NOT_FULL: u32 = 2;
const RX_NOT_EMPTY: u32 = 4;
const RX_FULL: u32 = 8;
const BUSY: u32 = 16;
/// Interrupts.
const OVERRUN: u32 = 1;
const RX_TIMEOUT: u32 = 2;
const RX: u32 = 4;
const TX: u32 = 8;
/// Bits without a read after which received frames are reported.
const QUIET_BITS: u64 = 32;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Pl022 {
        clock_hz: config.clock("clk").max(1),
        hz: config.clock("clk").max(1),
        periph_id: config.int("periph_id") as u32,
        state: State::default(),
    }))
}

struct Pl022 {
    // Fixed configuration.
    clock_hz: u64,
    periph_id: u32,
    // Volatile state.
    /// The clock, hertz.
    hz: u64,
    state: State,
}

#[derive(Debug, Clone, Default)]
struct State {
    cr0: u32,
    cr1: u32,
    divisor: u32,
    mask: u32,
    dma: u32,
    /// Overrun and time-out, which stay until they are cleared.
    latched: u32,
    tx: VecDeque<u16>,
    rx: VecDeque<u16>,
    /// The frame on the wire, and the tick at which it is over.
    shifting: Option<u16>,
    due: u64,
    /// The tick at which received frames have waited for too long.
    quiet: u64,
}

impl State {
    /// Frames that the master sends.
    fn runs(&self) -> bool {
        self.cr1 & (ENABLE | SLAVE) == ENABLE && self.divisor != 0
    }

    fn frame(&self) -> u16 {
        u16::MAX >> (15 - (self.cr0 & 15))
    }

    /// Ticks of one bit.
    fn bit(&self) -> u64 {
        u64::from(self.divisor) * (u64::from(self.cr0 >> 8 & 0xff) + 1)
    }

    /// Puts the next frame on the wire if there is one.
    fn begin(&mut self, tick: u64) {
        if self.shifting.is_none() && self.runs() {
            self.shifting = self.tx.pop_front();
            self.due = tick.saturating_add(self.bit() * (u64::from(self.cr0 & 15) + 1));
        }
    }

    /// Takes account of the frames that are over at a tick.
    fn settle(&mut self, tick: u64) {
        while let Some(sent) = self.shifting.filter(|_| self.due <= tick) {
            let received = if self.cr1 & LOOPBACK != 0 { sent } else { u16::MAX };
            if self.rx.len() < DEPTH {
                self.rx.push_back(received & self.frame());
            } else {
                self.latched |= OVERRUN;
            }
            let done = self.due;
            self.shifting = None;
            self.wait(done);
            self.begin(done);
        }
        if !self.rx.is_empty() && self.quiet <= tick {
            self.latched |= RX_TIMEOUT;
        }
    }

    fn wait(&mut self, tick: u64) {
        self.quiet = tick.saturating_add(QUIET_BITS * self.bit().max(1));
    }

    fn status(&self) -> u32 {
        let busy = self.shifting.is_some() || !self.tx.is_empty();
        [
            (self.tx.is_empty(), TX_EMPTY),
            (self.tx.len() < DEPTH, TX_NOT_FULL),
            (!self.rx.is_empty(), RX_NOT_EMPTY),
            (self.rx.len() >= DEPTH, RX_FULL),
            (busy, BUSY),
        ]
        .iter()
        .filter(|(on, _)| *on)
        .fold(0, |all, (_, bit)| all | bit)
    }

    /// What SSPRIS reads.
    fn raw(&self) -> u32 {
        let half = DEPTH / 2;
        let levels =
            if self.rx.len() >= half { RX } else { 0 } | if self.tx.len() <= half { TX } else { 0 };
        self.latched | levels
    }

    fn value(&self, offset: u64) -> Option<u32> {
        Some(match offset {
            reg::SSPCR0 => self.cr0,
            reg::SSPCR1 => self.cr1,
            reg::SSPDR => self.rx.front().copied().unwrap_or(0).into(),
            reg::SSPSR => self.status(),
            reg::SSPCPSR => self.divisor,
            reg::SSPIMSC => self.mask,
            reg::SSPRIS => self.raw(),
            reg::SSPMIS => self.raw() & self.mask,
            reg::SSPDMACR => self.dma,
            _ => return None,
        })
    }
}

impl Pl022 {
    fn tick(&self, now: Ps) -> u64 {
        ticks(now, self.hz)
    }

    fn register(&self, offset: u64) -> u32 {
        match offset {
            reg::SSPPERIPH_ID0 => self.periph_id & 0xff,
            reg::SSPPERIPH_ID1 => self.periph_id >> 8 & 0xff,
            reg::SSPPERIPH_ID2 => self.periph_id >> 16 & 0xff,
            reg::SSPPERIPH_ID3 => self.periph_id >> 24,
            _ => self.state.value(offset).unwrap_or_else(|| {
                register(&ARM_PL022_1, 0, offset).and_then(|r| r.reset).unwrap_or(0) as u32
            }),
        }
    }

    fn update(&self, cx: &mut dyn Cx) {
        let s = &self.state;
        cx.output(IRQ, 0, s.raw() & s.mask != 0);
        let mut arm = |timer, on: bool, tick| match on {
            true => cx.timer(timer, at_tick(tick, self.hz)),
            false => cx.stop_timer(timer),
        };
        arm(SHIFTED, s.shifting.is_some(), s.due);
        let waits = !s.rx.is_empty() && s.latched & RX_TIMEOUT == 0;
        arm(TIMEOUT, waits && s.mask & RX_TIMEOUT != 0, s.quiet);
    }
}

impl Device for Pl022 {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let tick = self.tick(cx.now());
        self.state.settle(tick);
        let value = lanes_read(self.register(offset & !3), offset, size);
        if offset == reg::SSPDR && self.state.rx.pop_front().is_some() {
            let s = &mut self.state;
            s.wait(tick);
            if s.rx.is_empty() {
                s.latched &= !RX_TIMEOUT;
            }
        }
        self.update(cx);
        Ok(value)
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let tick = self.tick(cx.now());
        let at = offset & !3;
        let s = &mut self.state;
        s.settle(tick);
        let whole = lanes_write(s.value(at).unwrap_or(0), offset, size, value);
        match at {
            reg::SSPCR0 => s.cr0 = whole & 0xffff,
            reg::SSPCR1 => s.cr1 = whole & 15,
            reg::SSPDR if s.tx.len() < DEPTH => {
                let frame = lanes_value(offset, size, value) as u16 & s.frame();
                s.tx.push_back(frame);
            }
            // The lowest bit is 0: the clock is divided by even numbers.
            reg::SSPCPSR => s.divisor = whole & 0xfe,
            reg::SSPIMSC => s.mask = whole & 15,
            reg::SSPICR => {
                s.latched &= !lanes_value(offset, size, value);
                s.wait(tick);
            }
            reg::SSPDMACR => s.dma = whole & 3,
            _ => {}
        }
        s.begin(tick);
        self.update(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        // What is on the wire may have arrived by now.
        let s = &self.state;
        let moves = s.shifting.is_some() || !s.rx.is_empty();
        let at = offset & !3;
        let known = !moves || !(reg::SSPDR..=reg::SSPMIS).contains(&at);
        (at != reg::SSPDR && known).then(|| lanes_read(self.register(at), offset, size))
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
        let tick = self.tick(cx.now());
        self.state.settle(tick);
        self.update(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::default();
        self.update(cx);
    }

    fn rate(&mut self, cx: &mut dyn Cx, _: u32, _: u32, hz: u64) {
        let old = self.tick(cx.now());
        self.state.settle(old);
        self.hz = if hz == 0 { self.clock_hz } else { hz };
        let new = self.tick(cx.now());
        let s = &mut self.state;
        s.due = new.saturating_add(s.due.saturating_sub(old));
        s.quiet = new.saturating_add(s.quiet.saturating_sub(old));
        self.update(cx);
    }

    fn save(&self, w: &mut Writer) {
        w.int(saved::HZ, self.hz);
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.hz = saved::hz(r, self.clock_hz)?;
        self.state = State::load(r)?;
        Ok(())
    }
}
