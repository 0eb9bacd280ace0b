//! The Ethernet controllers of SMSC's LAN9118 family, of which the LAN9220 is one (data sheets,
//! revision 1.5 and 2.8): software fills and empties FIFOs word by word, there is no DMA.
//!
//! The wire takes no time, and negotiation none. Frames that do not fit wait in the plug.

mod fifo;
mod mac;
mod saved;
#[cfg(test)]
mod tests;

use crate::ethernet::{self, HEADER, LONGEST, Mac};
use crate::schemas::{SMSC_LAN9118_1, smsc_lan9118_1 as reg};
use fifo::{Rx, Sizes, Tx};
use hetemu_hw::regs::register;
use hetemu_hw::time::{at_tick, ticks};
use hetemu_hw::{BusError, Config, ConfigError, Cx, Device, LoadError, Model, Reader, Writer};
use mac::MacUnit;

/// `smsc.lan9118`.
pub const MODEL: Model = Model { ty: &SMSC_LAN9118_1, create };

const BACKEND: u32 = 0;
const IRQ: u32 = 0;
const GPT: u32 = 0;

/// Of the general-purpose timer and the free-running counter.
const GPT_HZ: u64 = 10_000;
const FREE_RUN_HZ: u64 = 25_000_000;

/// IRQ_CFG.
const IRQ_INT: u32 = 1 << 12;
const IRQ_EN: u32 = 1 << 8;
const IRQ_POL: u32 = 1 << 4;
const IRQ_TYPE: u32 = 1;
/// INT_STS.
const SW: u32 = 1 << 31;
const TX_STOPPED: u32 = 1 << 25;
const RX_STOPPED: u32 = 1 << 24;
const TX_IOC: u32 = 1 << 21;
const RX_DMA: u32 = 1 << 20;
const GPT_END: u32 = 1 << 19;
const PHY: u32 = 1 << 18;
const TX_STATUS_OVERFLOW: u32 = 1 << 16;
const RX_ERROR: u32 = 1 << 14;
const TX_ERROR: u32 = 1 << 13;
const TX_OVERRUN: u32 = 1 << 10;
const TX_AVAILABLE: u32 = 1 << 9;
const TX_STATUS_FULL: u32 = 1 << 8;
const TX_STATUS_LEVEL: u32 = 1 << 7;
const RX_STATUS_FULL: u32 = 1 << 4;
const RX_STATUS_LEVEL: u32 = 1 << 3;
/// RX_CFG.
const RX_DUMP: u32 = 1 << 15;
const DMA_COUNT: u32 = 0xfff << 16;
/// TX_CFG.
const STOP_TX: u32 = 1 << 0;
const TX_ON: u32 = 1 << 1;
const STATUS_OVERRUN: u32 = 1 << 2;
const TXD_DUMP: u32 = 1 << 14;
const TXS_DUMP: u32 = 1 << 15;
/// HW_CFG.
const SOFT_RESET: u32 = 1;
const WIDE: u32 = 4;
/// RX_DP_CTRL.
const FORWARD: u32 = 1 << 31;
/// PMT_CTRL.
const PHY_RESET: u32 = 1 << 10;
/// GPT_CFG.
const TIMER_EN: u32 = 1 << 29;
/// MAC_CSR_CMD.
const BUSY: u32 = 1 << 31;
const CSR_READ: u32 = 1 << 30;
/// RX status.
const FILTERED: u32 = 1 << 30;
const BROADCAST: u32 = 1 << 13;
const MULTICAST: u32 = 1 << 10;
const ETHERNET_TYPE: u32 = 1 << 5;
/// The first byte of an EEPROM that has an address.
const EEPROM_MARK: u8 = 0xa5;
const EEPROM: usize = 128;

