//! The USART as an asynchronous line (RM0090, chapter 30).
//!
//! A byte reaches the plug when it is written; TXE and TC, and what comes in, keep the pace that
//! BRR sets. With BRR = 0 a byte takes no time. Input waits in the plug while RXNE is set, so
//! nothing overruns and lines have no errors.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32_USART_1, st_stm32_usart_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::{Ps, SECOND};
use hetemu_hw::{Config, ConfigError, Cx, Device, Model};

/// `st.stm32_usart`.
pub const MODEL: Model = Model { ty: &ST_STM32_USART_1, create };

const LINE: u32 = 0;
const IRQ: u32 = 0;
const DMA_RX: u32 = 1;
const DMA_TX: u32 = 2;
/// Timers: the frame that goes out ends; the next may come in; the line has been idle for a frame.
const SENT: u32 = 0;
const CAME: u32 = 1;
const QUIET: u32 = 2;

/// SR.
const IDLE: u32 = 1 << 4;
const RXNE: u32 = 1 << 5;
const TC: u32 = 1 << 6;
const TXE: u32 = 1 << 7;
/// Flags that a 0 clears: RXNE, TC, LBD, CTS.
const CLEARED_BY_0: u32 = RXNE | TC | 3 << 8;
/// CR1.
const SBK: u32 = 1 << 0;
const RE: u32 = 1 << 2;
const TE: u32 = 1 << 3;
const M: u32 = 1 << 12;
const UE: u32 = 1 << 13;
const OVER8: u32 = 1 << 15;
/// CR3.
const DMAR: u32 = 1 << 6;
const DMAT: u32 = 1 << 7;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let bank = Bank::new(&ST_STM32_USART_1);
    let clk = config.clock("clk");
    Ok(Box::new(Block(Usart { clk, bank, hz: clk, seen: 0, sent: 0, free: 0, quiet: 0 })))
}

#[derive(Clone)]
struct Usart {
    // Fixed configuration.
    clk: u64,
    // Volatile state. DR holds what came in.
    bank: Bank,
    /// The clock, hertz.
    hz: u64,
    /// SR has been read since the last read or write of DR.
    seen: u64,
    /// When the frame in the shift register has gone out; 0: none is in it.
    sent: u64,
    /// When the next frame can have come in.
    free: u64,
    /// When the line will have been idle for a frame; 0: no frame came since it was.
    quiet: u64,
}

impl Usart {
    /// Virtual time of a frame: start, data and stop bits.
    fn frame(&self) -> Ps {
        let brr = u64::from(self.bank.get(reg::BRR));
        let clocks = match self.bank.is(reg::CR1, OVER8) {
            true => (brr >> 4) * 8 + (brr & 7),
            false => brr,
        };
        let bits = if self.bank.is(reg::CR1, M) { 10 } else { 9 };
        let halves = bits * 2 + [2, 1, 4, 3][self.bank.field(reg::CR2, 12, 2) as usize & 3];
        match self.hz {
            0 => 0,
            hz => (u128::from(clocks * halves) * u128::from(SECOND) / (2 * u128::from(hz))) as Ps,
        }
    }

    fn clear(&mut self, flags: u32) {
        self.bank.put(reg::SR, flags, false);
    }

    fn raise(&mut self, flags: u32) {
        self.bank.put(reg::SR, flags, true);
    }
}

impl Unit for Usart {
    const TYPE: &'static DeviceType = &ST_STM32_USART_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn words(&mut self) -> Vec<&mut u64> {
        let times = [&mut self.sent, &mut self.free, &mut self.quiet];
        [&mut self.hz, &mut self.seen].into_iter().chain(times).collect()
    }

    fn settle(&mut self, cx: &mut dyn Cx) {
        let now = cx.now();
        if self.quiet != 0 && now >= self.quiet {
            self.quiet = 0;
            self.raise(IDLE);
        }
        if self.sent != 0 && now >= self.sent {
            // What waited in the data register goes into the shift register.
            self.sent = match self.bank.is(reg::SR, TXE) {
                true => 0,
                false => self.sent.saturating_add(self.frame().max(1)),
            };
            let over = self.sent == 0 || now >= self.sent;
            self.sent = if over { 0 } else { self.sent };
            self.raise(if over { TXE | TC } else { TXE });
        }
    }

    fn after_read(&mut self, cx: &mut dyn Cx, at: u64) -> bool {
        match at {
            reg::SR => self.seen = 1,
            reg::DR => {
                let seen = std::mem::take(&mut self.seen) != 0;
                self.clear(if seen { RXNE | IDLE } else { RXNE });
                cx.accept_more(LINE);
                return true;
            }
            _ => {}
        }
        false
    }

    fn write(&mut self, cx: &mut dyn Cx, write: Write) {
        match write.at {
            reg::SR => self.clear(write.zeros() & CLEARED_BY_0),
            reg::DR if self.bank.is(reg::CR1, UE | TE) => {
                cx.send(LINE, &[write.bits as u8]);
                if std::mem::take(&mut self.seen) != 0 {
                    self.clear(TC);
                }
                let frame = self.frame();
                if self.sent != 0 {
                    self.clear(TXE | TC);
                } else if frame == 0 {
                    self.raise(TC);
                } else {
                    self.sent = cx.now().saturating_add(frame).max(1);
                    self.clear(TC);
                }
            }
            reg::DR => {}
            _ => {
                self.bank.keep(&write);
                // A break has gone out at once.
                self.bank.put(reg::CR1, SBK, false);
                cx.accept_more(LINE);
            }
        }
    }

    fn receive(&mut self, cx: &mut dyn Cx, bytes: &[u8]) -> usize {
        let listens = self.bank.is(reg::CR1, UE | RE) && !self.bank.is(reg::SR, RXNE);
        let (Some(byte), true) = (bytes.first(), listens && cx.now() >= self.free) else {
            return 0;
        };
        let frame = self.frame();
        self.bank.set(reg::DR, u32::from(*byte));
        self.raise(RXNE);
        self.free = cx.now().saturating_add(frame);
        self.quiet = self.free.saturating_add(frame).max(1);
        1
    }

    fn timer(&mut self, cx: &mut dyn Cx, timer: u32) {
        if timer == CAME {
            cx.accept_more(LINE);
        }
    }

    fn rate(&mut self, _: &mut dyn Cx, _: u32, hz: u64) {
        self.hz = hz;
    }

    fn reset(&mut self) {
        *self = Usart { bank: Bank::new(Self::TYPE), hz: self.clk, ..*self };
        (self.seen, self.sent, self.free, self.quiet) = (0, 0, 0, 0);
    }

    fn drive(&mut self, cx: &mut dyn Cx) {
        let (sr, cr1, cr3) =
            (self.bank.get(reg::SR), self.bank.get(reg::CR1), self.bank.get(reg::CR3));
        // IDLEIE to TXEIE lie where their flags do in SR.
        cx.output(IRQ, 0, cr1 & UE != 0 && sr & cr1 & (IDLE | RXNE | TC | TXE) != 0);
        cx.output(DMA_RX, 0, cr3 & DMAR != 0 && sr & RXNE != 0);
        cx.output(DMA_TX, 0, cr3 & DMAT != 0 && sr & TXE != 0);
        let soon = |at: Ps| if at > cx.now() { at } else { 0 };
        let free = if self.bank.is(reg::SR, RXNE) { 0 } else { soon(self.free) };
        for (timer, at) in [(SENT, self.sent), (CAME, free), (QUIET, self.quiet)] {
            if at == 0 {
                cx.stop_timer(timer);
            } else {
                cx.timer(timer, at);
            }
        }
    }
}
