//! Accesses that devices make through their bus ports as bridges: registers of other devices
//! answer.
//!
//! What devices do then is delivered when the access of the core that all this belongs to is over.

use super::World;
use crate::spaces::{NO_READ, NO_WRITE, REGION_MASK};
use hetemu_engine::{DeviceRef, Space, Unmapped};
use hetemu_hw::BusError;

impl World {
    /// Reads 1, 2, 4 or 8 bytes, aligned; the lowest byte is that of the lowest address.
    pub(super) fn bridge_read(
        &mut self,
        view: &Space,
        addr: u64,
        size: u8,
    ) -> Result<u64, BusError> {
        let log = log2(addr, size)?;
        if let Some((port, offset)) = view.port(addr) {
            self.ways.pass(port.plain(offset, log).map(|at| (at, size)));
            let read = |at, step: u8| self.read_behind(at, 1 << step);
            return port.read(offset, log, read).ok_or(BusError);
        }
        let mut bytes = [0; 8];
        let into = bytes.get_mut(..usize::from(size)).ok_or(BusError)?;
        if view.read_ram(addr, into) {
            return Ok(u64::from_le_bytes(bytes));
        }
        match view.unmapped(addr) {
            Unmapped::Fault => Err(BusError),
            Unmapped::Zeros => Ok(0),
            Unmapped::Ones => Ok(hetemu_hw::regs::mask(size)),
        }
    }

    /// Writes as [`World::bridge_read`] reads.
    pub(super) fn bridge_write(
        &mut self,
        view: &Space,
        addr: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let log = log2(addr, size)?;
        if let Some((port, offset)) = view.port(addr) {
            self.ways.pass(port.plain(offset, log).map(|at| (at, size)));
            let write = |at, step: u8, value| self.write_behind(at, 1 << step, value);
            return port.write(offset, log, value, write).ok_or(BusError);
        }
        let bytes = value.to_le_bytes();
        if view.write_ram(addr, bytes.get(..usize::from(size)).ok_or(BusError)?) {
            return Ok(());
        }
        match view.unmapped(addr) {
            Unmapped::Fault => Err(BusError),
            Unmapped::Zeros | Unmapped::Ones => Ok(()),
        }
    }

    /// The register behind bridges that an access of a core is known to lead to. Who observes sees
    /// every bridge answer.
    pub(super) fn behind(&self, at: DeviceRef, size: u8, write: bool) -> Option<DeviceRef> {
        let to = self.ways.find((at, size, write))?;
        self.observer.is_none().then_some(to)
    }

    pub(super) fn read_behind(&mut self, at: DeviceRef, size: u8) -> Option<u64> {
        if at.region & NO_READ != 0 {
            return None;
        }
        self.moves += 1;
        let (slot, region) = (at.device as usize, at.region & REGION_MASK);
        let value = self.call(slot, |dev, cx| dev.read(cx, region, at.offset, size));
        self.count(slot, 0);
        let value = value.and_then(Result::ok);
        self.note_access(self.now, at, size, false, value);
        value
    }

    pub(super) fn write_behind(&mut self, at: DeviceRef, size: u8, value: u64) -> Option<()> {
        if at.region & NO_WRITE != 0 {
            return None;
        }
        self.moves += 1;
        let (slot, region) = (at.device as usize, at.region & REGION_MASK);
        self.count(slot, 1);
        self.note_access(self.now, at, size, true, Some(value));
        self.call(slot, |dev, cx| dev.write(cx, region, at.offset, size, value))?.ok()
    }
}

/// log2 of a size, where the access is aligned.
fn log2(addr: u64, size: u8) -> Result<u8, BusError> {
    let fits = matches!(size, 1 | 2 | 4 | 8) && addr & u64::from(size - 1) == 0;
    if fits { Ok(size.trailing_zeros() as u8) } else { Err(BusError) }
}
