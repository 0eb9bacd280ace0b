//! The AMD PCnet-FAST III (Am79C973/Am79C975 data sheet, 21510): an Ethernet controller on PCI with
//! descriptor rings in memory, in 16-bit and 32-bit styles.
//!
//! Frames are sent when the driver demands it (CSR0.TDMD) or starts the controller; the ring is not
//! polled besides. A frame for which the ring has no room waits at the plug, and is tried again
//! whenever the driver writes CSR0 and each [`POLL`]: nothing is missed.

mod phy;
mod regs;
mod ring;
mod saved;
#[cfg(test)]
mod tests;

use crate::config::{IO, MASTER, MEMORY, Space};
use crate::schemas::AMD_PCNET_1;
use hetemu_hw::pci::{self, Function};
use hetemu_hw::time::Ps;
use hetemu_hw::{
    BusError, Config, ConfigError, Cx, Device, InspectValue, LoadError, Model, Reader, Writer,
};
use phy::Phy;
use regs::*;

/// `amd.pcnet`.
pub const MODEL: Model = Model { ty: &AMD_PCNET_1, create };

/// The schema's link.
const BACKEND: u32 = 0;
/// How often the receive ring is looked at while frames wait: the part's default interval.
const POLL: Ps = 1_600_000_000;
const SIZE: u32 = 32;
const CSRS: usize = 128;
const BCRS: usize = 64;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let text = config.text("mac");
    let Some(mac) = address(text) else {
        let message = format!(
            "`{text}` is no address of a card: six bytes like 52:54:00:12:34:56, the first one even"
        );
        return Err(ConfigError { path: config.path.clone(), message });
    };
    let link_up = config.links.iter().any(|l| l == "backend");
    let mut card = Pcnet {
        mac,
        link_up,
        config: own_config(),
        csr: [0; CSRS],
        bcr: [0; BCRS],
        prom: [0; 16],
        rap: 0,
        phy: Phy::default(),
        receive_at: 0,
        send_at: 0,
        waiting: false,
    };
    card.power_on();
    Ok(Box::new(card))
}

