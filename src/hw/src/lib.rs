//! THE contract of devices.
//!
//! A device is made from typed properties ([`Config`]), and reacts to reads, writes, signals,
//! timers, reset and input from a plug through the methods of [`Device`]. Everything it may do to
//! the world it does through [`Cx`]: drive outputs, start timers, access memory through its own bus
//! port, send to a plug. It sees virtual time only, never a core, another device or the host.
//!
//! The machine owns every device and every context; this crate has no unsafe code and no state.

pub mod ata;
pub mod block;
mod config;
mod cx;
mod device;
pub mod folder;
pub mod pci;
pub mod regs;
pub mod testing;
pub mod time;
pub mod virtio;
mod virtqueue;

pub use block::{Block, BlockError, BlockInfo};
pub use config::{Config, ConfigError, Family, Model};
pub use cx::{Cx, Request};
pub use device::{BusError, Device, InspectValue};
pub use folder::{Folder, FolderInfo};
pub use hetemu_schema as schema;
pub use hetemu_schema::state::{LoadError, Reader, Writer};
