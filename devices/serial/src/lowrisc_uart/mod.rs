//! The OpenTitan UART in both versions (OpenTitan book, IP block uart, "Theory of Operation").
//!
//! Time: a byte occupies the transmitter for the frame time that CTRL.NCO and the clock give, so
//! FIFO levels, `tx_watermark`, `tx_done` and STATUS.TXIDLE behave as on the part. With NCO 0 the
//! part would never send; here it sends at once. A byte reaches the plug when it is written (or
//! when the transmitter is enabled), not at the end of its frame: a run that ends with bytes in the
//! FIFO has shown them all. Bytes from the plug arrive without frame time, and wait while the
//! receiver is off or full; so the plug never overflows the FIFO, system loopback can.

mod regs;
mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::{LOWRISC_UART_1, LOWRISC_UART_2, lowrisc_uart_2};
use hetemu_hw::regs::{covers, lanes_read, lanes_write, register};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::{Ps, SECOND};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};
use regs::*;
use std::collections::VecDeque;

/// Version 1: events for every interrupt, 32-byte FIFOs.
pub const MODEL_1: Model =
    Model { ty: &LOWRISC_UART_1, create: |c| create(c, &Variant::ONE, Variant::ONE.tx_depth) };
/// Version 2: watermarks and `tx_empty` are levels, a deeper receive FIFO.
pub const MODEL_2: Model =
    Model { ty: &LOWRISC_UART_2, create: |c| create(c, &Variant::TWO, c.int("rx_depth") as usize) };

const LINE: u32 = 0;
const TIMER_TX: u32 = 0;
const TIMER_RX_TIMEOUT: u32 = 1;

/// What differs between the versions.
struct Variant {
    ty: &'static DeviceType,
    tx_depth: usize,
    /// Interrupts that exist.
    interrupts: u32,
    /// Interrupts that follow a condition instead of latching an event.
    status: u32,
    /// Bits of FIFO_CTRL that hold what is written.
    levels: u32,
    /// The `alert` output, if there is one.
    alert: Option<u32>,
}

impl Variant {
    const ONE: Variant = Variant {
        ty: &LOWRISC_UART_1,
        tx_depth: 32,
        interrupts: 0xff,
        status: 0,
        levels: 0x7c,
        alert: None,
    };
    const TWO: Variant = Variant {
        ty: &LOWRISC_UART_2,
        tx_depth: 32,
        interrupts: 0x1ff,
        status: intr::TX_WATERMARK | intr::RX_WATERMARK | intr::TX_EMPTY,
        levels: 0xfc,
        alert: Some(lowrisc_uart_2::outputs::ALERT),
    };

    /// Bytes in the receive FIFO that make `rx_watermark`; `usize::MAX` for never.
    fn rx_watermark(&self, level: u32, depth: usize) -> usize {
        if self.status == 0 {
            return [1, 4, 8, 16, 30].get(level as usize).copied().unwrap_or(usize::MAX);
        }
        // The largest level that the depth can count means two bytes short of full.
        let bits = usize::BITS - depth.leading_zeros();
        match level.cmp(&(bits - 1)) {
            std::cmp::Ordering::Less => 1 << level,
            std::cmp::Ordering::Equal => depth.saturating_sub(2).max(1),
            std::cmp::Ordering::Greater => usize::MAX,
        }
    }

    /// `tx_watermark` is on while fewer bytes than this wait.
    fn tx_watermark(&self, level: u32) -> usize {
        if self.status == 0 { 2 << level.min(3) } else { 1 << level.min(4) }
    }
}

fn create(
    config: &Config,
    variant: &'static Variant,
    rx_depth: usize,
) -> Result<Box<dyn Device>, ConfigError> {
    Ok(Box::new(LowriscUart {
        variant,
        clock_hz: config.clock("clk"),
        rx_depth: rx_depth.clamp(1, 256),
        state: State::default(),
    }))
}

struct LowriscUart {
    // Fixed configuration.
    variant: &'static Variant,
    clock_hz: u64,
    rx_depth: usize,
    // Volatile state.
    state: State,
}

/// Everything that a reset clears and a snapshot keeps.
#[derive(Debug, Clone, Default)]
struct State {
    /// Latched events.
    events: u32,
    /// INTR_TEST bits of status interrupts, which stay until INTR_TEST is written again.
    test: u32,
    enable: u32,
    ctrl: u32,
    fifo_ctrl: u32,
    ovrd: u32,
    timeout_ctrl: u32,
    val: u32,
    tx: VecDeque<u8>,
    /// How many bytes at the end of `tx` the plug has not seen.
    unsent: usize,
    /// The byte in the transmitter.
    shift: Option<u8>,
    rx: VecDeque<u8>,
    /// Watermark conditions at the last look: version 1 latches their rising edges.
    watermarks: u32,
}

impl LowriscUart {
    /// Duration of `bits` bit times; `None` while the baud generator stands.
    fn bit_times(&self, bits: u64) -> Option<Ps> {
        let rate = u128::from(self.state.ctrl >> ctrl::NCO_LSB) * u128::from(self.clock_hz);
        let ps = (u128::from(bits) * u128::from(SECOND)) << 20;
        ps.checked_div(rate).map(|ps| u64::try_from(ps).unwrap_or(Ps::MAX))
    }

