//! The registers behind MAC_CSR_CMD: the MAC's own, and through it the PHY's (data sheet, sections
//! 5.4 and 5.5).

use crate::ethernet::{Mac, hash};

/// Indexes of the MAC's registers.
const MAC_CR: usize = 1;
const ADDRH: usize = 2;
const ADDRL: usize = 3;
const HASHH: usize = 4;
const HASHL: usize = 5;
const MII_ACC: usize = 6;
const MII_DATA: usize = 7;
/// How many there are.
pub(super) const COUNT: usize = 14;

/// What a write keeps, and what a reset leaves.
const REGISTERS: [(u32, u32); COUNT] = [
    (0, 0),
    (0x80ff_bdfc | 1 << 11, 0x0004_0000),
    (0xffff, 0xffff),
    (u32::MAX, u32::MAX),
    (u32::MAX, 0),
    (u32::MAX, 0),
    (0xffc2, 0),
    (0xffff, 0),
    (0xffff_0007, 0),
    (0xffff, 0xffff),
    (0xffff, 0xffff),
    (u32::MAX, 0),
    (0x247, 0),
    (0x0001_0003, 0),
];

/// MAC_CR.
const RX_ALL: u32 = 1 << 31;
const LOOPBACK: u32 = 1 << 21;
const ALL_MULTICAST: u32 = 1 << 19;
const PROMISCUOUS: u32 = 1 << 18;
const INVERSE: u32 = 1 << 17;
const HASH_ONLY: u32 = 1 << 15;
const HASH_PERFECT: u32 = 1 << 13;
const NO_BROADCAST: u32 = 1 << 11;
const TX_ENABLE: u32 = 1 << 3;
const RX_ENABLE: u32 = 1 << 2;

/// MII_ACC.
const MII_WRITE: u32 = 2;
/// The address of the PHY on the chip.
const PHY: u32 = 1;

/// What the PHY has kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phy {
    pub(super) control: u16,
    pub(super) advertised: u16,
    pub(super) source: u16,
    pub(super) mask: u16,
    pub(super) special: u16,
}

/// Registers of the PHY.
const BCR_RESET: u16 = 1 << 15;
const BCR_LOOPBACK: u16 = 1 << 14;
const BCR_NEGOTIATES: u16 = 1 << 12;
const BCR_RESTART: u16 = 1 << 9;
/// Interrupt: negotiation is over.
const NEGOTIATED: u16 = 1 << 6;

impl Default for Phy {
    fn default() -> Phy {
        Phy { control: 0x3000, advertised: 0x01e1, source: 0, mask: 0, special: 0x00e1 }
    }
}

impl Phy {
    pub(super) fn interrupts(&self) -> bool {
        self.source & self.mask != 0
    }

    /// Reads; `link`: something is at the other end.
    fn read(&mut self, register: u32, link: bool, id: u16) -> u16 {
        let negotiated = link && self.control & BCR_NEGOTIATES != 0;
        match register {
            0 => self.control,
            1 => 0x7809 | if link { 4 } else { 0 } | if negotiated { 0x20 } else { 0 },
            2 => 0x0007,
            3 => id,
            4 => self.advertised,
            5 if negotiated => 0x45e1,
            6 if negotiated => 1,
            17 if link => 2,
            18 => self.special,
            29 => std::mem::take(&mut self.source),
            30 => self.mask,
            // 100BASE-TX, full duplex.
            31 if negotiated => 0x1058,
            31 => 0x0040,
            _ => 0,
        }
    }

    fn write(&mut self, register: u32, value: u16, link: bool) {
        match register {
            0 if value & BCR_RESET != 0 => *self = Phy { special: self.special, ..Phy::default() },
            0 => {
                self.control = value & 0x7d80 & !BCR_RESTART;
                if link && value & BCR_RESTART != 0 && value & BCR_NEGOTIATES != 0 {
                    self.source |= NEGOTIATED;
                }
            }
            4 => self.advertised = value & 0xadff | 1,
            18 => self.special = value & 0x00ff,
            30 => self.mask = value & 0xff,
            _ => {}
        }
    }
}

/// The MAC with its PHY.
#[derive(Debug, Clone)]
pub(super) struct MacUnit {
    pub(super) registers: [u32; COUNT],
    pub(super) phy: Phy,
}

impl Default for MacUnit {
    fn default() -> MacUnit {
        MacUnit { registers: REGISTERS.map(|(_, reset)| reset), phy: Phy::default() }
    }
}

impl MacUnit {
    fn control(&self) -> u32 {
        self.registers[MAC_CR]
    }

    pub(super) fn sends(&self) -> bool {
        self.control() & TX_ENABLE != 0
    }

    pub(super) fn receives(&self) -> bool {
        self.control() & RX_ENABLE != 0
    }

    pub(super) fn loops(&self) -> bool {
        self.control() & LOOPBACK != 0 || self.phy.control & BCR_LOOPBACK != 0
    }

    pub(super) fn address(&self) -> Mac {
        let [a, b, c, d] = self.registers[ADDRL].to_le_bytes();
        let [e, f, ..] = self.registers[ADDRH].to_le_bytes();
        [a, b, c, d, e, f]
    }

    pub(super) fn set_address(&mut self, [a, b, c, d, e, f]: Mac) {
        self.registers[ADDRL] = u32::from_le_bytes([a, b, c, d]);
        self.registers[ADDRH] = u32::from_le_bytes([e, f, 0, 0]);
    }

    /// Reads a register by its index.
    pub(super) fn read(&self, index: u32) -> u32 {
        self.registers.get(index as usize).copied().unwrap_or(0)
    }

    /// Writes a register; what the PHY is asked for is done at once.
    pub(super) fn write(&mut self, index: u32, value: u32, link: bool, phy_id: u16) {
        let index = index as usize;
        let Some((mask, _)) = REGISTERS.get(index) else { return };
        if let Some(kept) = self.registers.get_mut(index) {
            *kept = value & mask;
        }
        if index != MII_ACC || value & 1 == 0 {
            return;
        }
        let (phy, register) = (value >> 11 & 31, value >> 6 & 31);
        let data = self.registers[MII_DATA] as u16;
        match (phy, value & MII_WRITE != 0) {
            (PHY, true) => self.phy.write(register, data, link),
            (PHY, false) => {
                self.registers[MII_DATA] = self.phy.read(register, link, phy_id).into();
            }
            (_, false) => self.registers[MII_DATA] = 0xffff,
            (_, true) => {}
        }
    }

    /// Whether a frame is for this station; `None`: only because everything is received.
    pub(super) fn filter(&self, to: &Mac) -> Option<bool> {
        let cr = self.control();
        let passes = self.passes(cr, to);
        if passes || cr & PROMISCUOUS != 0 {
            return Some(true);
        }
        if cr & RX_ALL != 0 { None } else { Some(false) }
    }

    fn passes(&self, cr: u32, to: &Mac) -> bool {
        if *to == [0xff; 6] {
            return cr & NO_BROADCAST == 0;
        }
        let group = to[0] & 1 != 0;
        if group && cr & ALL_MULTICAST != 0 {
            return true;
        }
        let hashed = cr & HASH_PERFECT != 0 && (group || cr & HASH_ONLY != 0);
        if hashed {
            let bit = hash(to);
            let table = if bit & 32 != 0 { HASHH } else { HASHL };
            return self.registers[table] >> (bit & 31) & 1 != 0;
        }
        (*to == self.address()) != (cr & INVERSE != 0)
    }
}