/// Registers that keep what is written, which of their bits do, and what a reset leaves.
const KEPT: [(u64, u32, u32); 13] = [
    (reg::IRQ_CFG, 0xff00_0111, 0),
    (reg::INT_EN, 0x837f_ffff, 0),
    (reg::FIFO_INT, 0xffff_00ff, 0x4800_0000),
    (reg::RX_CFG, 0xcfff_1f00, 0),
    (reg::TX_CFG, TX_ON | STATUS_OVERRUN, 0),
    (reg::HW_CFG, 0x001f_0000, 0x0005_0000),
    (reg::PMT_CTRL, 0x0000_3347, 0),
    (reg::GPIO_CFG, 0x7777_071f, 0),
    (reg::GPT_CFG, TIMER_EN | 0xffff, 0xffff),
    (reg::WORD_SWAP, u32::MAX, 0),
    (reg::AFC_CFG, 0x00ff_ffff, 0),
    (reg::MAC_CSR_DATA, u32::MAX, 0),
    (reg::E2P_DATA, 0xff, 0),
];

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let id = config.int("id") as u32;
    let mac = ethernet::address(config)?;
    let mut card = Lan9118 {
        id,
        wide: config.flag("wide"),
        link: config.links.iter().any(|l| l == "backend"),
        state: State::new(mac),
    };
    card.state.reload();
    Ok(Box::new(card))
}

struct Lan9118 {
    // Fixed configuration.
    id: u32,
    wide: bool,
    link: bool,
    // Volatile state.
    state: State,
}

#[derive(Debug, Clone)]
struct State {
    /// In the order of [`KEPT`].
    kept: [u32; KEPT.len()],
    status: u32,
    dropped: u32,
    csr_command: u32,
    e2p_command: u32,
    /// EEPROM that may be written (EWEN).
    e2p_open: bool,
    eeprom: [u8; EEPROM],
    /// The tick at which the general-purpose timer wraps, while it runs.
    gpt_due: u64,
    /// The tick at which the free-running counter was 0.
    free_since: u64,
    tx: Tx,
    rx: Rx,
    mac: MacUnit,
}

impl State {
    fn new(mac: Mac) -> State {
        let mut eeprom = [0xff; EEPROM];
        let start = std::iter::once(EEPROM_MARK).chain(mac);
        eeprom.iter_mut().zip(start).for_each(|(to, from)| *to = from);
        State {
            kept: KEPT.map(|(_, _, reset)| reset),
            status: 0,
            dropped: 0,
            csr_command: 0,
            e2p_command: 0,
            e2p_open: false,
            eeprom,
            gpt_due: 0,
            free_since: 0,
            tx: Tx::default(),
            rx: Rx::default(),
            mac: MacUnit::default(),
        }
    }

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

    fn sizes(&self) -> Sizes {
        Sizes::of(self.get(reg::HW_CFG) >> 16 & 15)
    }

    /// Takes the address from the EEPROM.
    fn reload(&mut self) {
        let [mark, mac @ .., _] = self.eeprom.first_chunk::<8>().copied().unwrap_or_default();
        self.e2p_command &= !0x100;
        if mark == EEPROM_MARK {
            self.mac.set_address(mac);
            self.e2p_command |= 0x100;
        }
    }

    fn gpt_runs(&self) -> bool {
        self.get(reg::GPT_CFG) & TIMER_EN != 0
    }

    fn gpt_count(&self, tick: u64) -> u32 {
        match self.gpt_runs() {
            true => (self.gpt_due.saturating_sub(tick + 1) & 0xffff) as u32,
            false => self.get(reg::GPT_CFG) & 0xffff,
        }
    }

    /// Takes account of the time until a tick of the general-purpose timer.
    fn settle(&mut self, tick: u64) {
        if self.gpt_runs() && tick >= self.gpt_due {
            self.status |= GPT_END;
            // It wraps around to all ones.
            let turns = (tick - self.gpt_due) / 0x1_0000 + 1;
            self.gpt_due = self.gpt_due.saturating_add(turns * 0x1_0000);
        }
    }

    /// Levels that raise interrupts for as long as they last.
    fn levels(&mut self) {
        if self.rx.status.len() > (self.get(reg::FIFO_INT) & 0xff) as usize {
            self.status |= RX_STATUS_LEVEL;
        }
        if self.rx.status.len() >= self.sizes().rx_status {
            self.status |= RX_STATUS_FULL;
        }
        let phy = if self.mac.phy.interrupts() { PHY } else { 0 };
        self.status = self.status & !PHY | phy;
    }

