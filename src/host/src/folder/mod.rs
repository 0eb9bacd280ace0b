//! Shared folders: the host's ends of folder plugs, each a file server that speaks 9P2000.L.
//!
//! A plug's value is `folder:PATH`, with `,tag=NAME` (else the folder's own name) and `,ro` behind
//! it. The guest never gets out of the folder: every name is looked up by the kernel beneath it
//! (`openat2` with `RESOLVE_BENEATH`), and symbolic links are the guest's to follow, never ours.

mod fs;
mod server;
mod spec;
#[cfg(test)]
mod tests;
mod wire;

use crate::Error;
use hetemu_hw::{Folder, FolderInfo};
use server::Server;
pub use spec::FolderSpec;

/// A shared folder, as the machine wants it.
struct Shared {
    tag: String,
    server: Server,
}

/// Opens the folder of a plug.
pub fn open_folder(spec: &FolderSpec) -> Result<Box<dyn Folder>, Error> {
    let root = fs::Root::open(&spec.path, spec.read_only);
    let root = root.map_err(|e| Error::Io { what: spec.path.clone(), error: e.into() })?;
    Ok(Box::new(Shared { tag: spec.tag.clone(), server: Server::new(root) }))
}

impl Folder for Shared {
    fn info(&self) -> FolderInfo {
        FolderInfo { tag: self.tag.clone() }
    }

    fn answer(&mut self, message: &[u8], room: usize) -> Vec<u8> {
        self.server.answer(message, room)
    }

    fn reset(&mut self) {
        self.server.reset();
    }
}
