//! A folder of the host, and nothing outside it.
//!
//! Paths are lists of names below the folder. The kernel resolves them (`openat2`) beneath the
//! folder and without symbolic links, so neither `..`, nor a link that somebody makes meanwhile,
//! leads out. New files belong to whoever runs hetemu, and get no set-ID bits.

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat, Timespec, Timestamps, openat2,
};
use rustix::io::{Errno, Result};
use std::ffi::OsStr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Names from the folder down.
pub(super) type Names = Vec<Vec<u8>>;

/// Permission bits that a guest may set.
const PERMISSIONS: u32 = 0o777;
/// Longest path.
const LONGEST: usize = 4000;

pub(super) struct Root {
    folder: OwnedFd,
    read_only: bool,
}

fn path(names: &[Vec<u8>]) -> PathBuf {
    let path: PathBuf = names.iter().map(|n| OsStr::from_bytes(n)).collect();
    if names.is_empty() { PathBuf::from(".") } else { path }
}

/// What is not a name of something in a folder.
pub(super) fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0)
}

/// A path with one name more.
pub(super) fn join(names: &[Vec<u8>], name: &[u8]) -> Result<Names> {
    if !is_name(name) {
        return Err(Errno::INVAL);
    }
    if names.iter().map(|n| n.len() + 1).sum::<usize>() + name.len() > LONGEST {
        return Err(Errno::NAMETOOLONG);
    }
    Ok([names, &[name.to_vec()]].concat())
}

impl Root {
    pub(super) fn open(path: &str, read_only: bool) -> Result<Root> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(path, flags, Mode::empty())?;
        let root = Root { folder, read_only };
        // Says at once if the kernel is too old.
        root.look(&[])?;
        Ok(root)
    }

    /// An error where changes are refused.
    pub(super) fn may_change(&self) -> Result<()> {
        if self.read_only { Err(Errno::ROFS) } else { Ok(()) }
    }

    fn at(&self, names: &[Vec<u8>], flags: OFlags, mode: u32) -> Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        openat2(&self.folder, path(names), flags, Mode::from_raw_mode(mode & PERMISSIONS), how)
    }

    /// A handle without rights to the content.
    fn look(&self, names: &[Vec<u8>]) -> Result<OwnedFd> {
        self.at(names, OFlags::PATH, 0)
    }

    pub(super) fn stat(&self, names: &[Vec<u8>]) -> Result<Stat> {
        rustix::fs::fstat(self.look(names)?)
    }

    /// The folder that holds something, and its name there.
    fn parent<'a>(&self, names: &'a [Vec<u8>]) -> Result<(OwnedFd, &'a OsStr)> {
        let (name, above) = names.split_last().ok_or(Errno::BUSY)?;
        let folder = self.at(above, OFlags::PATH | OFlags::DIRECTORY, 0)?;
        Ok((folder, OsStr::from_bytes(name)))
    }

    /// Opens a file or a folder; nothing else, since that could wait, or do something.
    pub(super) fn open_content(&self, names: &[Vec<u8>], flags: OFlags) -> Result<OwnedFd> {
        match FileType::from_raw_mode(self.stat(names)?.st_mode) {
            FileType::RegularFile | FileType::Directory => {}
            FileType::Symlink => return Err(Errno::LOOP),
            _ => return Err(Errno::OPNOTSUPP),
        }
        let file = self.at(names, flags | OFlags::NONBLOCK | OFlags::NOCTTY, 0)?;
        match FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode) {
            FileType::RegularFile | FileType::Directory => Ok(file),
            _ => Err(Errno::OPNOTSUPP),
        }
    }

    pub(super) fn create(&self, names: &[Vec<u8>], flags: OFlags, mode: u32) -> Result<OwnedFd> {
        // Without EXCL something else may be there.
        if !flags.contains(OFlags::EXCL) {
            match self.stat(names) {
                Ok(_) => return self.open_content(names, flags),
                Err(Errno::NOENT) => {}
                Err(e) => return Err(e),
            }
        }
        self.at(names, flags | OFlags::CREATE | OFlags::EXCL, mode)
    }

    pub(super) fn make_folder(&self, names: &[Vec<u8>], mode: u32) -> Result<()> {
        let (folder, name) = self.parent(names)?;
        rustix::fs::mkdirat(folder, name, Mode::from_raw_mode(mode & PERMISSIONS))
    }

    pub(super) fn symlink(&self, names: &[Vec<u8>], to: &[u8]) -> Result<()> {
        let (folder, name) = self.parent(names)?;
        rustix::fs::symlinkat(OsStr::from_bytes(to), folder, name)
    }

    pub(super) fn read_link(&self, names: &[Vec<u8>]) -> Result<Vec<u8>> {
        let text = rustix::fs::readlinkat(self.look(names)?, "", Vec::new())?;
        Ok(text.into_bytes())
    }

    pub(super) fn link(&self, old: &[Vec<u8>], new: &[Vec<u8>]) -> Result<()> {
        let ((from, name), (to, new)) = (self.parent(old)?, self.parent(new)?);
        rustix::fs::linkat(from, name, to, new, AtFlags::empty())
    }

    pub(super) fn rename(&self, old: &[Vec<u8>], new: &[Vec<u8>]) -> Result<()> {
        let ((from, name), (to, new)) = (self.parent(old)?, self.parent(new)?);
        rustix::fs::renameat(from, name, to, new)
    }

    pub(super) fn remove(&self, names: &[Vec<u8>], folder: bool) -> Result<()> {
        let (above, name) = self.parent(names)?;
        let flags = if folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        rustix::fs::unlinkat(above, name, flags)
    }

    /// Sets permissions. What is no file or folder has none of its own.
    pub(super) fn set_mode(&self, names: &[Vec<u8>], mode: u32) -> Result<()> {
        let handle = self.look(names)?;
        match FileType::from_raw_mode(rustix::fs::fstat(&handle)?.st_mode) {
            FileType::RegularFile | FileType::Directory => {}
            _ => return Err(Errno::OPNOTSUPP),
        }
        // The way to a handle without rights; it leads to that very file.
        let way = format!("/proc/self/fd/{}", handle.as_raw_fd());
        let mode = Mode::from_raw_mode(mode & PERMISSIONS);
        rustix::fs::chmodat(CWD, way, mode, AtFlags::empty())
    }

    pub(super) fn set_len(&self, names: &[Vec<u8>], len: u64) -> Result<()> {
        rustix::fs::ftruncate(self.open_content(names, OFlags::WRONLY)?, len)
    }

    pub(super) fn set_times(
        &self,
        names: &[Vec<u8>],
        last_access: Timespec,
        last_modification: Timespec,
    ) -> Result<()> {
        let times = Timestamps { last_access, last_modification };
        if names.is_empty() {
            return rustix::fs::utimensat(&self.folder, ".", &times, AtFlags::empty());
        }
        let (folder, name) = self.parent(names)?;
        rustix::fs::utimensat(folder, name, &times, AtFlags::SYMLINK_NOFOLLOW)
    }

    pub(super) fn space(&self) -> Result<rustix::fs::StatFs> {
        rustix::fs::fstatfs(&self.folder)
    }
}