    /// Takes a frame from the wire; false if it has to wait.
    fn accept(&mut self, frame: &[u8]) -> bool {
        let Some(to) = frame.first_chunk::<6>() else { return true };
        if !self.mac.receives() || !(HEADER..=LONGEST).contains(&frame.len()) {
            return true;
        }
        let failed = match self.mac.filter(to) {
            Some(false) => return true,
            Some(true) => 0,
            None => FILTERED,
        };
        let mut bytes = ethernet::padded(frame);
        bytes.extend(ethernet::check_sequence(&bytes.clone()));
        let kind = match frame.get(12..14) {
            Some(&[high, low]) if u16::from_be_bytes([high, low]) > 1500 => ETHERNET_TYPE,
            _ => 0,
        };
        let group = match to {
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => BROADCAST,
            [first, ..] if first & 1 != 0 => MULTICAST,
            _ => 0,
        };
        let status = (bytes.len() as u32) << 16 | failed | kind | group;
        let config = self.get(reg::RX_CFG);
        let unit = match config >> 30 {
            0 => 4,
            1 => 16,
            _ => 32,
        };
        self.rx.push(&bytes, status, (config >> 8 & 31) as usize, unit, self.sizes())
    }

    /// Sends what is whole, if it may.
    fn transmit(&mut self, cx: &mut dyn Cx) {
        let on = self.get(reg::TX_CFG) & TX_ON != 0 && self.mac.sends();
        let room = self.sizes().tx_status;
        while on && !self.tx.frames.is_empty() {
            let full = self.tx.status.len() >= room;
            if full && self.get(reg::TX_CFG) & STATUS_OVERRUN == 0 {
                return;
            }
            let Some(frame) = self.tx.frames.pop_front() else { return };
            let bytes = frame.wire();
            if self.mac.loops() {
                if !self.accept(&bytes) {
                    self.dropped = self.dropped.wrapping_add(1);
                }
            } else if bytes.len() >= HEADER {
                cx.send(BACKEND, &bytes);
            }
            if frame.interrupts() {
                self.status |= TX_IOC;
            }
            if full {
                self.status |= TX_STATUS_OVERFLOW;
            } else {
                self.tx.status.push_back(frame.tag() << 16);
            }
            let levels = self.get(reg::FIFO_INT);
            if self.tx.status.len() > (levels >> 16 & 0xff) as usize {
                self.status |= TX_STATUS_LEVEL;
            }
            if self.tx.status.len() >= room {
                self.status |= TX_STATUS_FULL;
            }
            let free = self.sizes().tx_data.saturating_sub(self.tx.used());
            if free > 64 * (levels >> 24) as usize {
                self.status |= TX_AVAILABLE;
            }
        }
    }

    /// A command to the EEPROM.
    fn eeprom(&mut self, command: u32) {
        self.e2p_command = command & 0x7000_00ff | self.e2p_command & 0x100;
        if command & BUSY == 0 {
            return;
        }
        let at = (command & 0x7f) as usize;
        let data = self.get(reg::E2P_DATA) as u8;
        match command >> 28 & 7 {
            0 => {
                let byte = self.eeprom.get(at).copied().unwrap_or(0);
                self.keep(reg::E2P_DATA, byte.into());
            }
            1 => self.e2p_open = false,
            2 => self.e2p_open = true,
            7 => self.reload(),
            _ if !self.e2p_open => {}
            3 => self.eeprom.iter_mut().skip(at).take(1).for_each(|b| *b = data),
            4 => self.eeprom.fill(data),
            5 => self.eeprom.iter_mut().skip(at).take(1).for_each(|b| *b = 0xff),
            _ => self.eeprom.fill(0xff),
        }
    }
}

impl Lan9118 {
    /// The PHY's second identifier.
    fn phy_id(&self) -> u16 {
        if self.id >> 24 == 0x92 { 0xc0c3 } else { 0xc0d1 }
    }

    /// Whether the pin says that there is an interrupt.
    fn asserted(&self) -> bool {
        self.state.status & self.state.get(reg::INT_EN) != 0
    }

