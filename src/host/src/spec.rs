//! What stands after `=` of a serial plug.

use crate::bell::Bell;
use crate::files::{Null, ToFile};
use crate::{Error, Serial, streams};
use std::fs::File;

/// A serial back end, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spec {
    /// Standard input and output.
    Stdio,
    /// Nothing.
    Null,
    /// A new pseudo-terminal.
    Pty,
    /// Output into a file.
    File(String),
    /// Calls a TCP port.
    Tcp(String),
    /// Listens at a TCP port.
    Listen(String),
    /// Calls a Unix socket.
    Unix(String),
    /// Listens at a Unix socket.
    UnixListen(String),
}

impl Spec {
    /// Reads a plug's value.
    pub fn parse(text: &str) -> Result<Spec, Error> {
        let unknown = || Error::Unknown(text.to_string());
        Ok(match text {
            "stdio" => Spec::Stdio,
            "null" | "none" => Spec::Null,
            "pty" => Spec::Pty,
            _ => {
                let (kind, rest) = text.split_once(':').ok_or_else(unknown)?;
                let rest = rest.to_string();
                match kind {
                    _ if rest.is_empty() => return Err(unknown()),
                    "file" => Spec::File(rest),
                    "tcp" => Spec::Tcp(rest),
                    "listen" => Spec::Listen(rest),
                    "unix" => Spec::Unix(rest),
                    "unix-listen" => Spec::UnixListen(rest),
                    _ => return Err(unknown()),
                }
            }
        })
    }
}

/// Opens a back end. Standard input and output belong to one [`crate::Console`] a run, which the
/// caller has: for `Stdio` this gives nothing.
pub fn open(spec: &Spec, bell: &Bell) -> Result<Option<Box<dyn Serial>>, Error> {
    Ok(Some(match spec {
        Spec::Stdio => return Ok(None),
        Spec::Null => Box::new(Null),
        Spec::Pty => Box::new(streams::pty(bell)?),
        Spec::File(path) => Box::new(ToFile(
            File::create(path).map_err(|error| Error::Io { what: path.clone(), error })?,
        )),
        Spec::Tcp(addr) => Box::new(streams::tcp(addr, bell)?),
        Spec::Listen(addr) => Box::new(streams::listen(addr, bell)?),
        Spec::Unix(path) => Box::new(streams::unix(path, bell)?),
        Spec::UnixListen(path) => Box::new(streams::unix_listen(path, bell)?),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::time::Duration;

    #[test]
    fn specs_are_read() {
        assert_eq!(Spec::parse("stdio").unwrap(), Spec::Stdio);
        assert_eq!(Spec::parse("file:/a:b").unwrap(), Spec::File("/a:b".into()));
        assert_eq!(Spec::parse("tcp:localhost:23").unwrap(), Spec::Tcp("localhost:23".into()));
        for bad in ["", "file:", "disk.qcow2", "ftp:x"] {
            assert!(matches!(Spec::parse(bad), Err(Error::Unknown(_))), "{bad}");
        }
    }

    #[test]
    fn a_socket_carries_both_ways() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let bell = Bell::new();
        let mut ours = open(&Spec::Tcp(addr), &bell).unwrap().unwrap();
        let (mut theirs, _) = listener.accept().unwrap();
        ours.send(b"out");
        let mut three = [0; 3];
        theirs.read_exact(&mut three).unwrap();
        assert_eq!(&three, b"out");
        theirs.write_all(b"in").unwrap();
        assert!(bell.wait(Duration::from_secs(10)));
        let mut got = Vec::new();
        ours.input(&mut got);
        assert_eq!(got, b"in");
        drop(theirs);
        assert!(bell.wait(Duration::from_secs(10)));
        assert!(!ours.live());
    }
}
