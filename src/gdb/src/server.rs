//! Sockets, and threads that bring packets to the machine and answers back.
//!
//! A connection has two threads: one reads packets and has each answered on the machine's thread,
//! one writes. The machine's thread never waits for a client; at most one stop is under way for
//! each, and the reader waits while more than a few answers are not read.

use crate::packet::{Incoming, Reader, encode};
use crate::spec::{Place, Spec};
use crate::stub::{Answer, Stub};
use hetemu_control::{Gone, Handle};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// Answers that may wait to be written before the next packet is looked at.
const WAITING: usize = 8;
/// How long the end of the program waits for clients to hear of the machine's.
const FAREWELL: Duration = Duration::from_secs(1);

/// A server could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, or not allowed.
    #[error("cannot listen at {place}: {error}")]
    Listen {
        /// Where.
        place: String,
        /// Why.
        error: std::io::Error,
    },
    /// No such cluster.
    #[error("the machine has no cluster `{0}`; it has {1}")]
    NoCluster(String, String),
}

/// A server, while it lives.
#[derive(Debug)]
pub struct Server {
    place: Place,
    outboxes: Arc<Mutex<Vec<Arc<Outbox>>>>,
}

trait Stream: Read + Write + Send + Sized + 'static {
    fn twin(&self) -> std::io::Result<Self>;
    fn end(&self);
}

impl Stream for TcpStream {
    fn twin(&self) -> std::io::Result<Self> {
        self.set_nodelay(true)?;
        self.try_clone()
    }
    fn end(&self) {
        let _ = self.shutdown(std::net::Shutdown::Both);
    }
}

impl Stream for UnixStream {
    fn twin(&self) -> std::io::Result<Self> {
        self.try_clone()
    }
    fn end(&self) {
        let _ = self.shutdown(std::net::Shutdown::Both);
    }
}

