//! The PHY inside the controller (Am79C973 data sheet, "10/100 PHY"; IEEE 802.3, clause 22): a link
//! of 100 Mbit/s, full duplex, that negotiation has agreed on, if there is a plug.

use super::regs::PHY;

const CONTROL: u16 = 0;
const STATUS: u16 = 1;
const ADVERTISEMENT: u16 = 4;
/// Identifiers of the PHY.
const ID: [u16; 2] = [0x0000, 0x6b60];
/// Control: reset, restart of negotiation.
const RESET: u16 = 1 << 15;
const RESTART: u16 = 1 << 9;
/// Status: what it can do; negotiated, link up.
const CAN: u16 = 0x7849;
const AGREED: u16 = 1 << 5;
const LINK: u16 = 1 << 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phy {
    pub(super) control: u16,
    pub(super) advertisement: u16,
}

impl Default for Phy {
    fn default() -> Phy {
        Phy { control: 0x3100, advertisement: 0x01e1 }
    }
}

impl Phy {
    /// Reads a register by what the management interface's address register holds.
    pub(super) fn read(&self, at: u16, link_up: bool) -> u16 {
        if at >> 5 & 31 != PHY {
            return 0xffff;
        }
        let [id1, id2] = ID;
        match at & 31 {
            CONTROL => self.control,
            STATUS => CAN | if link_up { AGREED | LINK } else { 0 },
            2 => id1,
            3 => id2,
            ADVERTISEMENT => self.advertisement,
            // What the other end can do, and that it told.
            5 if link_up => 0x45e1,
            6 if link_up => 1,
            _ => 0,
        }
    }

    pub(super) fn write(&mut self, at: u16, value: u16) {
        match (at >> 5 & 31 == PHY, at & 31) {
            (true, CONTROL) if value & RESET != 0 => *self = Phy::default(),
            (true, CONTROL) => self.control = value & !RESTART,
            (true, ADVERTISEMENT) => self.advertisement = value,
            _ => {}
        }
    }
}
