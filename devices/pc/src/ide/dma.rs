//! The bus master of a channel (SFF-8038i, revision 1.0).

use super::{Channel, Moving};
use hetemu_hw::Cx;
use hetemu_hw::ata::Way;

/// Command: begin; towards memory.
const START: u8 = 1 << 0;
const TO_MEMORY: u8 = 1 << 3;
/// Status: active, error, interrupt; the rest is the driver's.
const ACTIVE: u8 = 1 << 0;
const FAILED: u8 = 1 << 1;
const INTERRUPT: u8 = 1 << 2;
const CAPABLE: u8 = 3 << 5;
/// The last entry of a table.
const LAST: u8 = 0x80;
/// Entries that a table of one page may have: more is a table without an end.
const MOST_ENTRIES: u32 = 8192;

impl Channel {
    /// Reads bytes of the bus master's registers.
    pub(crate) fn master_read(&self, offset: u64, size: u8) -> u64 {
        let [t0, t1, t2, t3] = self.table.to_le_bytes();
        let interrupt = if self.interrupt { INTERRUPT } else { 0 };
        let bytes = [self.command, 0, self.status | interrupt, 0, t0, t1, t2, t3];
        let bytes = bytes.iter().skip(offset as usize & 7).take(size.into());
        bytes.rev().fold(0, |v, b| v << 8 | u64::from(*b))
    }

    /// Writes bytes of them.
    pub(crate) fn master_write(&mut self, cx: &mut dyn Cx, offset: u64, size: u8, value: u64) {
        for (i, byte) in value.to_le_bytes().into_iter().take(size.into()).enumerate() {
            match (offset as usize & 7) + i {
                0 => {
                    let begins = byte & START != 0 && self.command & START == 0;
                    self.command = byte & (START | TO_MEMORY);
                    if begins {
                        self.status |= ACTIVE;
                        self.dma(cx);
                    } else if byte & START == 0 {
                        self.status &= !ACTIVE;
                    }
                }
                2 => {
                    let cleared = byte & (FAILED | INTERRUPT);
                    self.status = self.status & !CAPABLE & !cleared | byte & CAPABLE;
                }
                at @ 4..=7 => {
                    let shift = 8 * (at as u32 - 4);
                    self.table = self.table & !(0xff << shift) | u32::from(byte) << shift;
                    self.table &= !3;
                }
                _ => {}
            }
        }
    }

    /// Moves data if a drive wants to and the bus master is on.
    pub(super) fn dma(&mut self, cx: &mut dyn Cx) {
        let waits = self.moving.as_ref().is_some_and(|m| m.transfer.dma);
        if !waits || self.status & ACTIVE == 0 {
            return;
        }
        let Some(mut moving) = self.moving.take() else { return };
        let mut at = self.table;
        for _ in 0..MOST_ENTRIES {
            let mut entry = [0; 8];
            if cx.dma_read(0, at.into(), &mut entry).is_err() {
                return self.broken(moving);
            }
            let [a0, a1, a2, a3, c0, c1, _, flags] = entry;
            let base = u32::from_le_bytes([a0, a1, a2, a3]) & !1;
            let count = match u16::from_le_bytes([c0, c1]) & !1 {
                0 => 1 << 16,
                n => u64::from(n),
            };
            let len = count.min(moving.rest);
            match self.region(cx, &moving, base.into(), len as usize) {
                Some(true) => {}
                // The drive ended the command.
                Some(false) => return self.finish(moving, flags),
                None => return self.broken(moving),
            }
            moving.rest -= len;
            if moving.rest == 0 {
                // The table may be longer than the transfer: the bus master stays active then.
                self.finish(moving, if len == count { flags } else { 0 });
                return;
            }
            if flags & LAST != 0 {
                // The drive has more: it waits, and no interrupt comes.
                self.status &= !ACTIVE;
                self.moving = Some(moving);
                return;
            }
            at = at.wrapping_add(8);
        }
    }

    /// Moves the bytes of a table's entry. None: memory does not answer; false: the drive failed.
    fn region(&mut self, cx: &mut dyn Cx, moving: &Moving, at: u64, len: usize) -> Option<bool> {
        let mut bytes = vec![0; len];
        if moving.transfer.way == Way::In {
            let good = self.drive(cx, |ata, cx, file| ata.data_in(cx, file, &mut bytes));
            if good != Some(true) {
                return Some(false);
            }
            cx.dma_write(0, at, &bytes).ok()?;
            Some(true)
        } else {
            cx.dma_read(0, at, &mut bytes).ok()?;
            Some(self.drive(cx, |ata, cx, file| ata.data_out(cx, file, &bytes)) == Some(true))
        }
    }

    fn finish(&mut self, moving: Moving, flags: u8) {
        if flags & LAST != 0 {
            self.status &= !ACTIVE;
        }
        self.moving = Some(moving);
        self.end();
    }

    fn broken(&mut self, moving: Moving) {
        self.status = self.status & !ACTIVE | FAILED;
        self.file().fail(hetemu_hw::ata::ABRT);
        self.moving = Some(moving);
        self.end();
    }
}
