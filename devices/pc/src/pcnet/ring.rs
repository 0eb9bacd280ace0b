//! Descriptor rings and buffers (Am79C973 data sheet, "Buffer Management").

use super::Pcnet;
use super::regs::*;
use crate::config::MASTER;
use hetemu_hw::Cx;

/// A descriptor, whatever its style.
#[derive(Debug, Clone, Copy)]
struct Descriptor {
    at: u64,
    buffer: u64,
    /// The second word as wide styles have it: flags above, two's complement of the length below.
    flags: u32,
}

impl Descriptor {
    fn len(self) -> usize {
        (0x1000 - (self.flags & 0xfff)) as usize & 0xfff
    }
    fn owned(self) -> bool {
        self.flags & D_OWN != 0
    }
}

/// Longest frame that is sent: what a ring can hold is more than a wire carries.
const LONGEST: usize = 16 << 10;
/// Bytes of the check sequence.
const FCS: usize = 4;
/// Shortest frame on a wire, without it.
const SHORTEST: usize = 60;

/// The check sequence of a frame (IEEE 802.3, section 3.2.9).
pub(super) fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 != 0 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    let byte = |crc: u32, b: &u8| (0..8).fold(crc ^ u32::from(*b), |crc, _| step(crc));
    !bytes.iter().fold(u32::MAX, byte)
}

impl Pcnet {
    fn wide(&self) -> bool {
        self.bcr[SWS] & SSIZE32 != 0
    }

    fn pair(&self, at: usize) -> u64 {
        u64::from(self.csr[at]) | u64::from(self.csr[at + 1]) << 16
    }

    /// Reads memory; on a failure the controller notes a bus error.
    fn load(&mut self, cx: &mut dyn Cx, at: u64, into: &mut [u8]) -> Option<()> {
        let allowed = self.config.word(4) & MASTER != 0;
        if !allowed || cx.dma_read(0, at, into).is_err() {
            self.csr[0] |= MERR;
            return None;
        }
        Some(())
    }

    fn store(&mut self, cx: &mut dyn Cx, at: u64, bytes: &[u8]) -> Option<()> {
        let allowed = self.config.word(4) & MASTER != 0;
        if !allowed || cx.dma_write(0, at, bytes).is_err() {
            self.csr[0] |= MERR;
            return None;
        }
        Some(())
    }

    /// Reads the initialization block.
    pub(super) fn initialize(&mut self, cx: &mut dyn Cx) -> Option<()> {
        let at = self.pair(IADR);
        let half = |b: &[u8], at: usize| -> u16 {
            let of = |at| b.get(at).copied().unwrap_or(0);
            u16::from_le_bytes([of(at), of(at + 1)])
        };
        let lengths;
        let mut b = [0; 28];
        let (padr, rings): (usize, [[u16; 2]; 2]);
        if self.wide() {
            self.load(cx, at & !3, &mut b)?;
            lengths = [b[2] >> 4, b[3] >> 4].map(|log| 1u32 << log.min(9));
            padr = 4;
            rings = [[half(&b, 20), half(&b, 22)], [half(&b, 24), half(&b, 26)]];
            for n in 0..4 {
                self.csr[LADRF + n] = half(&b, 12 + 2 * n);
            }
        } else {
            self.load(cx, at & 0xff_fffe, &mut b[..24])?;
            lengths = [b[19] >> 5, b[23] >> 5].map(|log| 1u32 << log);
            padr = 2;
            let ring = |at| [half(&b, at), half(&b, at + 2) & 0xff];
            rings = [ring(16), ring(20)];
            for n in 0..4 {
                self.csr[LADRF + n] = half(&b, 8 + 2 * n);
            }
        }
        self.csr[MODE] = half(&b, 0);
        for n in 0..3 {
            self.csr[PADR + n] = half(&b, padr + 2 * n);
        }
        let align = if self.wide() { 0xfff0 } else { 0xfff8 };
        for (to, [low, high]) in [BADR, BADX].into_iter().zip(rings) {
            self.csr[to] = low & align;
            self.csr[to + 1] = high;
        }
        for (to, len) in [RCVRL, XMTRL].into_iter().zip(lengths) {
            self.csr[to] = (len as u16).wrapping_neg();
        }
        (self.receive_at, self.send_at) = (0, 0);
        Some(())
    }

    fn count(&self, ring: usize) -> u32 {
        match self.csr[ring].wrapping_neg() {
            0 => 1 << 16,
            n => n.into(),
        }
    }

    fn descriptor(&mut self, cx: &mut dyn Cx, base: usize, index: u32) -> Option<Descriptor> {
        let style = self.bcr[SWS] & 0xff;
        let base = self.pair(base);
        if !self.wide() {
            let at = base + u64::from(index) * 8;
            let mut b = [0; 8];
            self.load(cx, at, &mut b)?;
            let [a0, a1, a2, flags, c0, c1, ..] = b;
            let buffer = u32::from_le_bytes([a0, a1, a2, 0]).into();
            let flags = u32::from_le_bytes([c0, c1, 0, flags]);
            return Some(Descriptor { at, buffer, flags });
        }
        let at = base + u64::from(index) * 16;
        let mut b = [0; 16];
        self.load(cx, at, &mut b)?;
        let word = |n: usize| {
            let bytes = b.iter().skip(4 * n).take(4);
            bytes.rev().fold(0, |v, b| v << 8 | u32::from(*b))
        };
        let buffer = word(if style == 3 { 2 } else { 0 }).into();
        Some(Descriptor { at, buffer, flags: word(1) })
    }

