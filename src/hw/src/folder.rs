//! Shared folders: what a device may ask of the host's end of a folder plug.
//!
//! The host's end is a file server that speaks 9P2000.L; a device only carries messages. Calls
//! return when the host has done them: in virtual time they take no time.

/// What is known of a shared folder before anything runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderInfo {
    /// The name by which the guest finds it.
    pub tag: String,
}

/// The host's end of a folder plug.
pub trait Folder: Send {
    /// Its name.
    fn info(&self) -> FolderInfo;
    /// The answer to a message, at most `room` bytes. A message that makes no sense gets none.
    fn answer(&mut self, message: &[u8], room: usize) -> Vec<u8>;
    /// The guest begins anew: everything that it had open is closed.
    fn reset(&mut self);
}