/// What waits to be written to a client.
#[derive(Debug, Default)]
struct Outbox {
    state: Mutex<Pending>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Pending {
    bytes: VecDeque<Vec<u8>>,
    writing: bool,
    closed: bool,
}

impl Outbox {
    fn state(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never waits; false if nobody writes any more.
    fn push(&self, bytes: Vec<u8>) -> bool {
        let mut state = self.state();
        if !state.closed {
            state.bytes.push_back(bytes);
        }
        self.changed.notify_all();
        !state.closed
    }

    /// Waits until few answers are left; false if nobody writes any more.
    fn room(&self) -> bool {
        let mut state = self.state();
        while state.bytes.len() > WAITING && !state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.closed
    }

    fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// What is to be written next; none once it is closed and empty.
    fn next(&self) -> Option<Vec<u8>> {
        let mut state = self.state();
        state.writing = false;
        self.changed.notify_all();
        loop {
            if let Some(bytes) = state.bytes.pop_front() {
                state.writing = true;
                return Some(bytes);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until all is written.
    fn drain(&self, until: Instant) {
        let mut state = self.state();
        while state.writing || !state.bytes.is_empty() {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return };
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Server {
    /// Listens for clients of a session, whose machine has these clusters. A client of an address
    /// without a cluster meets all of them; one client at a time is served at an address.
    ///
    /// # Errors
    /// The address cannot be listened at, or the cluster does not exist.
    pub fn start(spec: &Spec, handle: &Handle, clusters: &[String]) -> Result<Server, Error> {
        let cluster = match &spec.cluster {
            None => None,
            Some(name) => match clusters.iter().position(|c| c == name) {
                Some(at) => Some(at),
                None => return Err(Error::NoCluster(name.clone(), clusters.join(", "))),
            },
        };
        let outboxes = Arc::new(Mutex::new(Vec::new()));
        let handle = handle.clone();
        let failed = |error: std::io::Error| Error::Listen { place: spec.place.to_string(), error };
        let mut place = spec.place.clone();
        match &spec.place {
            Place::Tcp(host, port) => {
                let listener = TcpListener::bind((host.as_str(), *port)).map_err(failed)?;
                if let Ok(address) = listener.local_addr() {
                    place = Place::Tcp(host.clone(), address.port());
                }
                let accept = move || listener.accept().map(|(stream, _)| stream);
                serve(accept, handle, cluster, outboxes.clone()).map_err(failed)?;
            }
            Place::Unix(path) => {
                let listener = listen(path).map_err(failed)?;
                let accept = move || listener.accept().map(|(stream, _)| stream);
                serve(accept, handle, cluster, outboxes.clone()).map_err(failed)?;
            }
        }
        Ok(Server { place, outboxes })
    }

    /// Where it listens; a port of 0 is the one that was found.
    pub fn place(&self) -> &Place {
        &self.place
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let until = Instant::now() + FAREWELL;
        let outboxes = self.outboxes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for outbox in outboxes {
            outbox.drain(until);
        }
        if let Place::Unix(path) = &self.place {
            let _ = fs::remove_file(path);
        }
    }
}

/// A socket that nobody but its owner can open, from its first moment on.
fn listen(path: &str) -> std::io::Result<UnixListener> {
    let hidden = PathBuf::from(format!("{path}.{}", std::process::id()));
    if UnixStream::connect(path).is_ok() {
        return Err(std::io::ErrorKind::AddrInUse.into());
    }
    let _ = fs::remove_file(&hidden);
    let listener = UnixListener::bind(&hidden)?;
    let owner = fs::Permissions::from_mode(0o600);
    let there = fs::set_permissions(&hidden, owner).and_then(|()| fs::rename(&hidden, path));
    if there.is_err() {
        let _ = fs::remove_file(&hidden);
    }
    there.map(|()| listener)
}

/// Takes clients, one at a time.
fn serve<S: Stream>(
    accept: impl Fn() -> std::io::Result<S> + Send + 'static,
    handle: Handle,
    cluster: Option<usize>,
    outboxes: Arc<Mutex<Vec<Arc<Outbox>>>>,
) -> std::io::Result<()> {
    let busy = Arc::new(AtomicBool::new(false));
    let take = move || {
        loop {
            let Ok(stream) = accept() else {
                thread::sleep(Duration::from_millis(100));
                continue;
            };
            if busy.swap(true, Ordering::AcqRel) {
                stream.end();
                continue;
            }
            let outbox = Arc::new(Outbox::default());
            {
                let mut all = outboxes.lock().unwrap_or_else(PoisonError::into_inner);
                all.retain(|o| !o.state().closed);
                all.push(outbox.clone());
            }
            let (handle, busy) = (handle.clone(), busy.clone());
            let client = move || {
                let _ = client(stream, &handle, cluster, &outbox);
                outbox.close();
                busy.store(false, Ordering::Release);
            };
            if thread::Builder::new().name("hetemu-gdb".into()).spawn(client).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("hetemu-gdb".into()).spawn(take).map(|_| ())
}

/// Serves a client until it goes.
fn client<S: Stream>(
    stream: S,
    handle: &Handle,
    cluster: Option<usize>,
    outbox: &Arc<Outbox>,
) -> std::io::Result<()> {
    let mut input = stream.twin()?;
    let mut output = stream.twin()?;
    let stub = Arc::new(Mutex::new(Stub::new(cluster)));
    let (held, tell) = (stub.clone(), outbox.clone());
    let connected = handle.call(move |session| {
        let mut stub = held.lock().unwrap_or_else(PoisonError::into_inner);
        stub.connect(session, move |packet| tell.push(encode(&packet))).is_ok()
    });
    if connected != Ok(true) {
        stream.end();
        return Ok(());
    }
    let queue = outbox.clone();
    let write = move || {
        while let Some(bytes) = queue.next() {
            if output.write_all(&bytes).is_err() {
                queue.close();
                return;
            }
        }
        output.end();
    };
    thread::Builder::new().name("hetemu-gdb".into()).spawn(write)?;
    let talked = talk(&mut input, handle, &stub, outbox);
    let done = handle.call(move |session| {
        stub.lock().unwrap_or_else(PoisonError::into_inner).disconnect(session);
    });
    talked.and(done).map_err(|Gone| std::io::ErrorKind::NotConnected.into())
}

/// Reads packets and answers them until the client goes.
fn talk(
    input: &mut impl Read,
    handle: &Handle,
    stub: &Arc<Mutex<Stub>>,
    outbox: &Outbox,
) -> Result<(), Gone> {
    let mut reader = Reader::default();
    let mut acks = true;
    let mut last = Vec::new();
    let mut bytes = [0; 4096];
    loop {
        let n = match input.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return Ok(()),
        };
        for byte in bytes.get(..n).unwrap_or_default() {
            let Some(incoming) = reader.push(*byte) else { continue };
            if !outbox.room() {
                return Ok(());
            }
            let packet = match incoming {
                Incoming::Packet(packet) => packet,
                Incoming::Bad => {
                    outbox.push(b"-".to_vec());
                    continue;
                }
                Incoming::Again => {
                    outbox.push(last.clone());
                    continue;
                }
                Incoming::Interrupt => {
                    let held = stub.clone();
                    let now = handle.call(move |session| {
                        held.lock().unwrap_or_else(PoisonError::into_inner).interrupt(session)
                    })?;
                    if let Some(now) = now {
                        outbox.push(encode(&now));
                    }
                    continue;
                }
            };
            if acks {
                outbox.push(b"+".to_vec());
            }
            let held = stub.clone();
            let answer = handle.call(move |session| {
                held.lock().unwrap_or_else(PoisonError::into_inner).packet(session, &packet)
            })?;
            match answer {
                Answer::Reply(data) => {
                    last = encode(&data);
                    outbox.push(last.clone());
                }
                Answer::Later => {}
                Answer::NoAcks => {
                    acks = false;
                    last = encode(b"OK");
                    outbox.push(last.clone());
                }
                Answer::Bye(data) => {
                    if !data.is_empty() {
                        outbox.push(encode(&data));
                    }
                    return Ok(());
                }
            }
        }
    }
}