/// Six bytes in hexadecimal, between colons or hyphens; not a group's.
fn address(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut mac {
        let part = parts.next().filter(|p| p.len() <= 2 && !p.starts_with('+'))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    (parts.next().is_none() && mac[0] & 1 == 0).then_some(mac)
}

struct Pcnet {
    // Fixed configuration.
    mac: [u8; 6],
    link_up: bool,
    // Volatile state.
    config: Space,
    csr: [u16; CSRS],
    bcr: [u16; BCRS],
    prom: [u8; 16],
    rap: u16,
    phy: Phy,
    /// The next descriptors.
    receive_at: u32,
    send_at: u32,
    /// A frame waits at the plug.
    waiting: bool,
}

fn own_config() -> Space {
    let mut config = Space::new(0x1022_2000, 0x0200_0010);
    config.set(0x06, 2, 0x0280);
    config.allow(0x04, 2, IO | MEMORY | MASTER | 0x0140);
    config.allow(0x0d, 1, 0xff);
    config.bar(0, pci::Space::Io, SIZE);
    config.bar(1, pci::Space::Memory, SIZE);
    config.allow(0x3c, 1, 0xff);
    config.set(0x3d, 3, 0xff_0601);
    config
}

impl Pcnet {
    /// After RST#: everything, with the address from the EEPROM.
    fn power_on(&mut self) {
        self.config = own_config();
        self.bcr = [0; BCRS];
        for (n, value) in BCR_RESET {
            self.bcr[n] = value;
        }
        self.prom = [0; 16];
        self.prom[..6].copy_from_slice(&self.mac);
        self.prom[9] = 0x11;
        (self.prom[14], self.prom[15]) = (0x57, 0x57);
        let sum: u16 = self.prom.iter().map(|b| u16::from(*b)).sum();
        [self.prom[12], self.prom[13]] = sum.to_le_bytes();
        self.phy = Phy::default();
        self.stop_reset();
    }

    /// A read of the reset register: the CSRs.
    fn stop_reset(&mut self) {
        self.csr = [0; CSRS];
        for (n, value) in CSR_RESET {
            self.csr[n] = value;
        }
        let [a, b, c, d, e, f] = self.mac;
        for (n, pair) in [[a, b], [c, d], [e, f]].into_iter().enumerate() {
            self.csr[PADR + n] = u16::from_le_bytes(pair);
        }
        (self.receive_at, self.send_at, self.rap) = (0, 0, 0);
    }

    /// CSR0 with the bits that sum up others.
    fn status(&self) -> u16 {
        let mut status = self.csr[0] & !(ERR | INTR);
        if status & ERRORS != 0 {
            status |= ERR;
        }
        if self.interrupts() {
            status |= INTR;
        }
        status
    }

    fn interrupts(&self) -> bool {
        let main = self.csr[0] & INTERRUPTS & !self.csr[3];
        // MFCO, RCVCCO, TXSTRT and JAB have their masks one bit below; UINT has none.
        let four = self.csr[4] & CSR4_CAUSES & !((self.csr[4] & 0x0115) << 1);
        main != 0 || four & !UINT != 0 || self.csr[4] & UINT != 0
    }

    fn drive(&self, cx: &mut dyn Cx) {
        cx.output(0, 0, self.interrupts() && self.csr[0] & INEA != 0);
    }

    fn csr_read(&self, n: usize) -> u16 {
        let [low, high] = [CHIP_ID as u16, (CHIP_ID >> 16) as u16];
        match n {
            0 => self.status(),
            16 => self.csr[IADR],
            17 => self.csr[IADR + 1],
            STYLE => self.bcr[SWS],
            CHIP => low,
            89 => high,
            _ => self.csr.get(n).copied().unwrap_or(0),
        }
    }

    fn csr_write(&mut self, cx: &mut dyn Cx, n: usize, value: u16) {
        let still = self.csr[0] & STOP != 0 || self.csr[5] & SPND != 0;
        match n {
            0 => self.command(cx, value),
            3 => self.csr[3] = value & CSR3_MASK,
            4 => {
                let causes = self.csr[4] & CSR4_CAUSES & !(value & CSR4_CAUSES);
                self.csr[4] = value & !(CSR4_CAUSES | UINTCMD) | causes;
                if value & UINTCMD != 0 {
                    self.csr[4] |= UINT;
                }
            }
            5 => {
                self.csr[5] = value;
                self.again(cx);
            }
            16 | 17 if still => self.csr[IADR + n - 16] = value,
            STYLE => self.set_style(value),
            1 | 2 | 8..=15 | 18..=41 | 46..=49 | 60..=79 | 112 | 114 | 116..=125 if still => {
                self.csr[n] = value;
            }
            _ => {}
        }
    }

    /// A write of CSR0.
    fn command(&mut self, cx: &mut dyn Cx, value: u16) {
        self.csr[0] &= !(value & CAUSES);
        self.csr[0] = self.csr[0] & !INEA | value & INEA;
        if value & STOP != 0 {
            self.csr[0] = STOP;
            self.csr[4] &= !CSR4_CAUSES;
            self.csr[5] &= !SPND;
            return;
        }
        if value & INIT != 0 && self.csr[0] & INIT == 0 {
            self.csr[0] = self.csr[0] & !STOP | INIT;
            if self.initialize(cx).is_some() {
                self.csr[0] |= IDON;
            }
        }
        if value & STRT != 0 && self.csr[0] & STRT == 0 {
            self.csr[0] = self.csr[0] & !STOP | STRT;
            let mode = self.csr[MODE];
            if mode & DRX == 0 {
                self.csr[0] |= RXON;
            }
            if mode & DTX == 0 {
                self.csr[0] |= TXON;
            }
            self.transmit(cx);
        }
        if value & TDMD != 0 {
            self.transmit(cx);
        }
        self.again(cx);
    }

    /// Has a waiting frame offered again.
    fn again(&mut self, cx: &mut dyn Cx) {
        if std::mem::take(&mut self.waiting) {
            cx.stop_timer(0);
            cx.accept_more(BACKEND);
        }
    }

    fn set_style(&mut self, value: u16) {
        let style = value & 0xff;
        let wide = if matches!(style, 1..=3) { SSIZE32 } else { 0 };
        self.bcr[SWS] = self.bcr[SWS] & 0xfc00 & !SSIZE32 | style | wide | 0x0200;
    }

    fn bcr_read(&self, n: usize) -> u16 {
        match n {
            LNKST..=7 => {
                let on = self.bcr[n] & 0x40 != 0 && self.link_up;
                self.bcr[n] & !LEDOUT | if on { LEDOUT } else { 0 }
            }
            MIIMDR => self.phy.read(self.bcr[MIIADDR], self.link_up),
            _ => self.bcr.get(n).copied().unwrap_or(0),
        }
    }

    fn bcr_write(&mut self, n: usize, value: u16) {
        match n {
            // DWIO is what the first access has made it.
            BSBC => self.bcr[BSBC] = value & !DWIO | self.bcr[BSBC] & DWIO,
            SWS => self.set_style(value),
            MIIMDR => self.phy.write(self.bcr[MIIADDR], value),
            2 | 4..=7 | 9 | 16 | 17 | 19 | 22..=28 | 32 | MIIADDR => self.bcr[n] = value,
            _ => {}
        }
    }

    /// Which register an offset is: RDP, RAP, reset, BDP; none for what the width in force does not
    /// have there.
    fn place(&self, offset: u64, size: u8) -> Option<u32> {
        let wide = self.bcr[BSBC] & DWIO != 0;
        match (offset, size, wide) {
            (0x10 | 0x12 | 0x14 | 0x16, 2, false) => Some((offset - 0x10) as u32 / 2),
            (0x10 | 0x14 | 0x18 | 0x1c, 4, true) => Some((offset - 0x10) as u32 / 4),
            _ => None,
        }
    }
}

impl Device for Pcnet {
    fn read(&mut self, cx: &mut dyn Cx, _: u32, offset: u64, size: u8) -> Result<u64, BusError> {
        let ones = hetemu_hw::regs::mask(size);
        if offset < 0x10 {
            return Ok(self.peek(0, offset, size).unwrap_or(ones));
        }
        let rap = usize::from(self.rap);
        let value = match self.place(offset, size) {
            Some(0) => self.csr_read(rap),
            Some(1) => self.rap,
            Some(2) => {
                self.stop_reset();
                0
            }
            Some(_) => self.bcr_read(rap),
            None => return Ok(ones),
        };
        self.drive(cx);
        Ok(value.into())
    }

    fn write(
        &mut self,
        cx: &mut dyn Cx,
        _: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        if offset < 0x10 {
            let to = self.prom.iter_mut().skip(offset as usize).take(size.into());
            to.zip(value.to_le_bytes()).for_each(|(to, b)| *to = b);
            return Ok(());
        }
        if offset == 0x10 && size == 4 {
            self.bcr[BSBC] |= DWIO;
        }
        let (rap, value) = (usize::from(self.rap), value as u16);
        match self.place(offset, size) {
            Some(0) => self.csr_write(cx, rap, value),
            Some(1) => self.rap = value & 0x7f,
            Some(3) => self.bcr_write(rap, value),
            _ => {}
        }
        self.drive(cx);
        Ok(())
    }

    fn peek(&self, _: u32, offset: u64, size: u8) -> Option<u64> {
        let bytes = self.prom.iter().skip(offset as usize).take(size.into());
        (offset < 0x10).then(|| bytes.rev().fold(0, |v, b| v << 8 | u64::from(*b)))
    }

    fn receive(&mut self, cx: &mut dyn Cx, _: u32, frame: &[u8]) -> usize {
        let taken = self.take(cx, frame);
        if !taken {
            self.waiting = true;
            cx.timer(0, cx.now() + POLL);
        }
        self.drive(cx);
        if taken { frame.len() } else { 0 }
    }

    fn timer(&mut self, cx: &mut dyn Cx, _: u32) {
        self.again(cx);
    }

    fn reset(&mut self, cx: &mut dyn Cx) {
        self.power_on();
        self.waiting = false;
        self.drive(cx);
        cx.accept_more(BACKEND);
    }

    fn pci(&mut self) -> Option<&mut dyn Function> {
        Some(self)
    }

    fn save(&self, w: &mut Writer) {
        self.store_state(w);
    }

    fn load(&mut self, r: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.load_state(r)
    }

    fn inspect(&self) -> Vec<InspectValue> {
        let all = [("CSR0", self.status()), ("CSR3", self.csr[3]), ("CSR15", self.csr[MODE])];
        let all = all.into_iter().chain([("RAP", self.rap), ("BCR20", self.bcr[SWS])]);
        all.map(|(n, v)| InspectValue { name: n.into(), value: v.into() }).collect()
    }
}

impl Function for Pcnet {
    fn config_read(&mut self, _: &mut dyn Cx, offset: u64, size: u8) -> u64 {
        self.config.read(offset, size)
    }

    fn config_write(&mut self, _: &mut dyn Cx, offset: u64, size: u8, value: u64) {
        self.config.write(offset, size, value);
    }

    fn claims(&self, space: pci::Space, addr: u64) -> Option<(u32, u64)> {
        let bar = usize::from(space == pci::Space::Memory);
        Some((0, self.config.hit(bar, space, SIZE.into(), addr)?))
    }
}
