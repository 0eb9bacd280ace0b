//! Saved state of a channel. Numbers are never reused; a channel has ten from its own on.

use super::{Channel, Moving};
use hetemu_hw::ata::{TaskFile, Transfer, Way};
use hetemu_hw::{LoadError, Reader, Writer};

const FILES: u16 = 0;
const REGISTERS: u16 = 1;
const MOVING: u16 = 2;
const BUFFER: u16 = 3;

/// Longest block between two interrupts: a packet command's.
const MOST_BUFFER: usize = 1 << 17;

impl Channel {
    pub(crate) fn save(&self, w: &mut Writer, base: u16) {
        let [first, second] = &self.files;
        w.bytes(base + FILES, &[first.to_bytes(), second.to_bytes()].concat());
        let small = [self.device, self.control, self.interrupt.into(), self.command, self.status];
        w.ints(base + REGISTERS, small.map(u64::from).into_iter().chain([self.table.into()]));
        if let Some(m) = &self.moving {
            let t = &m.transfer;
            let way = match t.way {
                Way::In => 0,
                Way::Out => 1,
                Way::Packet => 2,
            };
            let flags = u64::from(t.dma) | u64::from(t.packet) << 1;
            let all = [way, t.bytes, t.block.into(), flags, m.rest, m.at as u64];
            w.ints(base + MOVING, all);
            w.bytes(base + BUFFER, &m.buffer);
        }
    }

    pub(crate) fn load(&mut self, r: &mut Reader<'_>, base: u16) -> Result<(), LoadError> {
        let files = r.bytes(base + FILES)?;
        let bad = |field: u16| LoadError::Bad(base + field);
        let (first, second) = files.split_at_checked(14).ok_or(bad(FILES))?;
        let file = |bytes: &[u8]| bytes.try_into().map(TaskFile::from_bytes);
        let (Ok(first), Ok(second)) = (file(first), file(second)) else { return Err(bad(FILES)) };
        let mut all = [0; 6];
        r.ints(base + REGISTERS, &mut all)?;
        let [device, control, interrupt, command, status, table] = all;
        let [Ok(device), Ok(control), Ok(command), Ok(status)] =
            [device, control, command, status].map(u8::try_from)
        else {
            return Err(bad(REGISTERS));
        };
        let (Ok(table), true) = (u32::try_from(table), interrupt < 2) else {
            return Err(bad(REGISTERS));
        };
        let mut all = [0; 6];
        let moving = match r.ints(base + MOVING, &mut all) {
            Err(LoadError::Missing(_)) => None,
            Err(e) => return Err(e),
            Ok(()) => {
                let [way, bytes, block, flags, rest, at] = all;
                let way = match way {
                    0 => Way::In,
                    1 => Way::Out,
                    2 => Way::Packet,
                    _ => return Err(bad(MOVING)),
                };
                let buffer = r.bytes(base + BUFFER)?.to_vec();
                let (Ok(block), Ok(at)) = (u32::try_from(block), usize::try_from(at)) else {
                    return Err(bad(MOVING));
                };
                let waits = way != Way::In && flags & 1 == 0;
                let held = if waits { buffer.len() as u64 } else { 0 };
                let fits = flags < 4
                    && rest <= bytes
                    && held <= rest
                    && at <= buffer.len()
                    && buffer.len() <= MOST_BUFFER
                    && block as usize <= MOST_BUFFER;
                if !fits {
                    return Err(bad(MOVING));
                }
                let (dma, packet) = (flags & 1 != 0, flags & 2 != 0);
                let transfer = Transfer { way, bytes, block, dma, packet };
                Some(Moving { transfer, rest, buffer, at })
            }
        };
        self.files = [first, second];
        (self.device, self.control, self.interrupt) = (device, control, interrupt == 1);
        (self.command, self.status, self.table) = (command, status, table);
        self.moving = moving;
        Ok(())
    }
}