    /// Gives a descriptor back to the host; `message` is the received length, or the errors of a
    /// frame that was sent.
    fn give_back(
        &mut self,
        cx: &mut dyn Cx,
        d: Descriptor,
        flags: u32,
        message: Option<u32>,
    ) -> Option<()> {
        let word = d.flags & 0xffff | flags & 0x7fff_0000;
        if !self.wide() {
            if let Some(message) = message {
                self.store(cx, d.at + 6, &(message as u16).to_le_bytes())?;
            }
            return self.store(cx, d.at + 3, &[(flags >> 24) as u8]);
        }
        if let Some(message) = message {
            let third = self.bcr[SWS] & 0xff == 3;
            let at = d.at + if third { 0 } else { 8 };
            self.store(cx, at, &message.to_le_bytes())?;
        }
        // Ownership goes last.
        self.store(cx, d.at + 4, &word.to_le_bytes())
    }

    /// Sends what the host has put into the ring.
    pub(super) fn transmit(&mut self, cx: &mut dyn Cx) {
        let count = self.count(XMTRL);
        for _ in 0..count {
            if self.csr[0] & TXON == 0 || self.csr[5] & SPND != 0 {
                return;
            }
            if self.frame(cx).is_none() {
                return;
            }
        }
    }

    /// Sends one frame; none if there is none, or not all of it.
    fn frame(&mut self, cx: &mut dyn Cx) -> Option<()> {
        let count = self.count(XMTRL);
        let mut frame = Vec::new();
        let mut parts = Vec::new();
        let mut index = self.send_at % count;
        loop {
            let d = self.descriptor(cx, BADX, index)?;
            if !d.owned() || parts.len() as u32 >= count {
                return None;
            }
            let mut bytes = vec![0; if d.len() == 0 { 4096 } else { d.len() }];
            self.load(cx, d.buffer, &mut bytes)?;
            frame.append(&mut bytes);
            parts.push(d);
            index = (index + 1) % count;
            if d.flags & D_ENP != 0 || frame.len() > LONGEST {
                break;
            }
        }
        for d in parts {
            let last = d.flags & D_ENP != 0;
            self.give_back(cx, d, d.flags & !(D_OWN | D_ERR), last.then_some(0))?;
        }
        self.send_at = index;
        self.csr[0] |= TINT;
        if frame.len() > LONGEST {
            return Some(());
        }
        if self.csr[MODE] & LOOP != 0 {
            self.take(cx, &frame);
        } else if frame.len() >= 14 {
            cx.send(super::BACKEND, &frame);
        }
        Some(())
    }

    /// How the address of a frame matches.
    fn matches(&self, frame: &[u8]) -> Option<u32> {
        let to: [u8; 6] = frame.get(..6)?.try_into().ok()?;
        let mode = self.csr[MODE];
        let own: Vec<u8> = (0..3).flat_map(|n| self.csr[PADR + n].to_le_bytes()).collect();
        if to == [0xff; 6] && mode & DRCVBC == 0 {
            return Some(D_BAM);
        }
        if to[..] == own[..] && mode & DRCVPA == 0 {
            return Some(D_PAM);
        }
        // The filter's bit is the top of the check sequence of the address.
        let hash = (!crc(&to) >> 26) as usize;
        let bit = self.csr[LADRF + hash / 16] >> (hash % 16) & 1;
        if to[0] & 1 != 0 && to != [0xff; 6] && bit != 0 {
            return Some(D_LAFM);
        }
        (mode & PROM != 0).then_some(0)
    }

    /// Takes a frame from the wire; false if there is no room for it now.
    pub(super) fn take(&mut self, cx: &mut dyn Cx, frame: &[u8]) -> bool {
        if self.csr[0] & RXON == 0 {
            return true;
        }
        if self.csr[5] & SPND != 0 {
            return false;
        }
        let Some(matched) = self.matches(frame) else { return true };
        let mut bytes = frame.to_vec();
        bytes.resize(bytes.len().max(SHORTEST), 0);
        bytes.extend(crc(&bytes).to_le_bytes());
        debug_assert!(bytes.len() >= SHORTEST + FCS);
        let count = self.count(RCVRL);
        let (mut parts, mut room) = (Vec::new(), 0);
        let mut index = self.receive_at % count;
        while room < bytes.len() {
            let Some(d) = self.descriptor(cx, BADR, index) else { return true };
            if parts.len() as u32 >= count {
                // The whole ring is too small.
                break;
            }
            if !d.owned() {
                return false;
            }
            room += if d.len() == 0 { 4096 } else { d.len() };
            parts.push(d);
            index = (index + 1) % count;
        }
        let total = bytes.len() as u32;
        let mut rest = &bytes[..];
        let last = parts.len().saturating_sub(1);
        for (n, d) in parts.into_iter().enumerate() {
            let len = if d.len() == 0 { 4096 } else { d.len() };
            let (now, later) = rest.split_at(rest.len().min(len));
            rest = later;
            let mut flags = d.flags & 0x000f_ffff;
            if n == 0 {
                flags |= D_STP | matched;
            }
            if n == last {
                flags |= if later.is_empty() { D_ENP } else { D_ERR | D_BUFF };
            }
            let stored = self.store(cx, d.buffer, now);
            if stored.and_then(|()| self.give_back(cx, d, flags, Some(total & 0xfff))).is_none() {
                return true;
            }
        }
        self.receive_at = index;
        self.csr[0] |= RINT;
        true
    }
}
