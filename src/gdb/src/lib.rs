//! The server for GDB: its remote serial protocol (GDB manual, appendix E) for every core.
//!
//! Each cluster is an inferior (a process of the protocol, for its cores share an instruction set)
//! and each core a thread. A [`Stub`] answers packets on the thread of the machine, with the whole
//! session at hand, and is a plain function of both; [`Server`] has the sockets and threads that
//! bring packets in and answers out. What it does to the machine are methods of
//! [`hetemu_machine::Running`] that any other front end can call.
//!
//! The packets are parsed here and not by the crate `gdbstub`: that knows one process, whose number
//! is fixed, and asks for a description without saying of which; here a session has inferiors of
//! several instruction sets.

mod ids;
mod inspect;
mod packet;
mod query;
mod resume;
mod server;
mod spec;
mod stub;
mod wait;

pub use packet::{Incoming, Reader, encode};
pub use server::{Error, Server};
pub use spec::{Place, Spec};
pub use stub::{Answer, Stub};
