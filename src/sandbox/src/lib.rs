//! What this process gives up before a guest runs: no new programs, no other processes, no files
//! and no sockets but those that are open, or that the machine needs by name.
//!
//! Two mechanisms of Linux, which need no rights: seccomp (`seccomp(2)`) lets only the calls of
//! [`calls`] pass, on every thread of the process, also those that run already; Landlock
//! (`landlock(7)`) lets paths be opened below the places of [`Needs`] only, on the calling thread
//! and those that it starts later. Where a process needs no path at all, seccomp alone refuses to
//! open one, so that a kernel without Landlock confines it just as well.
//!
//! Refused calls fail with EPERM (files: EACCES); nothing is killed.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod linux;

use std::path::PathBuf;

/// What a process must still be able to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Files are read and written below these folders.
    pub folders: Vec<PathBuf>,
    /// Files are read below these folders.
    pub read_only: Vec<PathBuf>,
    /// Files that do not exist yet, or are replaced: their folders are opened for writing.
    pub outputs: Vec<PathBuf>,
    /// Files that are removed at the end: sockets.
    pub removed: Vec<PathBuf>,
    /// Any file: a client names them.
    pub any_file: bool,
    /// New sockets: a network of the guest.
    pub sockets: bool,
}

impl Needs {
    /// Whether paths are opened at all.
    #[cfg(target_os = "linux")]
    fn opens(&self) -> bool {
        self.any_file
            || !self.folders.is_empty()
            || !self.read_only.is_empty()
            || !self.outputs.is_empty()
    }

    /// Whether names of files change.
    #[cfg(target_os = "linux")]
    fn changes(&self) -> bool {
        self.any_file || !self.folders.is_empty() || !self.outputs.is_empty()
    }
}

/// How far a process is confined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confined {
    /// Why calls are not, if they are not.
    pub calls: Result<(), String>,
    /// Why paths are not, if they are not.
    pub files: Result<(), String>,
}

/// Confines this process for good. Both mechanisms are tried; what the kernel lacks is told.
pub fn confine(needs: &Needs) -> Confined {
    #[cfg(target_os = "linux")]
    {
        // Landlock's own calls are not among those that stay.
        let files = linux::files(needs);
        let calls = linux::calls(needs);
        let files = match (files, &calls) {
            (Err(_), Ok(())) if !needs.opens() => Ok(()),
            (files, _) => files,
        };
        Confined { calls, files }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = needs;
        let why = || Err(String::from("only Linux can"));
        Confined { calls: why(), files: why() }
    }
}
