//! The child bus `virtio`: what a transport (MMIO, PCI) and a virtio device function say to each
//! other (Virtual I/O Device 1.2, chapters 2 and 4).
//!
//! The transport owns the registers, the status and the rings; the function moves data. A function
//! is a [`crate::Device`] that answers [`crate::Device::virtio`]; when it has something new (input
//! from a plug) it calls [`Cx::tell_parent`], and the transport calls [`Function::work`].

use crate::cx::Cx;
pub use crate::virtqueue::{Chain, RingError, Virtqueue};

/// A virtio device function behind some transport.
pub trait Function {
    /// Device ID (chapter 5): 1 net, 2 block, 3 console, 4 entropy, 9 folder.
    fn device_id(&self) -> u32;
    /// Feature bits offered, without the transport's own.
    fn features(&self) -> u64;
    /// Number of virtqueues and the largest size of each.
    fn queue_sizes(&self) -> &[u16];
    /// Reads device configuration space; bytes that are not there read 0.
    fn config_read(&self, offset: u64, into: &mut [u8]);
    /// Writes device configuration space.
    fn config_write(&mut self, cx: &mut dyn Cx, offset: u64, bytes: &[u8]);
    /// The driver set DRIVER_OK with these features.
    fn activate(&mut self, features: u64);
    /// The driver reset the device.
    fn deactivate(&mut self);
    /// Moves what can be moved: the driver notified a queue, or the function told its parent. Only
    /// enabled queues take chains. An error makes the transport set DEVICE_NEEDS_RESET.
    fn work(&mut self, cx: &mut dyn Cx, queues: &mut [Virtqueue]) -> Result<(), RingError>;
}
