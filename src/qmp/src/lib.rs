//! QMP, the front end of management software: a server that speaks the protocol of QEMU's monitor.
//!
//! It fills the same typed machine as `.hm` texts before one exists (`--preconfig`), and controls
//! and shows it afterwards. Commands are tables ([`commands`]); a talk with a client is pure
//! ([`protocol`]), and [`server`] puts threads and sockets around it. Whatever a client sends is
//! answered: nothing in here panics, waits for a client on the machine's thread, or grows without
//! limit.

pub mod book;
pub mod commands;
pub mod context;
pub mod draft;
mod dump;
pub mod error;
mod hotplug;
pub mod jobs;
pub mod json;
mod model;
pub mod protocol;
mod schema;
pub mod server;
pub mod types;

pub use context::{Chardev, Context, MachineInfo, Monitor};
pub use draft::Draft;
pub use error::{Class, Error};
pub use server::{Connection, Listener, Server, Spec};
