//! What happens to a machine, told to whoever listens.

use hetemu_hw::time::Ps;

/// Who wanted something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The guest.
    Guest,
    /// A management client.
    Host,
    /// A signal to the process, or a person at the console.
    Person,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The machine runs (again).
    Resumed,
    /// The machine was paused.
    Stopped,
    /// A core came to a stop that a debugger asked for; the machine is paused.
    Debug(hetemu_machine::DebugStop),
    /// Everything was reset.
    Reset(Reason),
    /// The guest was asked to power off.
    Powerdown,
    /// The guest has ended, or cannot go on; [`Event::Shutdown`] follows.
    Ended(hetemu_machine::Outcome),
    /// The machine is over.
    Shutdown(Reason),
    /// Something that only one front end knows how to tell: its name and its data as JSON.
    Other {
        /// Name, as in QMP.
        name: String,
        /// A JSON object, or nothing.
        data: String,
    },
}

/// Called on the thread of the machine, at this virtual time, as things happen. It must not wait;
/// false: it wants to hear no more.
pub type Listener = Box<dyn FnMut(&Event, Ps) -> bool + Send>;
