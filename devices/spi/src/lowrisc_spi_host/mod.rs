//! The OpenTitan SPI host (OpenTitan book, IP block spi_host, "Theory of Operation").
//!
//! Command segments take no time: a segment runs when the host is enabled and goes as far as the
//! FIFOs let it; it stalls on an empty transmit or a full receive FIFO, and goes on when software
//! moves data. Nothing sits on the bus yet: received bytes are 0xff, the level of a data line that
//! nobody drives. Words carry their first byte in the lowest bits (ByteOrder 1, as in Earl Grey).

mod regs;
mod saved;
#[cfg(test)]
mod tests;

use crate::schemas::LOWRISC_SPI_HOST_1;
use hetemu_hw::regs::{covers, lanes, lanes_read, lanes_write, register};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};
use regs::*;
use std::collections::VecDeque;

/// `lowrisc.spi_host`.
pub const MODEL: Model = Model { ty: &LOWRISC_SPI_HOST_1, create };

const ERROR: u32 = 0;
const SPI_EVENT: u32 = 1;

/// FIFO depths in words, and of the command queue (parameters of Earl Grey).
const TX_DEPTH: usize = 72;
const RX_DEPTH: usize = 64;
const CMD_DEPTH: usize = 4;

/// What a data line without a device reads.
const IDLE_BYTE: u32 = 0xff;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let chip_selects = config.int("chip_selects").clamp(1, 32) as u32;
    Ok(Box::new(LowriscSpiHost { chip_selects, state: State::default() }))
}

struct LowriscSpiHost {
    // Fixed configuration.
    chip_selects: u32,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    /// Latched `error`.
    intr_error: bool,
    /// INTR_TEST of `spi_event`, which stays until INTR_TEST is written again.
    intr_test: u32,
    intr_enable: u32,
    control: u32,
    configopts: u32,
    csid: u32,
    error_enable: u32,
    error_status: u32,
    event_enable: u32,
    /// How many bytes each word of the transmit FIFO holds; what they are, nobody sees.
    tx: VecDeque<u8>,
    rx: VecDeque<u32>,
    commands: VecDeque<u32>,
    /// The segment that is under way: bytes left, and its direction bits.
    left: u32,
    direction: u32,
    /// Bytes of the received word that is not complete.
    partial: u32,
}

impl Default for State {
    fn default() -> State {
        State {
            intr_error: false,
            intr_test: 0,
            intr_enable: 0,
            control: CONTROL_RESET,
            configopts: 0,
            csid: 0,
            error_enable: ERROR_ENABLE_MASK,
            error_status: 0,
            event_enable: 0,
            tx: VecDeque::new(),
            rx: VecDeque::new(),
            commands: VecDeque::new(),
            left: 0,
            direction: 0,
            partial: 0,
        }
    }
}

/// A received word of `bytes` bytes from an idle line, zeros above.
fn idle_word(bytes: u32) -> u32 {
    (0..bytes.min(4)).fold(0, |word, n| word | IDLE_BYTE << (8 * n))
}

impl State {
    /// Errors that stop the host and interrupt.
    fn errors(&self) -> u32 {
        self.error_status & (self.error_enable | ERROR_ACCESSINVAL)
    }

    fn enabled(&self) -> bool {
        let on = self.control & (CONTROL_SPIEN | CONTROL_SW_RST) == CONTROL_SPIEN;
        on && self.errors() == 0
    }

    /// Takes one byte from the transmit FIFO.
    fn take_byte(&mut self) {
        if let Some(bytes) = self.tx.front_mut() {
            *bytes = bytes.saturating_sub(1);
            if *bytes == 0 {
                self.tx.pop_front();
            }
        }
    }

    /// Runs segments as far as the FIFOs let them.
    fn run(&mut self) {
        if self.control & CONTROL_SW_RST != 0 {
            self.tx.clear();
            self.rx.clear();
            self.commands.clear();
            (self.left, self.partial) = (0, 0);
        }
        while self.enabled() {
            if self.left == 0 {
                let Some(command) = self.commands.pop_front() else { return };
                self.left = (command & COMMAND_LEN) + 1;
                self.direction = (command >> COMMAND_DIRECTION_LSB) & 3;
            }
            if !self.run_segment() {
                return;
            }
        }
    }

    /// Goes on with the segment; false if it stalls.
    fn run_segment(&mut self) -> bool {
        let (transmits, receives) =
            (self.direction & DIRECTION_TX != 0, self.direction & DIRECTION_RX != 0);
        let mut used = false;
        while self.left > 0 {
            if transmits && self.tx.is_empty() || receives && self.rx.len() >= RX_DEPTH {
                return false;
            }
            if transmits {
                let words = self.tx.len();
                self.take_byte();
                used = self.tx.len() == words;
            }
            self.left -= 1;
            if receives {
                self.partial += 1;
                // The last word of a segment goes out as it is.
                if self.partial == 4 || self.left == 0 {
                    self.rx.push_back(idle_word(self.partial));
                    self.partial = 0;
                }
            }
        }
        // Bytes of a word that the segment did not need are dropped.
        if used {
            self.tx.pop_front();
        }
        true
    }

