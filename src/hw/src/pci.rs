//! The child bus `pci`: what a host bridge and a function on its bus say to each other (PCI Local
//! Bus Specification 2.2, chapters 3 and 6).
//!
//! Unit addresses are `device.function`, both hexadecimal (`0a.0`). A function is a
//! [`crate::Device`] that answers [`crate::Device::pci`].

use crate::cx::Cx;

/// A function on a PCI bus.
pub trait Function {
    /// Reads 1, 2 or 4 bytes of configuration space, aligned.
    fn config_read(&mut self, cx: &mut dyn Cx, offset: u64, size: u8) -> u64;
    /// Writes configuration space.
    fn config_write(&mut self, cx: &mut dyn Cx, offset: u64, size: u8, value: u64);
}

/// The unit address of a function.
pub fn unit(device: u32, function: u32) -> String {
    format!("{device:02x}.{function:x}")
}
