//! Raw images: the disk's bytes in a file or a block device.

use super::{Store, Trouble, write_zeros};
use crate::Error;
use rustix::fs::{FallocateFlags, fallocate};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Sectors are whole ones; a file's last may be cut off and reads as zeros behind its end.
const SECTOR: u64 = 512;

/// A file that others are kept out of while it is written.
pub(super) fn open_file(path: &Path, write: bool) -> Result<File, Error> {
    let io = |error| Error::Io { what: path.display().to_string(), error };
    let mut options = OpenOptions::new();
    let file = match options.read(true).write(write).open(path) {
        Err(error) if write && error.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(Error::Disk {
                what: format!("{} cannot be written: {error}", path.display()),
                help: String::from(
                    "let the disk be read only with ,ro or drop what is written with ,snapshot",
                ),
            });
        }
        other => other.map_err(io)?,
    };
    if file.metadata().map_err(io)?.is_dir() {
        let error = std::io::Error::from(std::io::ErrorKind::IsADirectory);
        return Err(io(error));
    }
    let locked = if write { file.try_lock() } else { file.try_lock_shared() };
    match locked {
        Err(TryLockError::WouldBlock) => Err(Error::Disk {
            what: format!("{} is in use by another run", path.display()),
            help: String::from("end that run, or use the disk in both with ,ro or ,snapshot"),
        }),
        // A file system without locks.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// Reads at an offset; what is behind the file's end is zero.
pub(super) fn read_at(file: &File, mut at: u64, mut into: &mut [u8]) -> std::io::Result<()> {
    while !into.is_empty() {
        match file.read_at(into, at) {
            Ok(0) => {
                into.fill(0);
                return Ok(());
            }
            Ok(n) => {
                at += n as u64;
                into = into.get_mut(n..).unwrap_or(&mut []);
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

pub(super) struct Raw {
    file: File,
    len: u64,
    /// Whether holes can be punched; tried once.
    holes: bool,
}

impl Raw {
    pub(super) fn open(path: &Path, write: bool) -> Result<Raw, Error> {
        let io = |error| Error::Io { what: path.display().to_string(), error };
        let mut file = open_file(path, write)?;
        // The length of a block device is where its end is.
        let len = file.seek(SeekFrom::End(0)).map_err(io)?;
        Ok(Raw::new(file, len))
    }

    pub(super) fn new(file: File, len: u64) -> Raw {
        Raw { file, len: len.next_multiple_of(SECTOR), holes: true }
    }

    /// Gives the room of a range back, so that it reads as zeros; false if that cannot be.
    fn punch(&mut self, at: u64, len: u64) -> bool {
        if self.holes {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            self.holes = fallocate(&self.file, flags, at, len).is_ok();
        }
        self.holes
    }
}

impl Store for Raw {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&mut self, at: u64, into: &mut [u8]) -> Result<(), Trouble> {
        Ok(read_at(&self.file, at, into)?)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), Trouble> {
        Ok(self.file.write_all_at(bytes, at)?)
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        Ok(self.file.sync_data()?)
    }

    fn zero(&mut self, at: u64, len: u64, free: bool) -> Result<(), Trouble> {
        if len == 0 || free && self.punch(at, len) {
            return Ok(());
        }
        write_zeros(self, at, len)
    }

    fn discard(&mut self, at: u64, len: u64) -> Result<(), Trouble> {
        // Advice: a file system that cannot do it keeps the content.
        if len > 0 {
            self.punch(at, len);
        }
        Ok(())
    }
}
