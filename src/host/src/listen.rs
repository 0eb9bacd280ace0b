//! Listening sockets for servers: in the file system only for their owner.

use rustix::fs::{Mode, fchmod};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with,
};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Connections that may wait to be taken.
const BACKLOG: i32 = 16;

/// A Unix socket that only its owner can connect to (mode 0600). It leaves the file system with
/// this value.
#[derive(Debug)]
pub struct OwnSocket {
    listener: UnixListener,
    file: SocketFile,
}

/// A socket's name in the file system, removed when this is dropped.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// A socket that somebody else has put there since is left alone.
    id: Id,
}

/// Device, inode, and when it was made: numbers of inodes are used again.
type Id = (u64, u64, i64, i64);

fn id(m: &Metadata) -> Id {
    (m.dev(), m.ino(), m.ctime(), m.ctime_nsec())
}

impl OwnSocket {
    /// Makes it. One that nobody listens at any more is replaced.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<OwnSocket> {
        let path = path.as_ref();
        if std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket()) {
            match UnixStream::connect(path) {
                Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path)?;
                }
                _ => return Err(io::ErrorKind::AddrInUse.into()),
            }
        }
        let fd = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        // Before it has a name: there is no moment in which others could connect.
        fchmod(&fd, Mode::RUSR | Mode::WUSR)?;
        bind(&fd, &SocketAddrUnix::new(path)?)?;
        listen(&fd, BACKLOG)?;
        let found = std::fs::symlink_metadata(path)?;
        let file = SocketFile { path: path.to_path_buf(), id: id(&found) };
        Ok(OwnSocket { listener: UnixListener::from(fd), file })
    }

    /// The listener, and its name that must be kept as long.
    pub fn split(self) -> (UnixListener, SocketFile) {
        (self.listener, self.file)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let same = std::fs::symlink_metadata(&self.path);
        if same.is_ok_and(|m| id(&m) == self.id) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn sockets_are_their_owners_and_vanish() {
        let path = std::env::temp_dir().join(format!("hetemu-own-{}", std::process::id()));
        let socket = OwnSocket::bind(&path).expect("a socket");
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = OwnSocket::bind(&path).expect_err("taken");
        assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
        let (listener, file) = socket.split();
        drop(listener);
        // Nobody listens: the name is free for another, which the first owner then leaves alone.
        let other = OwnSocket::bind(&path).expect("replaced");
        drop(file);
        assert!(path.exists());
        drop(other);
        assert!(!path.exists());
    }
}
