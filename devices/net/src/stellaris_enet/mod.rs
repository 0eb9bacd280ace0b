//! The Ethernet controller of the Stellaris microcontrollers (LM3S6965 data sheet, chapter Ethernet
//! Controller). Software fills and empties FIFOs word by word, lengths first; there is no DMA.
//!
//! The wire takes no time. Frames that do not fit wait in the plug, so nothing overruns.

mod phy;
mod saved;
#[cfg(test)]
mod tests;

use crate::ethernet::{HEADER, LONGEST, check_sequence, padded};
use crate::schemas::{TI_STELLARIS_ENET_1, ti_stellaris_enet_1 as reg};
use hetemu_hw::regs::{lanes_read, lanes_value, lanes_write, register};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};
use phy::Phy;
use std::collections::VecDeque;

/// `ti.stellaris_enet`.
pub const MODEL: Model = Model { ty: &TI_STELLARIS_ENET_1, create };

const BACKEND: u32 = 0;
const IRQ: u32 = 0;

/// Bytes of each FIFO, and frames that the receive FIFO counts at most.
const FIFO: usize = 2048;
const FRAMES: usize = 31;
/// MACRIS.
const RX: u32 = 1 << 0;
const TX_ERROR: u32 = 1 << 1;
const TX_EMPTY: u32 = 1 << 2;
const MANAGED: u32 = 1 << 5;
const PHY: u32 = 1 << 6;
const INTERRUPTS: u32 = 0x7f;
/// MACRCTL.
const RX_ENABLE: u32 = 1 << 0;
const ALL_MULTICAST: u32 = 1 << 1;
const PROMISCUOUS: u32 = 1 << 2;
const RESET_FIFO: u32 = 1 << 4;
/// MACTCTL.
const TX_ENABLE: u32 = 1 << 0;
const PAD: u32 = 1 << 1;
const CRC: u32 = 1 << 2;
/// MACTHR: nothing goes out before MACTR says so.
const ON_REQUEST: u32 = 0x3f;
/// MACMCTL.
const START: u32 = 1;
const WRITE: u32 = 2;

/// Registers that keep what is written, which of their bits do, and what a reset leaves.
const KEPT: [(u64, u32, u32); 10] = [
    (reg::MACIM, INTERRUPTS, INTERRUPTS),
    (reg::MACRCTL, 0x0f, 8),
    (reg::MACTCTL, 0x17, 0),
    (reg::MACIA0, u32::MAX, 0),
    (reg::MACIA1, 0xffff, 0),
    (reg::MACTHR, 0x3f, ON_REQUEST),
    (reg::MACMCTL, 0xfa, 0),
    (reg::MACMDV, 0xff, 0x80),
    (reg::MACMTXD, 0xffff, 0),
    (reg::MACMRXD, 0xffff, 0),
];

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let link = config.links.iter().any(|l| l == "backend");
    Ok(Box::new(Enet { link, state: State::default() }))
}

struct Enet {
    // Fixed configuration.
    link: bool,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone)]
struct State {
    /// In the order of [`KEPT`].
    kept: [u32; KEPT.len()],
    raw: u32,
    /// A frame has been asked for that is not whole yet.
    requested: bool,
    /// Bytes that software has written, the length first.
    tx: Vec<u8>,
    rx: VecDeque<u32>,
    /// Words that each received frame has left.
    frames: VecDeque<u32>,
    phy: Phy,
}

impl Default for State {
    fn default() -> State {
        State {
            kept: KEPT.map(|(_, _, reset)| reset),
            raw: 0,
            requested: false,
            tx: Vec::new(),
            rx: VecDeque::new(),
            frames: VecDeque::new(),
            phy: Phy::default(),
        }
    }
}

impl State {
    fn get(&self, offset: u64) -> u32 {
        let all = KEPT.iter().zip(self.kept);
        all.clone().find(|((at, _, _), _)| *at == offset).map_or(0, |(_, value)| value)
    }

    fn keep(&mut self, offset: u64, value: u32) {
        for ((at, mask, _), kept) in KEPT.iter().zip(&mut self.kept) {
            if *at == offset {
                *kept = value & mask;
            }
        }
    }

    fn status(&self) -> u32 {
        self.raw | if self.phy.pending() { PHY } else { 0 }
    }

    /// Whether a frame is for this station.
    fn passes(&self, to: &[u8; 6]) -> bool {
        let control = self.get(reg::MACRCTL);
        let [a, b, c, d] = self.get(reg::MACIA0).to_le_bytes();
        let [e, f, ..] = self.get(reg::MACIA1).to_le_bytes();
        control & PROMISCUOUS != 0
            || *to == [0xff; 6]
            || *to == [a, b, c, d, e, f]
            || to[0] & 1 != 0 && control & ALL_MULTICAST != 0
    }

