//! Accesses to device registers: widths, splitting, byte order.

use super::{Acc, Answered, Outer};
use crate::space::{Kind, Space, Swap};
use crate::system::DeviceRef;
use hetemu_isa::Env;

impl Outer<'_> {
    /// A load for compiled code. None leaves the instruction to the interpreter: before the access,
    /// or after it with the answer at hand.
    pub(super) fn quick_device_read(&mut self, va: u64, pa: u64, acc: Acc) -> Option<u64> {
        let (port, offset) = self.quick_port(va, pa, acc)?;
        if port.step(acc.size()) == Some(acc.size()) {
            self.mmu.note_quick(va, acc.size(), false, port.place(offset, acc.size()));
        }
        let answer = self.device_read(port, offset, acc.size());
        if answer.is_none() || std::mem::take(&mut self.events.leave) {
            self.events.answered = Some(Answered::Load(answer));
            return None;
        }
        answer
    }

    /// As [`Outer::quick_device_read`], a store.
    pub(super) fn quick_device_write(
        &mut self,
        va: u64,
        pa: u64,
        acc: Acc,
        raw: u64,
    ) -> Option<()> {
        let (port, offset) = self.quick_port(va, pa, acc)?;
        if port.step(acc.size()) == Some(acc.size()) {
            self.mmu.note_quick(va, acc.size(), true, port.place(offset, acc.size()));
        }
        let answer = self.device_write(port, offset, acc.size(), raw);
        if answer.is_none() || std::mem::take(&mut self.events.leave) {
            self.events.answered = Some(Answered::Store(answer));
            return None;
        }
        answer
    }

    /// A load of a register that an access like this one has led to before; none if nothing is
    /// known, else as [`Outer::quick_device_read`].
    #[inline]
    pub(super) fn known_read(&mut self, va: u64, acc: Acc) -> Option<Option<u64>> {
        let (at, reverse) = self.mmu.quick(va, acc.size(), false)?;
        if self.events.leave || self.events.answered.is_some() {
            return None;
        }
        let now = self.now_ps();
        let answer = self.system.device_read(now, at, 1 << acc.size()).ok();
        let answer = answer.map(|value| place_bytes(value, acc.size(), reverse));
        if answer.is_some() {
            self.after_device();
        }
        if answer.is_none() || std::mem::take(&mut self.events.leave) {
            self.events.answered = Some(Answered::Load(answer));
            return Some(None);
        }
        Some(answer)
    }

    /// As [`Outer::known_read`], a store.
    #[inline]
    pub(super) fn known_write(&mut self, va: u64, acc: Acc, raw: u64) -> Option<Option<()>> {
        let (at, reverse) = self.mmu.quick(va, acc.size(), true)?;
        if self.events.leave || self.events.answered.is_some() {
            return None;
        }
        let now = self.now_ps();
        let value = place_bytes(raw, acc.size(), reverse);
        let answer = self.system.device_write(now, at, 1 << acc.size(), value).ok();
        if answer.is_some() {
            self.after_device();
        }
        if answer.is_none() || std::mem::take(&mut self.events.leave) {
            self.events.answered = Some(Answered::Store(answer));
            return Some(None);
        }
        Some(answer)
    }

    fn quick_port(&mut self, va: u64, pa: u64, acc: Acc) -> Option<(Port, u64)> {
        // Who watches devices asks for exact program counters.
        let odd = va & (acc.bytes() - 1) != 0;
        if odd || self.mmu.is_own(pa) || self.mmu.watch_devices || self.events.leave {
            return None;
        }
        let hint = self.mmu.ports.get_mut(((pa >> 3) & 15) as usize)?;
        let known = self.space.entries().get(*hint as usize);
        let entry = match known.filter(|e| (e.start..=e.last).contains(&pa)) {
            Some(entry) => entry,
            None => {
                *hint = self.space.index(pa)? as u32;
                self.space.entries().get(*hint as usize)?
            }
        };
        let Kind::Device { at, widths, split, swap, big_endian } = entry.kind else { return None };
        Some((Port { at, widths, split, swap, big_endian }, pa - entry.start))
    }

    pub(super) fn device_read(&mut self, port: Port, offset: u64, size: u8) -> Option<u64> {
        if let Some(Answered::Load(answer)) = self.events.answered.take() {
            self.events.leave = true;
            return answer;
        }
        port.step(size)?;
        let now = self.now_ps();
        self.accessing();
        let system = &mut self.system;
        let raw =
            port.read(offset, size, |at, step| system.device_read(now, at, 1 << step).ok())?;
        self.after_device();
        Some(raw)
    }

    pub(super) fn device_write(
        &mut self,
        port: Port,
        offset: u64,
        size: u8,
        raw: u64,
    ) -> Option<()> {
        if let Some(Answered::Store(answer)) = self.events.answered.take() {
            self.events.leave = true;
            return answer;
        }
        port.step(size)?;
        let now = self.now_ps();
        self.accessing();
        let system = &mut self.system;
        port.write(offset, size, raw, |at, step, value| {
            system.device_write(now, at, 1 << step, value).ok()
        })?;
        self.after_device();
        Some(())
    }

    fn accessing(&mut self) {
        if self.mmu.watch_devices {
            self.system.accessing(self.core, self.pc);
        }
    }

    fn after_device(&mut self) {
        self.stats.device_accesses += 1;
        self.events.host_floats = true;
        if self.system.must_stop() {
            self.events.leave = true;
        }
    }
}

