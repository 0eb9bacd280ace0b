//! SPI (RM0090, chapter 28) as a master with nothing at the other end: frames go out at the pace of
//! CR1.BR, and as many come in, all ones. As a slave nobody clocks it. I2S keeps its registers.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32F4_SPI_1, st_stm32f4_spi_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::{Ps, SECOND};
use hetemu_hw::{Config, ConfigError, Cx, Device, Model};

/// `st.stm32f4_spi`.
pub const MODEL: Model = Model { ty: &ST_STM32F4_SPI_1, create };

const IRQ: u32 = 0;
const DMA_RX: u32 = 1;
const DMA_TX: u32 = 2;
const SHIFTED: u32 = 0;

/// CR1.
const MSTR: u32 = 1 << 2;
const SPE: u32 = 1 << 6;
const SSI: u32 = 1 << 8;
const SSM: u32 = 1 << 9;
const DFF: u32 = 1 << 11;
/// CR2.
const RXDMAEN: u32 = 1 << 0;
const TXDMAEN: u32 = 1 << 1;
const SSOE: u32 = 1 << 2;
const ERRIE: u32 = 1 << 5;
const RXNEIE: u32 = 1 << 6;
const TXEIE: u32 = 1 << 7;
/// SR.
const RXNE: u32 = 1 << 0;
const TXE: u32 = 1 << 1;
const CRCERR: u32 = 1 << 4;
const MODF: u32 = 1 << 5;
const OVR: u32 = 1 << 6;
const BSY: u32 = 1 << 7;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let (clk, bank) = (config.clock("clk").max(1), Bank::new(&ST_STM32F4_SPI_1));
    Ok(Box::new(Block(Spi { clk, bank, hz: clk, done: 0, seen: 0 })))
}

#[derive(Clone)]
struct Spi {
    // Fixed configuration, hertz.
    clk: u64,
    // Volatile state. DR holds what came in.
    bank: Bank,
    /// The clock, hertz.
    hz: u64,
    /// When the frame in the shift register is through; 0: there is none.
    done: u64,
    /// DR has been read since OVR came: a read of SR clears it.
    seen: u64,
}

impl Spi {
    fn width(&self) -> u64 {
        if self.bank.is(reg::CR1, DFF) { 16 } else { 8 }
    }

    /// Virtual time of a frame.
    fn frame(&self) -> Ps {
        let clocks = self.width() << (self.bank.field(reg::CR1, 3, 3) + 1);
        (u128::from(clocks) * u128::from(SECOND) / u128::from(self.hz.max(1))).max(1) as Ps
    }
}

impl Unit for Spi {
    const TYPE: &'static DeviceType = &ST_STM32F4_SPI_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn words(&mut self) -> Vec<&mut u64> {
        vec![&mut self.hz, &mut self.done, &mut self.seen]
    }

    fn settle(&mut self, cx: &mut dyn Cx) {
        for _ in 0..2 {
            if self.done == 0 || cx.now() < self.done {
                return;
            }
            if self.bank.is(reg::SR, RXNE) {
                self.bank.put(reg::SR, OVR, true);
                self.seen = 0;
            } else {
                self.bank.set(reg::DR, (1 << self.width()) - 1);
                self.bank.put(reg::SR, RXNE, true);
            }
            // What waits in the data register follows.
            let waits = !self.bank.is(reg::SR, TXE);
            self.bank.put(reg::SR, TXE, true);
            self.done = if waits { self.done.saturating_add(self.frame()) } else { 0 };
            self.bank.put(reg::SR, BSY, waits);
        }
    }

    fn value(&self, at: u64, now: Option<Ps>) -> Option<u32> {
        // What a transfer under way has done by now is not known without the time.
        let due = self.done != 0 && now.is_none() && matches!(at, reg::SR | reg::DR);
        (!due).then(|| self.bank.get(at))
    }

    fn after_read(&mut self, _: &mut dyn Cx, at: u64) -> bool {
        match at {
            reg::DR => {
                self.bank.put(reg::SR, RXNE, false);
                self.seen = 1;
            }
            reg::SR if std::mem::take(&mut self.seen) != 0 => self.bank.put(reg::SR, OVR, false),
            _ => return false,
        }
        true
    }

    fn write(&mut self, cx: &mut dyn Cx, write: Write) {
        match write.at {
            reg::DR if self.bank.is(reg::CR1, SPE | MSTR) => {
                if self.done != 0 {
                    self.bank.put(reg::SR, TXE, false);
                } else {
                    self.done = cx.now().saturating_add(self.frame());
                    self.bank.put(reg::SR, BSY, true);
                }
            }
            reg::DR if self.bank.is(reg::CR1, SPE) => self.bank.put(reg::SR, TXE, false),
            reg::DR => {}
            reg::SR => self.bank.put(reg::SR, write.zeros() & CRCERR, false),
            _ => {
                self.bank.keep(&write);
                // A master whose select input is low by software has lost the bus.
                if write.at == reg::CR1 {
                    let cr1 = self.bank.get(reg::CR1);
                    let lost = cr1 & (SSM | SSI) == SSM && !self.bank.is(reg::CR2, SSOE);
                    let fault = lost && cr1 & (SPE | MSTR) == SPE | MSTR;
                    self.bank.put(reg::SR, MODF, fault);
                    self.bank.put(reg::CR1, if fault { SPE | MSTR } else { 0 }, false);
                }
                if !self.bank.is(reg::CR1, SPE) {
                    self.done = 0;
                    self.bank.put(reg::SR, BSY, false);
                    self.bank.put(reg::SR, TXE, true);
                }
            }
        }
    }

    fn rate(&mut self, _: &mut dyn Cx, _: u32, hz: u64) {
        self.hz = if hz == 0 { self.clk } else { hz };
    }

    fn reset(&mut self) {
        self.bank = Bank::new(Self::TYPE);
        (self.hz, self.done, self.seen) = (self.clk, 0, 0);
    }

    fn drive(&mut self, cx: &mut dyn Cx) {
        let (sr, cr2) = (self.bank.get(reg::SR), self.bank.get(reg::CR2));
        let causes = [(RXNE, RXNEIE), (TXE, TXEIE), (OVR | MODF | CRCERR, ERRIE)];
        let on = causes.iter().any(|(flags, enable)| sr & flags != 0 && cr2 & enable != 0);
        cx.output(IRQ, 0, on);
        cx.output(DMA_RX, 0, sr & RXNE != 0 && cr2 & RXDMAEN != 0);
        cx.output(DMA_TX, 0, sr & TXE != 0 && cr2 & TXDMAEN != 0);
        match self.done {
            0 => cx.stop_timer(SHIFTED),
            at => cx.timer(SHIFTED, at),
        }
    }
}