    fn value(&self, offset: u64, gpt: u64, free: u64) -> Option<u32> {
        let s = &self.state;
        let first = |fifo: &std::collections::VecDeque<u32>| fifo.front().copied().unwrap_or(0);
        Some(match offset {
            reg::RX_DATA_FIFO..0x20 => first(&s.rx.data),
            reg::RX_STATUS_FIFO | reg::RX_STATUS_FIFO_PEEK => first(&s.rx.status),
            reg::TX_STATUS_FIFO | reg::TX_STATUS_FIFO_PEEK => first(&s.tx.status),
            reg::ID_REV => self.id,
            reg::IRQ_CFG => s.get(offset) | if self.asserted() { IRQ_INT } else { 0 },
            reg::INT_STS => s.status,
            reg::HW_CFG => s.get(offset) | if self.wide { WIDE } else { 0 },
            reg::RX_FIFO_INF => {
                (4 * s.rx.data.len() as u32) & 0xffff | (s.rx.status.len() as u32) << 16
            }
            reg::TX_FIFO_INF => {
                let free = s.sizes().tx_data.saturating_sub(s.tx.used());
                free as u32 | (s.tx.status.len() as u32) << 16
            }
            // The part is ready.
            reg::PMT_CTRL => s.get(offset) | 1,
            reg::GPT_CNT => s.gpt_count(gpt),
            reg::FREE_RUN => free.wrapping_sub(s.free_since) as u32,
            reg::RX_DROP => s.dropped,
            reg::MAC_CSR_CMD => s.csr_command,
            reg::E2P_CMD => s.e2p_command,
            _ if KEPT.iter().any(|(at, _, _)| *at == offset) => s.get(offset),
            _ => register(&SMSC_LAN9118_1, 0, offset)?.reset.unwrap_or(0) as u32,
        })
    }

    fn update(&mut self, cx: &mut dyn Cx) {
        self.state.levels();
        let config = self.state.get(reg::IRQ_CFG);
        let on = self.asserted() && config & IRQ_EN != 0;
        // Low when it is active, unless it is pushed and pulled and told otherwise.
        let high = config & (IRQ_POL | IRQ_TYPE) == IRQ_POL | IRQ_TYPE;
        cx.output(IRQ, 0, on == high);
        let s = &self.state;
        if s.gpt_runs() && s.status & GPT_END == 0 {
            cx.timer(GPT, at_tick(s.gpt_due, GPT_HZ));
        } else {
            cx.stop_timer(GPT);
        }
    }

    /// To the state after a reset, of the part's own or of the machine.
    fn restart(&mut self, cx: &mut dyn Cx) {
        let fresh = State::new(Mac::default());
        self.state =
            State { eeprom: self.state.eeprom, free_since: ticks(cx.now(), FREE_RUN_HZ), ..fresh };
        self.state.reload();
        self.update(cx);
        cx.accept_more(BACKEND);
    }

    /// The effect of a read.
    fn consume(&mut self, cx: &mut dyn Cx, offset: u64) {
        let s = &mut self.state;
        match offset {
            reg::RX_DATA_FIFO..0x20 => {
                if s.rx.pop().is_none() {
                    s.status |= RX_ERROR;
                }
                let config = s.get(reg::RX_CFG);
                if config & DMA_COUNT != 0 {
                    s.keep(reg::RX_CFG, config - (1 << 16));
                    if config & DMA_COUNT == 1 << 16 {
                        s.status |= RX_DMA;
                    }
                }
                cx.accept_more(BACKEND);
            }
            reg::RX_STATUS_FIFO => {
                s.rx.status.pop_front();
                cx.accept_more(BACKEND);
            }
            reg::TX_STATUS_FIFO => {
                s.tx.status.pop_front();
                s.transmit(cx);
            }
            reg::RX_DROP => s.dropped = 0,
            _ => return,
        }
        self.update(cx);
    }