    fn frame_time(&self) -> Ps {
        let parity = u64::from(self.state.ctrl & ctrl::PARITY_EN != 0);
        self.bit_times(10 + parity).unwrap_or(0)
    }

    /// Conditions of the status interrupts, now.
    fn conditions(&self) -> u32 {
        let s = &self.state;
        let v = self.variant;
        let rx_level = (s.fifo_ctrl >> fifo_ctrl::RXILVL_LSB) & 7;
        let tx_level = (s.fifo_ctrl >> fifo_ctrl::TXILVL_LSB) & 7;
        let mut on = 0;
        if s.tx.len() < v.tx_watermark(tx_level) {
            on |= intr::TX_WATERMARK;
        }
        if s.rx.len() >= v.rx_watermark(rx_level, self.rx_depth) {
            on |= intr::RX_WATERMARK;
        }
        if s.tx.is_empty() {
            on |= intr::TX_EMPTY;
        }
        on
    }

    fn intr_state(&self) -> u32 {
        let status = (self.conditions() | self.state.test) & self.variant.status;
        self.state.events | status
    }

    fn status(&self) -> u32 {
        let s = &self.state;
        let mut value = status::RXIDLE;
        let mut set = |on, bit| value |= if on { bit } else { 0 };
        set(s.tx.len() >= self.variant.tx_depth, status::TXFULL);
        set(s.rx.len() >= self.rx_depth, status::RXFULL);
        set(s.tx.is_empty(), status::TXEMPTY);
        set(s.tx.is_empty() && s.shift.is_none(), status::TXIDLE);
        set(s.rx.is_empty(), status::RXEMPTY);
        value
    }

    /// The bytes of the transmitter reach the pin.
    fn pin_open(&self) -> bool {
        let closed = ctrl::SLPBK | ctrl::LLPBK;
        self.state.ctrl & (ctrl::TX | closed) == ctrl::TX && self.state.ovrd & ovrd::TXEN == 0
    }

    /// Shows waiting bytes to the plug and keeps the transmitter busy.
    fn transmit(&mut self, cx: &mut dyn Cx) {
        if self.pin_open() && self.state.unsent > 0 {
            let s = &mut self.state;
            let seen = s.tx.len().saturating_sub(s.unsent);
            let bytes: Vec<u8> = s.tx.iter().skip(seen).copied().collect();
            s.unsent = 0;
            cx.send(LINE, &bytes);
        }
        while self.state.ctrl & ctrl::TX != 0 && self.state.shift.is_none() {
            let Some(byte) = self.state.tx.pop_front() else { break };
            self.state.unsent = self.state.unsent.min(self.state.tx.len());
            self.state.shift = Some(byte);
            match self.frame_time() {
                0 => self.frame_done(),
                ps => cx.timer(TIMER_TX, cx.now().saturating_add(ps)),
            }
        }
    }

    fn frame_done(&mut self) {
        let Some(byte) = self.state.shift.take() else { return };
        if self.state.ctrl & (ctrl::SLPBK | ctrl::RX) == ctrl::SLPBK | ctrl::RX {
            if self.state.rx.len() < self.rx_depth {
                self.state.rx.push_back(byte);
            } else {
                self.state.events |= intr::RX_OVERFLOW;
            }
        }
        if self.state.tx.is_empty() {
            self.state.events |= intr::TX_DONE;
        }
    }

    /// Brings interrupts in line with the state; `before` is the receive level before the change.
    fn update(&mut self, cx: &mut dyn Cx, before: usize) {
        let conditions = self.conditions();
        if self.variant.status == 0 {
            let rising = conditions & !self.state.watermarks;
            self.state.events |= rising & (intr::TX_WATERMARK | intr::RX_WATERMARK);
        }
        self.state.watermarks = conditions;
        if self.state.rx.len() != before {
            self.start_timeout(cx);
        }
        self.drive(cx);
    }

    fn drive(&self, cx: &mut dyn Cx) {
        let on = self.intr_state() & self.state.enable;
        for bit in 0..self.variant.interrupts.count_ones() {
            cx.output(bit, 0, on & (1 << bit) != 0);
        }
    }

    /// The receive level or the timeout's setting changed: the count begins again.
    fn start_timeout(&mut self, cx: &mut dyn Cx) {
        let bits = u64::from(self.state.timeout_ctrl & timeout_ctrl::VAL);
        let enabled = self.state.timeout_ctrl & timeout_ctrl::EN != 0;
        let counting = enabled && !self.state.rx.is_empty();
        cx.stop_timer(TIMER_RX_TIMEOUT);
        if enabled && bits == 0 {
            self.state.events |= intr::RX_TIMEOUT;
        } else if let (true, Some(ps)) = (counting, self.bit_times(bits)) {
            cx.timer(TIMER_RX_TIMEOUT, cx.now().saturating_add(ps));
        }
    }

