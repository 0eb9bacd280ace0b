//! The host's ends of plugs: terminals, files, sockets.
//!
//! Calls of the machine never wait: what comes in is read by a thread for each source and put
//! aside, and a [`Bell`] wakes whoever has nothing else to do.

mod bell;
mod console;
mod disk;
mod escape;
mod files;
mod folder;
mod line;
mod listen;
mod net;
mod spec;
mod streams;
mod terminal;

pub use bell::Bell;
pub use console::Console;
pub use disk::{DiskSpec, Format, open_disk};
pub use escape::{Command, Escape, MENU};
pub use folder::{FolderSpec, open_folder};
pub use line::{Line, Typed};
pub use listen::{OwnSocket, SocketFile};
pub use net::{Forward, Net, NetSpec, Protocol, UserSpec, open_net};
pub use spec::{Spec, open};
pub use terminal::RawTerminal;

/// The host's end of a serial plug.
pub trait Serial: Send {
    /// Bytes of the guest. Errors are kept, never waited for.
    fn send(&mut self, bytes: &[u8]);
    /// Takes what has come in.
    fn input(&mut self, into: &mut Vec<u8>);
    /// Whether more may come in.
    fn live(&self) -> bool;
    /// Whether nobody reads the output any more.
    fn broken(&self) -> bool {
        false
    }
}

/// Why a back end cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a back end's name.
    #[error(
        "`{0}` is no serial back end: stdio, null, pty, file:PATH, tcp:HOST:PORT, \
         listen:HOST:PORT, unix:PATH or unix-listen:PATH"
    )]
    Unknown(String),
    /// Not a network back end's name.
    #[error("`{0}` is no network back end: null, user or user,OPTION...")]
    UnknownNet(String),
    /// Not an option of a user network.
    #[error(
        "`{0}` is no option of a user network: hostfwd=tcp:[ADDR]:PORT-[ADDR]:PORT (or udp), \
         restrict=on, resolver=ADDR[:PORT]"
    )]
    NetOption(String),
    /// Not a folder back end.
    #[error("`{0}` is no folder back end: null or folder:PATH, behind it ,tag=NAME and ,ro")]
    UnknownFolder(String),
    /// A disk that cannot be used as it is.
    #[error("{what}")]
    Disk {
        /// What is wrong.
        what: String,
        /// What to do.
        help: String,
    },
    /// The operating system refuses.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        error: std::io::Error,
    },
}
