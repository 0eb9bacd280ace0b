//! What a device reacts to.

use crate::cx::Cx;
use crate::{LoadError, Reader, Writer};

/// The bus answers with an error: the initiator sees its ISA's access fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bus error")]
pub struct BusError;

/// A named value of a device's state, decoded for people and debuggers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectValue {
    /// The data sheet's name of the register or field, or a name of the model's.
    pub name: String,
    /// Value.
    pub value: u64,
}

/// A device. All numbers of ports are indexes in the type's schema; lines count as the schema
/// counts (`first`). `&mut dyn Cx` is valid for one call.
///
/// No method panics on anything that a guest, a file or a client sends.
#[allow(unused_variables)]
pub trait Device: Send {
    /// The guest reads `size` (1, 2, 4, 8) bytes at `offset` of a region; the value is
    /// zero-extended, in the region's byte order as a number. The machine has checked width and
    /// range against the schema. A register that is not there: [`Cx::unimplemented`] and 0.
    fn read(
        &mut self,
        cx: &mut dyn Cx,
        region: u32,
        offset: u64,
        size: u8,
    ) -> Result<u64, BusError> {
        Err(BusError)
    }

    /// The guest writes.
    fn write(
        &mut self,
        cx: &mut dyn Cx,
        region: u32,
        offset: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        Err(BusError)
    }

    /// Reads without side effects, for debuggers: `None` where that cannot be.
    fn peek(&self, region: u32, offset: u64, size: u8) -> Option<u64> {
        None
    }

    /// An input line changed. A pulse is one call with `true`.
    fn signal(&mut self, cx: &mut dyn Cx, input: u32, line: u32, level: bool) {}

    /// A `rate` input has a frequency in hertz now (0: its clock stands). It is part of the
    /// device's own saved state.
    fn rate(&mut self, cx: &mut dyn Cx, input: u32, line: u32, hz: u64) {}

    /// Who hears of an output line acknowledges its interrupt: the vector, and whatever else the
    /// acknowledgement does (an interrupt controller takes the interrupt into service).
    fn acknowledge(&mut self, cx: &mut dyn Cx, output: u32, line: u32) -> Option<u32> {
        None
    }

    /// A timer that was set with [`Cx::timer`] is due.
    fn timer(&mut self, cx: &mut dyn Cx, timer: u32) {}

    /// To the state after power-on or the machine's reset; outputs must be driven again.
    fn reset(&mut self, cx: &mut dyn Cx);

    /// Bytes from a serial plug; answers how many were taken. The rest is offered again after
    /// [`Cx::accept_more`]. From a network plug: one frame, taken whole (or dropped), or not at all
    /// (0).
    fn receive(&mut self, cx: &mut dyn Cx, link: u32, bytes: &[u8]) -> usize {
        bytes.len()
    }

    /// The device at a unit address of this device's child bus has something new and called
    /// [`Cx::tell_parent`].
    fn child(&mut self, cx: &mut dyn Cx, unit: &str) {}

    /// What sits on this device's child bus has changed while the machine is there: its unit
    /// addresses now. False: that cannot be, and is undone.
    fn children_changed(&mut self, cx: &mut dyn Cx, units: &[String]) -> bool {
        false
    }

    /// A protocol of a child bus that this device speaks as a function on it (virtio).
    fn virtio(&mut self) -> Option<&mut dyn crate::virtio::Function> {
        None
    }

    /// A protocol of a child bus that this device speaks as a function on it (PCI).
    fn pci(&mut self) -> Option<&mut dyn crate::pci::Function> {
        None
    }

    /// A protocol of a child bus that this device speaks as a drive on it (ATA).
    fn ata(&mut self) -> Option<&mut dyn crate::ata::Function> {
        None
    }

    /// Writes the volatile state, as the schema's current state version.
    fn save(&self, w: &mut Writer) {}

    /// Reads what [`Device::save`] of a version wrote. Running timers, levels of wires and time are
    /// the machine's own state and restored by it.
    fn load(&mut self, r: &mut Reader<'_>, version: u32) -> Result<(), LoadError> {
        Ok(())
    }

    /// A saved state was loaded, of this device and of the machine around it: sets what is part of
    /// neither, such as [`Cx::memory_direct`].
    fn loaded(&mut self, cx: &mut dyn Cx) {}

    /// The state by name, where the registers that [`Device::peek`] shows do not say it.
    fn inspect(&self) -> Vec<InspectValue> {
        Vec::new()
    }
}