    fn write_ctrl(&mut self, cx: &mut dyn Cx, value: u32) {
        let value = value & ctrl::MASK;
        let changed = value ^ self.state.ctrl;
        self.state.ctrl = value;
        // The receiver samples an idle line once the baud generator runs.
        if value & (ctrl::TX | ctrl::RX) != 0 && value >> ctrl::NCO_LSB != 0 {
            self.state.val = 0xffff;
        }
        if changed & (ctrl::RX | ctrl::SLPBK | ctrl::LLPBK) != 0 {
            cx.accept_more(LINE);
        }
        if changed >> ctrl::NCO_LSB != 0 {
            self.start_timeout(cx);
        }
    }

    fn register(&self, reg: u64) -> Option<u32> {
        let s = &self.state;
        Some(match reg {
            INTR_STATE => self.intr_state(),
            INTR_ENABLE => s.enable,
            CTRL => s.ctrl,
            STATUS => self.status(),
            RDATA => s.rx.front().copied().unwrap_or(0).into(),
            FIFO_CTRL => s.fifo_ctrl,
            FIFO_STATUS => s.tx.len() as u32 | (s.rx.len() as u32) << 16,
            OVRD => s.ovrd,
            VAL => s.val,
            TIMEOUT_CTRL => s.timeout_ctrl,
            INTR_TEST | ALERT_TEST | WDATA => 0,
            _ => return None,
        })
    }
}

impl Device for LowriscUart {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let Some(value) = self.register(offset & !3) else {
            cx.unimplemented("reserved register", offset, false);
            return Ok(0);
        };
        let before = self.state.rx.len();
        if offset & !3 == RDATA && self.state.rx.pop_front().is_some() {
            cx.accept_more(LINE);
            self.update(cx, before);
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
        let Some(reg) = register(self.variant.ty, 0, offset) else {
            cx.unimplemented("reserved register", offset, true);
            return Ok(());
        };
        if !covers(reg, offset, size) {
            return Err(BusError);
        }
        let before = self.state.rx.len();
        let v = self.variant;
        let value = lanes_write(0, offset, size, value);
        match reg.offset {
            INTR_STATE => {
                self.state.events &= !value;
                if value & intr::RX_TIMEOUT != 0 {
                    self.start_timeout(cx);
                }
            }
            INTR_ENABLE => self.state.enable = value & v.interrupts,
            INTR_TEST => {
                self.state.test = value & v.status;
                self.state.events |= value & v.interrupts & !v.status;
            }
            ALERT_TEST => {
                if let (Some(alert), 1) = (v.alert, value & 1) {
                    cx.pulse(alert, 0);
                }
            }
            CTRL => self.write_ctrl(cx, value),
            WDATA if self.state.tx.len() < v.tx_depth => {
                self.state.tx.push_back(value as u8);
                self.state.unsent += 1;
            }
            FIFO_CTRL => {
                self.state.fifo_ctrl = value & v.levels;
                if value & fifo_ctrl::TXRST != 0 {
                    self.state.tx.clear();
                    self.state.unsent = 0;
                }
                if value & fifo_ctrl::RXRST != 0 {
                    self.state.rx.clear();
                    cx.accept_more(LINE);
                }
            }
            OVRD => self.state.ovrd = value & ovrd::MASK,
            TIMEOUT_CTRL => {
                self.state.timeout_ctrl = value & timeout_ctrl::MASK;
                self.start_timeout(cx);
            }
            _ => {}
        }
        self.transmit(cx);
        self.update(cx, before);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        Some(lanes_read(self.register(offset & !3)?, offset, size))
    }

    fn timer(&mut self, cx: &mut dyn Cx, timer: u32) {
        let before = self.state.rx.len();
        match timer {
            TIMER_TX => {
                self.frame_done();
                self.transmit(cx);
            }
            // Counts again only once software has seen this one; until then nothing would change.
            TIMER_RX_TIMEOUT => self.state.events |= intr::RX_TIMEOUT,
            _ => {}
        }
        self.update(cx, before);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::default();
        self.state.watermarks = self.conditions();
        cx.stop_timer(TIMER_TX);
        cx.stop_timer(TIMER_RX_TIMEOUT);
        self.drive(cx);
        cx.accept_more(LINE);
    }

    fn receive(&mut self, cx: &mut dyn Cx, _: u32, bytes: &[u8]) -> usize {
        let before = self.state.rx.len();
        if self.state.ctrl & ctrl::LLPBK != 0 {
            cx.send(LINE, bytes);
            return bytes.len();
        }
        if self.state.ctrl & (ctrl::RX | ctrl::SLPBK) != ctrl::RX {
            return 0;
        }
        let room = self.rx_depth.saturating_sub(before).min(bytes.len());
        self.state.rx.extend(bytes.iter().take(room));
        self.update(cx, before);
        room
    }

    fn save(&self, w: &mut Writer) {
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, version: u32) -> Result<(), LoadError> {
        let mut state = State::load(r, self.variant.tx_depth, self.rx_depth)?;
        if version < self.variant.ty.state.version {
            state.convert_version_1();
        }
        state.mask(self.variant);
        self.state = state;
        Ok(())
    }
}
