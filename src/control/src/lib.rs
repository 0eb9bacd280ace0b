//! Who drives a machine from outside, and how.
//!
//! A [`Session`] owns a machine from before it exists (a draft that a management protocol fills) to
//! its end, and says what state it is in. The thread that runs the machine serves a [`Queue`]:
//! servers (QMP, GDB), the console and other threads hold a [`Handle`] and send it pieces of work,
//! each of which sees the whole session while the machine stands still between two steps. What a
//! front end can do is therefore a method of the session or of its machine, and every other front
//! end can do it, too. What happens by itself reaches them as an [`Event`].
//!
//! ```text
//!  QMP, GDB, console ── Handle::call ──> Queue ──> Session ──> Running
//!          └───────────────── Event ◄───────────────┘
//! ```

mod event;
mod monitor;
mod queue;
mod session;
pub mod snapshot;

pub use event::{Event, Listener, Reason};
pub use queue::{Gone, Handle, Queue, Waiting};
pub use session::{Ended, Error, Make, Session, Status, Turn};
