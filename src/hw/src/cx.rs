//! What a device may do to the world.

use crate::block::Block;
use crate::device::{BusError, Device};
use crate::folder::Folder;
use crate::time::Ps;

/// What a device may ask of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// The guest powers off, with an exit code for `hetemu run`.
    Shutdown(i32),
    /// The guest asks for a reset of the machine.
    Reset,
}

/// The context of one call into a device.
pub trait Cx {
    /// Virtual time, exact for the guest instruction that makes the access.
    fn now(&self) -> Ps;

    /// Drives an output line. Inputs hear of it after the device's call has returned; driving the
    /// level that it has does nothing.
    fn output(&mut self, output: u32, line: u32, level: bool);

    /// Sends a pulse on an output line.
    fn pulse(&mut self, output: u32, line: u32);

    /// Tells who listens to a `rate` output its frequency in hertz (0: it stands). The machine does
    /// not keep it: tell it again after every reset, also where it is what it was.
    fn rate(&mut self, output: u32, line: u32, hz: u64) {
        let _ = (output, line, hz);
    }

    /// Acknowledges the interrupt at an input line: asks the device that drives it for its vector
    /// ([`Device::acknowledge`]). `None` if no device answers.
    fn acknowledge(&mut self, input: u32, line: u32) -> Option<u32> {
        let _ = (input, line);
        None
    }

    /// Starts timer `timer` (a number of the device's own) for a time; replaces an earlier one.
    fn timer(&mut self, timer: u32, at: Ps);

    /// Stops a timer.
    fn stop_timer(&mut self, timer: u32);

    /// Reads memory through a bus port of the device's own (index in the schema's masters; a
    /// function on a child bus uses its parent's port 0).
    fn dma_read(&mut self, master: u32, addr: u64, into: &mut [u8]) -> Result<(), BusError>;

    /// Writes memory through a bus port.
    fn dma_write(&mut self, master: u32, addr: u64, bytes: &[u8]) -> Result<(), BusError>;

    /// Reads a region of the device's own that is memory (`rom`, `ram`).
    fn memory_read(&mut self, region: u32, offset: u64, into: &mut [u8]) -> Result<(), BusError> {
        let _ = (region, offset, into);
        Err(BusError)
    }

    /// Writes a region of the device's own that is memory. What cores store to a `rom` region comes
    /// to [`Device::write`], which does with it what the flash does.
    fn memory_write(&mut self, region: u32, offset: u64, bytes: &[u8]) -> Result<(), BusError> {
        let _ = (region, offset, bytes);
        Err(BusError)
    }

    /// Reads through a bus port as a bridge does for an access that it passes on: registers of
    /// devices answer, with their effects. 1, 2, 4 or 8 bytes, aligned; the byte at the lowest
    /// address is the lowest of the number. A device that is in a call of its own (the bridge
    /// itself) does not answer.
    fn bus_read(&mut self, master: u32, addr: u64, size: u8) -> Result<u64, BusError> {
        let mut bytes = [0; 8];
        let into = bytes.get_mut(..usize::from(size)).ok_or(BusError)?;
        self.dma_read(master, addr, into)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Writes through a bus port as [`Cx::bus_read`] reads.
    fn bus_write(&mut self, master: u32, addr: u64, size: u8, value: u64) -> Result<(), BusError> {
        let bytes = value.to_le_bytes();
        self.dma_write(master, addr, bytes.get(..usize::from(size)).ok_or(BusError)?)
    }

    /// Reads as [`Cx::bus_read`] through a port of the device at a unit address of this device's
    /// child bus: for what a host bridge passes to a bridge on its bus.
    fn child_bus_read(
        &mut self,
        unit: &str,
        master: u32,
        addr: u64,
        size: u8,
    ) -> Result<u64, BusError> {
        let _ = (unit, master, addr, size);
        Err(BusError)
    }

    /// Writes as [`Cx::child_bus_read`] reads.
    fn child_bus_write(
        &mut self,
        unit: &str,
        master: u32,
        addr: u64,
        size: u8,
        value: u64,
    ) -> Result<(), BusError> {
        let _ = (unit, master, addr, size, value);
        Err(BusError)
    }

    /// Said by a bridge that passes on the access that it is answering, as it came: accesses to
    /// the same address lead to the same register until [`Cx::ways_change`], and the machine need
    /// not ask the bridge again.
    fn same_way(&mut self) {}

    /// What a bridge passes on, or where to, may have changed.
    fn ways_change(&mut self) {}

    /// Whether reads of a ROM region of the device's own go to its bytes, at the speed of memory
    /// (so it is after a reset), or to [`Device::read`]. Writes go to [`Device::write`] always.
    fn memory_direct(&mut self, region: u32, direct: bool) {
        let _ = (region, direct);
    }

    /// Sends bytes to a serial plug, or one frame to a network plug (index in the schema's links).
    /// Without a plug they vanish.
    fn send(&mut self, link: u32, bytes: &[u8]);

    /// There is room again: the machine offers waiting input of a plug once more.
    fn accept_more(&mut self, link: u32);

    /// The disk at a block plug (index in the schema's links); `None` without a plug.
    fn block(&mut self, link: u32) -> Option<&mut dyn Block> {
        let _ = link;
        None
    }

    /// The server at a folder plug (index in the schema's links); `None` without a plug.
    fn folder(&mut self, link: u32) -> Option<&mut dyn Folder> {
        let _ = link;
        None
    }

    /// Random bytes of the machine's own seeded generator (deterministic).
    fn random(&mut self, into: &mut [u8]);

    /// Seconds since 1970 at virtual time 0 plus virtual time, nanoseconds.
    fn wall_ns(&self) -> u64;

    /// The guest touched a register that the model does not have: counted by part and name,
    /// summarised at the end; in strict mode the run stops.
    fn unimplemented(&mut self, what: &str, offset: u64, write: bool);

    /// Power-off or reset.
    fn request(&mut self, request: Request);

    /// Calls the device that sits at a unit address of this device's child bus; false if none does.
    fn with_child(
        &mut self,
        unit: &str,
        call: &mut dyn FnMut(&mut dyn Device, &mut dyn Cx),
    ) -> bool;

    /// For a function on a child bus: the machine calls [`Device::child`] of the device that
    /// provides the bus, after this call has returned.
    fn tell_parent(&mut self) {}
}