    /// Takes a frame from the wire; false if it has to wait.
    fn accept(&mut self, frame: &[u8]) -> bool {
        let Some(to) = frame.first_chunk::<6>() else { return true };
        let on = self.get(reg::MACRCTL) & RX_ENABLE != 0;
        if !on || !(HEADER..=LONGEST).contains(&frame.len()) || !self.passes(to) {
            return true;
        }
        let whole = padded(frame);
        let len = whole.len() + 6;
        let mut bytes = (len as u16).to_le_bytes().to_vec();
        bytes.extend_from_slice(&whole);
        bytes.extend(check_sequence(&whole));
        bytes.resize(len.next_multiple_of(4), 0);
        if 4 * self.rx.len() + bytes.len() > FIFO || self.frames.len() >= FRAMES {
            return false;
        }
        let (words, _) = bytes.as_chunks();
        self.rx.extend(words.iter().map(|w| u32::from_le_bytes(*w)));
        self.frames.push_back(words.len() as u32);
        self.raw |= RX;
        true
    }

    /// The next word of the frame that is being read.
    fn pop(&mut self) {
        self.rx.pop_front();
        if let Some(left) = self.frames.front_mut() {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.frames.pop_front();
            }
        }
    }

    /// The frame that is whole in the transmit FIFO, if there is one.
    fn whole(&self) -> Option<&[u8]> {
        let (len, rest) = self.tx.split_first_chunk::<2>()?;
        let crc = if self.get(reg::MACTCTL) & CRC != 0 { 0 } else { 4 };
        let len = usize::from(u16::from_le_bytes(*len)) + HEADER;
        // A check sequence that software has added does not go to the plug.
        rest.get(..len + crc)?.get(..len)
    }

    fn transmit(&mut self, cx: &mut dyn Cx) {
        let control = self.get(reg::MACTCTL);
        let wanted = self.requested || self.get(reg::MACTHR) != ON_REQUEST;
        if !wanted || control & TX_ENABLE == 0 {
            return;
        }
        let Some(frame) = self.whole() else { return };
        if control & PAD != 0 {
            cx.send(BACKEND, &padded(frame));
        } else {
            cx.send(BACKEND, frame);
        }
        self.tx.clear();
        self.requested = false;
        self.raw |= TX_EMPTY;
    }
}

impl Enet {
    fn value(&self, offset: u64) -> Option<u32> {
        let s = &self.state;
        Some(match offset {
            reg::MACRIS => s.status(),
            reg::MACDATA => s.rx.front().copied().unwrap_or(0),
            reg::MACNP => s.frames.len() as u32,
            reg::MACTR => s.requested.into(),
            _ if KEPT.iter().any(|(at, _, _)| *at == offset) => s.get(offset),
            _ => register(&TI_STELLARIS_ENET_1, 0, offset)?.reset.unwrap_or(0) as u32,
        })
    }

    fn update(&self, cx: &mut dyn Cx) {
        let s = &self.state;
        cx.output(IRQ, 0, s.status() & s.get(reg::MACIM) != 0);
    }

    /// Asks the PHY, which answers at once.
    fn manage(&mut self, control: u32) {
        let s = &mut self.state;
        let register = control >> 3 & 31;
        if control & WRITE != 0 {
            s.phy.write(register, s.get(reg::MACMTXD) as u16, self.link);
        } else {
            let value = s.phy.read(register, self.link);
            s.keep(reg::MACMRXD, value.into());
        }
        s.raw |= MANAGED;
    }
}

impl Device for Enet {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let at = offset & !3;
        let Some(value) = self.value(at) else {
            cx.unimplemented("reserved register", offset, false);
            return Ok(0);
        };
        if at == reg::MACDATA {
            self.state.pop();
            cx.accept_more(BACKEND);
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
        let at = offset & !3;
        let Some(old) = self.value(at) else {
            cx.unimplemented("reserved register", offset, true);
            return Ok(());
        };
        let written = lanes_value(offset, size, value);
        let whole = lanes_write(old, offset, size, value);
        let s = &mut self.state;
        match at {
            reg::MACRIS => {
                s.raw &= !written;
                if written & TX_ERROR != 0 {
                    s.tx.clear();
                }
            }
            reg::MACRCTL => {
                s.keep(at, whole);
                if written & RESET_FIFO != 0 {
                    (s.rx, s.frames) = (VecDeque::new(), VecDeque::new());
                }
                cx.accept_more(BACKEND);
            }
            reg::MACDATA if s.tx.len() + 4 > FIFO => s.raw |= TX_ERROR,
            reg::MACDATA => s.tx.extend(written.to_le_bytes()),
            reg::MACMCTL => {
                s.keep(at, whole);
                if written & START != 0 {
                    self.manage(whole);
                }
            }
            reg::MACTR => s.requested |= written & 1 != 0,
            _ => s.keep(at, whole),
        }
        self.state.transmit(cx);
        self.update(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        let at = offset & !3;
        // Reading takes from the FIFO.
        let value = if at == reg::MACDATA { None } else { self.value(at) };
        value.map(|value| lanes_read(value, offset, size))
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.state = State::default();
        self.update(cx);
        cx.accept_more(BACKEND);
    }

    fn receive(&mut self, cx: &mut dyn Cx, _: u32, frame: &[u8]) -> usize {
        if !self.state.accept(frame) {
            return 0;
        }
        self.update(cx);
        frame.len()
    }

    fn save(&self, w: &mut Writer) {
        self.state.save(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.state = State::load(r)?;
        Ok(())
    }
}
