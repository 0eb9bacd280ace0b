//! Two-way byte streams: sockets that call or are called, and pseudo-terminals.

use crate::bell::Bell;
use crate::listen::OwnSocket;
use crate::{Error, Serial};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

type Reader = Box<dyn Read + Send>;
type Writer = Box<dyn Write + Send>;

/// A stream whose other end may not be there yet. What is sent before is lost.
pub(crate) struct Stream {
    writer: Arc<Mutex<Option<Writer>>>,
    input: Receiver<Vec<u8>>,
    open: Arc<AtomicBool>,
}

/// Reads one connection to its end.
fn pump(mut from: Reader, to: &Sender<Vec<u8>>, bell: &Bell) {
    let mut bytes = [0; 4096];
    loop {
        match from.read(&mut bytes) {
            Ok(0) => return,
            Ok(n) => {
                if to.send(bytes.get(..n).unwrap_or(&[]).to_vec()).is_err() {
                    return;
                }
                bell.ring();
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

impl Stream {
    /// A stream over connections that `next` gives until it gives none.
    fn start(
        bell: &Bell,
        mut next: impl FnMut() -> Option<(Reader, Writer)> + Send + 'static,
    ) -> std::io::Result<Stream> {
        let (to, input) = channel();
        let writer: Arc<Mutex<Option<Writer>>> = Arc::default();
        let open = Arc::new(AtomicBool::new(true));
        let (slot, flag, bell) = (writer.clone(), open.clone(), bell.clone());
        std::thread::Builder::new().name("serial".into()).spawn(move || {
            while let Some((reader, out)) = next() {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(out);
                pump(reader, &to, &bell);
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            flag.store(false, Ordering::Relaxed);
            bell.ring();
        })?;
        Ok(Stream { writer, input, open })
    }

    fn once(bell: &Bell, pair: (Reader, Writer)) -> std::io::Result<Stream> {
        // The writer is in place before the first byte of the guest.
        let (reader, out) = pair;
        let mut reader = Some(reader);
        let mut out = Some(out);
        let stream = Stream::start(bell, move || Some((reader.take()?, out.take()?)))?;
        for _ in 0..10_000 {
            if stream.writer.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_micros(200));
        }
        Ok(stream)
    }
}

fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
    let what = what.into();
    move |error| Error::Io { what, error }
}

/// Calls a TCP port.
pub(crate) fn tcp(addr: &str, bell: &Bell) -> Result<Stream, Error> {
    let open = || -> std::io::Result<Stream> {
        let s = TcpStream::connect(addr)?;
        s.set_nodelay(true)?;
        Stream::once(bell, (Box::new(s.try_clone()?), Box::new(s)))
    };
    open().map_err(io(format!("tcp:{addr}")))
}

/// Waits to be called at a TCP port, by one after the other.
pub(crate) fn listen(addr: &str, bell: &Bell) -> Result<Stream, Error> {
    let open = || -> std::io::Result<Stream> {
        let listener = TcpListener::bind(addr)?;
        eprintln!("serial: listening on {}", listener.local_addr()?);
        Stream::start(bell, move || {
            let (s, _) = listener.accept().ok()?;
            s.set_nodelay(true).ok()?;
            Some((Box::new(s.try_clone().ok()?), Box::new(s)))
        })
    };
    open().map_err(io(format!("listen:{addr}")))
}

/// Calls a Unix socket.
pub(crate) fn unix(path: &str, bell: &Bell) -> Result<Stream, Error> {
    let open = || -> std::io::Result<Stream> {
        let s = UnixStream::connect(path)?;
        Stream::once(bell, (Box::new(s.try_clone()?), Box::new(s)))
    };
    open().map_err(io(format!("unix:{path}")))
}

/// Waits to be called at a Unix socket.
pub(crate) fn unix_listen(path: &str, bell: &Bell) -> Result<Stream, Error> {
    let open = || -> std::io::Result<Stream> {
        let (listener, name) = OwnSocket::bind(path)?.split();
        Stream::start(bell, move || {
            // Its name stays as long as clients may come.
            let _kept = &name;
            let (s, _) = listener.accept().ok()?;
            Some((Box::new(s.try_clone().ok()?), Box::new(s)))
        })
    };
    open().map_err(io(format!("unix-listen:{path}")))
}

/// A new pseudo-terminal; says its name on standard error.
pub(crate) fn pty(bell: &Bell) -> Result<Stream, Error> {
    let open = || -> std::io::Result<Stream> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let name = ptsname(&ours, Vec::new())?;
        let name = name.to_string_lossy().into_owned();
        // Held open, so that the terminal stays when a program on it ends.
        let theirs = File::options().read(true).write(true).open(&name)?;
        let mut raw = rustix::termios::tcgetattr(&theirs)?;
        raw.make_raw();
        rustix::termios::tcsetattr(&theirs, rustix::termios::OptionalActions::Now, &raw)?;
        eprintln!("serial: {name}");
        let file = File::from(ours);
        let mut keep = Some((file.try_clone()?, file, theirs));
        Stream::start(bell, move || {
            let (reader, writer, theirs) = keep.take()?;
            Some((Box::new(Held(reader, theirs)), Box::new(writer)))
        })
    };
    open().map_err(io("pty"))
}

/// A reader that keeps another file open.
struct Held(File, #[allow(dead_code)] File);

impl Read for Held {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(into)
    }
}

impl Serial for Stream {
    fn send(&mut self, bytes: &[u8]) {
        if let Some(out) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            let _ = out.write_all(bytes);
        }
    }

    fn input(&mut self, into: &mut Vec<u8>) {
        while let Ok(bytes) = self.input.try_recv() {
            into.extend(bytes);
        }
    }

    fn live(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }
}
