//! Disks: the host's ends of block plugs.
//!
//! A plug's value says the format, so that a guest cannot change it by what it writes to its disk:
//! `raw:PATH`, `qcow2:PATH`, or a path whose extension says it. `,ro` refuses writes; `,snapshot`
//! keeps them in a file that vanishes with the run.

mod overlay;
mod qcow2;
mod raw;
mod spec;
#[cfg(test)]
mod tests;

use crate::Error;
use hetemu_hw::{Block, BlockError, BlockInfo};
pub use spec::{DiskSpec, Format};
use std::path::Path;

/// Reports of a disk that fails while the machine runs: each kind of trouble once.
type Complain = Box<dyn FnMut(&str) + Send>;

/// Why a store could not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The operating system.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The image contradicts its format.
    #[error("the image is damaged: {0}")]
    Damaged(String),
}

/// An image's content. Ranges lie within its length.
pub(crate) trait Store: Send {
    /// Bytes, as the guest sees them.
    fn len(&self) -> u64;
    /// The unit that the store likes, or 0.
    fn cluster(&self) -> u64 {
        0
    }
    fn read(&mut self, at: u64, into: &mut [u8]) -> Result<(), Trouble>;
    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Trouble>;
    fn flush(&mut self) -> Result<(), Trouble>;
    fn zero(&mut self, at: u64, len: u64, free: bool) -> Result<(), Trouble>;
    fn discard(&mut self, at: u64, len: u64) -> Result<(), Trouble>;
}

/// Writes zeros.
fn write_zeros(store: &mut dyn Store, at: u64, len: u64) -> Result<(), Trouble> {
    let zeros = vec![0; len.min(1 << 20) as usize];
    let mut done = 0;
    while done < len {
        let n = (len - done).min(zeros.len() as u64);
        store.write(at + done, zeros.get(..n as usize).unwrap_or(&[]))?;
        done += n;
    }
    Ok(())
}

/// Opens an image. Relative paths begin at the current folder.
fn store(format: Format, path: &Path, write: bool, deep: u32) -> Result<Box<dyn Store>, Error> {
    Ok(match format {
        Format::Raw => Box::new(raw::Raw::open(path, write)?),
        Format::Qcow2 => Box::new(qcow2::Qcow2::open(path, write, deep)?),
    })
}

/// A disk on an image, as the machine wants it.
struct Disk {
    store: Box<dyn Store>,
    read_only: bool,
    complain: Complain,
    said: Option<String>,
}

/// Opens the disk of a plug; `complain` is told what goes wrong while the machine runs.
pub fn open_disk(
    spec: &DiskSpec,
    complain: impl FnMut(&str) + Send + 'static,
) -> Result<Box<dyn Block>, Error> {
    let path = Path::new(&spec.path);
    spec.check_content(path)?;
    let writable = !spec.read_only && !spec.snapshot;
    let mut store = store(spec.format, path, writable, 0)?;
    if spec.snapshot {
        store = Box::new(overlay::Overlay::new(store).map_err(|error| Error::Io {
            what: String::from("the file that keeps what is written (in TMPDIR)"),
            error,
        })?);
    }
    let read_only = spec.read_only;
    Ok(Box::new(Disk { store, read_only, complain: Box::new(complain), said: None }))
}

impl Disk {
    fn told<T>(&mut self, what: &str, result: Result<T, Trouble>) -> Result<T, BlockError> {
        result.map_err(|trouble| {
            let text = format!("{what}: {trouble}");
            if self.said.as_ref() != Some(&text) {
                (self.complain)(&text);
                self.said = Some(text);
            }
            BlockError
        })
    }

    fn inside(&self, at: u64, len: u64, change: bool) -> Result<(), BlockError> {
        let end = at.checked_add(len).ok_or(BlockError)?;
        if end > self.store.len() || change && self.read_only { Err(BlockError) } else { Ok(()) }
    }
}

impl Block for Disk {
    fn info(&self) -> BlockInfo {
        BlockInfo {
            bytes: self.store.len(),
            read_only: self.read_only,
            cluster: self.store.cluster(),
        }
    }

    fn read(&mut self, at: u64, into: &mut [u8]) -> Result<(), BlockError> {
        self.inside(at, into.len() as u64, false)?;
        let result = self.store.read(at, into);
        self.told("a read failed", result)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), BlockError> {
        self.inside(at, bytes.len() as u64, true)?;
        let result = self.store.write(at, bytes);
        self.told("a write failed", result)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        if self.read_only {
            return Ok(());
        }
        let result = self.store.flush();
        self.told("a flush failed", result)
    }

    fn zero(&mut self, at: u64, len: u64, free: bool) -> Result<(), BlockError> {
        self.inside(at, len, true)?;
        let result = self.store.zero(at, len, free);
        self.told("a write of zeros failed", result)
    }

    fn discard(&mut self, at: u64, len: u64) -> Result<(), BlockError> {
        self.inside(at, len, true)?;
        let result = self.store.discard(at, len);
        self.told("a discard failed", result)
    }
}

impl Drop for Disk {
    /// The end of a run loses nothing, whether the guest flushed or not.
    fn drop(&mut self) {
        let _ = self.flush();
    }
}