/// Registers that an access hits.
#[derive(Clone, Copy)]
pub struct Port {
    pub(super) at: DeviceRef,
    pub(super) widths: u8,
    pub(super) split: bool,
    pub(super) swap: Swap,
    pub(super) big_endian: bool,
}

impl Space {
    /// The registers at an address, and the offset of the address from where their range begins.
    pub fn port(&self, pa: u64) -> Option<(Port, u64)> {
        let pa = self.wrap(pa);
        let entry = self.find(pa)?;
        let Kind::Device { at, widths, split, swap, big_endian } = entry.kind else { return None };
        Some((Port { at, widths, split, swap, big_endian }, pa - entry.start))
    }
}

impl Port {
    /// Reads 2^`size` bytes through `read`, which gets each register and log2 of its bytes; the
    /// lowest byte of the number is that of the lowest address.
    pub fn read(
        self,
        offset: u64,
        size: u8,
        mut read: impl FnMut(DeviceRef, u8) -> Option<u64>,
    ) -> Option<u64> {
        let step = self.step(size)?;
        let mut raw = 0;
        for i in 0..1u64 << (size - step) {
            let (at, reverse) = self.place(offset + (i << step), step);
            raw |= place_bytes(read(at, step)?, step, reverse) << ((i * 8) << step);
        }
        Some(raw)
    }

    /// Writes as [`Port::read`] reads.
    pub fn write(
        self,
        offset: u64,
        size: u8,
        raw: u64,
        mut write: impl FnMut(DeviceRef, u8, u64) -> Option<()>,
    ) -> Option<()> {
        let step = self.step(size)?;
        for i in 0..1u64 << (size - step) {
            let (at, reverse) = self.place(offset + (i << step), step);
            write(at, step, place_bytes(raw >> ((i * 8) << step), step, reverse))?;
        }
        Some(())
    }

    /// The register at an offset, if an access of 2^`size` bytes reaches it as it came.
    pub fn plain(self, offset: u64, size: u8) -> Option<DeviceRef> {
        let (at, reverse) = self.place(offset, size);
        (self.step(size) == Some(size) && !reverse).then_some(at)
    }

    /// log2 of the bytes that each part of an access has; none if it is refused.
    fn step(&self, size: u8) -> Option<u8> {
        let allowed = |s: u8| self.widths >> s & 1 != 0;
        if allowed(size) {
            return Some(size);
        }
        (0..size).rev().find(|&s| self.split && allowed(s))
    }

    /// The register at an offset, and whether its bytes are reversed on the way.
    fn place(&self, offset: u64, size: u8) -> (DeviceRef, bool) {
        let (lane, bytes) = (self.swap.lane(), 1u64 << size);
        let flip = lane.saturating_sub(bytes);
        let mut at = self.at;
        at.offset = at.offset.wrapping_add(offset ^ flip);
        (at, self.big_endian != (self.swap != Swap::None && bytes <= lane && bytes > 1))
    }
}

/// The low bytes of a number, in order or reversed.
fn place_bytes(value: u64, size: u8, reverse: bool) -> u64 {
    let unused = 64 - (8u32 << size);
    if reverse { value.swap_bytes() >> unused } else { value << unused >> unused }
}
