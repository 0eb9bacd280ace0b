//! From the wired graph to a live machine.
//!
//! A machine goes through its phases and never back; each is a type, so that a wrong order does not
//! compile: [`Declared`] -> [`Checked`] -> [`Created`] -> [`Wired`] -> [`Realized`] -> [`Ready`] ->
//! [`Running`]. QMP's names map onto them: accel-created is `Checked`, initialized is `Created`,
//! ready is `Ready`.
//!
//! The machine owns every object. Devices lie in slots and are taken out for the time of a call, so
//! that a call sees everything but itself; signals travel through one queue, so that cycles of
//! interrupts cannot recurse. It knows virtual time only: the host's clock, terminals and files
//! come in through [`SerialPlug`] and [`Files`]. No device, core or instruction set is named here;
//! what exists is passed in as a [`Registry`].

mod access;
mod boot;
mod build;
mod debug;
mod events;
mod history;
mod hotplug;
mod htif;
mod monitor;
mod observe;
mod parallel;
mod phases;
mod plug;
mod registry;
mod report;
mod run;
mod saved;
mod semihost;
mod spaces;
mod stats;
mod tape;
mod trouble;
mod uhi;
mod wiring;
mod world;

pub use access::CoreId;
pub use boot::{BOOT_TYPES, Files, ImageArg};
pub use build::timebase;
pub use debug::{DebugStop, DebugWhy, Debugger, Range, Stretch};
pub use hetemu_engine::Watched;
pub use history::Back;
pub use hotplug::NewPart;
pub use observe::number;
pub use observe::{
    Event, Kind, Loaded, Names, Only, Profile, Rule, TraceSink, TraceSpec, TrapCount, What,
};
pub use parallel::Host;
pub use phases::{Checked, Created, Declared, Options, Ready, Realized, Wired};
pub use plug::{Hosts, NetPlug, SerialPlug};
pub use registry::Registry;
pub use report::Report;
pub use run::{Limit, Outcome, Running, Step};
pub use saved::{About, Disk, FileError, Packing, Saved};
pub use stats::Counts;
pub use tape::Replay;
