//! The masters of two-wire and SPI buses (nRF51 Reference Manual, chapters TWI and SPI; nRF52833
//! Product Specification, chapters TWI, TWIM, SPI and SPIM). They share a block; ENABLE says which
//! it is.
//!
//! Nothing is on the buses: no two-wire address is acknowledged, SPI reads ones.

use crate::frame::{self, Block, Io, Short};
use crate::schemas::{NORDIC_TWI_1, nordic_twi_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, Model};

/// `nordic.twi`.
pub const MODEL: Model = Model { ty: &NORDIC_TWI_1, create: frame::create::<Twi> };

const BUS: u32 = 0;
/// Tasks.
const STARTRX: u32 = 0;
const STARTTX: u32 = 2;
const START: u32 = 4;
const STOP: u32 = 5;
const SUSPEND: u32 = 7;
/// Events.
const STOPPED: u32 = 1;
const RXDREADY: u32 = 2;
const ENDRX: u32 = 4;
const END: u32 = 6;
const ENDTX: u32 = 8;
const ERROR: u32 = 9;
const BB: u32 = 14;
const SUSPENDED: u32 = 18;
const RXSTARTED: u32 = 19;
const TXSTARTED: u32 = 20;
const LASTRX: u32 = 23;
const LASTTX: u32 = 24;
/// ENABLE.
const SPI: u32 = 1;
const TWI: u32 = 5;
const TWIM: u32 = 6;
const SPIM: u32 = 7;
/// ERRORSRC.
const ANACK: u32 = 1 << 1;
/// An address on the bus, or a byte of SPI, at the slowest usual pace.
const TIME: u64 = 100_000_000;
const BYTE: u64 = 1_000_000;

#[derive(Default)]
struct Twi {
    /// Bytes of SPI under way.
    moving: u32,
}

impl Twi {
    /// SPIM: everything moves at once, and ends after its time.
    fn transfer(&mut self, io: &mut Io<'_>) {
        let (rx, tx) = (io.reg(reg::RXD_MAXCNT) & 0xffff, io.reg(reg::TXD_MAXCNT) & 0xffff);
        let ones = vec![0xff; rx as usize];
        let _ = io.cx.dma_write(BUS, io.reg(reg::RXD_PTR).into(), &ones);
        io.set(reg::RXD_AMOUNT, rx);
        io.set(reg::TXD_AMOUNT, tx);
        // STARTED is the event of TWIM's RXSTARTED.
        io.event(RXSTARTED);
        let time = u64::from(rx.max(tx)) * BYTE;
        io.cx.timer(0, io.cx.now().saturating_add(time));
    }
}

impl Block for Twi {
    const TYPE: &'static DeviceType = &NORDIC_TWI_1;
    const SHORTS: &'static [Short] = &[
        (0, BB, SUSPEND),
        (1, BB, STOP),
        (7, LASTTX, STARTRX),
        (8, LASTTX, SUSPEND),
        (9, LASTTX, STOP),
        (10, LASTRX, STARTTX),
        (11, LASTRX, SUSPEND),
        (12, LASTRX, STOP),
        (17, END, START),
    ];

    fn new(_: &Config) -> Twi {
        Twi::default()
    }

    fn reset(&mut self, io: &mut Io<'_>) {
        self.moving = 0;
        io.cx.stop_timer(0);
    }

    fn task(&mut self, io: &mut Io<'_>, task: u32) {
        let mode = io.reg(reg::ENABLE) & 0xf;
        match (mode, task) {
            (TWI | TWIM, STARTRX | STARTTX) => {
                io.set(reg::RXD_AMOUNT, 0);
                io.set(reg::TXD_AMOUNT, 0);
                if mode == TWIM {
                    io.event(if task == STARTRX { RXSTARTED } else { TXSTARTED });
                }
                io.cx.timer(0, io.cx.now().saturating_add(TIME));
            }
            (SPIM, START) => self.transfer(io),
            (TWI | TWIM | SPIM, STOP) => {
                io.cx.stop_timer(0);
                io.event(STOPPED);
            }
            (TWIM, SUSPEND) => io.event(SUSPENDED),
            _ => {}
        }
    }

    fn wrote(&mut self, io: &mut Io<'_>, offset: u64, _: u32) {
        if offset == reg::TXD && io.reg(reg::ENABLE) & 0xf == SPI {
            // Two bytes fit: one that moves, one that waits.
            self.moving = (self.moving + 1).min(2);
            if self.moving == 1 {
                io.cx.timer(0, io.cx.now().saturating_add(BYTE));
            }
        }
    }

    fn timer(&mut self, io: &mut Io<'_>, _: u32) {
        match io.reg(reg::ENABLE) & 0xf {
            SPI => {
                io.set(reg::RXD, 0xff);
                io.event(RXDREADY);
                self.moving = self.moving.saturating_sub(1);
                if self.moving > 0 {
                    io.cx.timer(0, io.cx.now().saturating_add(BYTE));
                }
            }
            TWI | TWIM => {
                io.set(reg::ERRORSRC, io.reg(reg::ERRORSRC) | ANACK);
                io.event(ERROR);
            }
            SPIM => {
                io.event(ENDRX);
                io.event(ENDTX);
                io.event(END);
            }
            _ => {}
        }
    }

    fn save(&self) -> Vec<u64> {
        vec![self.moving.into()]
    }

    fn load(&mut self, numbers: &[u64]) -> bool {
        let [moving @ 0..=2] = *numbers else { return false };
        self.moving = moving as u32;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hetemu_hw::testing::{Bench, check};

    const TASKS_STARTTX: u64 = 8;

    #[test]
    fn every_check() {
        check::all(&MODEL, &[]);
    }

    #[test]
    fn nobody_acknowledges() {
        for mode in [5, 6] {
            let mut b = Bench::of(&MODEL, &[], &[]);
            b.w32(0x500, mode);
            b.w32(0x304, 1 << ERROR);
            b.w32(TASKS_STARTTX, 1);
            b.advance(TIME);
            assert_eq!((b.r32(0x124), b.r32(0x4c4), b.output(0, 0)), (1, 2, true));
            b.w32(0x4c4, 2);
            b.w32(0x14, 1);
            assert_eq!((b.r32(0x104), b.r32(0x4c4)), (1, 0));
        }
    }

    #[test]
    fn spi_reads_ones() {
        let mut b = Bench::of(&MODEL, &[], &[]);
        b.w32(0x500, 1);
        b.w32(0x51c, 0x9f);
        b.advance(BYTE);
        assert_eq!((b.r32(0x108), b.r32(0x518)), (1, 0xff));
        let mut b = Bench::of(&MODEL, &[], &[]);
        b.cx.memory = vec![0; 16];
        b.w32(0x500, 7);
        b.w32(0x534, 4);
        b.w32(0x538, 3);
        b.w32(0x10, 1);
        b.advance(3 * BYTE);
        assert_eq!((b.r32(0x118), b.r32(0x53c)), (1, 3));
        assert_eq!(b.cx.memory[..8], [0, 0, 0, 0, 0xff, 0xff, 0xff, 0]);
    }
}