    fn set(&mut self, cx: &mut dyn Cx, offset: u64, value: u32, tick: u64) {
        let (link, phy_id) = (self.link, self.phy_id());
        let s = &mut self.state;
        match offset {
            reg::TX_DATA_FIFO..0x40 => {
                if s.tx.used() + 4 > s.sizes().tx_data {
                    s.status |= TX_OVERRUN;
                } else if s.tx.word(value).is_err() {
                    s.status |= TX_ERROR;
                }
                s.transmit(cx);
            }
            reg::INT_STS => s.status &= !value,
            reg::INT_EN => {
                let risen = value & !s.get(offset) & SW;
                s.keep(offset, value);
                s.status |= risen;
            }
            reg::RX_CFG => {
                s.keep(offset, value);
                if value & RX_DUMP != 0 {
                    s.rx = Rx::default();
                    cx.accept_more(BACKEND);
                }
            }
            reg::TX_CFG => {
                let was_on = s.get(offset) & TX_ON != 0;
                let stops = value & STOP_TX != 0;
                s.keep(offset, if stops { value & !TX_ON } else { value });
                if stops && was_on {
                    s.status |= TX_STOPPED;
                }
                if value & TXD_DUMP != 0 {
                    s.tx.dump();
                }
                if value & TXS_DUMP != 0 {
                    s.tx.status.clear();
                }
                s.transmit(cx);
            }
            reg::HW_CFG if value & SOFT_RESET != 0 => self.restart(cx),
            reg::RX_DP_CTRL if value & FORWARD != 0 => {
                s.rx.forward();
                cx.accept_more(BACKEND);
            }
            reg::PMT_CTRL => {
                s.keep(offset, value);
                if value & PHY_RESET != 0 {
                    s.mac.phy = mac::Phy::default();
                }
            }
            reg::GPT_CFG => {
                let before = s.get(offset);
                s.keep(offset, value);
                let load = s.get(offset) & 0xffff;
                match (before & TIMER_EN != 0, value & TIMER_EN != 0) {
                    (true, false) => s.keep(offset, 0xffff),
                    (_, true) => s.gpt_due = tick + u64::from(load) + 1,
                    (false, false) => {}
                }
            }
            reg::MAC_CSR_CMD => {
                let index = value & 0xff;
                s.csr_command = value & (CSR_READ | 0xff);
                if value & BUSY != 0 && value & CSR_READ != 0 {
                    s.keep(reg::MAC_CSR_DATA, s.mac.read(index));
                } else if value & BUSY != 0 {
                    let received = s.mac.receives();
                    s.mac.write(index, s.get(reg::MAC_CSR_DATA), link, phy_id);
                    match (received, s.mac.receives()) {
                        (true, false) => s.status |= RX_STOPPED,
                        (false, true) => cx.accept_more(BACKEND),
                        _ => {}
                    }
                    s.transmit(cx);
                }
            }
            reg::E2P_CMD => s.eeprom(value),
            _ => s.keep(offset, value),
        }
    }
}

impl Device for Lan9118 {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, _: u8) -> Result<u64, BusError> {
        let (gpt, free) = (ticks(cx.now(), GPT_HZ), ticks(cx.now(), FREE_RUN_HZ));
        self.state.settle(gpt);
        let Some(value) = self.value(offset, gpt, free) else {
            cx.unimplemented("reserved register", offset, false);
            return Ok(0);
        };
        self.consume(cx, offset);
        Ok(value.into())
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        _: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let tick = ticks(cx.now(), GPT_HZ);
        self.state.settle(tick);
        if register(&SMSC_LAN9118_1, 0, offset).is_none() && offset >= 0x40 {
            cx.unimplemented("reserved register", offset, true);
        }
        self.set(cx, offset, value as u32, tick);
        self.update(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, _: u8) -> Option<u64> {
        let at = offset & !3;
        // Reading takes from a FIFO, or the time decides.
        let effect = matches!(at, 0..0x44 | reg::TX_STATUS_FIFO | reg::RX_DROP | reg::FREE_RUN);
        let timed = matches!(at, reg::GPT_CNT | reg::INT_STS | reg::IRQ_CFG);
        if effect || timed && self.state.gpt_runs() {
            return None;
        }
        self.value(at, 0, 0).map(u64::from)
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
        self.state.settle(ticks(cx.now(), GPT_HZ));
        self.update(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.restart(cx);
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
