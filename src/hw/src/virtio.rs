//! The child bus `virtio`: what a transport (MMIO, PCI) and a virtio device function say to each other
//! (Virtual I/O Device 1.2, chapters 2 and 4).

use crate::cx::Cx;

/// A virtio device function behind some transport.
pub trait Function {
    /// Device ID (chapter 5): 1 net, 2 block, 3 console, 4 entropy.
    fn device_id(&self) -> u32;
    /// Feature bits offered, without the transport's own.
    fn features(&self) -> u64;
    /// Number of virtqueues and the largest size of each.
    fn queue_sizes(&self) -> &[u16];
    /// Reads device configuration space.
    fn config_read(&mut self, offset: u64, into: &mut [u8]);
    /// Writes device configuration space.
    fn config_write(&mut self, cx: &mut dyn Cx, offset: u64, bytes: &[u8]);
    /// The driver set DRIVER_OK with these features.
    fn activate(&mut self, features: u64);
    /// The driver reset the device.
    fn deactivate(&mut self);
}
