//! UART and UARTE (nRF51 Reference Manual, chapter UART; nRF52833 Product Specification, chapters
//! UART and UARTE). They share a block; ENABLE says which it is.
//!
//! A byte takes its time at BAUDRATE in either direction. What is sent leaves when it is written;
//! input waits in the plug until there is room for it, so nothing overruns. The plug carries bytes:
//! no framing, parity or break errors, and flow control never stops anything.

#[cfg(test)]
mod tests;

use crate::frame::{self, Block, Io, Short};
use crate::schemas::{NORDIC_UART_1, nordic_uart_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::SECOND;
use hetemu_hw::{Config, Model};

/// `nordic.uart`.
pub const MODEL: Model = Model { ty: &NORDIC_UART_1, create: frame::create::<Uart> };

const LINE: u32 = 0;
const BUS: u32 = 0;
/// Tasks.
const STARTRX: u32 = 0;
const STOPRX: u32 = 1;
const STARTTX: u32 = 2;
const STOPTX: u32 = 3;
const SUSPEND: u32 = 7;
const FLUSHRX: u32 = 11;
/// Events.
const RXDRDY: u32 = 2;
const ENDRX: u32 = 4;
const TXDRDY: u32 = 7;
const ENDTX: u32 = 8;
const RXTO: u32 = 17;
const RXSTARTED: u32 = 19;
const TXSTARTED: u32 = 20;
const TXSTOPPED: u32 = 22;
/// ENABLE.
const UART: u32 = 4;
const UARTE: u32 = 8;
/// Timers: a byte is out, a byte is in.
const SENT: u32 = 0;
const CAME: u32 = 1;
/// Bits of a byte on the line, and the clock that BAUDRATE divides by 2^32.
const BITS: u64 = 10;
const HZ: u64 = 16_000_000;
/// Most bytes of one transfer (16 bits of MAXCNT).
const MOST: u32 = 0xffff;

#[derive(Default)]
struct Uart {
    easy_dma: bool,
    tx_on: bool,
    rx_on: bool,
    /// Bytes on their way out.
    sending: u32,
    /// UART: RXD holds a byte that was not read.
    full: bool,
    /// A byte's time is not over.
    pausing: bool,
    /// UARTE: where the next byte goes, how many came, and how many are to come.
    at: u32,
    came: u32,
    left: u32,
}

impl Uart {
    fn mode(&self, io: &Io<'_>) -> u32 {
        match io.reg(reg::ENABLE) & 0xf {
            UARTE if !self.easy_dma => 0,
            mode => mode,
        }
    }

    fn after_a_byte(&self, io: &mut Io<'_>, timer: u32, bytes: u32) {
        let baud = ((u64::from(io.reg(reg::BAUDRATE)) * HZ) >> 32).max(1);
        let time = (SECOND / baud).saturating_mul(BITS * u64::from(bytes));
        io.cx.timer(timer, io.cx.now().saturating_add(time));
    }

    fn start_transfer(&mut self, io: &mut Io<'_>) {
        io.event(TXSTARTED);
        let count = io.reg(reg::TXD_MAXCNT) & MOST;
        let mut bytes = vec![0; count as usize];
        // A bus error sends zeros.
        let _ = io.cx.dma_read(BUS, io.reg(reg::TXD_PTR).into(), &mut bytes);
        io.cx.send(LINE, &bytes);
        io.set(reg::TXD_AMOUNT, count);
        self.sending = count;
        self.after_a_byte(io, SENT, count);
    }

    /// The reception into memory ends.
    fn end_reception(&mut self, io: &mut Io<'_>) {
        self.rx_on = false;
        // Not before: who takes the buffer may already have begun the next.
        io.set(reg::RXD_AMOUNT, self.came);
        io.event(ENDRX);
    }

    fn room(&self, io: &Io<'_>) -> bool {
        !self.pausing
            && self.rx_on
            && match self.mode(io) {
                UART => !self.full,
                UARTE => self.left > 0,
                _ => false,
            }
    }
}

impl Block for Uart {
    const TYPE: &'static DeviceType = &NORDIC_UART_1;
    const SHORTS: &'static [Short] =
        &[(3, 0, STARTRX), (4, 1, STOPRX), (5, ENDRX, STARTRX), (6, ENDRX, STOPRX)];

    fn new(config: &Config) -> Uart {
        Uart { easy_dma: config.flag("easy_dma"), ..Uart::default() }
    }

    fn reset(&mut self, io: &mut Io<'_>) {
        *self = Uart { easy_dma: self.easy_dma, ..Uart::default() };
        io.cx.stop_timer(SENT);
        io.cx.stop_timer(CAME);
    }

    fn task(&mut self, io: &mut Io<'_>, task: u32) {
        let dma = self.mode(io) == UARTE;
        match task {
            STARTRX => {
                self.rx_on = true;
                if dma {
                    self.at = io.reg(reg::RXD_PTR);
                    self.left = io.reg(reg::RXD_MAXCNT) & MOST;
                    self.came = 0;
                    io.event(RXSTARTED);
                }
                io.cx.accept_more(LINE);
            }
            STOPRX | SUSPEND => {
                if dma && self.rx_on {
                    self.end_reception(io);
                }
                self.rx_on = false;
                if task == STOPRX {
                    io.event(RXTO);
                }
            }
            FLUSHRX if dma => {
                // There are no bytes that memory has not got.
                io.set(reg::RXD_AMOUNT, 0);
                io.event(ENDRX);
            }
            STARTTX => {
                self.tx_on = true;
                if dma {
                    self.start_transfer(io);
                }
            }
            _ => {}
        }
        if matches!(task, STOPTX | SUSPEND) {
            self.tx_on = false;
            self.sending = 0;
            io.cx.stop_timer(SENT);
            if dma {
                io.event(TXSTOPPED);
            }
        }
    }

    fn hides(&self, offset: u64) -> bool {
        offset == reg::RXD
    }

    fn read(&mut self, io: &mut Io<'_>, _: u64) -> Option<u32> {
        if std::mem::take(&mut self.full) {
            io.cx.accept_more(LINE);
        }
        None
    }

    fn wrote(&mut self, io: &mut Io<'_>, offset: u64, value: u32) {
        match offset {
            reg::TXD if self.mode(io) == UART && self.tx_on => {
                io.cx.send(LINE, &[value as u8]);
                self.sending = self.sending.saturating_add(1).min(MOST);
                if self.sending == 1 {
                    self.after_a_byte(io, SENT, 1);
                }
            }
            reg::ENABLE => io.cx.accept_more(LINE),
            _ => {}
        }
    }

    fn timer(&mut self, io: &mut Io<'_>, timer: u32) {
        if timer == CAME {
            self.pausing = false;
            io.cx.accept_more(LINE);
            return;
        }
        io.event(TXDRDY);
        if self.mode(io) == UARTE {
            self.sending = 0;
            io.event(ENDTX);
        } else {
            self.sending = self.sending.saturating_sub(1);
            if self.sending > 0 {
                self.after_a_byte(io, SENT, 1);
            }
        }
    }

    fn receive(&mut self, io: &mut Io<'_>, bytes: &[u8]) -> usize {
        let Some(byte) = bytes.first().copied().filter(|_| self.room(io)) else { return 0 };
        self.pausing = true;
        self.after_a_byte(io, CAME, 1);
        if self.mode(io) == UARTE {
            // A byte that memory does not take is lost.
            let _ = io.cx.dma_write(BUS, self.at.into(), &[byte]);
            self.at = self.at.wrapping_add(1);
            self.left -= 1;
            self.came += 1;
            io.event(RXDRDY);
            if self.left == 0 {
                self.end_reception(io);
            }
        } else {
            io.set(reg::RXD, byte.into());
            self.full = true;
            io.event(RXDRDY);
        }
        1
    }

    fn save(&self) -> Vec<u64> {
        let flags = [self.tx_on, self.rx_on, self.full, self.pausing].map(u64::from);
        flags
            .into_iter()
            .chain([self.sending, self.at, self.came, self.left].map(u64::from))
            .collect()
    }

    fn load(&mut self, numbers: &[u64]) -> bool {
        let [tx_on, rx_on, full, pausing, sending, at, came, left] = *numbers else { return false };
        let word = |n: u64| n as u32;
        *self = Uart {
            easy_dma: self.easy_dma,
            tx_on: tx_on != 0,
            rx_on: rx_on != 0,
            full: full != 0,
            pausing: pausing != 0,
            sending: word(sending),
            at: word(at),
            came: word(came) & MOST,
            left: word(left) & MOST,
        };
        sending <= u64::from(MOST) && came.saturating_add(left) <= u64::from(MOST)
    }
}
