//! The radio (nRF52833 Product Specification, chapter RADIO), alone in the world: its states and
//! what follows in which time. What is sent nobody hears, and nothing is ever received.

use crate::frame::{self, Block, Io, Short};
use crate::schemas::{NORDIC_RADIO_1, nordic_radio_1 as reg};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::{Config, Model};

/// `nordic.radio`.
pub const MODEL: Model = Model { ty: &NORDIC_RADIO_1, create: frame::create::<Radio> };

const BUS: u32 = 0;
/// Tasks.
const TXEN: u32 = 0;
const RXEN: u32 = 1;
const START: u32 = 2;
const STOP: u32 = 3;
const DISABLE: u32 = 4;
const RSSISTART: u32 = 5;
const RSSISTOP: u32 = 6;
const BCSTART: u32 = 7;
const EDSTART: u32 = 9;
const CCASTART: u32 = 11;
/// Events.
const READY: u32 = 0;
const ADDRESS: u32 = 1;
const PAYLOAD: u32 = 2;
const END: u32 = 3;
const DISABLED: u32 = 4;
const RSSIEND: u32 = 7;
const EDEND: u32 = 15;
const CCAIDLE: u32 = 17;
const TXREADY: u32 = 21;
const RXREADY: u32 = 22;
const PHYEND: u32 = 27;
/// STATE.
const OFF: u32 = 0;
const RXRU: u32 = 1;
const RXIDLE: u32 = 2;
const RX: u32 = 3;
const RXDISABLE: u32 = 4;
const TXRU: u32 = 9;
const TXIDLE: u32 = 10;
const TX: u32 = 11;
const TXDISABLE: u32 = 12;
/// Picoseconds: to ramp up, to ramp down, a byte at 1 Mbit/s.
const RAMP_UP: u64 = 140_000_000;
const RAMP_DOWN: u64 = 6_000_000;
const BYTE: u64 = 8_000_000;

struct Radio;

fn after(io: &mut Io<'_>, state: u32, time: u64) {
    io.set(reg::STATE, state);
    io.cx.timer(0, io.cx.now().saturating_add(time));
}

/// Bytes of the packet in the air: preamble, address and CRC are about eight.
fn length(io: &mut Io<'_>) -> u64 {
    let (format, most) = (io.reg(reg::PCNF0), io.reg(reg::PCNF1) & 0xff);
    let mut payload = [0];
    if format & 0xf != 0 {
        // LENGTH comes after S0. No memory is an empty packet.
        let at = u64::from(io.reg(reg::PACKETPTR)) + u64::from(format >> 8 & 1);
        let _ = io.cx.dma_read(BUS, at, &mut payload);
    }
    let fixed = u64::from(io.reg(reg::PCNF1) >> 8 & 0xff);
    8 + fixed + u64::from(payload[0]).min(most.into())
}

impl Block for Radio {
    const TYPE: &'static DeviceType = &NORDIC_RADIO_1;
    const SHORTS: &'static [Short] = &[
        (0, READY, START),
        (1, END, DISABLE),
        (2, DISABLED, TXEN),
        (3, DISABLED, RXEN),
        (4, ADDRESS, RSSISTART),
        (5, END, START),
        (6, ADDRESS, BCSTART),
        (8, DISABLED, RSSISTOP),
        (18, TXREADY, START),
        (19, RXREADY, START),
        (20, PHYEND, DISABLE),
        (21, PHYEND, START),
    ];

    fn new(_: &Config) -> Radio {
        Radio
    }

    fn reset(&mut self, io: &mut Io<'_>) {
        io.cx.stop_timer(0);
    }

    fn task(&mut self, io: &mut Io<'_>, task: u32) {
        match (task, io.reg(reg::STATE)) {
            (TXEN, OFF | RXIDLE | TXIDLE) => after(io, TXRU, RAMP_UP),
            (RXEN, OFF | RXIDLE | TXIDLE) => after(io, RXRU, RAMP_UP),
            (START, TXIDLE) => {
                let time = length(io) * BYTE;
                after(io, TX, time);
            }
            (START, RXIDLE) => io.set(reg::STATE, RX),
            (STOP, RX) => io.set(reg::STATE, RXIDLE),
            (STOP, TX) => {
                io.cx.stop_timer(0);
                io.set(reg::STATE, TXIDLE);
            }
            (DISABLE, OFF) => io.event(DISABLED),
            (DISABLE, RXRU..=RX) => after(io, RXDISABLE, RAMP_DOWN),
            (DISABLE, TXRU..=TX) => after(io, TXDISABLE, RAMP_DOWN),
            (RSSISTART, _) => io.event(RSSIEND),
            (EDSTART, _) => io.event(EDEND),
            (CCASTART, _) => io.event(CCAIDLE),
            _ => {}
        }
    }

    fn timer(&mut self, io: &mut Io<'_>, _: u32) {
        let (state, events): (u32, &[u32]) = match io.reg(reg::STATE) {
            RXRU => (RXIDLE, &[READY, RXREADY]),
            TXRU => (TXIDLE, &[READY, TXREADY]),
            TX => (TXIDLE, &[ADDRESS, PAYLOAD, END, PHYEND]),
            RXDISABLE | TXDISABLE => (OFF, &[DISABLED]),
            other => (other, &[]),
        };
        io.set(reg::STATE, state);
        events.iter().for_each(|event| io.event(*event));
    }

    fn wrote(&mut self, io: &mut Io<'_>, offset: u64, value: u32) {
        if offset == reg::POWER && value & 1 == 0 {
            io.cx.stop_timer(0);
            io.set(reg::STATE, OFF);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hetemu_hw::testing::{Bench, check};

    #[test]
    fn every_check() {
        check::all(&MODEL, &[]);
    }

    #[test]
    fn sends_and_turns_off() {
        let mut b = Bench::of(&MODEL, &[], &[]);
        b.cx.memory = vec![0, 4, 0, 0];
        b.w32(0x514, 0x108);
        b.w32(0x518, 32);
        b.w32(0x200, 3);
        b.w32(0x000, 1);
        assert_eq!((b.r32(0x550), b.r32(0x100)), (9, 0));
        b.advance(RAMP_UP);
        assert_eq!((b.r32(0x550), b.r32(0x100), b.r32(0x10c)), (11, 1, 0));
        b.advance(12 * BYTE);
        assert_eq!((b.r32(0x550), b.r32(0x10c), b.r32(0x110)), (12, 1, 0));
        b.advance(RAMP_DOWN);
        assert_eq!((b.r32(0x550), b.r32(0x110)), (0, 1));
    }

    #[test]
    fn listens_for_ever() {
        let mut b = Bench::of(&MODEL, &[], &[]);
        b.w32(0x004, 1);
        b.advance(RAMP_UP);
        b.w32(0x008, 1);
        b.advance(1_000_000_000_000);
        assert_eq!((b.r32(0x550), b.r32(0x10c)), (3, 0));
        b.w32(0x010, 1);
        b.advance(RAMP_DOWN);
        assert_eq!((b.r32(0x550), b.r32(0x110)), (0, 1));
    }
}
