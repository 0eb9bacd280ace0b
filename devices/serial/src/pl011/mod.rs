//! The PL011 UART (Arm PrimeCell UART TRM, DDI 0183G).
//!
//! Transmission takes no time; reception takes none either, but the receive timeout does. Input
//! waits in the plug while the FIFO is full, so only loopback overruns. The plug carries bytes:
//! there are no framing, parity or break errors, and modem inputs stand still.

mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{ARM_PL011_1, arm_pl011_1 as reg};
use hetemu_hw::regs::{lanes_read, lanes_write};
use hetemu_hw::time::{Ps, SECOND};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};
use std::collections::VecDeque;

/// `arm.pl011`.
pub const MODEL: Model = Model { ty: &ARM_PL011_1, create };

const LINE: u32 = 0;
const IRQ: u32 = 0;
const TIMEOUT: u32 = 0;

/// UARTFR.
const RXFE: u32 = 1 << 4;
const RXFF: u32 = 1 << 6;
const TXFE: u32 = 1 << 7;
/// UARTLCR_H.
const FEN: u32 = 1 << 4;
/// UARTCR.
const UARTEN: u32 = 1 << 0;
const LBE: u32 = 1 << 7;
const TXE: u32 = 1 << 8;
const RXE: u32 = 1 << 9;
/// Interrupts.
const RX: u32 = 1 << 4;
const TX: u32 = 1 << 5;
const RT: u32 = 1 << 6;
const OE: u32 = 1 << 10;
const ALL: u32 = 0x7ff;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(Pl011 { clock_hz: config.clock("clk").max(1), state: State::default() }))
}

struct Pl011 {
    // Fixed configuration.
    clock_hz: u64,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone)]
struct State {
    rx: VecDeque<u8>,
    errors: u32,
    ilpr: u32,
    ibrd: u32,
    fbrd: u32,
    lcr: u32,
    cr: u32,
    ifls: u32,
    mask: u32,
    raw: u32,
    dma: u32,
}

impl Default for State {
    fn default() -> State {
        State {
            rx: VecDeque::new(),
            errors: 0,
            ilpr: 0,
            ibrd: 0,
            fbrd: 0,
            lcr: 0,
            cr: TXE | RXE,
            ifls: 0x12,
            mask: 0,
            raw: 0,
            dma: 0,
        }
    }
}

impl State {
    fn depth(&self) -> usize {
        if self.lcr & FEN != 0 { 16 } else { 1 }
    }

    /// Bytes that raise the receive interrupt.
    fn trigger(&self) -> usize {
        let levels = [2, 4, 8, 12, 14];
        match self.lcr & FEN {
            0 => 1,
            _ => levels.get((self.ifls >> 3 & 7) as usize).copied().unwrap_or(8),
        }
    }

    fn loopback(&self) -> bool {
        self.cr & LBE != 0
    }

    fn value(&self, offset: u64) -> u32 {
        match offset {
            reg::UARTDR => self.rx.front().copied().unwrap_or(0).into(),
            reg::UARTRSR => self.errors,
            reg::UARTFR => {
                let full = if self.rx.len() >= self.depth() { RXFF } else { 0 };
                let empty = if self.rx.is_empty() { RXFE } else { 0 };
                TXFE | full | empty
            }
            reg::UARTILPR => self.ilpr,
            reg::UARTIBRD => self.ibrd,
            reg::UARTFBRD => self.fbrd,
            reg::UARTLCR_H => self.lcr,
            reg::UARTCR => self.cr,
            reg::UARTIFLS => self.ifls,
            reg::UARTIMSC => self.mask,
            reg::UARTRIS => self.raw,
            reg::UARTMIS => self.raw & self.mask,
            reg::UARTDMACR => self.dma,
            // Identification: the reset values of the schema.
            _ => hetemu_hw::regs::register(&ARM_PL011_1, 0, offset)
                .and_then(|r| r.reset)
                .unwrap_or(0) as u32,
        }
    }
}

impl Pl011 {
    /// 32 bit times.
    fn timeout(&self) -> Ps {
        let divisor = u64::from(self.state.ibrd.max(1)) * 64 + u64::from(self.state.fbrd);
        let ps = u128::from(divisor) * 32 * 16 / 64 * u128::from(SECOND);
        u64::try_from(ps / u128::from(self.clock_hz)).unwrap_or(Ps::MAX)
    }

    fn drive(&self, cx: &mut dyn Cx) {
        cx.output(IRQ, 0, self.state.raw & self.state.mask != 0);
    }

    /// Bytes came or went.
    fn received(&mut self, cx: &mut dyn Cx) {
        let s = &mut self.state;
        if s.rx.len() >= s.trigger() {
            s.raw |= RX;
        } else {
            s.raw &= !RX;
        }
        if s.rx.is_empty() {
            s.raw &= !RT;
            cx.stop_timer(TIMEOUT);
        } else {
            cx.timer(TIMEOUT, cx.now().saturating_add(self.timeout()));
        }
    }

    fn transmit(&mut self, cx: &mut dyn Cx, byte: u8) {
        let s = &mut self.state;
        if s.loopback() {
            if s.rx.len() < s.depth() {
                s.rx.push_back(byte);
            } else {
                s.raw |= OE;
                s.errors |= 8;
            }
            self.received(cx);
        } else {
            cx.send(LINE, &[byte]);
        }
        self.state.raw |= TX;
    }
}

impl Device for Pl011 {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let at = offset & !3;
        let value = lanes_read(self.state.value(at), offset, size);
        if at == reg::UARTDR && self.state.rx.pop_front().is_some() {
            self.received(cx);
            cx.accept_more(LINE);
            self.drive(cx);
        }
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
        let at = offset & !3;
        let value = lanes_write(self.state.value(at), offset, size, value);
        let s = &mut self.state;
        match at {
            reg::UARTDR => self.transmit(cx, value as u8),
            reg::UARTRSR => s.errors = 0,
            reg::UARTILPR => s.ilpr = value & 0xff,
            reg::UARTIBRD => s.ibrd = value & 0xffff,
            reg::UARTFBRD => s.fbrd = value & 0x3f,
            reg::UARTLCR_H => {
                if (s.lcr ^ value) & FEN != 0 {
                    s.rx.clear();
                }
                s.lcr = value & 0xff;
                self.received(cx);
                cx.accept_more(LINE);
            }
            reg::UARTCR => {
                s.cr = value & 0xff87;
                cx.accept_more(LINE);
            }
            reg::UARTIFLS => {
                s.ifls = value & 0x3f;
                self.received(cx);
            }
            reg::UARTIMSC => s.mask = value & ALL,
            reg::UARTICR => s.raw &= !value,
            reg::UARTDMACR => s.dma = value & 7,
            _ => {}
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        Some(lanes_read(self.state.value(offset & !3), offset, size))
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
        if !self.state.rx.is_empty() {
            self.state.raw |= RT;
        }
        self.drive(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::default();
        cx.stop_timer(TIMEOUT);
        self.drive(cx);
        cx.accept_more(LINE);
    }

    fn receive(&mut self, cx: &mut dyn Cx, _: u32, bytes: &[u8]) -> usize {
        let s = &mut self.state;
        if s.loopback() || s.cr & (UARTEN | RXE) != UARTEN | RXE {
            return 0;
        }
        let room = s.depth().saturating_sub(s.rx.len()).min(bytes.len());
        s.rx.extend(bytes.iter().take(room));
        if room > 0 {
            self.received(cx);
            self.drive(cx);
        }
        room
    }

    fn save(&self, w: &mut Writer) {
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.state = State::load(r)?;
        Ok(())
    }
}