    fn status(&self) -> u32 {
        let (tx, rx) = (self.tx.len(), self.rx.len());
        let mut value = tx as u32
            | (rx as u32) << STATUS_RXQD_LSB
            | (self.commands.len() as u32) << STATUS_CMDQD_LSB
            | STATUS_BYTEORDER;
        let mut set = |on, bit| value |= if on { bit } else { 0 };
        let active = self.left > 0;
        let waits = |bit| active && self.enabled() && self.direction & bit != 0;
        set(rx as u32 >= self.control & 0xff, STATUS_RXWM);
        set((tx as u32) < (self.control >> CONTROL_TX_WATERMARK_LSB) & 0xff, STATUS_TXWM);
        set(rx == 0, STATUS_RXEMPTY);
        set(rx >= RX_DEPTH, STATUS_RXFULL);
        set(tx == 0, STATUS_TXEMPTY);
        set(tx >= TX_DEPTH, STATUS_TXFULL);
        set(waits(DIRECTION_RX) && rx >= RX_DEPTH, STATUS_RXSTALL);
        set(waits(DIRECTION_TX) && tx == 0, STATUS_TXSTALL);
        set(active, STATUS_ACTIVE);
        set(self.commands.len() < CMD_DEPTH, STATUS_READY);
        value
    }

    /// The events that EVENT_ENABLE chooses from.
    fn events(&self) -> u32 {
        let status = self.status();
        let pairs = [
            (STATUS_RXFULL, EVENT_RXFULL),
            (STATUS_TXEMPTY, EVENT_TXEMPTY),
            (STATUS_RXWM, EVENT_RXWM),
            (STATUS_TXWM, EVENT_TXWM),
            (STATUS_READY, EVENT_READY),
        ];
        let idle = if status & STATUS_ACTIVE == 0 { EVENT_IDLE } else { 0 };
        pairs.iter().filter(|(bit, _)| status & bit != 0).fold(idle, |all, (_, event)| all | event)
    }

    fn intr_state(&self) -> u32 {
        let event = self.events() & self.event_enable != 0;
        let error = if self.intr_error { INTR_ERROR } else { 0 };
        error | self.intr_test | if event { INTR_SPI_EVENT } else { 0 }
    }

    fn command(&mut self, value: u32, chip_selects: u32) {
        let speed = (value >> COMMAND_SPEED_LSB) & 3;
        let direction = (value >> COMMAND_DIRECTION_LSB) & 3;
        let mut errors = 0;
        if self.commands.len() >= CMD_DEPTH {
            errors |= ERROR_CMDBUSY;
        }
        // Both directions at once need standard speed.
        if speed == 3 || speed != 0 && direction == DIRECTION_RX | DIRECTION_TX {
            errors |= ERROR_CMDINVAL;
        }
        if self.csid >= chip_selects {
            errors |= ERROR_CSIDINVAL;
        }
        self.error_status |= errors;
        if errors == 0 {
            self.commands.push_back(value & 0x3fff);
        }
    }

    fn value(&self, reg: u64) -> Option<u32> {
        Some(match reg {
            INTR_STATE => self.intr_state(),
            INTR_ENABLE => self.intr_enable,
            CONTROL => self.control,
            STATUS => self.status(),
            CONFIGOPTS => self.configopts,
            CSID => self.csid,
            RXDATA => self.rx.front().copied().unwrap_or(0),
            ERROR_ENABLE => self.error_enable,
            ERROR_STATUS => self.error_status,
            EVENT_ENABLE => self.event_enable,
            INTR_TEST | ALERT_TEST | COMMAND | TXDATA => 0,
            _ => return None,
        })
    }
}

impl LowriscSpiHost {
    fn update(&mut self, cx: &mut dyn Cx) {
        self.state.run();
        if self.state.errors() != 0 {
            self.state.intr_error = true;
        }
        self.drive(cx);
    }

    fn drive(&self, cx: &mut dyn Cx) {
        let on = self.state.intr_state() & self.state.intr_enable;
        cx.output(ERROR, 0, on & INTR_ERROR != 0);
        cx.output(SPI_EVENT, 0, on & INTR_SPI_EVENT != 0);
    }
}

impl Device for LowriscSpiHost {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let Some(value) = self.state.value(offset & !3) else {
            cx.unimplemented("reserved register", offset, false);
            return Ok(0);
        };
        if offset & !3 == RXDATA {
            if self.state.rx.pop_front().is_none() {
                self.state.error_status |= ERROR_UNDERFLOW;
            }
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
        let Some(reg) = register(&LOWRISC_SPI_HOST_1, 0, offset) else {
            cx.unimplemented("reserved register", offset, true);
            return Ok(());
        };
        // TXDATA is a window and takes any bytes.
        if reg.offset != TXDATA && !covers(reg, offset, size) {
            return Err(BusError);
        }
        let value = lanes_write(0, offset, size, value);
        let s = &mut self.state;
        match reg.offset {
            INTR_STATE => s.intr_error &= value & INTR_ERROR == 0,
            INTR_ENABLE => s.intr_enable = value & (INTR_ERROR | INTR_SPI_EVENT),
            INTR_TEST => {
                s.intr_error |= value & INTR_ERROR != 0;
                s.intr_test = value & INTR_SPI_EVENT;
            }
            CONTROL => s.control = value & CONTROL_MASK,
            CONFIGOPTS => s.configopts = value & CONFIGOPTS_MASK,
            CSID => s.csid = value,
            COMMAND => s.command(value, self.chip_selects),
            TXDATA if s.tx.len() >= TX_DEPTH => s.error_status |= ERROR_OVERFLOW,
            TXDATA => s.tx.push_back((lanes(offset, size).count_ones() / 8) as u8),
            ERROR_ENABLE => s.error_enable = value & ERROR_ENABLE_MASK,
            ERROR_STATUS => s.error_status &= !value,
            EVENT_ENABLE => s.event_enable = value & EVENT_MASK,
            _ => {}
        }
        self.update(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        Some(lanes_read(self.state.value(offset & !3)?, offset, size))
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::default();
        self.drive(cx);
    }

    fn save(&self, w: &mut Writer) {
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.state = State::load(r)?;
        Ok(())
    }
}
