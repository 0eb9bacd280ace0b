//! The child bus `pci`: what a host bridge and a function on its bus say to each other (PCI Local
//! Bus Specification 2.2, chapters 3 and 6).
//!
//! Unit addresses are `device.function`, both hexadecimal (`0a.0`). A function is a
//! [`crate::Device`] that answers [`crate::Device::pci`].

use crate::cx::Cx;

/// An address space of the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// I/O.
    Io,
    /// Memory.
    Memory,
}

/// A cycle in one of the address spaces: 1, 2, 4 or 8 bytes, aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cycle {
    /// The space.
    pub space: Space,
    /// Address on the bus.
    pub addr: u64,
    /// Bytes.
    pub size: u8,
    /// What is written; `None` reads. The byte at the lowest address is the lowest.
    pub write: Option<u64>,
}

/// A function on a PCI bus.
pub trait Function {
    /// Reads 1, 2 or 4 bytes of configuration space, aligned.
    fn config_read(&mut self, cx: &mut dyn Cx, offset: u64, size: u8) -> u64;
    /// Writes configuration space.
    fn config_write(&mut self, cx: &mut dyn Cx, offset: u64, size: u8, value: u64);
    /// The region of the device that answers an address now, as the command register and the base
    /// addresses say, and the offset in it. It is then read and written as by a bus, 1, 2 or 4
    /// bytes at a time.
    fn claims(&self, space: Space, addr: u64) -> Option<(u32, u64)> {
        let _ = (space, addr);
        None
    }
    /// For a bridge to another bus that takes what nobody claims (subtractive decoding): the bus
    /// port of its own through which a cycle goes on, at the same address.
    fn passes_on(&self, space: Space, addr: u64) -> Option<u32> {
        let _ = (space, addr);
        None
    }
}

/// The unit address of a function.
pub fn unit(device: u32, function: u32) -> String {
    format!("{device:02x}.{function:x}")
}
