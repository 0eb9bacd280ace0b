//! The PHY behind MACMCTL: registers MR0 to MR31. Negotiation takes no time.

/// MR0.
const RESET: u16 = 1 << 15;
const NEGOTIATES: u16 = 1 << 12;
const RESTART: u16 = 1 << 9;
/// MR17: negotiation is over.
const NEGOTIATED: u16 = 1;

/// Registers that keep what is written, which of their bits do, and what a reset leaves.
const KEPT: [(u32, u16, u16); 5] = [
    (0, 0x7d80, 0x3100),
    (4, 0xadff, 0x01e1),
    (16, 0xf9ff, 0x0140),
    (19, 0xc000, 0x4000),
    (24, 0x00ff, 0x00c0),
];
/// How many there are.
pub(super) const COUNT: usize = KEPT.len();

#[derive(Debug, Clone)]
pub(super) struct Phy {
    /// In the order of `KEPT`.
    pub(super) kept: [u16; COUNT],
    /// MR17: enables in the upper half, interrupts in the lower.
    pub(super) interrupts: u16,
    /// MR23.
    pub(super) leds: u16,
}

impl Default for Phy {
    fn default() -> Phy {
        Phy { kept: KEPT.map(|(_, _, reset)| reset), interrupts: 0, leds: 0x10 }
    }
}

impl Phy {
    fn get(&self, register: u32) -> u16 {
        let all = KEPT.iter().zip(self.kept);
        all.clone().find(|((at, _, _), _)| *at == register).map_or(0, |(_, value)| value)
    }

    pub(super) fn pending(&self) -> bool {
        self.interrupts & self.interrupts >> 8 & 0xff != 0
    }

    /// Reads; `link`: something is at the other end.
    pub(super) fn read(&mut self, register: u32, link: bool) -> u16 {
        let negotiated = link && self.get(0) & NEGOTIATES != 0;
        match register {
            1 => 0x7849 | if link { 4 } else { 0 } | if negotiated { 0x20 } else { 0 },
            2 => 0x000e,
            3 => 0x7237,
            5 if negotiated => 0x45e1,
            6 if negotiated => 1,
            17 => {
                let value = self.interrupts;
                self.interrupts &= 0xff00;
                value
            }
            // Full duplex, 100 Mbit/s, a signal, locked to it.
            18 if negotiated => 0x0f00,
            23 => self.leds,
            _ => self.get(register),
        }
    }

    pub(super) fn write(&mut self, register: u32, value: u16, link: bool) {
        if register == 0 && value & RESET != 0 {
            *self = Phy::default();
            return;
        }
        for ((at, mask, _), kept) in KEPT.iter().zip(&mut self.kept) {
            if *at == register {
                *kept = value & mask;
            }
        }
        match register {
            0 if link && value & NEGOTIATES != 0 && value & RESTART != 0 => {
                self.interrupts |= NEGOTIATED;
            }
            17 => self.interrupts = value & 0xff00 | self.interrupts & 0xff,
            23 => self.leds = value & 0xff,
            _ => {}
        }
    }
}
